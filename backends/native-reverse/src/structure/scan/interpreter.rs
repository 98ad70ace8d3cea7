//! The steps of a loop, one operation after another.

use super::areas::{Areas, Way};
use super::plan::Plan;
use crate::graph::{Guard, Id};

/// Computes what depends on parameters alone. Returns whether the comparisons among that come out as
/// recorded.
pub(super) fn once(plan: &Plan, slots: &mut [f64]) -> bool {
    run(plan, &plan.once, slots);
    passes(&plan.guards[..plan.guards_once], slots)
}

/// Runs up to `steps` steps. Returns how many have been done: all, or those before the first where a
/// comparison comes out differently. The state is then that after them, the first half of its area.
pub(super) fn forward(plan: &Plan, way: Way, areas: &mut Areas<'_>, steps: usize) -> usize {
    let Areas { slots, data, state, records, sums, .. } = areas;
    let (n, c, stride) = (plan.sizes.state, plan.sizes.constants, plan.stride());
    let first = plan.sizes.parameters;
    let (next, readouts) = (plan.next(), plan.readouts());
    let ids = if way == Way::Record { &plan.forward } else { &plan.values };
    for step in 0..steps {
        slots[first..first + n].copy_from_slice(&state[..n]);
        slots[first + n..first + n + c].copy_from_slice(&data[step * c..(step + 1) * c]);
        run(plan, ids, slots);
        if !passes(&plan.guards[plan.guards_once..], slots) {
            return step;
        }
        if way == Way::Record {
            let mut record = &mut records[step * stride..(step + 1) * stride];
            if plan.keeps_state {
                let (before, rest) = record.split_at_mut(n);
                before.copy_from_slice(&state[..n]);
                record = rest;
            }
            record.iter_mut().zip(&plan.kept).for_each(|(to, &id)| *to = slots[id as usize]);
        }
        state.iter_mut().zip(next).for_each(|(to, &id)| *to = slots[id as usize]);
        sums.iter_mut().zip(readouts).for_each(|(sum, &id)| *sum += slots[id as usize]);
    }
    steps
}

/// Goes back through the records of `steps` steps.
pub(super) fn backward(plan: &Plan, areas: &mut Areas<'_>, steps: usize) {
    let Areas { slots, data, records, adjoint, parameters, .. } = areas;
    let (n, c, stride) = (plan.sizes.state, plan.sizes.constants, plan.stride());
    let first = plan.sizes.parameters;
    for step in (0..steps).rev() {
        slots[first + n..first + n + c].copy_from_slice(&data[step * c..(step + 1) * c]);
        let mut record = &records[step * stride..(step + 1) * stride];
        if plan.keeps_state {
            let (before, rest) = record.split_at(n);
            slots[first..first + n].copy_from_slice(before);
            record = rest;
        }
        record.iter().zip(&plan.kept).for_each(|(&from, &id)| slots[id as usize] = from);
        plan.seeds.iter().zip(&adjoint[..]).for_each(|(&id, &seed)| slots[id as usize] = seed);
        run(plan, &plan.backward, slots);
        adjoint.iter_mut().zip(&plan.d_state).for_each(|(to, &id)| *to = slots[id as usize]);
        parameters
            .iter_mut()
            .zip(&plan.d_parameters)
            .for_each(|(sum, &(_, _, id))| *sum += slots[id as usize]);
    }
}

fn run(plan: &Plan, ids: &[Id], slots: &mut [f64]) {
    for &id in ids {
        slots[id as usize] = plan.graph.node(id).value(|operand| slots[operand as usize]);
    }
}

fn passes(guards: &[Guard], slots: &[f64]) -> bool {
    guards.iter().all(|guard| guard.passes(slots[guard.a as usize], slots[guard.b as usize]))
}
