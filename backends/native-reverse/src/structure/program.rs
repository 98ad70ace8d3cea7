//! Bodies as programs: recorded once, run on many rows at a time.
//!
//! A body is evaluated on numbers that write down what is done with them ([`graph::trace`]): a [`graph`],
//! in which each value occurs once, and to which the partial derivatives are added ([`graph::partials()`]).
//! The comparisons that steered the evaluation are kept as guards: where one comes out differently,
//! the program does not apply. The graph is turned into instructions ([`schedule`]): what depends on
//! no row is computed once, a product in a sum with the sum, and places are used again as soon as
//! their values are not needed any more, so that a block of rows stays in the cache while it
//! [runs](run).

mod blocks;
mod elementary;
mod run;
mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::parts::MOST_PARTS;
use crate::graph::{self, Graph, Partials};
use ad_api::{Function, Gather, Map};

pub(crate) use blocks::write as write_blocks;
pub(crate) use run::{Block, EIGHT, Memory, ROWS};
use schedule::Op;
pub(crate) use schedule::{Mode, Place, Program};

use crate::explanation::ProgramExplanation;

/// How many programs of one body a range of rows uses: rows beyond are computed in another way.
const IN_USE: usize = 8;

/// Why there is no program for a row.
const OPAQUE: &str = "the body fails, reads a primal or applies a rule";

/// How many programs are kept from call to call: as many as one call can use in all its parts.
const KEPT: usize = IN_USE * MOST_PARTS;

/// The programs of one body, one for each way through its branches: what threads share.
#[derive(Debug, Default)]
pub(crate) struct Library {
    recorded: Vec<Recorded>,
    /// Whether elementary functions are those of `f64`.
    exact: bool,
}

/// A recorded body, and its instructions for what it has been asked for.
#[derive(Debug)]
struct Recorded {
    body: Derived,
    /// Its derivative along a tangent, once that has been asked for.
    tangent: Option<Derived>,
    programs: [Option<Arc<Program>>; Mode::COUNT],
}

/// The programs of a [`Library`] as one thread runs them.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    /// By their place in the library.
    runs: Vec<[Option<Run>; Mode::COUNT]>,
    /// Which of them these rows use, in the order in which they asked for them.
    used: Vec<usize>,
    /// Why a row got no program, of these rows and of those before.
    refused: Option<&'static str>,
    reported: Option<&'static str>,
}

/// A program and the memory that it runs in.
#[derive(Debug)]
struct Run {
    program: Arc<Program>,
    memory: Memory,
}

/// A graph with its derivatives.
#[derive(Debug, Clone)]
struct Derived {
    graph: Graph,
    partials: Partials,
    active: Vec<bool>,
    /// How many of the guards are its own; the others are those of its derivatives.
    guards: usize,
}

impl Library {
    /// An empty one; `exact` says that elementary functions are those of `f64`.
    pub(crate) fn new(exact: bool) -> Self {
        Library { recorded: Vec::new(), exact }
    }

    /// What has been made; the bytes are those that `programs` run in.
    pub(crate) fn explain(&self, programs: &[&Programs]) -> Vec<ProgramExplanation> {
        let purposes = [
            (Mode::Value, "values"),
            (Mode::Pull, "pullbacks"),
            (Mode::Blocks, "Jacobian blocks"),
            (Mode::Second, "products with the Hessian"),
            (Mode::Push, "pushforwards"),
        ];
        let each = |(index, recorded): (usize, &Recorded)| {
            let of = |(mode, purpose): (Mode, &'static str)| {
                let program = recorded.programs[mode as usize].as_ref()?;
                let derived = match mode {
                    Mode::Second | Mode::Push => recorded.tangent.as_ref()?,
                    _ => &recorded.body,
                };
                let guards = program.forward.iter().filter(|i| matches!(i.op, Op::Guard(..)));
                let runs = programs.iter().filter_map(|programs| {
                    programs.runs.get(index).and_then(|runs| runs[mode as usize].as_ref())
                });
                Some(ProgramExplanation {
                    purpose,
                    recorded: derived.graph.len(),
                    guards: guards.count() + program.shared_guards.len(),
                    once: program.once.len(),
                    forward: program.forward.len(),
                    reverse: program.reverse.len(),
                    bytes: runs.map(|run| run.memory.bytes()).sum(),
                })
            };
            purposes.into_iter().filter_map(of).collect::<Vec<_>>()
        };
        self.recorded.iter().enumerate().flat_map(each).collect()
    }

