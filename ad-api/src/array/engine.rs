//! Derivatives of array programs, over the arrays of any library.

use super::function::check_arrays;
use super::linear::join;
use super::linearization::lead;
use super::{
    Array, ArrayFunction, Dims, DualTensor, Linearization, MAX_RANK, Tape, Tensor, evaluate,
};
use crate::{AdError, Result};

/// Arrays for all inputs, or for all outputs.
type List<T> = Vec<Array<T>>;

/// `f(x)`, and `J(x) v`: one evaluation over [`DualTensor`]s.
///
/// # Shapes
///
/// `x_dots`: those of the inputs, with the same axes in front: none for one tangent, an axis of size
/// `k` for `k` at once. The tangents of the outputs have them too.
///
/// # Errors
///
/// [`AdError::Array`] for other shapes, the failure of `f`, what the library reports.
///
/// ```
/// # use ad_api::array::{Array, ArrayFunction, Dims, HostTensor, Tensor, value_and_pushforward};
/// # use ad_api::Failure;
/// /// `x²`, entry by entry.
/// #[derive(Clone)]
/// struct Square;
///
/// impl ArrayFunction for Square {
///     fn inputs(&self) -> Vec<Dims> { vec![[2].into()] }
///     fn outputs(&self) -> Vec<Dims> { vec![[2].into()] }
///     fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
///         Ok(vec![x[0].square()])
///     }
/// }
///
/// let x: Array<HostTensor<f64>> = Array::host([2], &[3.0, 4.0])?;
/// let v = x.constant([2], &[1.0, 0.5]);
/// let (y, y_dot) = value_and_pushforward(&Square, &[x], &[v])?;
/// assert_eq!(y[0].to_vec()?, [9.0, 16.0]);
/// assert_eq!(y_dot[0].to_vec()?, [6.0, 4.0]);
/// # Ok::<(), ad_api::AdError>(())
/// ```
pub fn value_and_pushforward<T: Tensor, F: ArrayFunction>(
    f: &F,
    x: &[Array<T>],
    x_dots: &[Array<T>],
) -> Result<(List<T>, List<T>)> {
    check_arrays("inputs", &f.inputs(), x)?;
    let lead = lead("tangents", &f.inputs(), x_dots)?;
    split(&evaluate(f, &duals(x, x_dots)?)?, &lead)
}

/// `f(x)`, and the Jacobian at `x` as products: one evaluation over
/// [`TapedTensor`](super::TapedTensor)s.
///
/// # Errors
///
/// [`AdError::Array`] unless `x` has the shapes of `f.inputs()`, the failure of `f`, what the library
/// reports.
pub fn linearize<T: Tensor, F: ArrayFunction>(
    f: &F,
    x: &[Array<T>],
) -> Result<(List<T>, Linearization<T>)> {
    let tape = Tape::new();
    let x: Vec<_> = x.iter().map(|x| tape.input(x)).collect();
    let y = evaluate(f, &x)?;
    let linearization = Linearization::new(&x, &y)?;
    let values = y.iter().map(|y| y.tensor().map(|y| y.value().clone()));
    Ok((values.collect::<Result<_>>()?, linearization))
}

/// `f(x)`, and `J(x)ᵀ w`: one evaluation and one sweep back.
///
/// # Shapes
///
/// `y_bars`: those of the outputs, with the same axes in front, none for one cotangent. The cotangents
/// of the inputs have them too.
///
/// # Errors
///
/// As [`value_and_pushforward`].
pub fn value_and_pullback<T: Tensor, F: ArrayFunction>(
    f: &F,
    x: &[Array<T>],
    y_bars: &[Array<T>],
) -> Result<(List<T>, List<T>)> {
    lead("cotangents", &f.outputs(), y_bars)?;
    let (y, linearization) = linearize(f, x)?;
    Ok((y, linearization.apply_transpose(y_bars)?))
}

/// `f(x)` and the gradient of a function with one output of one entry.
///
/// # Errors
///
/// [`AdError::Arity`] for other outputs, else as [`value_and_pushforward`].
pub fn value_and_gradient<T: Tensor, F: ArrayFunction>(
    f: &F,
    x: &[Array<T>],
) -> Result<(Array<T>, List<T>)> {
    one_output("gradient", f)?;
    let (mut y, linearization) = linearize(f, x)?;
    let y = y.remove(0);
    let gradient = linearization.apply_transpose(&[y.ones_like()])?;
    Ok((y, gradient))
}

/// `f(x)`, its gradient and `∇²f(x) v`, for a function with one output of one entry: the gradient of
/// `f` over [`DualTensor`]s, forward mode over reverse mode.
///
/// # Shapes
///
/// `v`: those of the inputs, with the same axes in front, none for one product. So have the products.
///
/// # Errors
///
/// As [`value_and_gradient`].
pub fn value_gradient_and_hvp<T: Tensor, F: ArrayFunction>(
    f: &F,
    x: &[Array<T>],
    v: &[Array<T>],
) -> Result<(Array<T>, List<T>, List<T>)> {
    one_output("hvp", f)?;
    check_arrays("inputs", &f.inputs(), x)?;
    let lead = lead("tangents", &f.inputs(), v)?;
    let (y, gradient) = value_and_gradient(f, &duals(x, v)?)?;
    let (gradient, products) = split(&gradient, &lead)?;
    Ok((y.tensor()?.primal().clone(), gradient, products))
}

