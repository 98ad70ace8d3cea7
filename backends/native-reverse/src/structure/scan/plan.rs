//! What one step of a loop computes on the way forwards and on the way back.
//!
//! Two ways are compared by what they would cost:
//!
//! - The **pullback** of the step: its reverse sweep hangs on the adjoint of the next state, and so
//!   steps wait for each other on the way back as they do on the way forwards.
//! - The **Jacobian** of the step, for few outputs: it depends on the state alone, and so is computed on
//!   the way forwards, beside a chain of operations that leaves the processor idle. The way back is a
//!   product with it.
//!
//! A value that the way back needs is kept in a record of the step, or computed again from such.

use std::cmp::Ordering;

use crate::graph::{
    Graph, Guard, Id, Node, Partial, Seeds, Term, accumulate, differentiated, number, of_inputs,
    pullback, sweep, times,
};

/// A state of at most this many entries is carried in registers.
pub(super) const IN_REGISTERS: usize = 8;

/// The numbers of parameters, entries of the state, constants and readouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) parameters: usize,
    pub(super) state: usize,
    pub(super) constants: usize,
    pub(super) readouts: usize,
}

/// What a step computes. Places are those of the graph.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) graph: Graph,
    pub(super) sizes: Sizes,
    /// The adjoint of the next state, and the cotangents of the readouts: inputs after those of the step.
    pub(super) seeds: Vec<Id>,
    pub(super) cotangents: Vec<Id>,
    /// Computed once a call: what depends on parameters alone.
    pub(super) once: Vec<Id>,
    /// The comparisons that steered the recording, those of parameters alone first.
    pub(super) guards: Vec<Guard>,
    pub(super) guards_once: usize,
    /// Computed in each step for the next state, the readouts and the guards.
    pub(super) values: Vec<Id>,
    /// Computed in each step on the way forwards that is recorded: values, and what is kept beside.
    pub(super) forward: Vec<Id>,
    /// What a record holds of a step, after its state if that is kept.
    pub(super) kept: Vec<Id>,
    /// Whether a record begins with the state before the step.
    pub(super) keeps_state: bool,
    /// Computed on the way back.
    pub(super) backward: Vec<Id>,
    /// The adjoint of the state before the step.
    pub(super) d_state: Vec<Id>,
    /// What the adjoints of parameters grow by: the parameter, a factor that is applied in the end,
    /// and a node.
    pub(super) d_parameters: Vec<(usize, f64, Id)>,
    /// The estimated cycles of a step, forwards and back.
    pub(super) cycles: f64,
}

/// Who will run a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// One operation after another.
    Interpreter,
    /// A processor that overlaps what does not depend on each other.
    #[cfg_attr(not(feature = "jit"), allow(dead_code, reason = "there is no machine code"))]
    Machine,
}

impl Plan {
    /// The cheaper plan for a recorded step.
    pub(super) fn new(graph: Graph, sizes: Sizes, runner: Runner) -> Self {
        let active = sizes.parameters + sizes.state;
        let outputs = sizes.state + sizes.readouts;
        let jacobian = (outputs <= IN_REGISTERS)
            .then(|| Plan::cut(by_jacobian(graph.clone(), sizes), sizes, runner, Keep::All));
        let swept = pullback(graph, active, Seeds::Inputs);
        let plans = [
            Plan::cut(swept.clone(), sizes, runner, Keep::All),
            Plan::cut(swept, sizes, runner, Keep::Few),
        ];
        let mut best: Option<Plan> = jacobian;
        for plan in plans {
            if best.as_ref().is_none_or(|best| plan.cycles < best.cycles) {
                best = Some(plan);
            }
        }
        best.unwrap_or_else(|| unreachable!("there are two plans at least"))
    }

    /// The places of the state before the step: the inputs of a step are the first nodes.
    pub(super) fn state(&self) -> impl Iterator<Item = Id> {
        (self.sizes.parameters..self.sizes.parameters + self.sizes.state).map(number)
    }