    /// Whether there are more programs than should be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.recorded.len() > KEPT
    }

    /// Forgets all programs.
    pub(crate) fn clear(&mut self) {
        self.recorded.clear();
    }

    /// The instructions of the first program for `mode`, if there are any.
    pub(crate) fn instructions(&self, mode: Mode) -> usize {
        let first = self.recorded.first().and_then(|first| first.programs[mode as usize].as_ref());
        first.map_or(0, |program| program.forward.len() + program.reverse.len())
    }

    /// The program recorded as number `index`, if there is one.
    fn program<F: Function>(
        &mut self,
        map: &Map<F>,
        index: usize,
        mode: Mode,
    ) -> Option<Arc<Program>> {
        let exact = self.exact;
        self.recorded.get_mut(index).map(|recorded| recorded.program(map, mode, exact))
    }
}

impl Programs {
    /// Why rows got no program, if some did.
    pub(crate) fn refused(&self) -> Option<&'static str> {
        self.refused.or(self.reported)
    }

    /// Before a call.
    pub(crate) fn clear_refusal(&mut self) {
        (self.refused, self.reported) = (None, None);
    }

    /// Forgets what has been run.
    pub(crate) fn clear(&mut self) {
        self.runs.clear();
        self.used.clear();
    }

    /// Before rows that have nothing to do with those before.
    pub(crate) fn start(&mut self) {
        self.used.clear();
        self.reported = self.reported.or(self.refused.take());
    }

    /// The program that these rows try after `tried` others. Where there is none, one that
    /// accepts the row with these inputs, recorded or found: `accepts` says whether a program does.
    ///
    /// Which program comes next depends on the rows alone, not on what has been recorded before or by
    /// another thread: otherwise sums would be added up in another order. A row has one way through
    /// the body, so no two programs accept it.
    pub(crate) fn next<F: Function>(
        &mut self,
        (library, map): (&Mutex<Library>, &Map<F>),
        (point, mode, tried): ((&[f64], &[f64]), Mode, usize),
        input: impl Fn(&mut [f64]),
        mut accepts: impl FnMut(&Program, &mut Memory) -> bool,
    ) -> Option<(&Program, &mut Memory)> {
        if tried == self.used.len() {
            if tried == IN_USE {
                self.refused = Some("there are more than eight ways through the body");
                return None;
            }
            if self.refused == Some(OPAQUE) {
                return None;
            }
            let found = self.find((library, map), (point, mode), input, &mut accepts);
            if found.is_none() {
                self.refused = Some(OPAQUE);
            }
            self.used.push(found?);
        }
        self.get(self.used[tried], mode)
    }

    /// The number of a program that accepts a row, and that these rows do not use yet.
    fn find<F: Function>(
        &mut self,
        (library, map): (&Mutex<Library>, &Map<F>),
        (point, mode): ((&[f64], &[f64]), Mode),
        input: impl Fn(&mut [f64]),
        accepts: &mut impl FnMut(&Program, &mut Memory) -> bool,
    ) -> Option<usize> {
        let mut index = 0;
        loop {
            if self.fetch(index, mode, || lock(library).program(map, index, mode)) {
                let unused = !self.used.contains(&index);
                if let Some((program, memory)) = self.get(index, mode).filter(|_| unused)
                    && program.start(point, memory)
                    && (!program.has_guards || accepts(program, memory))
                {
                    return Some(index);
                }
                index += 1;
                continue;
            }
            // Without the lock, since a body may wait for what another thread does with these programs.
            let mut new = Recorded::new(map, &input)?;
            let mut library = lock(library);
            if index < library.recorded.len() {
                // Another thread has recorded one in the meantime.
                continue;
            }
            let program = new.program(map, mode, library.exact);
            self.fetch(index, mode, || Some(program));
            let (program, memory) = self.get(index, mode)?;
            if program.start(point, memory) && accepts(program, memory) {
                library.recorded.push(new);
                return Some(index);
            }
            self.runs.truncate(index);
            return None;
        }
    }

    /// Makes sure that a program can be run, if there is one.
    fn fetch(
        &mut self,
        index: usize,
        mode: Mode,
        program: impl FnOnce() -> Option<Arc<Program>>,
    ) -> bool {
        if self.runs.get(index).is_some_and(|runs| runs[mode as usize].is_some()) {
            return true;
        }
        let Some(program) = program() else { return false };
        if self.runs.len() <= index {
            self.runs.resize_with(index + 1, || [const { None }; Mode::COUNT]);
        }
        self.runs[index][mode as usize] = Some(Run { program, memory: Memory::default() });
        true
    }

    fn get(&mut self, index: usize, mode: Mode) -> Option<(&Program, &mut Memory)> {
        let Run { program, memory } = self.runs.get_mut(index)?[mode as usize].as_mut()?;
        Some((program, memory))
    }

    /// The programs that these rows have used.
    pub(crate) fn used(&mut self, mode: Mode, mut each: impl FnMut(&Program, &mut Memory)) {
        for &index in &self.used {
            if let Some(Run { program, memory }) = &mut self.runs[index][mode as usize] {
                each(program, memory);
            }
        }
    }
}

