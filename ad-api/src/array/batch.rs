//! A scalar function at many points at once.

use std::collections::HashMap;
use std::fmt;
use std::slice::from_ref;
use std::sync::{Arc, Mutex, PoisonError};

use super::closed::TangentProgram;
use super::{
    Array, ArrayBackend, ArrayProgram, Dims, evaluate, lower_batch, value_and_pushforward,
};
use crate::trace::Program;
use crate::{AdError, Function, Result, Shape};

/// The most paths through a function that a batch takes.
const PATHS: usize = 64;

/// The most lowered programs that are kept, each for a path and a number of points.
const KEPT: usize = 128;

/// A [`Function`] evaluated and differentiated at many points in one pass, on the arrays of an engine.
///
/// The points are the rows of an array `[N, n]` on the engine's device, and so are the results: nothing
/// but a number for each point, whether it took the recorded path, comes to the host. What a function
/// chooses by `max`, `min`, `abs` and their like is chosen for each point. Where points differ in the
/// answer to a comparison, those that differ get a path of their own: the function is recorded again at
/// one of them, and each path is one pass. Recorded paths are kept for later calls.
///
/// On a processor, a batch of some thousand points, whose arrays fit into the cache, is several times
/// as fast as one of 10⁵: call it for block after block. On a GPU the whole is best.
///
/// # Errors
///
/// All methods: [`AdError::Array`] for other shapes, the failure of the function at a point where it
/// is recorded, [`AdError::Diverged`] where the points take more than 64 paths, what the
/// library reports.
///
/// ```
/// # use ad_api::array::{Array, ArrayBackend, ArrayFunction, Arrays, Host, HostTensor, linearize};
/// # use ad_api::Engine;
/// # #[derive(Debug, Clone)]
/// # struct Library;
/// # impl Engine for Library { fn name(&self) -> String { "library".into() } }
/// # impl ArrayBackend for Library {
/// #     type Tensor = HostTensor<f64>;
/// #     fn device(&self) -> ad_api::Result<Host> { Ok(Host) }
/// #     fn value_and_pullbacks<F: ArrayFunction>(
/// #         &self, f: &F, x: &[Array<HostTensor<f64>>], y_bars: &[Arrays<Self>],
/// #     ) -> ad_api::Result<(Arrays<Self>, Vec<Arrays<Self>>)> {
/// #         let (y, jacobian) = linearize(f, x)?;
/// #         let pullbacks = y_bars.iter().map(|w| jacobian.apply_transpose(w));
/// #         Ok((y, pullbacks.collect::<ad_api::Result<_>>()?))
/// #     }
/// # }
/// use ad_api::array::Batch;
/// use ad_api::{Failure, Function, Scalar};
///
/// /// `x² y`, but `-y` for negative `x`.
/// #[derive(Clone)]
/// struct Model;
/// impl Function for Model {
///     fn inputs(&self) -> usize { 2 }
///     fn outputs(&self) -> usize { 1 }
///     fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
///         y[0] = if x[0] < 0.0 { -x[1] } else { x[0] * x[0] * x[1] };
///         Ok(())
///     }
/// }
/// let engine = Library; // in earnest: burn or candle, on their device
/// let points = Array::from_host(&engine.device()?, [3, 2], &[1.0, 2.0, -1.0, 5.0, 3.0, 4.0]);
/// let batch = Batch::new(engine, Model);
/// let (values, gradients) = batch.value_and_gradient(&points)?;
/// assert_eq!(values.to_vec()?, [2.0, -5.0, 36.0]);
/// assert_eq!(gradients.to_vec()?, [4.0, 1.0, 0.0, -1.0, 24.0, 9.0]);
/// assert_eq!(batch.paths(), 2);
/// # Ok::<(), ad_api::AdError>(())
/// ```
#[derive(Clone)]
pub struct Batch<E: ArrayBackend, F: Function> {
    engine: E,
    f: F,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Default)]
struct Recorded {
    paths: Vec<Program>,
    /// For a path and a number of points.
    lowered: HashMap<(usize, usize), Lowered>,
}

#[derive(Clone)]
struct Lowered {
    /// `[N, n]` to `[N, m]` and `[N]`, which says where another path is taken.
    program: ArrayProgram,
    /// With the tangents of everything.
    tangent: ArrayProgram,
}

