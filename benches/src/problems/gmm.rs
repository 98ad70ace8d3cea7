//! A mixture of Gaussians: many equal rows over shared parameters.

use std::f64::consts::{LN_2, PI};
use std::sync::Arc;

use ad_api::{Chain, Failure, Function, Map, Result, Scalar, Sum, scratch};

use crate::Generator;

/// The log-posterior of a Gaussian mixture with Wishart prior, the GMM objective of ADBench (Srajer,
/// Kukelova, Fitzgibbon 2018).
///
/// Inputs: `alpha[k] | mu[k][d] | L[k][d(d+1)/2]`, where `L[j]` holds the logarithms of the diagonal
/// and then the strictly lower triangle of an inverse Cholesky factor, column by column.
#[derive(Debug, Clone)]
pub struct Gmm {
    d: usize,
    k: usize,
    x: Arc<[f64]>,
    constant: f64,
}

impl Gmm {
    /// `n` points in `d` dimensions, `k` components, and the parameters of the benches.
    pub fn generate(d: usize, k: usize, n: usize) -> (Self, Vec<f64>) {
        let triangle = d * (d + 1) / 2;
        let mut generator = Generator::new(1);
        let mut theta = generator.vector(k, -1.0, 1.0);
        theta.extend(generator.vector(k * d, 0.0, 1.0));
        theta.extend(generator.vector(k * triangle, -0.5, 0.5));
        let x = generator.vector(n * d, 0.0, 1.0).into();
        (Gmm { d, k, x, constant: Self::normalization(d, k, n) }, theta)
    }

    /// `d`, the number of entries of a point.
    pub fn dimensions(&self) -> usize {
        self.d
    }

    /// `k`, the number of Gaussians.
    pub fn components(&self) -> usize {
        self.k
    }

    /// The points, one after the other.
    pub fn points(&self) -> &[f64] {
        &self.x
    }

    /// What is added to the posterior and does not depend on the parameters.
    pub fn constant(&self) -> f64 {
        self.constant
    }

    /// What does not depend on the parameters, for `gamma = 1` and `m = 0`.
    fn normalization(d: usize, k: usize, n: usize) -> f64 {
        let (df, half) = (d as f64, f64::midpoint(d as f64, 1.0));
        let log_gamma_d = df * (df - 1.0) / 4.0 * PI.ln()
            + (1..=d).map(|j| libm::lgamma(half + (1.0 - j as f64) / 2.0)).sum::<f64>();
        let wishart = (df + 1.0) * df * (-LN_2 / 2.0) - log_gamma_d;
        -(n as f64) * df / 2.0 * (2.0 * PI).ln() - k as f64 * wishart
    }
}

impl Gmm {
    /// The same function as a sum over the points, after what does not depend on them.
    ///
    /// # Errors
    ///
    /// None: the sizes fit.
    pub fn structured(&self) -> Result<Chain<Shared, Sum<Point>>> {
        let (d, k, points) = (self.d, self.k, self.x.len() / self.d);
        let rows = Map::shared(Point { d, k }, points, self.x.clone())?;
        Chain::new(Shared(Gmm { x: self.x.clone(), ..*self }), Sum::new(rows))
    }
}

/// What the points of a [`Gmm`] share: for each component `alpha + ln det`, then `mu`, `exp` of the
/// diagonals, the lower triangles; last a share of what is added to the sum over the points.
#[derive(Debug, Clone)]
pub struct Shared(Gmm);

impl Function for Shared {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn outputs(&self) -> usize {
        let Gmm { d, k, .. } = self.0;
        k * (1 + 2 * d + d * (d - 1) / 2) + 1
    }

    fn eval<S: Scalar>(&self, theta: &[S], y: &mut [S]) -> Result<(), Failure> {
        let Gmm { d, k, ref x, constant } = self.0;
        let (triangle, below) = (d * (d + 1) / 2, d * (d - 1) / 2);
        let (alpha, rest) = theta.split_at(k);
        let (mu, factors) = rest.split_at(k * d);
        y[k..k + k * d].copy_from_slice(mu);
        let mut prior = S::from(0.0);
        for (j, factor) in factors.chunks_exact(triangle).enumerate() {
            let (diagonal, lower) = factor.split_at(d);
            y[j] = alpha[j] + diagonal.iter().sum::<S>();
            for (i, l) in diagonal.iter().enumerate() {
                let q = l.exp();
                prior += q * q;
                y[k + (k + j) * d + i] = q;
            }
            prior += lower.iter().map(|&l| l * l).sum::<S>();
            let first = k + 2 * k * d + j * below;
            y[first..first + below].copy_from_slice(lower);
        }
        let points = (x.len() / d) as f64;
        let added = prior * 0.5 - log_sum_exp(alpha) * points + constant;
        y[k + 2 * k * d + k * below] = added / points;
        Ok(())
    }
}

