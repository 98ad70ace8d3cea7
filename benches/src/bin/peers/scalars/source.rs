//! The problems, over the numbers of any library. The order of operations is that of [`ad_benches`].

use ad_api::{Failure, Function, Scalar};
use ad_benches::{Gmm, LotkaVolterra, Lstm, Rosenbrock};

use super::Number;

/// A function of several inputs and one output.
pub(crate) trait Objective: Sync {
    fn value<T: Number>(&self, x: &[T]) -> T;
}

/// The sum of at least one number.
fn sum<T: Number>(numbers: impl IntoIterator<Item = T>) -> T {
    let sum = numbers.into_iter().reduce(|a, b| a + b);
    sum.unwrap_or_else(|| T::constant(0.0))
}

impl Objective for Rosenbrock {
    fn value<T: Number>(&self, x: &[T]) -> T {
        x.windows(2).fold(T::constant(0.0), |sum, pair| {
            let valley = pair[1] - pair[0] * pair[0];
            let slope = T::constant(1.0) - pair[0];
            sum + (valley * valley).times(100.0) + slope * slope
        })
    }
}

impl Objective for LotkaVolterra {
    fn value<T: Number>(&self, p: &[T]) -> T {
        const H: f64 = 0.01;
        let slope = |x: T, y: T| {
            let meetings = x * y;
            (p[0] * x - p[1] * meetings, p[2] * meetings - p[3] * y)
        };
        let (mut x, mut y, mut loss) = (p[4], p[5], T::constant(0.0));
        for _ in 0..1000 {
            let k1 = slope(x, y);
            let k2 = slope(x + k1.0.times(H / 2.0), y + k1.1.times(H / 2.0));
            let k3 = slope(x + k2.0.times(H / 2.0), y + k2.1.times(H / 2.0));
            let k4 = slope(x + k3.0.times(H), y + k3.1.times(H));
            x = x + (k1.0 + k2.0.times(2.0) + k3.0.times(2.0) + k4.0).times(H / 6.0);
            y = y + (k1.1 + k2.1.times(2.0) + k3.1.times(2.0) + k4.1).times(H / 6.0);
            loss = loss + (x + y);
        }
        loss
    }
}

fn log_sum_exp<T: Number>(t: &[T]) -> T {
    let largest = t.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b.value()));
    sum(t.iter().map(|&t| t.plus(-largest).exp())).ln().plus(largest)
}

impl Objective for Gmm {
    fn value<T: Number>(&self, theta: &[T]) -> T {
        let (d, k) = (self.dimensions(), self.components());
        let triangle = d * (d + 1) / 2;
        let (alpha, rest) = theta.split_at(k);
        let (mu, factors) = rest.split_at(k * d);
        let factors: Vec<_> = factors.chunks_exact(triangle).map(|l| l.split_at(d)).collect();
        let log_det: Vec<T> =
            factors.iter().map(|(diagonal, _)| sum(diagonal.iter().copied())).collect();
        let q: Vec<T> =
            factors.iter().flat_map(|(diagonal, _)| diagonal.iter().map(|l| l.exp())).collect();
        let (mut t, mut c, mut w) = (alpha.to_vec(), mu[..d].to_vec(), mu[..d].to_vec());
        let mut total = T::constant(0.0);
        for x in self.points().chunks_exact(d) {
            for (j, &(_, lower)) in factors.iter().enumerate() {
                for i in 0..d {
                    c[i] = (-mu[j * d + i]).plus(x[i]);
                    w[i] = q[j * d + i] * c[i];
                }
                let mut lower = lower.iter();
                for i in 0..d {
                    let c = c[i];
                    w[i + 1..].iter_mut().zip(&mut lower).for_each(|(w, &l)| *w = *w + l * c);
                }
                let square = sum(w.iter().map(|&w| w * w));
                t[j] = alpha[j] + log_det[j] - square.times(0.5);
            }
            total = total + log_sum_exp(&t);
        }
        let points = (self.points().len() / d) as f64;
        let mut prior = sum(q.iter().map(|&q| q * q));
        for (_, lower) in factors {
            prior = prior + sum(lower.iter().map(|&l| l * l));
        }
        (total - log_sum_exp(alpha).times(points) + prior.times(0.5)).plus(self.constant())
    }
}

fn sigmoid<T: Number>(x: T) -> T {
    (-x).exp().plus(1.0).recip()
}

