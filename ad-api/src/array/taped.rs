//! Reverse mode over any arrays.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Array, ArrayOp, Constant, Dims, Linear, Tensor, linearize_op};
use crate::{AdError, Result};

/// The record of what was computed from some inputs: for each operation, its derivative with respect
/// to the operands that depend on them.
///
/// A handle on it is cheap to clone. [`linearize`](super::linearize) is the short way for an
/// [`ArrayFunction`](super::ArrayFunction).
///
/// ```
/// use ad_api::array::{Array, HostTensor, Linearization, Tape};
///
/// let x: Array<HostTensor<f64>> = Array::host([2], &[1.0, 3.0])?;
/// let tape = Tape::new();
/// let x = tape.input(&x);
/// let y = x.square();
///
/// let linearization = Linearization::new(&[x], &[y.sum_all(), y])?;
/// let (y_bar, z_bar) = (Array::host([], &[1.0])?, Array::host([2], &[0.0, 10.0])?);
/// assert_eq!(linearization.apply_transpose(&[y_bar, z_bar])?[0].to_vec()?, [2.0, 66.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
///
/// # References
///
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM, 2008, section 4.
#[derive(Clone)]
pub struct Tape<T: Tensor>(Arc<Mutex<Vec<Record<T>>>>);

/// The active operands of an operation, by their index on the tape; none for an input. One operation
/// may have the same operand twice.
pub(super) type Record<T> = Arc<[(usize, Linear<T>)]>;

impl<T: Tensor> Tape<T> {
    /// An empty tape.
    pub fn new() -> Self {
        Tape(Arc::default())
    }

    /// The same array as an input: what is computed from it is recorded.
    ///
    /// An array that carries an error stays one.
    pub fn input(&self, value: &Array<T>) -> Array<TapedTensor<T>> {
        match value.check() {
            Ok(()) => {
                let variable = Some(self.push(Arc::new([])));
                Array::new(TapedTensor { value: value.clone(), variable })
            }
            Err(error) => Array::from_result(Err(error), &value.device(), value.dims()),
        }
    }

    fn push(&self, record: Record<T>) -> Variable<T> {
        let mut records = self.records();
        records.push(record);
        Variable { tape: self.clone(), index: records.len() - 1 }
    }

    pub(super) fn records(&self) -> MutexGuard<'_, Vec<Record<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Refuses arrays of two tapes.
    pub(super) fn foreign(operation: &'static str) -> AdError {
        AdError::Unsupported {
            backend: "taped arrays".into(),
            operation,
            reason: "its arrays belong to different tapes; record all of them on one".into(),
        }
    }
}

impl<T: Tensor> Default for Tape<T> {
    fn default() -> Self {
        Tape::new()
    }
}

impl<T: Tensor> fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("records", &self.records().len()).finish()
    }
}

/// An array that is recorded on a [`Tape`]: reverse mode for any array library.
///
/// An array that does not depend on an input is a constant: nothing of it is recorded. The tape is
/// turned into products with the Jacobian and its transpose by [`Linearization::new`](super::Linearization::new).
///
/// It is a [`Tensor`] over a [`Tensor`], so it nests with itself and [`DualTensor`](super::DualTensor).
#[derive(Clone, Debug)]
pub struct TapedTensor<T: Tensor> {
    value: Array<T>,
    variable: Option<Variable<T>>,
}

#[derive(Clone, Debug)]
pub(super) struct Variable<T: Tensor> {
    pub(super) tape: Tape<T>,
    pub(super) index: usize,
}

impl<T: Tensor> TapedTensor<T> {
    /// An array that is no input.
    ///
    /// # Errors
    ///
    /// The error that the array carries.
    pub fn constant(value: &Array<T>) -> Result<Self> {
        value.check()?;
        Ok(TapedTensor { value: value.clone(), variable: None })
    }

    /// The array without its record.
    pub fn value(&self) -> &Array<T> {
        &self.value
    }

    pub(super) fn variable(&self) -> Option<&Variable<T>> {
        self.variable.as_ref()
    }
}

impl<T: Tensor> Tensor for TapedTensor<T> {
    type Device = T::Device;

    fn device(&self) -> T::Device {
        self.value.device()
    }

    fn dims(&self) -> Dims {
        self.value.dims()
    }

    fn precision(device: &T::Device) -> f64 {
        T::precision(device)
    }

    fn from_host(device: &T::Device, dims: Dims, entries: &[f64]) -> Result<Self> {
        let value = Array::new(T::from_host(device, dims, entries)?);
        Ok(TapedTensor { value, variable: None })
    }

    fn full(device: &T::Device, dims: Dims, value: f64) -> Result<Self> {
        Ok(TapedTensor { value: Array::new(T::full(device, dims, value)?), variable: None })
    }

    fn from_constant(device: &T::Device, constant: &Constant) -> Result<Self> {
        let value = Array::new(T::from_constant(device, constant)?);
        Ok(TapedTensor { value, variable: None })
    }

    fn is_constant(&self) -> bool {
        self.variable.is_none() && self.value.is_constant()
    }

    fn to_host(&self) -> Result<Vec<f64>> {
        self.value.to_vec()
    }

    fn apply(op: &ArrayOp, operands: &[&Self], _: Dims) -> Result<Self> {
        let mut variables = operands.iter().filter_map(|operand| operand.variable());
        let tape = variables.next().map(|variable| &variable.tape);
        if variables.any(|variable| tape.is_some_and(|tape| !tape.is(&variable.tape))) {
            return Err(Tape::<T>::foreign(op.name()));
        }
        let values: Vec<_> = operands.iter().map(|operand| &operand.value).collect();
        let value = Array::apply(op, &values);
        value.check()?;
        let mut record = Vec::new();
        for (i, operand) in operands.iter().enumerate() {
            if let Some(variable) = &operand.variable {
                let linear = linearize_op(op, &values, &value, i);
                record.extend(linear.map(|linear| (variable.index, linear)));
            }
        }
        let variable = match tape {
            Some(tape) if !record.is_empty() => Some(tape.push(record.into())),
            _ => None,
        };
        Ok(TapedTensor { value, variable })
    }
}
