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

use super::{Derivatives, NONE, Node, Tape};

/// The number of a variable that no tape records.
pub(crate) const CONSTANT: u32 = 0;

/// The number in a slot without a recording: no variable has it.
const IDLE: u32 = u32::MAX;

/// How many engines may be stacked.
const DEPTHS: usize = 16;

/// A recording in progress.
///
/// While it lasts, nodes are written to the memory of the tape's vector through `base`, and its length
/// is set at the end: that saves two loads and a function call per operation.
///
/// Invariant: unless `id` is [`IDLE`], `tape` points to a live `Tape<S>`, where `kind` is the type id
/// of `S`, that nothing else refers to while a function of this module uses it; and for every
/// variable `v` with `tape.inputs <= v < limit`, `base + v` is a place in the memory of its nodes,
/// initialized if `v < next`.
#[derive(Clone)]
struct Slot {
    id: Cell<u32>,
    /// The variable of the next node.
    next: Cell<u32>,
    /// The first variable for which there is no memory.
    limit: Cell<u32>,
    /// The `*mut Node<S>` where variable 0 would be, were it a node.
    base: Cell<*mut ()>,
    /// The `*mut Tape<S>`.
    tape: Cell<*mut ()>,
    kind: Cell<TypeId>,
}

impl Slot {
    const fn empty() -> Slot {
        Slot {
            id: Cell::new(IDLE),
            next: Cell::new(0),
            limit: Cell::new(0),
            base: Cell::new(ptr::null_mut()),
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
        self.limit.set(other.limit.get());
        self.base.set(other.base.get());
        self.tape.set(other.tape.get());
        self.kind.set(other.kind.get());
    }

    /// Points to `tape` and to where its nodes are: from here on, [`push`] writes them.
    fn open<S: Scalar>(&self, tape: &mut Tape<S>) {
        self.tape.set(ptr::from_mut(tape).cast());
        let Tape { inputs, nodes, .. } = tape;
        let len = u32::try_from(nodes.len()).unwrap_or(NONE);
        let capacity = u32::try_from(nodes.capacity()).unwrap_or(NONE);
        self.next.set(*inputs + len);
        self.limit.set(inputs.saturating_add(capacity));
        self.base.set(nodes.as_mut_ptr().wrapping_sub(*inputs as usize).cast());
    }

    /// Tells `tape` how many nodes have been written, and returns it.
    ///
    /// # Safety
    ///
    /// The recording is one over `S`, in progress.
    unsafe fn close<'a, S: Scalar>(&self) -> &'a mut Tape<S> {
        // SAFETY: by the invariant, `tape` is live and ours alone, and the nodes up to `next` are
        // initialized.
        unsafe {
            let tape = &mut *self.tape.get().cast::<Tape<S>>();
            tape.nodes.set_len((self.next.get() - tape.inputs) as usize);
            // Until `open`, also if the caller panics, nothing is written to memory that may move.
            self.limit.set(self.next.get());
            tape
        }
    }
}

thread_local! {
    /// The recordings of `f64` variables, then those over scalars of depth 0, 1, ...
    static SLOTS: [Slot; DEPTHS + 1] = const { [const { Slot::empty() }; DEPTHS + 1] };
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
pub(crate) fn current<S: Scalar>() -> Option<u32> {
    with_slot::<S, _>(|slot| {
        let id = slot.id.get();
        (id != IDLE && slot.records::<S>(id)).then_some(id)
    })
}

/// Records a node on the tape numbered `id` and returns its variable, or `None` if that tape is not
/// the one in progress or has no memory left; then [`push_slowly`] knows more.
#[inline]
pub(crate) fn push<S: Scalar>(id: u32, operands: [u32; 2], partials: [S; 2]) -> Option<u32> {
    with_slot::<S, _>(|slot| {
        let next = slot.next.get();
        if !slot.records::<S>(id) || next == slot.limit.get() {
            return None;
        }
        let base: *mut Node<S> = slot.base.get().cast();
        // SAFETY: `id` is in progress, for it is the number of a variable and so not IDLE, and the
        // kind is that of `S`. Since `next < limit`, the invariant of `Slot` says that this is a
        // place in the memory of the nodes.
        unsafe { base.wrapping_add(next as usize).write(Node { operands, partials }) };
        slot.next.set(next + 1);
        Some(next)
    })
}

/// As [`push`], and makes room where there is none.
pub(crate) fn push_slowly<S: Scalar>(id: u32, operands: [u32; 2], partials: [S; 2]) -> Option<u32> {
    with_slot::<S, _>(|slot| {
        if id == IDLE || !slot.records::<S>(id) {
            return None;
        }
        // SAFETY: just checked. `Tape::push` runs no code of others that could come back here: it
        // copies plain data into a vector.
        let tape = unsafe { slot.close::<S>() };
        let variable = tape.push(Node { operands, partials });
        slot.open(tape);
        Some(variable)
    })
}

/// As [`push_slowly`], for a rule: returns the variable of the first of its `outputs`.
pub(crate) fn push_rule<S: Scalar>(
    id: u32,
    call: Arc<dyn Derivatives<S>>,
    operands: &[u32],
    x: &[S],
    outputs: usize,
) -> Option<u32> {
    // Made here, where no tape is borrowed: a foreign scalar may run any code in it.
    let leaf = Node { operands: [NONE; 2], partials: [S::from(0.0); 2] };
    with_slot::<S, _>(|slot| {
        if id == IDLE || !slot.records::<S>(id) {
            return None;
        }
        // SAFETY: as in `push_slowly`; slices of plain data are copied and an `Arc` is moved.
        let tape = unsafe { slot.close::<S>() };
        let variable = tape.push_rule(call, (operands, x), leaf, outputs);
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
