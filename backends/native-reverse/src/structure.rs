//! What preparations do with the structure that a function states.
//!
//! Whatever a faster way cannot do with certainty is done again in the plain way: rows whose branches
//! differ, rules, and derivatives that come out as NaN, since the faster ways do not treat zero times
//! infinity as zero.

mod jet;
mod parts;
mod program;
mod rows;
mod scan;
mod table;

use ad_api::{
    AdError, Chain, Function, Gather, Map, Result, Scan, StructureVisitor, Sum, check_jacobian,
    check_pullback, check_pushforward, scratch, value,
};

use crate::backend::Workspace;
use crate::pool;
use jet::Jet;
pub(crate) use program::ROWS;
use rows::Outputs;
pub(crate) use rows::{Tools, blocks};

/// Whether `f` states no structure.
pub(crate) fn is_plain<F: Function>(f: &F) -> bool {
    f.structure(IsPlain)
}

struct IsPlain;

impl StructureVisitor for IsPlain {
    type Output = bool;

    fn plain<F: Function>(self, _: &F) -> bool {
        true
    }

    fn map<F: Function>(self, _: &Map<F>) -> bool {
        false
    }

    fn sum<F: Function>(self, _: &Sum<F>) -> bool {
        false
    }

    fn scan<F: Function>(self, _: &Scan<F>) -> bool {
        false
    }

    fn chain<F: Function, G: Function>(self, _: &Chain<F, G>) -> bool {
        false
    }
}

/// A value: the same number as the derivatives come with.
pub(crate) struct Value<'a> {
    pub(crate) tools: &'a mut Tools,
    pub(crate) x: &'a [f64],
    pub(crate) y: &'a mut [f64],
}

impl Value<'_> {
    fn rows<G: Function, F: Function>(self, f: &G, rows: (&Map<F>, Outputs)) -> Result<()> {
        check_value(f, self.x, self.y)?;
        rows::value(self.tools, rows, self.x, self.y)
    }
}

impl StructureVisitor for Value<'_> {
    type Output = Result<()>;

    fn plain<F: Function>(self, f: &F) -> Result<()> {
        value(f, self.x, self.y)
    }

    fn map<F: Function>(self, f: &Map<F>) -> Result<()> {
        self.rows(f, (f, Outputs::Each))
    }

    fn sum<F: Function>(self, f: &Sum<F>) -> Result<()> {
        self.rows(f, (f.map(), Outputs::Sum))
    }

    fn chain<F: Function, G: Function>(self, f: &Chain<F, G>) -> Result<()> {
        let Value { tools, x, y } = self;
        check_value(f, x, y)?;
        scratch::with(f.first().outputs(), |between: &mut [f64]| {
            f.first().eval(x, between)?;
            f.last().structure(Value { tools, x: between, y })
        })
    }
}

/// The lengths of arguments and results.
fn check_value<F: Function>(f: &F, x: &[f64], y: &[f64]) -> Result<()> {
    AdError::check_len("x", x.len(), f.inputs(), "the number of inputs")?;
    AdError::check_len("y", y.len(), f.outputs(), "the number of outputs")
}

/// A pullback: see [`Pullback`](ad_api::Pullback).
pub(crate) struct Pull<'a> {
    pub(crate) work: &'a mut Workspace<f64>,
    pub(crate) tools: &'a mut Tools,
    pub(crate) x: &'a [f64],
    pub(crate) y_bar: &'a [f64],
    pub(crate) y: &'a mut [f64],
    pub(crate) x_bar: &'a mut [f64],
}

impl Pull<'_> {
    fn rows<G: Function, F: Function>(self, f: &G, rows: (&Map<F>, Outputs)) -> Result<()> {
        let Pull { tools, x, y_bar, y, x_bar, .. } = self;
        if check_pullback(f, x, y_bar, y, x_bar)?.is_none() {
            return Ok(());
        }
        let cotangents = y_bar.chunks_exact(y.len()).zip(x_bar.chunks_exact_mut(x.len()));
        for (y_bar, x_bar) in cotangents {
            rows::pullback(tools, rows, x, y_bar, y, x_bar)?;
        }
        Ok(())
    }
}

