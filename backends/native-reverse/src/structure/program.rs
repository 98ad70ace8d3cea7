//! Bodies as programs: recorded once, run on many rows at a time.
//!
//! A body is evaluated on numbers that write down what is done with them ([`graph::trace`]): a [`graph`],
//! in which each value occurs once, and to which the partial derivatives are added ([`graph::partials()`]).
//! The comparisons that steered the evaluation are kept as guards: where one comes out differently,
//! the program does not apply. The graph is turned into instructions ([`schedule`]): what depends on
//! no row is computed once, a product in a sum with the sum, and places are used again as soon as
//! their values are not needed any more, so that a block of rows stays in the cache while it
//! [runs](run).

mod run;
mod schedule;

use crate::graph::{self, Graph, Partials};
use ad_api::{Function, Gather, Map};

pub(crate) use run::{Block, Memory, ROWS};
use schedule::Op;
pub(crate) use schedule::{Mode, Program};

use crate::explanation::ProgramExplanation;

/// How many programs of one body are used in a call: rows beyond are computed in another way.
const IN_USE: usize = 8;

/// How many programs are kept from call to call.
const KEPT: usize = 32;

/// The programs of one body, one for each way through its branches.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    recorded: Vec<Recorded>,
    /// Which of them this call uses, in the order in which its rows asked for them.
    used: Vec<usize>,
    /// Why a row of this call got no program.
    refused: Option<&'static str>,
}

/// A recorded body, and its instructions for what it has been asked for.
#[derive(Debug)]
struct Recorded {
    body: Derived,
    /// Its derivative along a tangent, once that has been asked for.
    tangent: Option<Derived>,
    runs: [Option<(Program, Memory)>; 4],
}

/// A graph with its derivatives.
#[derive(Debug)]
struct Derived {
    graph: Graph,
    partials: Partials,
    active: Vec<bool>,
    /// How many of the guards are its own; the others are those of its derivatives.
    guards: usize,
}

impl Programs {
    /// What has been made.
    pub(crate) fn explain(&self) -> Vec<ProgramExplanation> {
        let purposes = [
            (Mode::Value, "values"),
            (Mode::Pull, "pullbacks"),
            (Mode::Blocks, "Jacobian blocks"),
            (Mode::Second, "products with the Hessian"),
        ];
        let each = |recorded: &Recorded| {
            let of = |(mode, purpose): (Mode, &'static str)| {
                let (program, memory) = recorded.runs[mode as usize].as_ref()?;
                let derived = match mode {
                    Mode::Second => recorded.tangent.as_ref()?,
                    _ => &recorded.body,
                };
                let guards = program.forward.iter().filter(|i| matches!(i.op, Op::Guard(..)));
                Some(ProgramExplanation {
                    purpose,
                    recorded: derived.graph.len(),
                    guards: guards.count() + program.shared_guards.len(),
                    once: program.once.len(),
                    forward: program.forward.len(),
                    reverse: program.reverse.len(),
                    bytes: memory.bytes(),
                })
            };
            purposes.into_iter().filter_map(of).collect::<Vec<_>>()
        };
        self.recorded.iter().flat_map(each).collect()
    }