/// `f(x)`, its gradient, and the Hessian at `x` as products, for a function with one output of one
/// entry: the gradient over [`TapedTensor`](super::TapedTensor)s, recorded once for many products.
///
/// # Errors
///
/// As [`value_and_gradient`].
pub fn linearize_gradient<T: Tensor, F: ArrayFunction>(
    f: &F,
    x: &[Array<T>],
) -> Result<(Array<T>, List<T>, Linearization<T>)> {
    let tape = Tape::new();
    let x: Vec<_> = x.iter().map(|x| tape.input(x)).collect();
    let (y, gradient) = value_and_gradient(f, &x)?;
    let hessian = Linearization::new(&x, &gradient)?;
    let values = gradient.iter().map(|part| part.tensor().map(|part| part.value().clone()));
    Ok((y.tensor()?.value().clone(), values.collect::<Result<_>>()?, hessian))
}

/// `∇²f(x) v`: see [`value_gradient_and_hvp`].
///
/// # Errors
///
/// As [`value_and_gradient`].
pub fn hvp<T: Tensor, F: ArrayFunction>(f: &F, x: &[Array<T>], v: &[Array<T>]) -> Result<List<T>> {
    value_gradient_and_hvp(f, x, v).map(|(_, _, products)| products)
}

/// The Jacobian, as one array for each output and each input: `jacobian[i][j]` of shape
/// `[output i.., input j..]`. From one sweep for all entries of an input, or of an output if there are
/// fewer of them; so it needs room for the Jacobian of every array on the way.
///
/// # Errors
///
/// As [`value_and_pushforward`], and [`AdError::Array`] where the shapes of outputs and inputs
/// together have more axes than an array may have.
pub fn jacobian<T: Tensor, F: ArrayFunction>(f: &F, x: &[Array<T>]) -> Result<Vec<List<T>>> {
    let (inputs, outputs) = (f.inputs(), f.outputs());
    let count = |dims: &[Dims]| dims.iter().map(Dims::count).sum::<usize>();
    let (_, linearization) = linearize(f, x)?;
    if outputs.is_empty() || inputs.is_empty() {
        return Ok(vec![Vec::new(); outputs.len()]);
    }
    let device = x[0].device();
    let block = |found: Option<Array<T>>, rows: &Dims, columns: &Dims| {
        found.unwrap_or_else(|| Array::full(&device, join(rows, columns), 0.0))
    };
    let mut blocks: Vec<List<T>> = vec![Vec::new(); outputs.len()];
    if count(&inputs) < count(&outputs) {
        for (j, input) in inputs.iter().enumerate() {
            check_rank(input, &inputs, &outputs)?;
            let mut seeds = vec![None; inputs.len()];
            seeds[j] = Some(identity(&device, input));
            for (i, column) in linearization.push(seeds).into_iter().enumerate() {
                let (k, rank) = (input.rank(), input.rank() + outputs[i].rank());
                let axes: Vec<_> = (k..rank).chain(0..k).collect();
                let column = block(column, input, &outputs[i]);
                blocks[i].push(if k == 0 || k == rank { column } else { column.permute(&axes) });
            }
        }
    } else {
        for (i, output) in outputs.iter().enumerate() {
            check_rank(output, &inputs, &outputs)?;
            let mut seeds = vec![None; outputs.len()];
            seeds[i] = Some(identity(&device, output));
            let rows = linearization.pull(seeds).into_iter().zip(&inputs);
            blocks[i] = rows.map(|(row, input)| block(row, output, input)).collect();
        }
    }
    blocks.iter().flatten().try_for_each(Array::check)?;
    Ok(blocks)
}

/// The arrays with these tangents.
fn duals<T: Tensor>(x: &[Array<T>], x_dots: &[Array<T>]) -> Result<Vec<Array<DualTensor<T>>>> {
    let pairs = x.iter().zip(x_dots);
    pairs.map(|(x, x_dot)| DualTensor::with_tangents(x, x_dot).map(Array::new)).collect()
}

/// Primals and tangents, with zeros where an array does not depend on anything active.
fn split<T: Tensor>(arrays: &[Array<DualTensor<T>>], lead: &Dims) -> Result<(List<T>, List<T>)> {
    let mut pair = (Vec::with_capacity(arrays.len()), Vec::with_capacity(arrays.len()));
    for array in arrays {
        let dual = array.tensor()?;
        let zeros = || Array::full(&array.device(), join(lead, &array.dims()), 0.0);
        pair.0.push(dual.primal().clone());
        pair.1.push(dual.tangents().cloned().unwrap_or_else(zeros));
    }
    pair.1.iter().try_for_each(Array::check)?;
    Ok(pair)
}

fn one_output<F: ArrayFunction>(operation: &'static str, f: &F) -> Result<()> {
    let outputs = f.outputs();
    if let [dims] = outputs[..]
        && dims.count() == 1
    {
        return Ok(());
    }
    let count = |dims: &[Dims]| dims.iter().map(Dims::count).sum();
    Err(AdError::Arity {
        operation,
        needs: "one output of one entry",
        inputs: count(&f.inputs()),
        outputs: count(&outputs),
        instead: "sum its outputs with weights, or use `linearize` or `jacobian`",
    })
}

/// `[dims.., dims..]`: ones where the first indices are the last ones, else zeros.
fn identity<T: Tensor>(device: &T::Device, dims: &Dims) -> Array<T> {
    let n = dims.count();
    let mut entries = vec![0.0; n * n];
    entries.iter_mut().step_by(n + 1).for_each(|entry| *entry = 1.0);
    Array::from_host(device, join(dims, dims), &entries)
}

fn check_rank(seeds: &Dims, inputs: &[Dims], outputs: &[Dims]) -> Result<()> {
    let longest = inputs.iter().chain(outputs).map(Dims::rank).max().unwrap_or(0);
    if seeds.rank() + longest <= MAX_RANK {
        return Ok(());
    }
    Err(AdError::Array {
        operation: "jacobian",
        found: format!("{} and {} axes", seeds.rank(), longest),
        expected: format!("at most {MAX_RANK} together; reshape to fewer"),
    })
}