impl StructureVisitor for Pull<'_> {
    type Output = Result<()>;

    fn plain<F: Function>(self, f: &F) -> Result<()> {
        self.work.pullback(f, self.x, self.y_bar, self.y, self.x_bar)
    }

    fn map<F: Function>(self, f: &Map<F>) -> Result<()> {
        self.rows(f, (f, Outputs::Each))
    }

    fn sum<F: Function>(self, f: &Sum<F>) -> Result<()> {
        self.rows(f, (f.map(), Outputs::Sum))
    }

    fn scan<F: Function>(self, f: &Scan<F>) -> Result<()> {
        let (n, m) = (f.inputs(), f.outputs());
        if check_pullback(f, self.x, self.y_bar, self.y, self.x_bar)?.is_none() {
            return Ok(());
        }
        let (x, y_bar, memory) = (self.x, self.y_bar, &mut self.tools.scan);
        if scan::has_programs(n) && scan::by_programs(memory, f, x, y_bar, self.y, self.x_bar)? {
            return Ok(());
        }
        if n > scan::FEW {
            if !scan::is_long(self.work, memory, f, x)? {
                return self.plain(f);
            }
            return scan::by_tapes((self.work, memory), f, x, y_bar, self.y, self.x_bar);
        }
        scratch::with(n * m, |jacobian: &mut [f64]| {
            if !scan::jacobian(f, self.x, self.y, jacobian) {
                return self.plain(f);
            }
            for (w, x_bar) in self.y_bar.chunks_exact(m).zip(self.x_bar.chunks_exact_mut(n)) {
                for (x_bar, column) in x_bar.iter_mut().zip(jacobian.chunks_exact(m)) {
                    *x_bar = strong_dot(w, column);
                }
            }
            Ok(())
        })
    }

    fn chain<F: Function, G: Function>(self, f: &Chain<F, G>) -> Result<()> {
        let Pull { work, tools, x, y_bar, y, x_bar } = self;
        let Some(k) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        let between = f.first().outputs();
        pool::with(|first: &mut Workspace<f64>| {
            scratch::with((1 + k) * between, |buffer: &mut [f64]| {
                let (z, z_bar) = buffer.split_at_mut(between);
                first.evaluate_partly(f.first(), x.len(), x, z)?;
                f.last().structure(Pull { work, tools, x: z, y_bar, y, x_bar: z_bar })?;
                first.pull(z_bar, x_bar)
            })
        })
    }
}

/// A pushforward: see [`Pushforward`](ad_api::Pushforward).
pub(crate) struct Push<'a> {
    pub(crate) work: &'a mut Workspace<f64>,
    pub(crate) tools: &'a mut Tools,
    pub(crate) x: &'a [f64],
    pub(crate) x_dot: &'a [f64],
    pub(crate) y: &'a mut [f64],
    pub(crate) y_dot: &'a mut [f64],
}

impl StructureVisitor for Push<'_> {
    type Output = Result<()>;

    fn plain<F: Function>(self, f: &F) -> Result<()> {
        self.work.pushforward(f, self.x, self.x_dot, self.y, self.y_dot)
    }

    fn map<F: Function>(self, f: &Map<F>) -> Result<()> {
        self.rows(f, (f, Outputs::Each))
    }

    fn sum<F: Function>(self, f: &Sum<F>) -> Result<()> {
        self.rows(f, (f.map(), Outputs::Sum))
    }

    fn chain<F: Function, G: Function>(self, f: &Chain<F, G>) -> Result<()> {
        let Push { work, tools, x, x_dot, y, y_dot } = self;
        let Some(k) = check_pushforward(f, x, x_dot, y, y_dot)? else { return Ok(()) };
        let between = f.first().outputs();
        pool::with(|first: &mut Workspace<f64>| {
            scratch::with((1 + k) * between, |buffer: &mut [f64]| {
                let (z, z_dot) = buffer.split_at_mut(between);
                first.evaluate_partly(f.first(), x.len(), x, z)?;
                first.push(x_dot, z_dot)?;
                f.last().structure(Push { work, tools, x: z, x_dot: z_dot, y, y_dot })
            })
        })
    }
}

