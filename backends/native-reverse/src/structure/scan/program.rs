//! The step of a loop as programs, one for each way through its branches.

use std::ops::Range;

use ad_api::{Function, Result, Scan};

use super::areas::{Areas, Way, records};
use super::interpreter::{self, Interpreter};
use super::machine::Machine;
use super::plan::{Plan, Runner, Sizes};
use super::reverse::Reverse;
use crate::explanation::StepExplanation;
use crate::graph::{self, Node};

/// How many ways through the branches of a step have programs: with more, the loop is computed in
/// another way.
const WAYS: usize = 8;

/// The programs of the step of a loop, and the memory that they run in.
#[derive(Debug, Default)]
pub(crate) struct Loops {
    programs: Vec<Program>,
    /// Why there is no program where one was wanted.
    refused: Option<&'static str>,
    /// The program that the last step has run.
    current: usize,
    records: Vec<f64>,
    segments: Vec<Segment>,
    state: Vec<f64>,
    /// For each cotangent the adjoint of the state, twice.
    adjoints: Vec<f64>,
    /// Where sums go that have been added already.
    aside: Vec<f64>,
}

/// Steps that have been recorded with one program.
#[derive(Debug)]
struct Segment {
    program: usize,
    steps: Range<usize>,
    /// Where their records begin.
    at: usize,
}

#[derive(Debug)]
struct Program {
    plan: Plan,
    slots: Vec<f64>,
    steps: Steps,
    /// For each cotangent the adjoints of the parameters.
    parameters: Vec<f64>,
    /// Whether the slots hold the parameters of this call.
    ready: bool,
    /// Whether it applies to them.
    applies: bool,
}

/// What runs the steps.
#[derive(Debug)]
enum Steps {
    Machine(Machine),
    Interpreter(Interpreter),
}

impl Steps {
    fn new(plan: &Plan) -> Self {
        // Where the compiler does not know the processor, there is the interpreter.
        match Machine::new(plan) {
            Ok(machine) => Steps::Machine(machine),
            Err(_) => Steps::Interpreter(Interpreter::new(plan)),
        }
    }

    /// See [`Interpreter::forward`].
    fn forward(&mut self, plan: &Plan, way: Way, areas: &mut Areas<'_>, steps: usize) -> usize {
        match self {
            Steps::Machine(machine) => machine.forward(plan, way, areas, steps),
            Steps::Interpreter(interpreter) => interpreter.forward(plan, way, areas, steps),
        }
    }

    /// See [`Interpreter::backward`].
    fn backward(&mut self, plan: &Plan, areas: &mut Areas<'_>, steps: usize) {
        match self {
            Steps::Machine(machine) => machine.backward(plan, areas, steps),
            Steps::Interpreter(interpreter) => interpreter.backward(plan, areas, steps),
        }
    }

    /// The bytes of machine code.
    fn machine_code(&self) -> usize {
        match self {
            Steps::Machine(machine) => machine.bytes(),
            Steps::Interpreter(_) => 0,
        }
    }
}

/// A pullback in progress.
pub(super) struct Run<'a, F> {
    pub(super) loops: &'a mut Loops,
    pub(super) f: &'a Scan<F>,
    pub(super) x: &'a [f64],
    pub(super) y_bar: &'a [f64],
    /// The sums of the readouts.
    pub(super) sums: &'a mut [f64],
    /// The last state, as far as it is an output.
    pub(super) last: &'a mut [f64],
}

impl Program {
    fn new(graph: graph::Graph, sizes: Sizes) -> Self {
        let runner = if cfg!(feature = "jit") { Runner::Machine } else { Runner::Interpreter };
        let plan = Plan::new(graph, sizes, runner);
        let constant = |node: &Node| match *node {
            Node::Constant(bits) => f64::from_bits(bits),
            _ => 0.0,
        };
        Program {
            slots: plan.graph.nodes().iter().map(constant).collect(),
            steps: Steps::new(&plan),
            parameters: Vec::new(),
            ready: false,
            applies: false,
            plan,
        }
    }