    /// The next state.
    pub(super) fn next(&self) -> &[Id] {
        &self.graph.outputs[..self.sizes.state]
    }

    /// What is summed up.
    pub(super) fn readouts(&self) -> &[Id] {
        &self.graph.outputs[self.sizes.state..self.sizes.state + self.sizes.readouts]
    }

    /// Whether the state is in registers from step to step, or in the records.
    pub(super) fn carries_state(&self) -> bool {
        self.sizes.state <= IN_REGISTERS
    }

    /// The numbers that a record of a step takes.
    pub(super) fn stride(&self) -> usize {
        self.kept.len() + if self.keeps_state { self.sizes.state } else { 0 }
    }

    /// Divides the nodes of `graph`, whose outputs are those of the step and then the adjoints of
    /// parameters and state.
    fn cut(graph: Graph, sizes: Sizes, runner: Runner, keep: Keep) -> Plan {
        let Sizes { parameters, state, constants, readouts } = sizes;
        let (results, derivatives) = graph.outputs.split_at(state + readouts);
        let inputs = parameters + state + constants;
        let seeded = graph.reached(|input| input as usize >= inputs);
        let varying = graph.reached(|input| (parameters..inputs).contains(&(input as usize)));
        let computed = |id: Id| !matches!(graph.node(id), Node::Input(_) | Node::Constant(_));
        let steady = |id: Id| !seeded[id as usize] && !varying[id as usize];
        let ids = || (0..graph.len()).map(number).filter(|&id| computed(id));

        let mut guards = graph.guards().to_vec();
        guards.sort_by_key(|guard| !(steady(guard.a) && steady(guard.b)));
        let guards_once = guards.iter().filter(|guard| steady(guard.a) && steady(guard.b)).count();

        let d_parameters: Vec<(usize, f64, Id)> = derivatives[..parameters]
            .iter()
            .enumerate()
            .map(|(parameter, &id)| {
                let (factor, id) = peeled(&graph, id);
                (parameter, factor, id)
            })
            .filter(|&(_, factor, id)| !(graph.is_constant(id) && factor * graph.value(id) == 0.0))
            .collect();
        let d_state = derivatives[parameters..].to_vec();
        let roots = d_parameters.iter().map(|d| d.2).chain(d_state.iter().copied());
        let roots: Vec<Id> = roots.collect();
        let back = graph.needed(roots.iter().copied());
        let reverse: Vec<Id> =
            ids().filter(|&id| back[id as usize] && seeded[id as usize]).collect();

        // What is wanted on the way back and must come from somewhere.
        let comes_from_step = |id: Id| varying[id as usize] && !seeded[id as usize];
        let is_data = |id: Id| match graph.node(id) {
            Node::Input(input) => input as usize >= parameters + state,
            _ => false,
        };
        let keeps_state = state > IN_REGISTERS;
        let is_free = |id: Id| match graph.node(id) {
            Node::Input(input) => {
                keeps_state || !(parameters..parameters + state).contains(&(input as usize))
            }
            _ => steady(id),
        };
        let mut wanted = vec![false; graph.len()];
        let operands = reverse.iter().flat_map(|&id| graph.node(id).operands());
        for id in operands.chain(roots).filter(|&id| comes_from_step(id) && !is_data(id)) {
            wanted[id as usize] = true;
        }
        let (mut kept, mut again) = (Vec::new(), Vec::new());
        for id in (0..graph.len()).rev().map(number) {
            if !wanted[id as usize] || is_free(id) {
                continue;
            }
            let is_state = matches!(graph.node(id), Node::Input(_));
            let operands = || graph.node(id).operands();
            let new = operands().filter(|&a| {
                !(wanted[a as usize]
                    || is_free(a)
                    || is_data(a)
                    || matches!(graph.node(a), Node::Input(_)))
            });
            if !is_state && keep == Keep::Few && graph.node(id).is_cheap() && new.count() <= 1 {
                again.push(id);
                operands().filter(|&a| comes_from_step(a) && !is_data(a)).for_each(|a| {
                    wanted[a as usize] = true;
                });
            } else {
                kept.push(id);
            }
        }
        kept.reverse();
        again.reverse();

        let guarded = guards[guards_once..].iter().flat_map(|guard| [guard.a, guard.b]);
        let for_values = graph.needed(results.iter().copied().chain(guarded));
        let for_record = graph.needed(kept.iter().copied());
        let steady_wanted = |id: Id| {
            steady(id) && (for_values[id as usize] || for_record[id as usize] || back[id as usize])
        };
        let once_guarded = guards[..guards_once].iter().flat_map(|guard| [guard.a, guard.b]);
        let for_guards = graph.needed(once_guarded);
        let once = ids().filter(|&id| steady_wanted(id) || for_guards[id as usize]).collect();
        let values: Vec<Id> =
            ids().filter(|&id| comes_from_step(id) && for_values[id as usize]).collect();
        let forward: Vec<Id> = ids()
            .filter(|&id| {
                comes_from_step(id) && (for_values[id as usize] || for_record[id as usize])
            })
            .collect();
        let backward = as_wanted(&graph, &again, &reverse);

        let mut seeds: Vec<Id> = vec![0; state + readouts];
        for (id, &node) in graph.nodes().iter().enumerate() {
            if let Node::Input(input) = node
                && let Some(seed) = (input as usize).checked_sub(inputs)
            {
                seeds[seed] = number(id);
            }
        }
        let cotangents = seeds.split_off(state);
        let mut plan = Plan {
            sizes,
            seeds,
            cotangents,
            once,
            guards,
            guards_once,
            values,
            forward,
            kept,
            keeps_state,
            backward,
            d_state,
            d_parameters,
            cycles: 0.0,
            graph,
        };
        plan.cycles = plan.cost(runner);
        plan
    }

