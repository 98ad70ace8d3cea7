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
#![allow(unsafe_code, reason = "a checked pointer is a third faster than `RefCell` and `Any`")]

use std::any::TypeId;
use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ad_api::Scalar;

use super::{Derivatives, Node, Tape};

/// The number of a variable that no tape records.
pub(crate) const CONSTANT: u32 = 0;

/// The number in a slot without a recording: no variable has it.
const IDLE: u32 = u32::MAX;

/// How many engines may be stacked.
const DEPTHS: usize = 16;

/// A recording in progress.
///
/// Invariant: unless `id` is [`IDLE`], `tape` points to a live `Tape<S>`, where `kind` is the type id
/// of `S`, that nothing else refers to while a function of this module uses it.
struct Slot {
    id: Cell<u32>,
    tape: Cell<*mut ()>,
    kind: Cell<TypeId>,
}

impl Slot {
    const EMPTY: Slot = Slot {
        id: Cell::new(IDLE),
        tape: Cell::new(ptr::null_mut()),
        kind: Cell::new(TypeId::of::<()>()),
    };

    fn replace(&self, (id, tape, kind): (u32, *mut (), TypeId)) -> (u32, *mut (), TypeId) {
        (self.id.replace(id), self.tape.replace(tape), self.kind.replace(kind))
    }
}

thread_local! {
    /// The recordings of `f64` variables, then those over scalars of depth 0, 1, ...
    static SLOTS: [Slot; DEPTHS + 1] = const { [Slot::EMPTY; DEPTHS + 1] };
}

/// Whether `S` is `f64`, which has a slot of its own. Decided when compiling.
#[inline]
fn is_f64<S: Scalar>() -> bool {
    TypeId::of::<S>() == TypeId::of::<f64>()
}

#[inline]
fn with_slot<S: Scalar, R>(body: impl FnOnce(&Slot) -> R) -> R {
    const { assert!(S::DEPTH < DEPTHS, "at most 16 engines may be stacked") };
    SLOTS.with(|slots| body(&slots[if is_f64::<S>() { 0 } else { S::DEPTH + 1 }]))
}

/// The number of the recording in progress over `S`, if there is one.
#[inline]
pub(crate) fn current<S: Scalar>() -> Option<u32> {
    with_slot::<S, _>(|slot| {
        let fits = slot.id.get() != IDLE && (is_f64::<S>() || slot.kind.get() == TypeId::of::<S>());
        fits.then(|| slot.id.get())
    })
}

/// The tape of the recording `id` over `S`, if it is the one in progress.
#[inline]
fn tape<S: Scalar>(id: u32) -> Option<*mut Tape<S>> {
    with_slot::<S, _>(|slot| {
        // Only tapes over f64 enter its slot, so its kind needs no look.
        let fits = slot.id.get() == id && (is_f64::<S>() || slot.kind.get() == TypeId::of::<S>());
        fits.then(|| slot.tape.get().cast())
    })
}

/// Records a node on the tape numbered `id` and returns its variable, or `None` if that tape is not
/// the one in progress.
#[inline]
pub(crate) fn push<S: Scalar>(id: u32, node: Node<S>) -> Option<u32> {
    let tape = tape::<S>(id)?;
    // SAFETY: by the invariant of `Slot`: `id` is in progress, for it is the number of a variable and
    // so not IDLE, and the kind is that of `S`. `Tape::push` runs no code of others, which could
    // come back here: it copies plain data into a vector.
    Some(unsafe { (*tape).push(node) })
}

/// As [`push`], for a rule: returns the variable of the first of its `outputs`.
pub(crate) fn push_rule<S: Scalar>(
    id: u32,
    call: Arc<dyn Derivatives<S>>,
    operands: &[u32],
    x: &[S],
    outputs: usize,
) -> Option<u32> {
    let tape = tape::<S>(id)?;
    // SAFETY: as in `push`; slices of plain data are copied and an `Arc` is moved.
    Some(unsafe { (*tape).push_rule(call, operands, x, outputs) })
}

/// Runs `body` with `tape` recording for this thread; `body` gets the number of the recording.
///
/// Recordings at one depth nest: the outer one rests until the inner one ends, also by a panic.
pub(crate) fn record<S: Scalar, R>(tape: &mut Tape<S>, body: impl FnOnce(u32) -> R) -> R {
    /// Puts the outer recording back.
    struct Restore<S: Scalar>(Option<(u32, *mut (), TypeId)>, std::marker::PhantomData<S>);
    impl<S: Scalar> Drop for Restore<S> {
        fn drop(&mut self) {
            if let Some(outer) = self.0.take() {
                with_slot::<S, _>(|slot| slot.replace(outer));
            }
        }
    }

    let id = next_id();
    // The invariant holds until `Restore` drops: `tape` is borrowed by this call, which does not use
    // it, and the guard is a local that nobody can forget.
    let entry = (id, ptr::from_mut(tape).cast(), TypeId::of::<S>());
    let outer = with_slot::<S, _>(|slot| slot.replace(entry));
    let _restore = Restore::<S>(Some(outer), std::marker::PhantomData);
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
