//! Functions as data: one [`Function`] type for every scenario, so that a backend's suite compiles
//! the engine for one function and not for a hundred.

use std::sync::Arc;

use ad_api::{Failure, Function, Scalar, scratch};

use crate::op::{Op, Place};

/// A function `ℝⁿ → ℝᵐ` as a list of elementary operations, evaluated generically over any
/// [`Scalar`].
///
/// ```
/// use ad_api::Function;
/// use ad_conformance::Program;
///
/// let polar = Program::new(2, |x| vec![x[0] * x[1].cos(), x[0] * x[1].sin()]);
/// let mut y = [0.0; 2];
/// polar.eval(&[2.0, 0.0], &mut y).unwrap();
/// assert_eq!(y, [2.0, 0.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    inputs: usize,
    ops: Arc<[Op]>,
    outputs: Arc<[Place]>,
}

impl Program {
    /// Records `body`, which gets a node for each of `inputs` inputs and returns the outputs.
    pub fn new(inputs: usize, body: impl for<'a> FnOnce(&[Node<'a>]) -> Vec<Node<'a>>) -> Self {
        let recorder = Recorder::default();
        let x: Vec<_> = (0..inputs).map(|i| recorder.push(Op::Input(i))).collect();
        let outputs = body(&x).iter().map(|node| node.place).collect();
        drop(x);
        Program { inputs, ops: recorder.0.into_inner().into(), outputs }
    }

    /// A program from its parts, for generators: operations in order of execution, each reading
    /// earlier places only; the results are read from `outputs`.
    ///
    /// # Panics
    ///
    /// If an operation or output reads a place that is not written before.
    pub fn from_ops(inputs: usize, ops: Vec<Op>, outputs: Vec<Place>) -> Self {
        for (here, op) in ops.iter().enumerate() {
            assert!(op.reads().iter().all(|&place| place < here), "{op:?} at {here} reads ahead");
        }
        assert!(outputs.iter().all(|&place| place < ops.len()), "outputs {outputs:?} do not exist");
        Program { inputs, ops: ops.into(), outputs: outputs.into() }
    }

    /// The operations.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The value of every operation at `x`, in `f64`.
    ///
    /// # Errors
    ///
    /// The failure of a guard.
    pub fn trace(&self, x: &[f64]) -> Result<Vec<f64>, Failure> {
        let mut places = vec![0.0; self.ops.len()];
        self.run(x, &mut places)?;
        Ok(places)
    }

    /// `f(x)`, in `f64`.
    ///
    /// # Errors
    ///
    /// The failure of a guard.
    pub fn value(&self, x: &[f64]) -> Result<Vec<f64>, Failure> {
        let mut y = vec![0.0; self.outputs.len()];
        self.eval(x, &mut y)?;
        Ok(y)
    }

    fn run<S: Scalar>(&self, x: &[S], places: &mut [S]) -> Result<(), Failure> {
        for (here, op) in self.ops.iter().enumerate() {
            let (done, rest) = places.split_at_mut(here);
            rest[0] = op.eval(x, done)?;
        }
        Ok(())
    }
}

impl Function for Program {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs.len()
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        scratch::with(self.ops.len(), |places: &mut [S]| {
            self.run(x, places)?;
            y.iter_mut().zip(&*self.outputs).for_each(|(y, &place)| *y = places[place]);
            Ok(())
        })
    }
}

/// What [`Program::new`] records into.
#[derive(Default)]
struct Recorder(std::cell::RefCell<Vec<Op>>);

impl Recorder {
    fn push(&self, op: Op) -> Node<'_> {
        let mut ops = self.0.borrow_mut();
        ops.push(op);
        Node { recorder: self, place: ops.len() - 1 }
    }
}

/// An intermediate result of a [`Program`] in the making. Arithmetic between nodes and with `f64` on
/// the right, and the elementary functions, record operations.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    recorder: &'a Recorder,
    place: Place,
}

impl<'a> Node<'a> {
    fn push(self, op: Op) -> Self {
        self.recorder.push(op)
    }

    /// A constant.
    #[must_use]
    pub fn constant(self, value: f64) -> Node<'a> {
        self.push(Op::Constant(value))
    }

    /// An elementary function of one argument.
    #[must_use]
    pub fn unary(self, function: crate::Unary) -> Self {
        self.push(Op::Unary(function, self.place))
    }

    /// An elementary function of two arguments.
    #[must_use]
    pub fn binary(self, function: crate::Binary, other: Self) -> Self {
        self.push(Op::Binary(function, self.place, other.place))
    }

    /// An integer power.
    #[must_use]
    pub fn powi(self, exponent: i32) -> Self {
        self.push(Op::Powi(self.place, exponent))
    }

    /// `self * a + b`, rounded once.
    #[must_use]
    pub fn mul_add(self, a: Self, b: Self) -> Self {
        self.push(Op::MulAdd(self.place, a.place, b.place))
    }

    /// `self` confined to the interval from `low` to `high`.
    #[must_use]
    pub fn clamp(self, low: f64, high: f64) -> Self {
        self.push(Op::Clamp(self.place, low, high))
    }

    /// `yes` where `self` is positive, else `no`: a branch.
    #[must_use]
    pub fn choose(self, yes: Self, no: Self) -> Self {
        self.push(Op::Choose(self.place, yes.place, no.place))
    }

    /// `self`, but the function fails where `self` is greater than `limit`.
    #[must_use]
    pub fn fail_above(self, limit: f64) -> Self {
        self.push(Op::FailAbove(self.place, limit))
    }

    /// `self`, but the function panics where `self` is greater than `limit`.
    #[must_use]
    pub fn panic_above(self, limit: f64) -> Self {
        self.push(Op::PanicAbove(self.place, limit))
    }

    /// `self² other` through a [`Rule`](ad_api::Rule) that states the derivatives named by `stated`.
    #[must_use]
    pub fn rule(self, stated: crate::Stated, other: Self) -> Self {
        self.push(Op::Rule(stated, self.place, other.place))
    }
}

macro_rules! elementary {
    ($($name:ident $Function:ident),*) => {
        impl Node<'_> {$(
            #[doc = concat!("`", stringify!($name), "`.")]
            #[must_use]
            pub fn $name(self) -> Self { self.unary(crate::Unary::$Function) }
        )*}
    };
}
elementary!(sin Sin, cos Cos, exp Exp, ln Ln, sqrt Sqrt, abs Abs, tanh Tanh, recip Recip);

impl std::ops::Neg for Node<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(crate::Unary::Neg)
    }
}

macro_rules! operator {
    ($($Trait:ident $method:ident),*) => {$(
        impl std::ops::$Trait for Node<'_> {
            type Output = Self;
            fn $method(self, other: Self) -> Self { self.binary(crate::Binary::$Trait, other) }
        }
        impl std::ops::$Trait<f64> for Node<'_> {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                self.push(Op::WithConstant(crate::Binary::$Trait, self.place, other))
            }
        }
    )*};
}
operator!(Add add, Sub sub, Mul mul, Div div, Rem rem);

impl<'a> std::iter::Sum for Node<'a> {
    /// # Panics
    ///
    /// If there are no terms: without a node there is no recorder for the zero.
    fn sum<I: Iterator<Item = Node<'a>>>(terms: I) -> Self {
        terms.reduce(|a, b| a + b).expect("a sum of nodes has a term")
    }
}