    /// The estimated cycles of a step, forwards and back.
    fn cost(&self, runner: Runner) -> f64 {
        let way = |ids: &[Id], starts: &[Id], ends: &[Id]| {
            let work: f64 = ids.iter().map(|&id| work(self.graph.node(id))).sum();
            match runner {
                Runner::Interpreter => 5.0 * work,
                Runner::Machine => work.max(self.longest(ids, starts, ends)),
            }
        };
        let state: Vec<Id> = self.state().collect();
        let records = 2.0 * self.stride() as f64;
        let sums = self.d_parameters.len() as f64;
        way(&self.forward, &state, self.next())
            + way(&self.backward, &self.seeds, &self.d_state)
            + records
            + sums
    }

    /// The longest way, in cycles, through these nodes from `starts` to `ends`: how long one step
    /// waits for another.
    fn longest(&self, ids: &[Id], starts: &[Id], ends: &[Id]) -> f64 {
        let mut length: Vec<Option<f64>> = vec![None; self.graph.len()];
        starts.iter().for_each(|&start| length[start as usize] = Some(0.0));
        for &id in ids {
            let node = self.graph.node(id);
            let before = node.operands().filter_map(|operand| length[operand as usize]);
            let before = before.max_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
            length[id as usize] = before.map(|before| before + latency(node));
        }
        ends.iter().filter_map(|&end| length[end as usize]).fold(0.0, f64::max)
    }
}

/// What is kept for the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// All that does not depend on adjoints.
    All,
    /// What is not cheaply computed again.
    Few,
}

