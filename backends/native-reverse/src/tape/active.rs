//! Which tape records: the one place with `unsafe` code.
//!
//! A [`Function`](ad_api::Function) is generic in its number type, and nalgebra wants that type to be
//! `Copy + 'static`, so a variable cannot borrow its tape; it carries the number of its recording
//! instead. A thread keeps, for each depth of nesting, the number of the recording in progress and a
//! pointer to its tape. An operation compares the numbers: a variable of another recording, of
//! another thread or of a recording that has ended never reaches the pointer.
//!
//! Numbers come from one 32-bit counter for all threads. They repeat after 2³² recordings; a variable
//! kept that long could pass for a new one and give a wrong derivative, but never more than that,
//! since the sweeps check indices.
//!
//! PERF: in safe code, a `RefCell` around a `Box<dyn Any>`, an operation takes three times as long
//! (see the crate's documentation for the figures).
#![allow(unsafe_code, reason = "a checked pointer is three times as fast as `RefCell` and `Any`")]

use std::any::TypeId;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ad_api::Scalar;

use super::{Derivatives, FIRST, MOST, NONE, Tape};

/// The number of a variable that no tape records.
pub(crate) const CONSTANT: u32 = 0;

/// The number in a slot without a recording: no variable has it.
const IDLE: u32 = u32::MAX;

/// How many engines may be stacked.
const DEPTHS: usize = 16;

/// A recording in progress.
///
/// While it lasts, statements are written to the memory of the tape's vectors through pointers, and
/// their lengths are set at the end: that saves loads and a function call per statement.
///
/// Invariant: unless `id` is [`IDLE`], `tape` points to a live `Tape<S>`, where `kind` is the type id
/// of `S`, that nothing else refers to while a function of this module uses it; `operands` and
/// `partials` point to the memory of its vectors, of which the first `terms` entries are initialized;
/// and if `terms < limit`, both have room for [`WRITTEN`] further ones, and `next` is less than
/// [`MOST`].
#[derive(Clone)]
struct Slot {
    id: Cell<u32>,
    /// The variable of the next result.
    next: Cell<u32>,
    /// The number of terms.
    terms: Cell<usize>,
    /// From this number of terms on, room must be made first.
    limit: Cell<usize>,
    operands: Cell<*mut u32>,
    /// The `*mut S`.
    partials: Cell<*mut ()>,
    /// The `*mut Tape<S>`.
    tape: Cell<*mut ()>,
    kind: Cell<TypeId>,
}

/// As many terms are written for a statement, whether or not they all belong to it.
const WRITTEN: usize = 4;

impl Slot {
    const fn empty() -> Slot {
        Slot {
            id: Cell::new(IDLE),
            next: Cell::new(0),
            terms: Cell::new(0),
            limit: Cell::new(0),
            operands: Cell::new(ptr::null_mut()),
            partials: Cell::new(ptr::null_mut()),
            tape: Cell::new(ptr::null_mut()),
            kind: Cell::new(TypeId::of::<()>()),
        }
    }

    /// Whether the recording numbered `id` over `S` is in progress here.
    #[inline]
    fn records<S: Scalar>(&self, id: u32) -> bool {
        // Only tapes over f64 enter its slot, so its kind needs no look.
        self.id.get() == id && (is_f64::<S>() || self.kind.get() == TypeId::of::<S>())
    }

    fn restore(&self, other: &Slot) {
        self.id.set(other.id.get());
        self.next.set(other.next.get());
        self.terms.set(other.terms.get());
        self.limit.set(other.limit.get());
        self.operands.set(other.operands.get());
        self.partials.set(other.partials.get());
        self.tape.set(other.tape.get());
        self.kind.set(other.kind.get());
    }

    /// Points to `tape` and to where its terms are: from here on, [`push`] writes them.
    fn open<S: Scalar>(&self, tape: &mut Tape<S>) {
        self.tape.set(ptr::from_mut(tape).cast());
        let Tape { variables, operands, partials, .. } = tape;
        let terms = operands.len();
        let room = operands.capacity().min(partials.capacity()).saturating_sub(WRITTEN - 1);
        // A variable takes a term at least.
        let variables_left = MOST.saturating_sub(*variables) as usize;
        self.next.set(*variables);
        self.terms.set(terms);
        self.limit.set(room.min(terms.saturating_add(variables_left)));
        self.operands.set(operands.as_mut_ptr());
        self.partials.set(partials.as_mut_ptr().cast());
    }

    /// Tells `tape` how many terms and variables there are, and returns it.
    ///
    /// # Safety
    ///
    /// The recording is one over `S`, in progress.
    unsafe fn close<'a, S: Scalar>(&self) -> &'a mut Tape<S> {
        // SAFETY: by the invariant, `tape` is live and ours alone, and its first `terms` terms are
        // initialized.
        unsafe {
            let tape = &mut *self.tape.get().cast::<Tape<S>>();
            tape.operands.set_len(self.terms.get());
            tape.partials.set_len(self.terms.get());
            tape.variables = self.next.get();
            // Until `open`, also if the caller panics, nothing is written to memory that may move.
            self.limit.set(0);
            tape
        }
    }
}

thread_local! {
    /// The recordings of `f64` variables, then those over scalars of depth 0, 1, ...
    static SLOTS: [Slot; DEPTHS + 1] = const { [const { Slot::empty() }; DEPTHS + 1] };
}