/// Arrays with a row for each point.
type Rows<E> = Array<<E as ArrayBackend>::Tensor>;

/// Values, pullbacks of each of `K` cotangents, and where the path is another.
type Pulled<E, const K: usize> = (Rows<E>, [Rows<E>; K], Rows<E>);

impl<E: ArrayBackend, F: Function> Batch<E, F> {
    /// `f` at many points, by `engine`.
    pub fn new(engine: E, f: F) -> Self {
        Batch { engine, f, recorded: Arc::default() }
    }

    /// The number of paths through the function that have been recorded.
    pub fn paths(&self) -> usize {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).paths.len()
    }

    /// `f(x)` at each point. `x: [N, n]` → `[N, m]`.
    ///
    /// # Errors
    ///
    /// See [`Batch`].
    pub fn value(&self, x: &Rows<E>) -> Result<Rows<E>> {
        let [y] = self.run(x, [], |lowered, x, []| {
            let [y, diverged] = pair(evaluate(&lowered.program, from_ref(x))?);
            Ok(([y], diverged))
        })?;
        Ok(y)
    }

    /// `f(x)` and `J(x) v` at each point. `x, v: [N, n]` → `[N, m]` twice.
    ///
    /// # Errors
    ///
    /// See [`Batch`].
    pub fn value_and_pushforward(&self, x: &Rows<E>, v: &Rows<E>) -> Result<(Rows<E>, Rows<E>)> {
        let [y, y_dot] = self.run(x, [(v, "v", self.f.inputs())], |lowered, x, [v]| {
            let (values, tangents) = value_and_pushforward(&lowered.program, from_ref(x), &[v])?;
            let ([y, diverged], [y_dot, _]) = (pair(values), pair(tangents));
            Ok(([y, y_dot], diverged))
        })?;
        Ok((y, y_dot))
    }

    /// `f(x)` and `J(x)ᵀ w` at each point. `x: [N, n]`, `w: [N, m]` → `[N, m]`, `[N, n]`.
    ///
    /// # Errors
    ///
    /// See [`Batch`].
    pub fn value_and_pullback(&self, x: &Rows<E>, w: &Rows<E>) -> Result<(Rows<E>, Rows<E>)> {
        let [y, x_bar] = self.run(x, [(w, "w", self.f.outputs())], |lowered, x, [w]| {
            let (y, [x_bar], diverged) = self.pullbacks(lowered, x, [w])?;
            Ok(([y, x_bar], diverged))
        })?;
        Ok((y, x_bar))
    }

    /// `f(x)` and the gradient of a function of one output, at each point. `x: [N, n]` → `[N]`,
    /// `[N, n]`.
    ///
    /// # Errors
    ///
    /// See [`Batch`]; [`AdError::Arity`] for several outputs.
    pub fn value_and_gradient(&self, x: &Rows<E>) -> Result<(Rows<E>, Rows<E>)> {
        Shape::of(&self.f).one_output("gradient", "use `value_and_jacobian`")?;
        let [y, gradient] = self.run(x, [], |lowered, x, []| {
            let ones = Array::full(&x.device(), [x.shape()[0], 1], 1.0);
            let (y, [gradient], diverged) = self.pullbacks(lowered, x, [ones])?;
            Ok(([y.squeeze(1), gradient], diverged))
        })?;
        Ok((y, gradient))
    }

    /// `f(x)` and the Jacobian at each point. `x: [N, n]` → `[N, m]`, `[N, m, n]`.
    ///
    /// # Errors
    ///
    /// See [`Batch`].
    pub fn value_and_jacobian(&self, x: &Rows<E>) -> Result<(Rows<E>, Rows<E>)> {
        let (n, m) = (self.f.inputs(), self.f.outputs());
        let unit = |points: usize, size: usize, k: usize| {
            let hot = (0..points * size).map(|i| f64::from(u8::from(i % size == k)));
            hot.collect::<Vec<_>>()
        };
        let [y, jacobian] = self.run(x, [], |lowered, x, []| {
            let points = x.shape()[0];
            if n <= m {
                let seeds: Vec<f64> = (0..n).flat_map(|j| unit(points, n, j)).collect();
                let seeds = x.constant([n, points, n], &seeds);
                let (values, tangents) =
                    value_and_pushforward(&lowered.program, from_ref(x), &[seeds])?;
                let ([y, diverged], [columns, _]) = (pair(values), pair(tangents));
                return Ok(([y, columns.permute(&[1, 2, 0])], diverged));
            }
            let zeros = Array::full(&x.device(), [points], 0.0);
            let seed = |i| vec![x.constant([points, m], &unit(points, m, i)), zeros.clone()];
            let seeds: Vec<_> = (0..m).map(seed).collect();
            let (values, rows) =
                self.engine.value_and_pullbacks(&lowered.program, from_ref(x), &seeds)?;
            let [y, diverged] = pair(values);
            Ok(([y, Array::stack(&rows.concat(), 1)], diverged))
        })?;
        Ok((y, jacobian))
    }

    /// `f(x)`, the gradient, and the Hessian times `v` of a function of one output, at each point.
    /// `x, v: [N, n]` → `[N]`, `[N, n]`, `[N, n]`.
    ///
    /// The engine's reverse mode of the tangent program: exact, and about twice the work of a
    /// gradient.
    ///
    /// # Errors
    ///
    /// As [`value_and_gradient`](Self::value_and_gradient).
    pub fn value_gradient_and_hvp(
        &self,
        x: &Rows<E>,
        v: &Rows<E>,
    ) -> Result<(Rows<E>, Rows<E>, Rows<E>)> {
        let n = self.f.inputs();
        Shape::of(&self.f).one_output("hvp", "use `value_and_jacobian`")?;
        let [y, gradient, product] = self.run(x, [(v, "v", n)], |lowered, x, [v]| {
            let points = x.shape()[0];
            let (one, zero) = (x.number(1.0), x.number(0.0));
            let zeros = zero.broadcast_to([points]);
            // Of f, where it diverged, J v, and the tangent of nothing.
            let seeds = vec![
                zero.broadcast_to([points, 1]),
                zeros.clone(),
                one.broadcast_to([points, 1]),
                zeros,
            ];
            let (mut values, mut pulled) =
                self.engine.value_and_pullbacks(&lowered.tangent, &[x.clone(), v], &[seeds])?;
            let [product, gradient] = pair(pulled.remove(0));
            let diverged = values.swap_remove(1);
            Ok(([values.swap_remove(0).squeeze(1), gradient, product], diverged))
        })?;
        Ok((y, gradient, product))
    }

    /// Values, pullbacks of each of the cotangents, and where the path is another.
    fn pullbacks<const K: usize>(
        &self,
        lowered: &Lowered,
        x: &Rows<E>,
        w: [Rows<E>; K],
    ) -> Result<Pulled<E, K>> {
        let zeros = Array::full(&x.device(), [x.shape()[0]], 0.0);
        let seeds = w.map(|w| vec![w, zeros.clone()]);
        let (values, pulled) =
            self.engine.value_and_pullbacks(&lowered.program, from_ref(x), &seeds)?;
        let mut pulled = pulled.into_iter().flatten();
        let pulled = std::array::from_fn(|_| pulled.next().expect("one for each cotangent"));
        let [y, diverged] = pair(values);
        Ok((y, pulled, diverged))
    }

    /// Calls `body` for each path with the points that take it, and joins the rows that it returns.
    fn run<const A: usize, const R: usize>(
        &self,
        x: &Rows<E>,
        arguments: [(&Rows<E>, &'static str, usize); A],
        body: impl Fn(&Lowered, &Rows<E>, [Rows<E>; A]) -> Result<([Rows<E>; R], Rows<E>)>,
    ) -> Result<[Rows<E>; R]> {
        let (n, points) = (self.f.inputs(), x.shape().first().copied().unwrap_or(0));
        check_rows(x, "x", points, n)?;
        arguments
            .iter()
            .try_for_each(|(rows, name, width)| check_rows(rows, name, points, *width))?;
        if points == 0 {
            let expected = "a batch of one point at least";
            AdError::check_len("x", points, 1, expected)?;
        }

        let mut rest: Vec<usize> = (0..points).collect();
        // The results, and the points whose rows they are.
        let mut parts: Vec<[Rows<E>; R]> = Vec::new();
        let mut order: Vec<usize> = Vec::new();
        let mut path = 0;
        let mut asked = None;
        while !rest.is_empty() {
            let part = |rows: &Rows<E>| match rest.len() {
                all if all == points => rows.clone(),
                _ => rows.index_select(0, rest.clone()),
            };
            let here = part(x);
            let lowered = self.lowered(path, &here, (&rest, asked.as_deref()))?;
            let (results, diverged) =
                body(&lowered, &here, arguments.each_ref().map(|(rows, ..)| part(rows)))?;
            let diverged = diverged.to_vec()?;
            let valid: Vec<usize> = (0..rest.len()).filter(|&i| diverged[i] == 0.0).collect();
            if valid.len() == rest.len() {
                parts.push(results);
            } else if !valid.is_empty() {
                parts.push(results.map(|rows| rows.index_select(0, valid.clone())));
            }
            order.extend(valid.iter().map(|&i| rest[i]));
            asked = self.asked(path, &diverged);
            rest = rest
                .into_iter()
                .zip(&diverged)
                .filter(|(_, d)| **d != 0.0)
                .map(|(i, _)| i)
                .collect();
            path += 1;
        }
        if let [_] = parts[..] {
            return Ok(parts.remove(0));
        }
        let mut places = vec![0; points];
        order.iter().enumerate().for_each(|(place, &point)| places[point] = place);
        let join = |r: usize| {
            let rows: Vec<_> = parts.iter().map(|part| part[r].clone()).collect();
            Array::concat(&rows, 0).index_select(0, places.clone())
        };
        let joined: [Rows<E>; R] = std::array::from_fn(join);
        joined.iter().try_for_each(Array::check)?;
        Ok(joined)
    }

    /// The path of this number for as many points, recorded at the first of them if it is new.
    fn lowered(
        &self,
        path: usize,
        x: &Rows<E>,
        (rest, asked): (&[usize], Option<&str>),
    ) -> Result<Lowered> {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let points = x.shape()[0];
        if let Some(lowered) = recorded.lowered.get(&(path, points)) {
            return Ok(lowered.clone());
        }
        if path == PATHS {
            let comparison = asked.unwrap_or("the point itself, which the function reads").into();
            return Err(AdError::Diverged { comparison, paths: PATHS, points: rest.to_vec() });
        }
        if path == recorded.paths.len() {
            let point = x.slice_axis(0, 0..1).to_vec()?;
            let mut y = vec![0.0; self.f.outputs()];
            recorded.paths.push(Program::record(&self.f, &point, &mut y)?);
        }
        let program = lower_batch(&recorded.paths[path], points)?;
        let tangent = ArrayProgram::record(&TangentProgram(program.clone()))?;
        if recorded.lowered.len() >= KEPT {
            recorded.lowered.clear();
        }
        let lowered = Lowered { program, tangent };
        recorded.lowered.insert((path, points), lowered.clone());
        Ok(lowered)
    }

    /// The comparison that sends the first point of those that diverged another way.
    fn asked(&self, path: usize, diverged: &[f64]) -> Option<String> {
        let number = *diverged.iter().find(|&&number| number != 0.0)?;
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let mut comparisons = recorded.paths[path].comparisons().enumerate();
        let found = comparisons.find(|(place, _)| (place + 1) as f64 == number);
        found.map(|(_, comparison)| comparison.to_string())
    }
}

impl<E: ArrayBackend, F: Function> fmt::Debug for Batch<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("engine", &self.engine)
            .field("shape", &Shape::of(&self.f))
            .field("paths", &self.paths())
            .finish_non_exhaustive()
    }
}

fn check_rows<T: super::Tensor>(
    rows: &Array<T>,
    what: &'static str,
    points: usize,
    width: usize,
) -> Result<()> {
    rows.check()?;
    if rows.shape() == [points, width] {
        return Ok(());
    }
    let expected = Dims::from([points, width]);
    Err(AdError::Array {
        operation: what,
        found: rows.dims().to_string(),
        expected: format!("{expected}: a row for each point"),
    })
}

/// Two arrays: what programs with two outputs return.
fn pair<T: super::Tensor>(arrays: Vec<Array<T>>) -> [Array<T>; 2] {
    arrays.try_into().expect("the program has two outputs")
}
