//! Counting allocations.
#![allow(unsafe_code, reason = "an allocator is an unsafe trait; this one only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Constant, without a destructor: reading it never allocates.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system allocator, counting the allocations of each thread.
///
/// [`allocation_suite!`](crate::allocation_suite!) installs it in a test binary; elsewhere:
///
/// ```
/// use ad_conformance::CountingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// let (buffer, count) = CountingAllocator::count(|| vec![0.0; 3]);
/// assert_eq!((buffer.len(), count), (3, 1));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

impl CountingAllocator {
    /// The result of `body`, and how many allocations (and reallocations) this thread made in it.
    pub fn count<T>(body: impl FnOnce() -> T) -> (T, usize) {
        let before = ALLOCATIONS.get();
        let result = body();
        (result, ALLOCATIONS.get() - before)
    }

    /// Whether this is the allocator of the running program.
    pub fn is_installed() -> bool {
        Self::count(|| std::hint::black_box(Box::new(0_u8))).1 > 0
    }
}

fn count() {
    // A thread that is ending has no count any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every method is that of `System`, with the arguments as given.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: `block` came from `System` through this allocator.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
