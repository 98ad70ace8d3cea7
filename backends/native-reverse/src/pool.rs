//! Memory that a thread keeps between calls of the primitives, which own none.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static POOLS: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// Calls `body` with a `T` that an earlier call used, or a new one. Nested calls get different ones.
///
/// It is kept for the next call unless `body` panics.
pub(crate) fn with<T: Default + 'static, R>(body: impl FnOnce(&mut T) -> R) -> R {
    let kept = POOLS.try_with(|pools| {
        pools.borrow_mut().get_mut(&TypeId::of::<T>())?.downcast_mut::<Vec<T>>()?.pop()
    });
    let mut memory = kept.ok().flatten().unwrap_or_default();
    let result = body(&mut memory);
    // A thread that is ending has no pool any more: then the memory is simply freed.
    let _ = POOLS.try_with(|pools| {
        let mut pools = pools.borrow_mut();
        let pool = pools.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Vec::<T>::new()));
        if let Some(pool) = pool.downcast_mut::<Vec<T>>() {
            pool.push(memory);
        }
    });
    result
}
