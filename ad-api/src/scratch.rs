//! Working memory that is kept between calls, for any scalar type.
//!
//! A primitive is called with `&self` and in a scalar type that only the caller knows, so it cannot
//! own its buffers. It borrows them here: a thread keeps the buffers of every type it has used, and
//! a call that runs again allocates nothing.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::Scalar;

thread_local! {
    static POOLS: RefCell<HashMap<TypeId, Box<dyn Any>, BuildHasherDefault<TypeIdHasher>>> =
        RefCell::default();
}

/// A [`TypeId`] is a hash already. PERF: a small Jacobian spends most of its time in these lookups;
/// hashing once more would double it.
#[derive(Default)]
struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Calls `body` with a buffer of `len` zeros. Nested calls get different buffers.
///
/// The buffer goes back to the thread's pool afterwards; if `body` panics it is freed instead.
///
/// ```
/// let sum: f64 = ad_api::scratch::with(3, |buffer: &mut [f64]| {
///     buffer.fill(2.0);
///     buffer.iter().sum()
/// });
/// assert_eq!(sum, 6.0);
/// ```
pub fn with<S: Scalar, R>(len: usize, body: impl FnOnce(&mut [S]) -> R) -> R {
    let mut buffer: Vec<S> = take();
    buffer.clear();
    buffer.resize(len, S::zero());
    let result = body(&mut buffer);
    give(buffer);
    result
}

/// Takes a recycled vector out of the thread's pool, or a new one. Give it back with [`give`].
///
/// For buffers of types that are not scalars or that outlive one call; [`with`] is the usual way.
pub fn take<T: 'static>() -> Vec<T> {
    POOLS
        .try_with(|pools| {
            let mut pools = pools.borrow_mut();
            let pool = pools.get_mut(&TypeId::of::<T>())?.downcast_mut::<Vec<Vec<T>>>()?;
            pool.pop()
        })
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Gives a vector to the thread's pool; its contents are dropped.
pub fn give<T: 'static>(mut buffer: Vec<T>) {
    buffer.clear();
    // A thread that is ending has no pool any more: then the buffer is simply freed.
    let _ = POOLS.try_with(|pools| {
        let mut pools = pools.borrow_mut();
        let pool = pools.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Vec::<Vec<T>>::new()));
        if let Some(pool) = pool.downcast_mut::<Vec<Vec<T>>>() {
            pool.push(buffer);
        }
    });
}
