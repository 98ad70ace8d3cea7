//! The memory that a loop runs in.

use super::plan::Plan;

/// Where the steps of a loop find what they read, and put what they compute.
#[derive(Debug)]
pub(super) struct Areas<'a> {
    /// A number for each node: inputs, constants and what is computed once are in place.
    pub(super) slots: &'a mut [f64],
    /// The rows of constants of the steps.
    pub(super) data: &'a [f64],
    /// The state, and as much again to put the next one.
    pub(super) state: &'a mut [f64],
    /// The records of the steps, and a state after the last of them.
    pub(super) records: &'a mut [f64],
    /// The sums of the readouts.
    pub(super) sums: &'a mut [f64],
    /// The adjoint of the state, and as much again to put the one before.
    pub(super) adjoint: &'a mut [f64],
    /// The adjoints of the parameters, without their factors.
    pub(super) parameters: &'a mut [f64],
}

impl Areas<'_> {
    /// The places of the areas in what machine code gets.
    #[cfg(feature = "jit")]
    pub(super) const SLOTS: usize = 0;
    #[cfg(feature = "jit")]
    pub(super) const DATA: usize = 1;
    #[cfg(feature = "jit")]
    pub(super) const STATE: usize = 2;
    #[cfg(feature = "jit")]
    pub(super) const RECORDS: usize = 3;
    #[cfg(feature = "jit")]
    pub(super) const SUMS: usize = 4;
    #[cfg(feature = "jit")]
    pub(super) const ADJOINT: usize = 5;
    #[cfg(feature = "jit")]
    pub(super) const PARAMETERS: usize = 6;
}

/// The numbers that the records of so many steps take.
pub(super) fn records(plan: &Plan, steps: usize) -> usize {
    steps * plan.stride() + if plan.keeps_state { plan.sizes.state } else { 0 }
}

/// Whether the way forwards leaves records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Only values.
    Values,
    /// With what the way back needs.
    Record,
}