/// Whether `S` is `f64`, which has a slot of its own. Decided when compiling.
#[inline(always)]
fn is_f64<S: Scalar>() -> bool {
    TypeId::of::<S>() == TypeId::of::<f64>()
}

#[inline(always)]
fn with_slot<S: Scalar, R>(body: impl FnOnce(&Slot) -> R) -> R {
    const { assert!(S::DEPTH < DEPTHS, "at most 16 engines may be stacked") };
    SLOTS.with(|slots| body(&slots[if is_f64::<S>() { 0 } else { S::DEPTH + 1 }]))
}

/// The number of the recording in progress over `S`, if there is one.
pub(crate) fn current<S: Scalar>() -> Option<u32> {
    with_slot::<S, _>(|slot| {
        let id = slot.id.get();
        (id != IDLE && slot.records::<S>(id)).then_some(id)
    })
}

/// One or two terms of a statement.
#[derive(Clone, Copy)]
pub(crate) struct Pair<S> {
    /// The second is [`NONE`] if there is one only.
    pub(crate) operands: [u32; 2],
    pub(crate) partials: [S; 2],
}

/// Records a statement of the terms in `a` and `b`, if there are any, on the tape numbered `id`, and
/// returns the variable that it is, or `None` if that tape is not the one in progress or has no memory
/// left: then [`grow`] knows more.
#[inline(always)]
pub(crate) fn push<S: Scalar>(id: u32, a: Pair<S>, b: Option<Pair<S>>) -> Option<u32> {
    with_slot::<S, _>(|slot| {
        let (next, terms) = (slot.next.get(), slot.terms.get());
        if !slot.records::<S>(id) || terms >= slot.limit.get() {
            return None;
        }
        let [first, second] = a.operands;
        let operands = slot.operands.get().wrapping_add(terms);
        let partials = slot.partials.get().cast::<S>().wrapping_add(terms);
        // PERF: always two terms of each, of which the next ones overwrite those that do not count:
        // fewer branches.
        let mut count = if second == NONE { 1 } else { 2 };
        // SAFETY: `id` is in progress, for it is the number of a variable and so not IDLE, and the
        // kind is that of `S`. Since `terms < limit`, the invariant of `Slot` says that there is room
        // for four terms; the second two are written at most two places on.
        unsafe {
            operands.cast::<[u32; 2]>().write_unaligned([first | FIRST, second]);
            partials.cast::<[S; 2]>().write(a.partials);
            if let Some(b) = b {
                operands.wrapping_add(count).cast::<[u32; 2]>().write_unaligned(b.operands);
                partials.wrapping_add(count).cast::<[S; 2]>().write(b.partials);
                count += if b.operands[1] == NONE { 1 } else { 2 };
            }
        }
        slot.terms.set(terms + count);
        slot.next.set(next + 1);
        Some(next)
    })
}

/// Makes room on the tape numbered `id` for further statements. Returns false if it is not the one in
/// progress.
#[cold]
#[inline(never)]
pub(crate) fn grow<S: Scalar>(id: u32) -> bool {
    with_slot::<S, _>(|slot| {
        if id == IDLE || !slot.records::<S>(id) {
            return false;
        }
        // SAFETY: just checked. `Tape::grow` runs no code of others that could come back here: it
        // copies plain data to larger vectors.
        let tape = unsafe { slot.close::<S>() };
        tape.grow();
        slot.open(tape);
        true
    })
}

/// Records a rule on the tape numbered `id`, and returns the variable of the first of its `outputs`, or
/// `None` if that tape is not the one in progress.
pub(crate) fn push_rule<S: Scalar>(
    id: u32,
    call: Arc<dyn Derivatives<S>>,
    operands: &[u32],
    x: &[S],
    outputs: usize,
) -> Option<u32> {
    with_slot::<S, _>(|slot| {
        if id == IDLE || !slot.records::<S>(id) {
            return None;
        }
        // SAFETY: as in `grow`; slices of plain data are copied and an `Arc` is moved.
        let tape = unsafe { slot.close::<S>() };
        let variable = tape.push_rule(call, (operands, x), outputs);
        slot.open(tape);
        Some(variable)
    })
}

/// Runs `body` with `tape` recording for this thread; `body` gets the number of the recording.
///
/// Recordings at one depth nest: the outer one rests until the inner one ends, also by a panic.
pub(crate) fn record<S: Scalar, R>(tape: &mut Tape<S>, body: impl FnOnce(u32) -> R) -> R {
    /// Ends the recording, and puts the outer one back.
    struct End<S: Scalar>(Slot, PhantomData<S>);
    impl<S: Scalar> Drop for End<S> {
        fn drop(&mut self) {
            with_slot::<S, _>(|slot| {
                // SAFETY: the recording that `record` began is in progress again: those inside have
                // ended, since their guards were dropped before this one.
                unsafe { slot.close::<S>() };
                slot.restore(&self.0);
            });
        }
    }

    let id = next_id();
    // The invariant holds until `End` drops: `tape` is borrowed by this call, which does not use it,
    // and the guard is a local that nobody can forget.
    let _end = with_slot::<S, _>(|slot| {
        let outer = slot.clone();
        slot.open(tape);
        slot.kind.set(TypeId::of::<S>());
        slot.id.set(id);
        End::<S>(outer, PhantomData)
    });
    body(id)
}

/// A number that no variable has, neither [`CONSTANT`] nor [`IDLE`].
fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    loop {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        if id != CONSTANT && id != IDLE {
            return id;
        }
    }
}