    /// Why the last call had rows without a program, if it had.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        self.refused
    }

    /// Before a call.
    pub(crate) fn start(&mut self) {
        self.used.clear();
        self.refused = None;
        if self.recorded.len() > KEPT {
            self.recorded.clear();
        }
    }

    /// The program that the rows of this call try after `tried` others. Where there is none, one that
    /// accepts the row with these inputs, recorded or found: `accepts` says whether a program does.
    ///
    /// Which program comes next depends on the rows alone, not on what has been recorded before:
    /// otherwise sums would be added up in another order.
    pub(crate) fn next<F: Function>(
        &mut self,
        map: &Map<F>,
        (point, mode, tried): ((&[f64], &[f64]), Mode, usize),
        input: impl FnOnce(&mut [f64]),
        mut accepts: impl FnMut(&Program, &mut Memory) -> bool,
    ) -> Option<(&Program, &mut Memory)> {
        if tried == self.used.len() {
            if tried == IN_USE {
                self.refused = Some("there are more than eight ways through the body");
            }
            if self.refused.is_some() {
                return None;
            }
            let found = (0..self.recorded.len()).filter(|index| !self.used.contains(index)).find(
                |&index| {
                    let (program, memory) = self.recorded[index].run(map, mode);
                    program.start(point, memory)
                        && (!program.has_guards || accepts(program, memory))
                },
            );
            let found = if let Some(index) = found {
                index
            } else {
                let new = Recorded::new(map, input).and_then(|mut new| {
                    let (program, memory) = new.run(map, mode);
                    let fine = program.start(point, memory) && accepts(program, memory);
                    fine.then_some(new)
                });
                let Some(new) = new else {
                    self.refused = Some("the body fails, reads a primal or applies a rule");
                    return None;
                };
                self.recorded.push(new);
                self.recorded.len() - 1
            };
            self.used.push(found);
        }
        Some(self.recorded[self.used[tried]].run(map, mode))
    }

    /// The first program that this call has used, if there is one.
    pub(crate) fn first<F: Function>(
        &mut self,
        map: &Map<F>,
        mode: Mode,
    ) -> Option<(&Program, &mut Memory)> {
        let first = *self.used.first()?;
        Some(self.recorded[first].run(map, mode))
    }

    /// The programs that this call has used.
    pub(crate) fn used<F: Function>(
        &mut self,
        map: &Map<F>,
        mode: Mode,
        mut each: impl FnMut(&Program, &mut Memory),
    ) {
        for &index in &self.used {
            let (program, memory) = self.recorded[index].run(map, mode);
            each(program, memory);
        }
    }
}

impl Recorded {
    fn new<F: Function>(map: &Map<F>, input: impl FnOnce(&mut [f64])) -> Option<Self> {
        let mut row = vec![0.0; map.body().inputs()];
        input(&mut row);
        let graph = graph::trace(map.body(), &row).ok()?.ok()?;
        let body = Derived::new(graph, map.row_inputs());
        Some(Recorded { body, tangent: None, runs: [const { None }; 4] })
    }

    /// The instructions for `mode`.
    fn run<F: Function>(&mut self, map: &Map<F>, mode: Mode) -> (&Program, &mut Memory) {
        let Recorded { body, tangent, runs } = self;
        let (program, memory) = runs[mode as usize].get_or_insert_with(|| {
            let (p, inputs) = (map.row_inputs(), map.body().inputs());
            let derived = match mode {
                Mode::Second => tangent.get_or_insert_with(|| body.tangent(p)),
                _ => body,
            };
            let all_read_x = matches!(map.gather(), Gather::Shared) && mode != Mode::Blocks;
            let per_row = |input: u32| !all_read_x || (p..inputs).contains(&(input as usize));
            let shared = derived.graph.reached(per_row).into_iter().map(|row| !row).collect();
            let mut program = derived.compile(shared, mode);
            if mode == Mode::Blocks {
                program.list_zeros(map.body().outputs(), p);
            }
            (Program { first_tangent: inputs, ..program }, Memory::default())
        });
        (program, memory)
    }
}

impl Derived {
    /// Differentiates with respect to the first `p` inputs.
    fn new(graph: Graph, p: usize) -> Self {
        let guards = graph.guards().len();
        let active = graph.active(p);
        let needed = graph.needed(graph.outputs.iter().copied());
        let (graph, partials) = graph::partials(graph, &active, &needed);
        let active = graph.active(p);
        Derived { graph, partials, active, guards }
    }

    /// Its derivative along a tangent, whose `p` entries follow the inputs.
    fn tangent(&self, p: usize) -> Derived {
        let values = self.graph.outputs.len();
        let mut graph = graph::pushforward(self.graph.clone(), p);
        graph.outputs.drain(..values);
        Derived::new(graph, p)
    }

    fn compile(&self, shared: Vec<bool>, mode: Mode) -> Program {
        let Derived { graph, partials, active, guards } = self;
        let guards = if mode == Mode::Value { *guards } else { graph.guards().len() };
        let guards = &graph.guards()[..guards];
        schedule::Compiler { graph, partials, guards, active, shared, mode }.compile()
    }
}
