//! The steps of a loop, one operation after another.

use super::areas::{Areas, Way};
use super::plan::Plan;
use crate::code::{Code, Memory};
use crate::graph::{Guard, Id, number};

/// Code for a step, and what it works in.
#[derive(Debug)]
pub(super) struct Interpreter {
    values: Part,
    record: Part,
    backward: Part,
}

/// The code of one way.
#[derive(Debug)]
struct Part {
    code: Code,
    memory: Memory,
    /// What is the same in all steps: the last inputs, and where they come from.
    steady: Vec<Id>,
}

impl Interpreter {
    pub(super) fn new(plan: &Plan) -> Self {
        let first = plan.sizes.parameters + plan.sizes.state;
        let constants = (first..first + plan.sizes.constants).map(number);
        let moving: Vec<Id> = plan.state().chain(constants.clone()).collect();
        let guards = &plan.guards[plan.guards_once..];
        let results = [plan.next(), plan.readouts()].concat();
        let recorded = [&results[..], &plan.kept].concat();
        let kept = plan.keeps_state.then(|| plan.state()).into_iter().flatten();
        let kept = kept.chain(plan.kept.iter().copied());
        let back: Vec<Id> = kept.chain(constants).chain(plan.seeds.iter().copied()).collect();
        let sums = plan.d_parameters.iter().map(|d| d.2);
        let derivatives: Vec<Id> = plan.d_state.iter().copied().chain(sums).collect();
        Interpreter {
            values: Part::new(plan, &moving, &results, guards),
            record: Part::new(plan, &moving, &recorded, guards),
            backward: Part::new(plan, &back, &derivatives, &[]),
        }
    }

    /// Runs up to `steps` steps. Returns how many have been done: all, or those before the first where
    /// a comparison comes out differently. The state is then that after them, the first half of its
    /// area.
    pub(super) fn forward(
        &mut self,
        plan: &Plan,
        way: Way,
        areas: &mut Areas<'_>,
        steps: usize,
    ) -> usize {
        let Areas { slots, data, state, records, sums, .. } = areas;
        let (n, c, stride) = (plan.sizes.state, plan.sizes.constants, plan.stride());
        let state = &mut state[..n];
        let part = if way == Way::Record { &mut self.record } else { &mut self.values };
        part.start(slots);
        let Part { code, memory, .. } = part;
        for step in 0..steps {
            let inputs = code.inputs(memory);
            inputs[..n].copy_from_slice(state);
            inputs[n..n + c].copy_from_slice(&data[step * c..(step + 1) * c]);
            if !code.replay(memory) {
                return step;
            }
            let (next, rest) = code.results(memory).split_at(n);
            let (readouts, kept) = rest.split_at(plan.sizes.readouts);
            if way == Way::Record {
                let record = &mut records[step * stride..(step + 1) * stride];
                let (before, record) = record.split_at_mut(stride - kept.len());
                before.copy_from_slice(&state[..before.len()]);
                record.copy_from_slice(kept);
            }
            state.copy_from_slice(next);
            sums.iter_mut().zip(readouts).for_each(|(sum, readout)| *sum += readout);
        }
        steps
    }

    /// Goes back through the records of `steps` steps.
    pub(super) fn backward(&mut self, plan: &Plan, areas: &mut Areas<'_>, steps: usize) {
        let Areas { slots, data, records, adjoint, parameters, .. } = areas;
        let (n, c, stride) = (plan.sizes.state, plan.sizes.constants, plan.stride());
        let adjoint = &mut adjoint[..n];
        self.backward.start(slots);
        let Part { code, memory, .. } = &mut self.backward;
        for step in (0..steps).rev() {
            let inputs = code.inputs(memory);
            inputs[..stride].copy_from_slice(&records[step * stride..(step + 1) * stride]);
            inputs[stride..stride + c].copy_from_slice(&data[step * c..(step + 1) * c]);
            inputs[stride + c..stride + c + n].copy_from_slice(adjoint);
            code.replay(memory);
            let (before, sums) = code.results(memory).split_at(n);
            adjoint.copy_from_slice(before);
            parameters.iter_mut().zip(sums).for_each(|(sum, d)| *sum += d);
        }
    }
}

impl Part {
    /// Code for `outputs` from `moving`, which changes from step to step, and from what does not.
    fn new(plan: &Plan, moving: &[Id], outputs: &[Id], guards: &[Guard]) -> Self {
        let parameters = (0..plan.sizes.parameters).map(number);
        let steady: Vec<Id> =
            parameters.chain(plan.once.iter().chain(&plan.cotangents).copied()).collect();
        let code = Code::new(&plan.graph.part(&[moving, &steady].concat(), outputs, guards));
        Part { memory: code.memory(), code, steady }
    }

    /// Puts what is the same in all steps in place.
    fn start(&mut self, slots: &[f64]) {
        let inputs = self.code.inputs(&mut self.memory);
        let first = inputs.len() - self.steady.len();
        let steady = inputs[first..].iter_mut().zip(&self.steady);
        steady.for_each(|(input, &id)| *input = slots[id as usize]);
    }
}

/// Computes what depends on parameters alone. Returns whether the comparisons among that come out as
/// recorded.
pub(super) fn once(plan: &Plan, slots: &mut [f64]) -> bool {
    for &id in &plan.once {
        slots[id as usize] = plan.graph.node(id).value(|operand| slots[operand as usize]);
    }
    plan.guards[..plan.guards_once]
        .iter()
        .all(|guard| guard.passes(slots[guard.a as usize], slots[guard.b as usize]))
}
