//! Functions as programs that are recorded once and replayed: values and derivatives of any kind from
//! one record for each way through the branches.

mod branch;
mod constants;
mod program;
mod saved;

use ad_api::{Result, scratch};

use crate::explanation::BranchExplanation;
use crate::graph::Graph;
use branch::{Branch, Purpose};

pub use constants::Constants;
pub use program::{CompiledProgram, NonFinite};
pub use saved::{Expected, InvalidProgram, SavedProgram};

/// How many branches are kept. Of more, the one that has not been taken for longest goes.
pub(crate) const KEPT: usize = 16;

/// Where a branch comes from that has not been recorded yet, or why there is none.
pub(crate) type Record<'a> =
    dyn FnMut(&[f64]) -> Result<std::result::Result<Graph, &'static str>> + 'a;

/// A point, and what derivatives are weighted with there.
#[derive(Debug, Clone, Copy, Default)]
struct Point<'a> {
    x: &'a [f64],
    weights: &'a [f64],
    tangent: &'a [f64],
}

/// The branches of a function, and the code for each of them.
///
/// The methods return false, or none, where the code does not give the result and the plain way must:
/// where it has no program for the point, where a derivative is not finite, since in products of
/// numbers zero times infinity is not zero, and where lengths are wrong or zero.
#[derive(Debug)]
pub(crate) struct Compiled {
    inputs: usize,
    outputs: usize,
    /// The one that was taken last comes first.
    branches: Vec<Branch>,
    input: Vec<f64>,
    output: Vec<f64>,
    /// How many branches have been recorded, and how many calls replayed one.
    recorded: usize,
    replayed: usize,
    refusal: Option<&'static str>,
}

impl Compiled {
    pub(crate) fn new(inputs: usize, outputs: usize) -> Self {
        Compiled {
            inputs,
            outputs,
            branches: Vec::new(),
            input: Vec::new(),
            output: Vec::new(),
            recorded: 0,
            replayed: 0,
            refusal: None,
        }
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Why no branch is recorded any more, if that is so.
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        self.refusal
    }

    pub(crate) fn graphs(&self) -> impl Iterator<Item = &Graph> {
        self.branches.iter().map(|branch| &branch.graph)
    }

    /// The same branches, without code.
    fn again(&self) -> Self {
        let mut again = Compiled::new(self.inputs, self.outputs);
        again.branches = self.graphs().map(|graph| Branch::new(graph.clone())).collect();
        again.recorded = again.branches.len();
        again
    }

    pub(crate) fn explain(&self) -> Vec<BranchExplanation> {
        self.branches.iter().map(Branch::explain).collect()
    }

    /// Keeps a branch, and forgets the oldest if there are too many.
    pub(crate) fn keep(&mut self, graph: Graph) {
        self.branches.truncate(KEPT - 1);
        self.branches.insert(0, Branch::new(graph));
        self.recorded += 1;
    }

    /// The number of seeds in `inner`, if all lengths fit and there is something to do.
    fn seeds(
        &self,
        x: &[f64],
        y: &[f64],
        (m, inner): (usize, &[f64]),
        (n, outer): (usize, &[f64]),
    ) -> Option<usize> {
        let fits = x.len() == self.inputs && y.len() == self.outputs;
        if !fits || x.is_empty() || y.is_empty() {
            return None;
        }
        let k = inner.len() / m;
        (k > 0 && inner.len() == k * m && outer.len() == k * n).then_some(k)
    }

    /// Writes the value.
    pub(crate) fn value(&mut self, record: &mut Record, x: &[f64], y: &mut [f64]) -> Result<bool> {
        let fits = x.len() == self.inputs && y.len() == self.outputs;
        let done = fits && self.run(record, Purpose::Value, Point { x, ..Point::default() })?;
        if done {
            y.copy_from_slice(&self.output);
        }
        Ok(done)
    }