impl Push<'_> {
    fn rows<G: Function, F: Function>(self, f: &G, rows: (&Map<F>, Outputs)) -> Result<()> {
        let Push { tools, x, x_dot, y, y_dot, .. } = self;
        if check_pushforward(f, x, x_dot, y, y_dot)?.is_none() {
            return Ok(());
        }
        let tangents = x_dot.chunks_exact(x.len()).zip(y_dot.chunks_exact_mut(y.len()));
        for (x_dot, y_dot) in tangents {
            rows::pushforward(tools, rows, (x, x_dot), y, y_dot)?;
        }
        Ok(())
    }
}

/// A product with the Hessian of `w · f`: see
/// [`Prepared`](ad_api::Prepared::value_gradient_and_weighted_hvp_into). The result is its value, or
/// `None` if it must be computed in another way, also if lengths are wrong.
pub(crate) struct Hvp<'a> {
    pub(crate) tools: &'a mut Tools,
    pub(crate) x: &'a [f64],
    pub(crate) w: &'a [f64],
    pub(crate) v: &'a [f64],
    pub(crate) gradient: &'a mut [f64],
    pub(crate) hv: &'a mut [f64],
}

impl Hvp<'_> {
    fn rows<G: Function, F: Function>(
        self,
        f: &G,
        rows: (&Map<F>, Outputs),
    ) -> Result<Option<f64>> {
        let Hvp { tools, x, w, v, gradient, hv } = self;
        let (n, m) = (f.inputs(), f.outputs());
        if !fits((n, m), (x, w, v), (gradient, hv)) {
            return Ok(None);
        }
        scratch::with(m, |y: &mut [f64]| {
            rows::pullback(tools, rows, x, w, y, gradient)?;
            for (v, hv) in v.chunks_exact(n).zip(hv.chunks_exact_mut(n)) {
                if !rows::second(tools, rows, (x, v), w, hv)? {
                    return Ok(None);
                }
            }
            Ok(Some(y.iter().zip(w).map(|(y, w)| y * w).sum()))
        })
    }
}

impl StructureVisitor for Hvp<'_> {
    type Output = Result<Option<f64>>;

    fn plain<F: Function>(self, f: &F) -> Result<Option<f64>> {
        Ok(jet::hvp(f, self.x, (self.w, self.v), self.gradient, self.hv))
    }

    fn map<F: Function>(self, f: &Map<F>) -> Result<Option<f64>> {
        self.rows(f, (f, Outputs::Each))
    }

    fn sum<F: Function>(self, f: &Sum<F>) -> Result<Option<f64>> {
        self.rows(f, (f.map(), Outputs::Sum))
    }

    /// A tape of the first function over numbers with a tangent: forwards it gives the tangent of what is
    /// between, backwards, from the gradient there with its derivative, the gradient with its derivative.
    ///
    /// The last function computes its gradient anew for each pair of tangents.
    fn chain<F: Function, G: Function>(self, f: &Chain<F, G>) -> Result<Option<f64>> {
        let Hvp { tools, x, w, v, gradient, hv } = self;
        let (n, between) = (f.inputs(), f.first().outputs());
        if !fits((n, f.outputs()), (x, w, v), (gradient, hv)) || between == 0 {
            return Ok(None);
        }
        pool::with(|first: &mut Workspace<Jet<1>>| {
            scratch::with(2 * n + 2 * between, |jets: &mut [Jet<1>]| {
                let (inputs, jets) = jets.split_at_mut(n);
                let (outputs, jets) = jets.split_at_mut(n);
                let (z, z_bar) = jets.split_at_mut(between);
                scratch::with(6 * between, |buffer: &mut [f64]| {
                    let (point, rest) = buffer.split_at_mut(between);
                    let (tangents, rest) = rest.split_at_mut(2 * between);
                    let (cotangent, second) = rest.split_at_mut(between);
                    let mut value = None;
                    for (v, hv) in v.chunks(2 * n).zip(hv.chunks_mut(2 * n)) {
                        let k = v.len() / n;
                        for (j, input) in inputs.iter_mut().enumerate() {
                            *input = Jet::pair(x[j], [v[j], v[(k - 1) * n + j]]);
                        }
                        // A rule, which these numbers do not know, or a failure: the tape tells.
                        if first.evaluate_partly(f.first(), n, inputs, z).is_err() {
                            return Ok(None);
                        }
                        for (i, z) in z.iter().enumerate() {
                            point[i] = z.re;
                            (0..k).for_each(|k| tangents[k * between + i] = z.tangent(k));
                        }
                        value = f.last().structure(Hvp {
                            tools: &mut *tools,
                            x: point,
                            w,
                            v: &tangents[..k * between],
                            gradient: cotangent,
                            hv: &mut second[..k * between],
                        })?;
                        if value.is_none() {
                            return Ok(None);
                        }
                        for (i, z_bar) in z_bar.iter_mut().enumerate() {
                            let tangents = [second[i], second[(k - 1) * between + i]];
                            *z_bar = Jet::pair(cotangent[i], tangents);
                        }
                        first.pull(z_bar, outputs)?;
                        for (j, output) in outputs.iter().enumerate() {
                            gradient[j] = output.re;
                            (0..k).for_each(|k| hv[k * n + j] = output.tangent(k));
                        }
                        // They do not treat zero times infinity as zero.
                        if gradient.iter().chain(&*hv).any(|d| d.is_nan()) {
                            return Ok(None);
                        }
                    }
                    Ok(value)
                })
            })
        })
    }
}