    /// Puts the parameters in place. Returns whether the program applies to them.
    fn start(&mut self, x: &[f64], cotangents: usize) -> bool {
        if !self.ready {
            let p = self.plan.sizes.parameters;
            self.slots[..p].copy_from_slice(&x[..p]);
            self.applies = interpreter::once(&self.plan, &mut self.slots);
            self.parameters.clear();
            self.parameters.resize(cotangents * self.plan.d_parameters.len(), 0.0);
            self.ready = true;
        }
        self.applies
    }
}

impl Loops {
    /// Why there is no program where one was wanted.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        self.refused
    }

    /// The bytes of states and records.
    pub(super) fn bytes(&self) -> usize {
        let Loops { records, state, adjoints, .. } = self;
        size_of_val(&records[..]) + size_of_val(&state[..]) + size_of_val(&adjoints[..])
    }

    /// What has been made.
    pub(super) fn explain(&self) -> Vec<StepExplanation> {
        let each = |Program { plan, steps, .. }: &Program| StepExplanation {
            guards: plan.guards.len(),
            once: plan.once.len(),
            forward: plan.forward.len(),
            backward: plan.backward.len(),
            recorded: plan.stride(),
            machine_code: steps.machine_code(),
        };
        self.programs.iter().map(each).collect()
    }

    /// Before a call with a state of so many entries and so many cotangents.
    fn start(&mut self, state: usize, cotangents: usize, readouts: usize) {
        self.programs.iter_mut().for_each(|program| program.ready = false);
        self.state.resize(2 * state, 0.0);
        self.adjoints.clear();
        self.adjoints.resize(cotangents * 2 * state, 0.0);
        self.aside.resize(readouts, 0.0);
    }
}

