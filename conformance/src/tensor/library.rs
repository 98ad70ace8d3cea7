//! A library behind one object, so that checks are compiled once.

use ad_api::Result;
use ad_api::array::{Array, ArrayOp, Constant, Dims, Tensor};

use super::case::{Case, Operand};
use super::methods::{self, Method};
use super::{Watched, Watching, messages};

/// An array as it came back from the library.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) dims: Vec<usize>,
    pub(super) entries: Vec<f64>,
    /// Whether it says that it lives on the device of the suite.
    pub(super) at_home: bool,
}

/// The copies of a constant, counted after each of these steps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) first: usize,
    pub(super) again: usize,
    pub(super) of_a_clone: usize,
    pub(super) on_another_device: usize,
}

pub(super) trait Library: Send + Sync {
    fn precision(&self) -> f64;

    fn send(&self, dims: &[usize], entries: &[f64]) -> Result<Found>;

    fn full(&self, dims: &[usize], value: f64) -> Result<Found>;

    fn compute(&self, case: &Case) -> Result<Found>;

    /// The operands, after the operation and after the result is gone.
    fn operands_after(&self, case: &Case) -> Result<Vec<Found>>;

    fn methods(&self) -> Vec<Method>;

    fn wrong_shapes(&self) -> Vec<messages::Wrong>;

    fn carried_errors(&self) -> Vec<messages::Wrong>;

    fn copies_of_a_constant(&self) -> Result<Copies>;
}

pub(super) struct Of<T: Tensor> {
    pub(super) device: T::Device,
}

fn dims(sizes: &[usize]) -> Dims {
    sizes.iter().copied().collect()
}

impl<T: Tensor> Of<T> {
    fn operand(&self, operand: &Operand) -> Array<T> {
        let base = &operand.base;
        let array = Array::from_host(&self.device, dims(&base.dims), &base.entries);
        operand.moves.iter().fold(array, |array, (op, _)| Array::apply(op, &[&array]))
    }

    fn found(&self, array: &Array<T>) -> Result<Found> {
        let at_home = array.device() == self.device && array.tensor()?.device() == self.device;
        let dims = array.tensor()?.dims();
        let entries = array.to_vec()?;
        Ok(Found { dims: dims.to_vec(), entries, at_home })
    }

    fn operands(&self, case: &Case) -> Vec<Array<T>> {
        case.operands.iter().map(|operand| self.operand(operand)).collect()
    }
}

impl<T: Tensor> Library for Of<T> {
    fn precision(&self) -> f64 {
        T::precision(&self.device)
    }

    fn send(&self, sizes: &[usize], entries: &[f64]) -> Result<Found> {
        self.found(&Array::from_host(&self.device, dims(sizes), entries))
    }

    fn full(&self, sizes: &[usize], value: f64) -> Result<Found> {
        self.found(&Array::full(&self.device, dims(sizes), value))
    }

    fn compute(&self, case: &Case) -> Result<Found> {
        let operands = self.operands(case);
        self.found(&Array::apply(&case.op, &operands.iter().collect::<Vec<_>>()))
    }

    fn operands_after(&self, case: &Case) -> Result<Vec<Found>> {
        let operands = self.operands(case);
        let result = Array::apply(&case.op, &operands.iter().collect::<Vec<_>>());
        // A library that reuses memory may do so with a result that it thinks nobody else sees.
        drop(Array::apply(&ArrayOp::Neg, &[&result]).check());
        drop(result);
        operands.iter().map(|operand| self.found(operand)).collect()
    }

    fn methods(&self) -> Vec<Method> {
        methods::table::<T>(&self.device)
    }

    fn wrong_shapes(&self) -> Vec<messages::Wrong> {
        messages::wrong_shapes::<T>(&self.device)
    }

    fn carried_errors(&self) -> Vec<messages::Wrong> {
        messages::carried_errors::<T>(&self.device)
    }

    fn copies_of_a_constant(&self) -> Result<Copies> {
        let constant = Constant::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
        let here = Watching::new(self.device.clone());
        let on = |constant: &Constant, device| {
            let sum = constant.on::<Watched<T>>(device).sum_all();
            sum.check().map(|()| device.take().from_host)
        };
        Ok(Copies {
            first: on(&constant, &here)?,
            again: on(&constant, &here)?,
            of_a_clone: on(&constant.clone(), &here)?,
            on_another_device: on(&constant, &Watching::new(self.device.clone()))?,
        })
    }
}