/// The logarithm of the likelihood of one point of a [`Gmm`]. Inputs: those of all points
/// ([`Shared`]), and the point.
#[derive(Debug, Clone)]
pub struct Point {
    d: usize,
    k: usize,
}

impl Function for Point {
    fn inputs(&self) -> usize {
        let Point { d, k } = *self;
        k * (1 + 2 * d + d * (d - 1) / 2) + 1 + d
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, z: &[S], y: &mut [S]) -> Result<(), Failure> {
        let Point { d, k } = *self;
        let below = d * (d - 1) / 2;
        let (offset, rest) = z.split_at(k);
        let (mu, rest) = rest.split_at(k * d);
        let (q, rest) = rest.split_at(k * d);
        let (lower, rest) = rest.split_at(k * below);
        let (added, x) = (rest[0], &rest[1..]);
        scratch::with(k + 2 * d, |buffer: &mut [S]| {
            let (t, rest) = buffer.split_at_mut(k);
            let (c, w) = rest.split_at_mut(d);
            for j in 0..k {
                for i in 0..d {
                    c[i] = x[i] - mu[j * d + i];
                    w[i] = q[j * d + i] * c[i];
                }
                let mut lower = lower[j * below..(j + 1) * below].iter();
                for i in 0..d {
                    let c = c[i];
                    w[i + 1..].iter_mut().zip(&mut lower).for_each(|(w, &l)| *w += l * c);
                }
                let square: S = w.iter().map(|&w| w * w).sum();
                t[j] = offset[j] - square * 0.5;
            }
            // As `log_sum_exp`, with a shift that may differ between points computed side by side.
            let largest = t[1..].iter().fold(t[0].detached(), |a, &b| a.maximum(b.detached()));
            y[0] = t.iter().map(|&t| (t - largest).exp()).sum::<S>().ln() + largest + added;
        });
        Ok(())
    }
}

/// `ln Σ exp t`, shifted by the largest as a plain number.
fn log_sum_exp<S: Scalar>(t: &[S]) -> S {
    let largest = t.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b.primal()));
    t.iter().map(|&t| (t - largest).exp()).sum::<S>().ln() + largest
}

impl Function for Gmm {
    fn inputs(&self) -> usize {
        self.k * (1 + self.d + self.d * (self.d + 1) / 2)
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, theta: &[S], y: &mut [S]) -> Result<(), Failure> {
        let (d, k) = (self.d, self.k);
        let triangle = d * (d + 1) / 2;
        let (alpha, rest) = theta.split_at(k);
        let (mu, factors) = rest.split_at(k * d);
        scratch::with(k * d + 2 * k + 2 * d, |buffer: &mut [S]| {
            let (q, rest) = buffer.split_at_mut(k * d);
            let (log_det, rest) = rest.split_at_mut(k);
            let (t, rest) = rest.split_at_mut(k);
            let (c, w) = rest.split_at_mut(d);
            for j in 0..k {
                let diagonal = &factors[j * triangle..j * triangle + d];
                log_det[j] = diagonal.iter().sum();
                q[j * d..(j + 1) * d].iter_mut().zip(diagonal).for_each(|(q, l)| *q = l.exp());
            }
            let mut sum = S::from(0.0);
            for x in self.x.chunks_exact(d) {
                for j in 0..k {
                    for i in 0..d {
                        c[i] = -mu[j * d + i] + x[i];
                        w[i] = q[j * d + i] * c[i];
                    }
                    let mut lower = factors[j * triangle + d..(j + 1) * triangle].iter();
                    for i in 0..d {
                        let c = c[i];
                        w[i + 1..].iter_mut().zip(&mut lower).for_each(|(w, &l)| *w += l * c);
                    }
                    let square: S = w.iter().map(|&w| w * w).sum();
                    t[j] = alpha[j] + log_det[j] - square * 0.5;
                }
                sum += log_sum_exp(t);
            }
            let points = (self.x.len() / d) as f64;
            let mut prior = q.iter().map(|&q| q * q).sum::<S>();
            for factor in factors.chunks_exact(triangle) {
                prior += factor[d..].iter().map(|&l| l * l).sum::<S>();
            }
            y[0] = sum - log_sum_exp(alpha) * points + prior * 0.5 + self.constant;
        });
        Ok(())
    }
}