impl<F: Function> Run<'_, F> {
    fn sizes(&self) -> Sizes {
        let (state, inputs) = (self.f.state(), self.f.step().inputs());
        Sizes {
            parameters: self.x.len() - state,
            state,
            constants: inputs - self.x.len(),
            readouts: self.f.step().outputs() - state,
        }
    }

    /// Puts the first state and the cotangents in place.
    pub(super) fn start(&mut self) {
        let (n, m) = (self.f.state(), self.f.outputs());
        let readouts = self.sums.len();
        let k = self.y_bar.len() / m.max(1);
        self.loops.start(n, k, readouts);
        self.loops.state[..n].copy_from_slice(&self.x[self.x.len() - n..]);
        self.sums.fill(0.0);
        self.end();
        if m > readouts {
            let adjoints = self.loops.adjoints.chunks_exact_mut((2 * n).max(1));
            for (adjoint, y_bar) in adjoints.zip(self.y_bar.chunks_exact(m)) {
                adjoint[..n].copy_from_slice(&y_bar[readouts..]);
            }
        }
    }

    /// Hands the state at hand on as the last one.
    fn end(&mut self) {
        let n = self.last.len();
        self.last.copy_from_slice(&self.loops.state[..n]);
    }

    /// How many numbers the record of a step takes, as far as that is known: `None` if there can be no
    /// program.
    pub(super) fn stride(&mut self) -> Option<usize> {
        if self.loops.programs.is_empty() {
            self.record(0)?;
        }
        Some(self.loops.programs.iter().map(|program| program.plan.stride()).max().unwrap_or(0))
    }

    /// Adds a program for this step from the state at hand, unless that cannot be.
    fn record(&mut self, step: usize) -> Option<usize> {
        if self.loops.programs.len() == WAYS {
            self.loops.refused = Some("there are more than eight ways through the step");
            return None;
        }
        let Sizes { parameters, state, .. } = self.sizes();
        let input = [&self.x[..parameters], &self.loops.state[..state], self.f.constants(step)];
        // Where the step fails, the call does, and its error is found by whoever does it without programs.
        let graph = match graph::trace(self.f.step(), &input.concat()).ok()? {
            Ok(graph) => graph,
            Err(refusal) => {
                self.loops.refused = Some(refusal.reason());
                return None;
            }
        };
        self.loops.programs.push(Program::new(graph, self.sizes()));
        Some(self.loops.programs.len() - 1)
    }

    /// Runs steps from the state at hand. Returns whether there were programs for them.
    fn forward(&mut self, way: Way, steps: Range<usize>, first: bool) -> bool {
        let k = self.y_bar.len() / self.f.outputs().max(1);
        let (mut at, mut tried, mut step) = (0, 0, steps.start);
        while step < steps.end {
            let count = self.loops.programs.len();
            let new = tried == count;
            if new {
                let Some(new) = self.record(step) else { return false };
                self.loops.current = new;
            }
            let Loops { programs, current, records: all, segments, state, aside, .. } = self.loops;
            let program = &mut programs[*current];
            let mut done = 0;
            if program.start(self.x, k) {
                let left = steps.end - step;
                if way == Way::Record {
                    all.resize(all.len().max(at + records(&program.plan, left)), 0.0);
                }
                let mut areas = Areas {
                    slots: &mut program.slots,
                    data: self.f.rows(step..steps.end),
                    state,
                    records: all.get_mut(at..).unwrap_or_default(),
                    sums: if first { &mut *self.sums } else { aside },
                    adjoint: &mut [],
                    parameters: &mut [],
                };
                done = program.steps.forward(&program.plan, way, &mut areas, left);
            }
            if done == 0 {
                if new {
                    self.loops.refused = Some("the step does not do the same thing twice");
                    return false;
                }
                *current = (*current + 1) % programs.len();
                tried += 1;
                continue;
            }
            if way == Way::Record {
                segments.push(Segment { program: *current, steps: step..step + done, at });
                at += records(&program.plan, done);
            }
            tried = 0;
            step += done;
        }
        true
    }

    /// Goes back through the records.
    fn backward(&mut self) {
        let (n, m) = (self.f.state(), self.f.outputs());
        let Loops { programs, records: all, segments, adjoints, .. } = self.loops;
        for Segment { program, steps, at } in segments.drain(..).rev() {
            let Program { plan, slots, parameters, steps: runner, .. } = &mut programs[program];
            let (p, stretch) = (plan.d_parameters.len(), records(plan, steps.len()));
            for (i, y_bar) in self.y_bar.chunks_exact(m.max(1)).enumerate() {
                plan.cotangents.iter().zip(y_bar).for_each(|(&id, &w)| slots[id as usize] = w);
                let mut areas = Areas {
                    slots: &mut *slots,
                    data: self.f.rows(steps.clone()),
                    state: &mut [],
                    records: &mut all[at..at + stretch],
                    sums: &mut [],
                    adjoint: &mut adjoints[i * 2 * n..(i + 1) * 2 * n],
                    parameters: &mut parameters[i * p..(i + 1) * p],
                };
                runner.backward(plan, &mut areas, steps.len());
            }
        }
    }

    /// Writes the derivatives with respect to parameters and first state. Returns whether all are finite.
    pub(super) fn finish(&self, x_bar: &mut [f64]) -> bool {
        let (n, parameters) = (self.f.state(), self.x.len() - self.f.state());
        x_bar.fill(0.0);
        for (i, x_bar) in x_bar.chunks_exact_mut(self.x.len().max(1)).enumerate() {
            let (p_bar, s_bar) = x_bar.split_at_mut(parameters);
            s_bar.copy_from_slice(&self.loops.adjoints[i * 2 * n..][..n]);
            for program in self.loops.programs.iter().filter(|program| program.ready) {
                let p = program.plan.d_parameters.len();
                let sums = &program.parameters[i * p..(i + 1) * p];
                for (&(parameter, factor, _), sum) in program.plan.d_parameters.iter().zip(sums) {
                    p_bar[parameter] += factor * sum;
                }
            }
        }
        x_bar.iter().all(|d| d.is_finite())
    }
}

impl<F: Function> Reverse for Run<'_, F> {
    fn state(&mut self) -> &mut [f64] {
        let n = self.f.state();
        &mut self.loops.state[..n]
    }

    fn advance(&mut self, steps: Range<usize>, first: bool) -> Result<bool> {
        Ok(self.forward(Way::Values, steps, first))
    }

    fn reverse(&mut self, steps: Range<usize>, first: bool) -> Result<bool> {
        self.loops.segments.clear();
        if !self.forward(Way::Record, steps.clone(), first) {
            return Ok(false);
        }
        if steps.end == self.f.steps() {
            self.end();
        }
        self.backward();
        Ok(true)
    }
}