/// The nodes in `last`, each after those in `first` that it is the first to need.
fn as_wanted(graph: &Graph, first: &[Id], last: &[Id]) -> Vec<Id> {
    let mut wanted = vec![false; graph.len()];
    first.iter().for_each(|&id| wanted[id as usize] = true);
    let mut order = Vec::with_capacity(first.len() + last.len());
    let mut stack = Vec::new();
    for &id in last {
        stack.push((id, false));
        while let Some((id, ready)) = stack.pop() {
            if ready {
                order.push(id);
                continue;
            }
            stack.push((id, true));
            let operands = graph.node(id).operands();
            for operand in operands.filter(|&operand| std::mem::take(&mut wanted[operand as usize]))
            {
                stack.push((operand, false));
            }
        }
    }
    order.extend(first.iter().filter(|&&id| wanted[id as usize]));
    order
}

/// The cycles that a node takes where nothing waits.
fn work(node: Node) -> f64 {
    match node {
        Node::Div(..) => 4.0,
        Node::Unary(..) | Node::Binary(..) if !node.is_cheap() => 20.0,
        _ => 0.35,
    }
}

/// The cycles until the result of a node is there.
fn latency(node: Node) -> f64 {
    match node {
        Node::Div(..) => 13.0,
        Node::Unary(..) | Node::Binary(..) if !node.is_cheap() => 30.0,
        _ => 3.0,
    }
}

/// `id` without the constant that it is a multiple of.
fn peeled(graph: &Graph, id: Id) -> (f64, Id) {
    match graph.node(id) {
        Node::Mul(a, b) if graph.is_constant(a) => (graph.value(a), b),
        Node::Mul(a, b) if graph.is_constant(b) => (graph.value(b), a),
        Node::Neg(a) => (-1.0, a),
        _ => (1.0, id),
    }
}

/// The graph of `(x, w) ↦ (f(x), x̄)` as [`pullback`] has it, where the Jacobian of the step is computed
/// first and then multiplied with `w`.
///
/// What is part of the next state is an intermediate result of what depends on it: a readout of the
/// next state costs no sweep through the step.
///
/// Source: Griewank and Walther, *Evaluating Derivatives*, section 10.2, elimination of vertices.
fn by_jacobian(graph: Graph, sizes: Sizes) -> Graph {
    let (inputs, outputs) = (graph.inputs, graph.outputs.clone());
    let p = sizes.parameters + sizes.state;
    let (mut graph, partials) = differentiated(graph, p);
    let is_state = |id: Id| outputs[..sizes.state].contains(&id);
    let mut total: Vec<Option<Term>> = vec![None; partials.len()];
    let seeds: Vec<Id> = (0..outputs.len()).map(|i| graph.input(number(inputs + i), 1.0)).collect();
    let one = graph.constant(1.0);
    let expand = |graph: &mut Graph, total: &mut Vec<Option<Term>>, from: Id, adjoint: Term| {
        let row = sweep(graph, &partials, &[(from, one)], |id| is_state(id) && id != from);
        for (id, entry) in row.iter().enumerate() {
            let Some(entry) = *entry else { continue };
            let partial = Partial {
                operand: number(id),
                factor: entry.factor,
                node: (entry.node != one).then_some(entry.node),
            };
            let term = times(graph, adjoint, partial);
            accumulate(graph, &mut total[id], term);
        }
    };
    let inner = |graph: &Graph, id: Id| is_state(id) && !matches!(graph.node(id), Node::Input(_));
    for (i, &output) in outputs.iter().enumerate() {
        let seed = Term { factor: 1.0, node: seeds[i] };
        if i < sizes.state || inner(&graph, output) {
            accumulate(&mut graph, &mut total[output as usize], Some(seed));
        } else {
            expand(&mut graph, &mut total, output, seed);
        }
    }
    for id in (0..partials.len()).rev().map(number) {
        if inner(&graph, id) {
            if let Some(adjoint) = total[id as usize].take() {
                expand(&mut graph, &mut total, id, adjoint);
            }
        }
    }
    let x_bar = of_inputs(&mut graph, &total, p);
    graph.outputs.extend(x_bar);
    graph.inputs += outputs.len();
    graph
}
