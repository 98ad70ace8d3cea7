//! Which program is being recorded on this thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Instruction;
use crate::scratch;

/// The recording of a number that none records.
pub(super) const CONSTANT: u32 = 0;

/// A program in the making.
pub(super) struct Recording {
    id: u32,
    variables: u32,
    pub(super) instructions: Vec<Instruction>,
    /// Whether the function looked at the value of a variable.
    pub(super) reads_primal: bool,
    /// How many instructions are kept.
    limit: usize,
    /// Whether there were more.
    pub(super) overflows: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Recording>> = const { RefCell::new(None) };
}

impl Recording {
    /// Whether a number of the recording `id` belongs to this one.
    ///
    /// # Panics
    ///
    /// Unless it does, or is a constant.
    pub(super) fn owns(&self, id: u32) -> bool {
        if id != CONSTANT && id != self.id {
            foreign(id, Some(self.id));
        }
        id != CONSTANT
    }

    /// Appends an instruction, and returns its first result.
    ///
    /// # Panics
    ///
    /// If a 32-bit index cannot tell more variables apart.
    pub(super) fn push(&mut self, instruction: Instruction) -> u32 {
        if self.instructions.len() == self.limit {
            // What is left is evaluated, but its variables are of no use.
            self.overflows = true;
            return 0;
        }
        let (first, results) = (self.variables, u32::try_from(instruction.results()).ok());
        self.variables = results
            .and_then(|results| first.checked_add(results))
            .expect("a recorded program holds at most 2^32 - 1 variables");
        self.instructions.push(instruction);
        first
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        scratch::give(std::mem::take(&mut self.instructions));
    }
}

/// Calls `body` with the recording in progress, to which a number of recording `id` should belong.
///
/// # Panics
///
/// If there is none.
pub(super) fn with_current<T>(id: u32, body: impl FnOnce(&mut Recording) -> T) -> T {
    CURRENT.with_borrow_mut(|current| match current {
        Some(recording) => body(recording),
        None => foreign(id, None),
    })
}

/// Runs `body`, whose reads of primals do not bind the program in progress to its point.
///
/// For code that reads them to record a program of its own, which says itself where it is valid.
pub(crate) fn unobserved<T>(body: impl FnOnce() -> T) -> T {
    let reads_primal = CURRENT.with_borrow(|current| current.as_ref().map(|r| r.reads_primal));
    let result = body();
    CURRENT.with_borrow_mut(|current| {
        if let (Some(recording), Some(reads_primal)) = (current, reads_primal) {
            recording.reads_primal = reads_primal;
        }
    });
    result
}

/// Says what is wrong with a variable of the recording `id`.
#[cold]
#[inline(never)]
fn foreign(id: u32, current: Option<u32>) -> ! {
    match current {
        None => panic!(
            "a variable of recording {id} was used where nothing records: it outlived the evaluation \
             that made it, or was sent to another thread"
        ),
        Some(current) => panic!(
            "a variable of recording {id} was used in recording {current}: it outlived the evaluation \
             that made it, was sent to another thread, or belongs to an evaluation around this one"
        ),
    }
}

/// Runs `body`, which gets the number of the recording, and returns what was recorded meanwhile, with
/// variables from `inputs` on, up to `limit` instructions.
///
/// Recordings nest: the outer one rests until the inner one ends, also by a panic.
pub(super) fn record<T>(inputs: u32, limit: usize, body: impl FnOnce(u32) -> T) -> (T, Recording) {
    struct Outer(Option<Recording>);
    impl Drop for Outer {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }

    let id = next_id();
    let instructions = scratch::take();
    let recording = Recording {
        id,
        variables: inputs,
        instructions,
        reads_primal: false,
        limit,
        overflows: false,
    };
    let _outer = Outer(CURRENT.replace(Some(recording)));
    let result = body(id);
    (result, CURRENT.take().expect("inner recordings put this one back"))
}

/// A number other than [`CONSTANT`]. They repeat after 2³² recordings; a variable kept that long could
/// pass for a new one.
fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    loop {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        if id != CONSTANT {
            return id;
        }
    }
}