/// Whether the arguments of a product with a Hessian have their lengths, and there is something to do.
fn fits(
    (n, m): (usize, usize),
    (x, w, v): (&[f64], &[f64], &[f64]),
    (gradient, hv): (&[f64], &[f64]),
) -> bool {
    let lengths = x.len() == n && w.len() == m && gradient.len() == n && hv.len() == v.len();
    lengths && n > 0 && !v.is_empty() && v.len().is_multiple_of(n)
}

/// The Hessian of `w · f`: see [`Prepared`](ad_api::Prepared::value_gradient_and_weighted_hessian_into).
/// The result is as that of [`Hvp`]; the lengths are right.
pub(crate) struct Hess<'a> {
    pub(crate) tools: &'a mut Tools,
    pub(crate) x: &'a [f64],
    pub(crate) w: &'a [f64],
    pub(crate) gradient: &'a mut [f64],
    pub(crate) hessian: &'a mut [f64],
}

impl Hess<'_> {
    fn rows<G: Function, F: Function>(
        self,
        f: &G,
        rows: (&Map<F>, Outputs),
    ) -> Result<Option<f64>> {
        if matches!(rows.0.gather(), Gather::Shared) || rows.0.row_inputs() >= f.inputs() {
            return self.products(f);
        }
        let Hess { tools, x, w, gradient, hessian } = self;
        scratch::with(f.outputs(), |y: &mut [f64]| {
            rows::pullback(tools, rows, x, w, y, gradient)?;
            hessian.fill(0.0);
            let done = rows::hessian(tools, rows, x, w, hessian)?;
            Ok(done.then(|| y.iter().zip(w).map(|(y, w)| y * w).sum()))
        })
    }

    /// One product for each column.
    fn products<F: Function>(self, f: &F) -> Result<Option<f64>> {
        let Hess { tools, x, w, gradient, hessian } = self;
        scratch::with(hessian.len(), |v: &mut [f64]| {
            v.iter_mut().step_by(x.len() + 1).for_each(|v| *v = 1.0);
            f.structure(Hvp { tools, x, w, v, gradient, hv: hessian })
        })
    }
}

impl StructureVisitor for Hess<'_> {
    type Output = Result<Option<f64>>;

    fn plain<F: Function>(self, _: &F) -> Result<Option<f64>> {
        Ok(None)
    }

    fn map<F: Function>(self, f: &Map<F>) -> Result<Option<f64>> {
        self.rows(f, (f, Outputs::Each))
    }

    fn sum<F: Function>(self, f: &Sum<F>) -> Result<Option<f64>> {
        self.rows(f, (f.map(), Outputs::Sum))
    }

    fn chain<F: Function, G: Function>(self, f: &Chain<F, G>) -> Result<Option<f64>> {
        self.products(f)
    }
}

