//! What differentiates array programs, and how close it must come.

use ad_api::array::{Array, ArrayBackend, ArrayFunction, Tensor, flatten, unflatten};
use ad_api::{AdError, Result};

use super::Steps;
use super::reference::Entries;

/// Rounding units, relative to the largest entry: derivatives of a few operations after another.
const ROUNDING_UNITS: f64 = 256.0;

/// Several arrays.
type Arrays<T> = [Array<T>];

/// Values, and what each seed became.
type Swept<T> = (Vec<Array<T>>, Vec<Vec<Array<T>>>);

type Sweep<T> = dyn Fn(&Steps, &Arrays<T>, &[Vec<Array<T>>]) -> Result<Swept<T>> + Send + Sync;

type Product<T> =
    dyn Fn(&Steps, &Arrays<T>, &Arrays<T>, &Arrays<T>) -> Result<Vec<Array<T>>> + Send + Sync;

/// The derivatives of array programs that something computes, on the arrays of one library.
///
/// ```
/// use ad_api::array::{Array, ArrayFunction, Host, HostTensor, flatten, unflatten};
/// use ad_api::{Differentiate, array::Flat};
/// use ad_conformance::{ArrayLaw, ArraySubject, ArraySweeps};
/// use ad_dual::Dual;
///
/// let forward = ArraySweeps::<HostTensor<f64>>::new("dual on the host", Host)
///     .pushforward(|f, x, x_dots| {
///         let (flat, at) = (Flat::new(f.clone()), flatten(x)?);
///         let arrays = |y: &[f64]| unflatten(&Host, &f.outputs(), y);
///         let push = |x_dot: &Vec<Array<_>>| {
///             let y_dot = Dual::default().pushforward(&flat, &at, &flatten(x_dot)?)?;
///             arrays(y_dot.as_slice())
///         };
///         let y = ad_api::array::evaluate(f, x)?;
///         Ok((y, x_dots.iter().map(push).collect::<Result<_, _>>()?))
///     });
/// ArraySubject::from(forward).assert(ArrayLaw::Pushforward);
/// ```
pub struct ArraySweeps<T: Tensor> {
    name: String,
    device: T::Device,
    pullback: Option<Box<Sweep<T>>>,
    pushforward: Option<Box<Sweep<T>>>,
    hvp: Option<Box<Product<T>>>,
}

impl<T: Tensor> ArraySweeps<T> {
    /// Nothing yet.
    pub fn new(name: &str, device: T::Device) -> Self {
        ArraySweeps { name: name.into(), device, pullback: None, pushforward: None, hvp: None }
    }

    /// `(f, x, y_bars) ↦ (f(x), J(x)ᵀ w for each w in y_bars)`, one array for each input.
    #[must_use]
    pub fn pullback<F>(mut self, sweep: F) -> Self
    where
        F: Fn(&Steps, &Arrays<T>, &[Vec<Array<T>>]) -> Result<Swept<T>> + Send + Sync + 'static,
    {
        self.pullback = Some(Box::new(sweep));
        self
    }

    /// `(f, x, x_dots) ↦ (f(x), J(x) v for each v in x_dots)`, one array for each output.
    #[must_use]
    pub fn pushforward<F>(mut self, sweep: F) -> Self
    where
        F: Fn(&Steps, &Arrays<T>, &[Vec<Array<T>>]) -> Result<Swept<T>> + Send + Sync + 'static,
    {
        self.pushforward = Some(Box::new(sweep));
        self
    }

    /// `(f, x, y_bar, x_dot) ↦ ∇²(y_bar·f)(x) x_dot`, one array for each input.
    #[must_use]
    pub fn hvp<F>(mut self, product: F) -> Self
    where
        F: Fn(&Steps, &Arrays<T>, &Arrays<T>, &Arrays<T>) -> Result<Vec<Array<T>>>
            + Send
            + Sync
            + 'static,
    {
        self.hvp = Some(Box::new(product));
        self
    }

    fn run(&self, sweep: Option<&Sweep<T>>, f: &Steps, x: &[f64], seeds: &Seeds) -> Result<Found> {
        let sweep = sweep.ok_or_else(|| missing(&self.name))?;
        let x = unflatten(&self.device, &f.inputs(), x)?;
        let seeds = seeds
            .entries
            .iter()
            .map(|seed| unflatten(&self.device, seeds.dims, seed))
            .collect::<Result<Vec<_>>>()?;
        let (y, swept) = sweep(f, &x, &seeds)?;
        Ok(Found {
            y: flatten(&y)?,
            swept: swept.iter().map(|s| flatten(s)).collect::<Result<_>>()?,
        })
    }
}

fn missing(name: &str) -> AdError {
    AdError::Unsupported {
        backend: name.into(),
        operation: "the sweep of this law",
        reason: "the subject was made without it".into(),
    }
}

/// Seeds as entries, and the shapes of their arrays.
struct Seeds<'a> {
    dims: &'a [ad_api::array::Dims],
    entries: &'a [Entries],
}

/// Values, and what each seed became.
pub(super) struct Found {
    pub(super) y: Entries,
    pub(super) swept: Vec<Entries>,
}