impl Objective for Lstm {
    fn value<T: Number>(&self, theta: &[T]) -> T {
        let b = self.width();
        let (main, extra) = theta.split_at(8 * self.layers() * b);
        let mut state: Vec<T> = self.start().iter().map(|&s| T::constant(s)).collect();
        let mut v = extra[..b].to_vec();
        let mut total = T::constant(0.0);
        let elements = self.sequence().chunks_exact(b);
        let predictions = (elements.len() - 1) * b;
        for (now, next) in elements.clone().zip(elements.skip(1)) {
            for j in 0..b {
                v[j] = extra[j].times(now[j]);
            }
            for (state, weights) in state.chunks_exact_mut(2 * b).zip(main.chunks_exact(8 * b)) {
                let (hidden, cell) = state.split_at_mut(b);
                for j in 0..b {
                    let gate = |row: usize, input: T| {
                        input * weights[row * b + j] + weights[(row + 4) * b + j]
                    };
                    let forget = sigmoid(gate(0, v[j]));
                    let input = sigmoid(gate(1, hidden[j]));
                    let output = sigmoid(gate(2, v[j]));
                    let change = gate(3, hidden[j]).tanh();
                    cell[j] = cell[j] * forget + input * change;
                    hidden[j] = output * cell[j].tanh();
                    v[j] = hidden[j];
                }
            }
            for j in 0..b {
                v[j] = v[j] * extra[b + j] + extra[2 * b + j];
            }
            let normalizer = sum(v.iter().map(|v| v.exp())).plus(2.0).ln();
            total = total + sum((0..b).map(|j| (v[j] - normalizer).times(next[j])));
        }
        -total / T::constant(predictions as f64)
    }
}

/// A chain of multiplications by the input: the cost of one operation.
#[derive(Debug, Clone)]
pub(crate) struct MulChain(pub(crate) usize);

impl Function for MulChain {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = (0..self.0).fold(x[0], |y, _| y * x[0]);
        Ok(())
    }
}

impl Objective for MulChain {
    fn value<T: Number>(&self, x: &[T]) -> T {
        (0..self.0).fold(x[0], |y, _| y * x[0])
    }
}

/// `x` rotated by the angle-axis vector `r`, to first order where `r` is zero.
fn rotate<T: Number>(r: [T; 3], x: [T; 3]) -> [T; 3] {
    let cross = |a: [T; 3], b: [T; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    if square.value() == 0.0 {
        let turned = cross(r, x);
        return std::array::from_fn(|i| x[i] + turned[i]);
    }
    let angle = square.sqrt();
    let (sin, cos) = (angle.sin(), angle.cos());
    let axis = r.map(|r| r / angle);
    let turned = cross(axis, x);
    let along = (axis[0] * x[0] + axis[1] * x[1] + axis[2] * x[2]) * (T::constant(1.0) - cos);
    std::array::from_fn(|i| x[i] * cos + turned[i] * sin + axis[i] * along)
}

/// The residual of one observation of P5: camera, point, weight, and the observed place.
pub(crate) fn residual<T: Number>(x: &[T; 17]) -> [T; 2] {
    let centred = std::array::from_fn(|i| x[11 + i] - x[3 + i]);
    let y = rotate([x[0], x[1], x[2]], centred);
    let p = [y[0] / y[2], y[1] / y[2]];
    let q = p[0] * p[0] + p[1] * p[1];
    let distortion = ((x[10] * q + x[9]) * q).plus(1.0);
    std::array::from_fn(|i| x[14] * (distortion * p[i] * x[6] + x[7 + i] - x[15 + i]))
}

#[cfg(test)]
mod tests {
    use ad_benches::{Bundle, Observation};

    use super::*;

    #[track_caller]
    fn same<F: Function + Objective>(f: &F, x: &[f64]) {
        let mut y = [0.0];
        f.eval(x, &mut y).unwrap();
        assert_eq!(f.value(x).to_bits(), y[0].to_bits());
    }

    #[test]
    fn plain_numbers_give_the_results_of_the_library() {
        same(&Rosenbrock::new(1000), &Rosenbrock::new(1000).point());
        same(&LotkaVolterra, &LotkaVolterra::point());
        let (gmm, theta) = Gmm::generate(10, 25, 100);
        same(&gmm, &theta);
        let (lstm, theta) = Lstm::generate(2, 1024, 14);
        same(&lstm, &theta);
        same(&MulChain(100), &[0.99]);
        let bundle = Bundle::generate();
        for i in 0..100 {
            let (x, mut y) = (bundle.input(i), [0.0; 2]);
            Observation.eval(&x, &mut y).unwrap();
            assert_eq!(residual(&x), y);
        }
    }
}