    /// Writes the value and the pullback of each cotangent.
    pub(crate) fn pullback(
        &mut self,
        record: &mut Record,
        x: &[f64],
        y_bar: &[f64],
        y: &mut [f64],
        x_bar: &mut [f64],
    ) -> Result<bool> {
        let (n, m) = (self.inputs, self.outputs);
        let Some(k) = self.seeds(x, y, (m, y_bar), (n, x_bar)) else { return Ok(false) };
        if many(k, n, m)
            && self.run(record, Purpose::Jacobian, Point { x, ..Point::default() })?
            && self.branches[0].has_jacobian()
        {
            y.copy_from_slice(&self.output[..m]);
            let columns = &self.output[m..];
            for (w, x_bar) in y_bar.chunks_exact(m).zip(x_bar.chunks_exact_mut(n)) {
                for (x_bar, column) in x_bar.iter_mut().zip(columns.chunks_exact(m)) {
                    *x_bar = w.iter().zip(column).map(|(w, d)| w * d).sum();
                }
            }
            return Ok(finite(x_bar));
        }
        for s in 0..k {
            let w = &y_bar[s * m..(s + 1) * m];
            // A single output has weight 1 in the program, which need not run again.
            let (weights, scale) = if m == 1 { (&[][..], w[0]) } else { (w, 1.0) };
            let point = Point { x, weights, ..Point::default() };
            if (m > 1 || s == 0) && !self.run(record, Purpose::Pullback, point)? {
                return Ok(false);
            }
            if !scaled(scale, &self.output[m..], &mut x_bar[s * n..(s + 1) * n]) {
                return Ok(false);
            }
        }
        y.copy_from_slice(&self.output[..m]);
        Ok(true)
    }

    /// Writes the value and the derivative along each tangent.
    pub(crate) fn pushforward(
        &mut self,
        record: &mut Record,
        x: &[f64],
        x_dot: &[f64],
        y: &mut [f64],
        y_dot: &mut [f64],
    ) -> Result<bool> {
        let (n, m) = (self.inputs, self.outputs);
        let Some(k) = self.seeds(x, y, (n, x_dot), (m, y_dot)) else { return Ok(false) };
        if many(k, n, m)
            && self.run(record, Purpose::Jacobian, Point { x, ..Point::default() })?
            && self.branches[0].has_jacobian()
        {
            y.copy_from_slice(&self.output[..m]);
            let columns = &self.output[m..];
            for (v, y_dot) in x_dot.chunks_exact(n).zip(y_dot.chunks_exact_mut(m)) {
                y_dot.fill(0.0);
                for (v, column) in v.iter().zip(columns.chunks_exact(m)) {
                    y_dot.iter_mut().zip(column).for_each(|(y_dot, d)| *y_dot += v * d);
                }
            }
            return Ok(finite(y_dot));
        }
        for s in 0..k {
            let point = Point { x, tangent: &x_dot[s * n..(s + 1) * n], ..Point::default() };
            if !self.run(record, Purpose::Pushforward, point)?
                || !scaled(1.0, &self.output[m..], &mut y_dot[s * m..(s + 1) * m])
            {
                return Ok(false);
            }
        }
        y.copy_from_slice(&self.output[..m]);
        Ok(true)
    }

    /// Writes the value and the Jacobian, column by column.
    pub(crate) fn jacobian(
        &mut self,
        record: &mut Record,
        x: &[f64],
        y: &mut [f64],
        jacobian: &mut [f64],
    ) -> Result<bool> {
        let (n, m) = (self.inputs, self.outputs);
        let fits = self.seeds(x, y, (n, x), (m, y)).is_some() && jacobian.len() == n * m;
        if !fits || !self.run(record, Purpose::Jacobian, Point { x, ..Point::default() })? {
            return Ok(false);
        }
        if self.branches[0].has_jacobian() {
            y.copy_from_slice(&self.output[..m]);
            return Ok(scaled(1.0, &self.output[m..], jacobian));
        }
        scratch::with(n + m, |buffer: &mut [f64]| {
            let (input, output) = buffer.split_at_mut(n);
            if n <= m {
                for j in 0..n {
                    input[j] = 1.0;
                    let column = &mut jacobian[j * m..(j + 1) * m];
                    if !self.pushforward(record, x, input, y, column)? {
                        return Ok(false);
                    }
                    input[j] = 0.0;
                }
                return Ok(true);
            }
            for i in 0..m {
                output[i] = 1.0;
                if !self.pullback(record, x, output, y, input)? {
                    return Ok(false);
                }
                output[i] = 0.0;
                input.iter().enumerate().for_each(|(j, &d)| jacobian[i + j * m] = d);
            }
            Ok(true)
        })
    }