/// [`ArraySweeps`] behind one object, so that checks are compiled once.
pub(super) trait Differentiator: Send + Sync {
    fn pullback(&self, f: &Steps, x: &[f64], y_bars: &[Entries]) -> Result<Found>;

    fn pushforward(&self, f: &Steps, x: &[f64], x_dots: &[Entries]) -> Result<Found>;

    fn hvp(&self, f: &Steps, x: &[f64], y_bar: &[f64], x_dot: &[f64]) -> Result<Entries>;

    /// The outcomes with one input too many, with an input of another shape, and with a seed of
    /// another shape: each should be an error.
    fn wrong_shapes(&self, f: &Steps, x: &[f64], reverse: bool) -> [Result<()>; 3];
}

impl<T: Tensor> Differentiator for ArraySweeps<T> {
    fn pullback(&self, f: &Steps, x: &[f64], y_bars: &[Entries]) -> Result<Found> {
        let seeds = Seeds { dims: &f.outputs(), entries: y_bars };
        self.run(self.pullback.as_deref(), f, x, &seeds)
    }

    fn pushforward(&self, f: &Steps, x: &[f64], x_dots: &[Entries]) -> Result<Found> {
        let seeds = Seeds { dims: &f.inputs(), entries: x_dots };
        self.run(self.pushforward.as_deref(), f, x, &seeds)
    }

    fn hvp(&self, f: &Steps, x: &[f64], y_bar: &[f64], x_dot: &[f64]) -> Result<Entries> {
        let product = self.hvp.as_deref().ok_or_else(|| missing(&self.name))?;
        let inputs = |entries| unflatten(&self.device, &f.inputs(), entries);
        let y_bar = unflatten(&self.device, &f.outputs(), y_bar)?;
        flatten(&product(f, &inputs(x)?, &y_bar, &inputs(x_dot)?)?)
    }

    fn wrong_shapes(&self, f: &Steps, x: &[f64], reverse: bool) -> [Result<()>; 3] {
        let sweep = if reverse { &self.pullback } else { &self.pushforward };
        let seed_dims = if reverse { f.outputs() } else { f.inputs() };
        let Some(sweep) = sweep else { return [const { Ok(()) }; 3] };
        let call = |x: &Arrays<T>, seed: Vec<Array<T>>| sweep(f, x, &[seed]).map(drop);
        let right = unflatten::<T>(&self.device, &f.inputs(), x);
        let seed: Vec<_> =
            seed_dims.iter().map(|&dims| Array::<T>::full(&self.device, dims, 1.0)).collect();
        let Ok(right) = right else { return [const { Ok(()) }; 3] };
        let other = Array::<T>::full(&self.device, [7, 7], 1.0);
        let longer = [&right[..], std::slice::from_ref(&other)].concat();
        let odd = [&right[1..], std::slice::from_ref(&other)].concat();
        let odd_seed = [&seed[1..], std::slice::from_ref(&other)].concat();
        [call(&longer, seed.clone()), call(&odd, seed), call(&right, odd_seed)]
    }
}

/// What differentiates array programs, with the tolerance that it is held to: relative to the largest
/// entry of a result (or to 1), and by default 256 times the [`precision`](Tensor::precision) that
/// its tensors state.
pub struct ArraySubject {
    name: String,
    tolerance: f64,
    pub(super) differentiator: Box<dyn Differentiator>,
}

impl ArraySubject {
    /// The reverse mode of an engine of arrays.
    ///
    /// # Errors
    ///
    /// Where the engine has no device.
    pub fn new<E: ArrayBackend>(engine: E) -> Result<Self> {
        let sweeps = ArraySweeps::<E::Tensor>::new(&engine.name(), engine.device()?);
        Ok(sweeps.pullback(move |f, x, y_bars| engine.value_and_pullbacks(f, x, y_bars)).into())
    }

    /// Replaces the tolerance.
    #[must_use]
    pub fn tol(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// What is wrong with entries, if anything. NaN is the same as NaN.
    pub(super) fn compare(&self, found: &[f64], expected: &[f64]) -> Option<String> {
        if found.len() != expected.len() {
            return Some(format!("has {} entries, expected {}", found.len(), expected.len()));
        }
        let finite = expected.iter().filter(|x| x.is_finite());
        let allowed = self.tolerance * finite.fold(1.0, |size: f64, x| size.max(x.abs()));
        let close = |found: f64, expected: f64| {
            found == expected
                || (found.is_nan() && expected.is_nan())
                || (expected.is_finite() && (found - expected).abs() <= allowed)
        };
        let wrong = (0..found.len()).find(|&i| !close(found[i], expected[i]))?;
        let (value, right) = (found[wrong], expected[wrong]);
        Some(format!("[{wrong}] is {value:e}, expected {right:e} (allowed error {allowed:.1e})"))
    }
}

impl<T: Tensor> From<ArraySweeps<T>> for ArraySubject {
    fn from(sweeps: ArraySweeps<T>) -> Self {
        ArraySubject {
            name: sweeps.name.clone(),
            tolerance: ROUNDING_UNITS * T::precision(&sweeps.device),
            differentiator: Box::new(sweeps),
        }
    }
}
