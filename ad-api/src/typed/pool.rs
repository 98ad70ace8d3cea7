//! Argument values that are kept between evaluations, for any type.
//!
//! An evaluation builds the arguments in a scalar type that only the engine knows. What they own
//! (the vectors in a struct) is reused by the next evaluation on the same thread.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::needs_drop;

thread_local! {
    static POOLS: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// A value given back earlier on this thread, whatever it holds by now.
pub(super) fn take<T: 'static>() -> Option<T> {
    if !needs_drop::<T>() {
        return None;
    }
    let taken = POOLS.try_with(|pools| {
        let mut pools = pools.borrow_mut();
        pools.get_mut(&TypeId::of::<T>())?.downcast_mut::<Vec<T>>()?.pop()
    });
    taken.ok().flatten()
}

/// Keeps a value for [`take`].
pub(super) fn give<T: 'static>(value: T) {
    // What needs no drop owns no memory.
    if !needs_drop::<T>() {
        return;
    }
    // A thread that is ending has no pool any more: then the value is simply dropped.
    let _ = POOLS.try_with(|pools| {
        let mut pools = pools.borrow_mut();
        let pool = pools.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Vec::<T>::new()));
        if let Some(pool) = pool.downcast_mut::<Vec<T>>() {
            pool.push(value);
        }
    });
}