/// A Jacobian: see [`Jacobian`](ad_api::Jacobian).
pub(crate) struct Jac<'a> {
    pub(crate) work: &'a mut Workspace<f64>,
    pub(crate) tools: &'a mut Tools,
    pub(crate) x: &'a [f64],
    pub(crate) y: &'a mut [f64],
    pub(crate) jacobian: &'a mut [f64],
}

impl StructureVisitor for Jac<'_> {
    type Output = Result<()>;

    fn plain<F: Function>(self, f: &F) -> Result<()> {
        self.work.jacobian(f, self.x, self.y, self.jacobian)
    }

    fn map<F: Function>(self, f: &Map<F>) -> Result<()> {
        let Jac { tools, x, y, jacobian, .. } = self;
        if check_jacobian(f, x, y, jacobian)?.is_none() {
            return Ok(());
        }
        let (m, p, q) = (y.len(), f.row_inputs(), f.body().outputs());
        jacobian.fill(0.0);
        rows::each_block(tools, f, x, y, |row, block| {
            for (i, derivatives) in (row * q..).zip(block.chunks_exact(p.max(1))) {
                for (j, d) in derivatives.iter().enumerate() {
                    jacobian[i + f.index(row, j) * m] += d;
                }
            }
        })
    }

    /// One pullback for each output: they are few, the rows many.
    fn sum<F: Function>(self, f: &Sum<F>) -> Result<()> {
        let Jac { tools, x, y, jacobian, .. } = self;
        if check_jacobian(f, x, y, jacobian)?.is_none() {
            return Ok(());
        }
        let (n, m) = (x.len(), y.len());
        scratch::with(m + n, |buffer: &mut [f64]| {
            let (w, row) = buffer.split_at_mut(m);
            for i in 0..m {
                w[i] = 1.0;
                let rows = (f.map(), Outputs::Sum);
                rows::pullback(tools, rows, x, w, y, row)?;
                w[i] = 0.0;
                row.iter().enumerate().for_each(|(j, &d)| jacobian[i + j * m] = d);
            }
            Ok(())
        })
    }

    /// Unit tangents if there are fewer of them than unit cotangents, which are columns.
    fn chain<F: Function, G: Function>(self, f: &Chain<F, G>) -> Result<()> {
        let Jac { work, tools, x, y, jacobian } = self;
        if check_jacobian(f, x, y, jacobian)?.is_none() {
            return Ok(());
        }
        let (n, m) = (x.len(), y.len());
        let k = n.min(m);
        scratch::with(k * k + n * m, |buffer: &mut [f64]| {
            let (units, rows) = buffer.split_at_mut(k * k);
            units.iter_mut().step_by(k + 1).for_each(|unit| *unit = 1.0);
            if n <= m {
                return f.structure(Push { work, tools, x, x_dot: units, y, y_dot: jacobian });
            }
            f.structure(Pull { work, tools, x, y_bar: units, y, x_bar: rows })?;
            for (i, row) in rows.chunks_exact(n).enumerate() {
                row.iter().enumerate().for_each(|(j, &d)| jacobian[i + j * m] = d);
            }
            Ok(())
        })
    }

    fn scan<F: Function>(self, f: &Scan<F>) -> Result<()> {
        if check_jacobian(f, self.x, self.y, self.jacobian)?.is_none() {
            return Ok(());
        }
        let memory = &mut self.tools.scan;
        if scan::has_programs(f.inputs())
            && scan::jacobian_by_programs(memory, f, self.x, self.y, self.jacobian)?
        {
            return Ok(());
        }
        if f.inputs() > scan::FEW {
            return self.plain(f);
        }
        if scan::jacobian(f, self.x, self.y, self.jacobian) { Ok(()) } else { self.plain(f) }
    }
}

/// `a b`, zero if one of them is.
fn strong(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn strong_dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| strong(a, b)).sum()
}