/// Also after a panic of another thread: a library is whole at any time.
fn lock(library: &Mutex<Library>) -> MutexGuard<'_, Library> {
    library.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorded {
    fn new<F: Function>(map: &Map<F>, input: impl Fn(&mut [f64])) -> Option<Self> {
        let mut row = vec![0.0; map.body().inputs()];
        input(&mut row);
        let graph = graph::trace(map.body(), &row).ok()?.ok()?;
        let body = Derived::new(graph, map.row_inputs());
        let programs = [const { None }; Mode::COUNT];
        Some(Recorded { body, tangent: None, programs })
    }

    /// The instructions for `mode`.
    fn program<F: Function>(&mut self, map: &Map<F>, mode: Mode, exact: bool) -> Arc<Program> {
        let Recorded { body, tangent, programs } = self;
        let program = programs[mode as usize].get_or_insert_with(|| {
            let (p, inputs) = (map.row_inputs(), map.body().inputs());
            let pushed;
            let derived = match mode {
                Mode::Second => tangent.get_or_insert_with(|| body.tangent(p)),
                Mode::Push => {
                    let tangent = tangent.get_or_insert_with(|| body.tangent(p));
                    pushed = tangent.behind(&body.graph.outputs);
                    &pushed
                }
                _ => body,
            };
            let all_read_x = matches!(map.gather(), Gather::Shared) && mode != Mode::Blocks;
            let per_row = |input: u32| !all_read_x || (p..inputs).contains(&(input as usize));
            let shared = derived.graph.reached(per_row).into_iter().map(|row| !row).collect();
            let mut program = derived.compile(shared, mode, exact);
            if mode == Mode::Blocks {
                program.list_entries(map.body().outputs(), p);
            }
            Arc::new(Program { first_tangent: inputs, ..program })
        });
        program.clone()
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

    /// Its values behind these, without derivatives.
    fn behind(&self, outputs: &[graph::Id]) -> Derived {
        let Derived { mut graph, active, guards, .. } = self.clone();
        graph.outputs.splice(0..0, outputs.iter().copied());
        Derived { graph, partials: Partials::default(), active, guards }
    }

    fn compile(&self, shared: Vec<bool>, mode: Mode, exact: bool) -> Program {
        let Derived { graph, partials, active, guards } = self;
        let own = matches!(mode, Mode::Value | Mode::Push);
        let guards = if own { *guards } else { graph.guards().len() };
        let guards = &graph.guards()[..guards];
        schedule::Compiler { graph, partials, guards, active, shared, mode, exact }.compile()
    }
}