    /// Writes the gradient of the weighted outputs, and its derivative along each tangent; returns the
    /// weighted value.
    pub(crate) fn hvp(
        &mut self,
        record: &mut Record,
        x: &[f64],
        w: &[f64],
        v: &[f64],
        gradient: &mut [f64],
        hv: &mut [f64],
    ) -> Result<Option<f64>> {
        let (n, m) = (self.inputs, self.outputs);
        let Some(k) = self.seeds(x, w, (n, v), (n, hv)) else { return Ok(None) };
        if gradient.len() != n {
            return Ok(None);
        }
        let (weights, scale) = if m == 1 { (&[][..], w[0]) } else { (w, 1.0) };
        for s in 0..k {
            let block = s * n..(s + 1) * n;
            let point = Point { x, weights, tangent: &v[block.clone()] };
            if !self.run(record, Purpose::Hvp, point)?
                || !scaled(scale, &self.output[m + n..], &mut hv[block])
            {
                return Ok(None);
            }
        }
        if !scaled(scale, &self.output[m..m + n], gradient) {
            return Ok(None);
        }
        Ok(Some(self.output.iter().zip(w).map(|(y, w)| y * w).sum()))
    }

    /// Writes the gradient of the weighted outputs and their Hessian, column by column; returns the
    /// weighted value.
    pub(crate) fn hessian(
        &mut self,
        record: &mut Record,
        x: &[f64],
        w: &[f64],
        gradient: &mut [f64],
        hessian: &mut [f64],
    ) -> Result<Option<f64>> {
        let n = self.inputs;
        if hessian.len() != n * n {
            return Ok(None);
        }
        scratch::with(n, |v: &mut [f64]| {
            let mut value = None;
            for (j, column) in hessian.chunks_exact_mut(n.max(1)).enumerate() {
                v[j] = 1.0;
                value = self.hvp(record, x, w, v, gradient, column)?;
                v[j] = 0.0;
                if value.is_none() {
                    break;
                }
            }
            Ok(value)
        })
    }

    /// For one input, writes value and first and second derivative.
    pub(crate) fn second(
        &mut self,
        record: &mut Record,
        x: f64,
        y: &mut [f64],
        first: &mut [f64],
        second: &mut [f64],
    ) -> Result<bool> {
        let m = self.outputs;
        let fits = self.inputs == 1 && [y.len(), first.len(), second.len()] == [m; 3] && m > 0;
        let point = Point { x: &[x], tangent: &[1.0], ..Point::default() };
        if !fits || !self.run(record, Purpose::Second, point)? {
            return Ok(false);
        }
        y.copy_from_slice(&self.output[..m]);
        Ok(scaled(1.0, &self.output[m..2 * m], first) && scaled(1.0, &self.output[2 * m..], second))
    }

    /// Computes the output for `purpose` by the first branch, which is moved there or recorded.
    fn run(&mut self, record: &mut Record, purpose: Purpose, point: Point) -> Result<bool> {
        let Compiled { branches, input, output, .. } = self;
        input.clear();
        input.extend(point.x);
        input.extend(point.weights);
        let tangents = match purpose {
            Purpose::Pushforward | Purpose::Hvp => 1,
            Purpose::Second => 2,
            _ => 0,
        };
        for _ in 0..tangents {
            input.extend(point.tangent);
        }
        let mut run = |branch: &mut Branch| branch.run(purpose, input, output);
        if let Some(found) = branches.iter_mut().position(&mut run) {
            branches[..=found].rotate_right(1);
            self.replayed += 1;
            return Ok(true);
        }
        if self.refusal.is_some() {
            return Ok(false);
        }
        // A record is worth nothing if it is not replayed.
        if self.recorded >= 4 * KEPT && self.replayed < self.recorded {
            self.refusal = Some("there are more ways through the function than are kept");
            return Ok(false);
        }
        let graph = match record(point.x)? {
            Ok(graph) => graph,
            Err(refusal) => {
                self.refusal = Some(refusal);
                return Ok(false);
            }
        };
        self.keep(graph);
        let Compiled { branches, input, output, .. } = self;
        if branches[0].run(purpose, input, output) {
            return Ok(true);
        }
        branches.remove(0);
        self.refusal = Some("the function does not do the same twice at the same point");
        Ok(false)
    }
}

/// Whether so many seeds are best multiplied with a Jacobian: it costs about as much as a sweep for
/// each input or output, whichever are fewer.
fn many(seeds: usize, n: usize, m: usize) -> bool {
    seeds > 1 && seeds >= n.min(m)
}

fn finite(derivatives: &[f64]) -> bool {
    derivatives.iter().all(|d| d.is_finite())
}

/// Writes `scale` times the derivatives. Returns whether the results are finite.
fn scaled(scale: f64, derivatives: &[f64], to: &mut [f64]) -> bool {
    let mut fine = true;
    for (to, d) in to.iter_mut().zip(derivatives) {
        *to = scale * d;
        fine &= to.is_finite();
    }
    fine
}
