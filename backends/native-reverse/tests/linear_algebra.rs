//! nalgebra's generic factorizations and complex numbers, differentiated unchanged.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use ad_api::{Backend, Differentiate, Failure, Function, HigherOrder, Prepared, Scalar};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use nalgebra::{DMatrix, DVector};
use num_complex::Complex;

#[derive(Debug, Clone, Copy)]
enum Algebra {
    Determinant,
    SolveLu,
    SolveQr,
    SolveCholesky,
    SingularValues,
    LowRank,
    Eigenvalues,
    Inverse,
    Complex,
}

const ALL: [Algebra; 9] = [
    Algebra::Determinant,
    Algebra::SolveLu,
    Algebra::SolveQr,
    Algebra::SolveCholesky,
    Algebra::SingularValues,
    Algebra::LowRank,
    Algebra::Eigenvalues,
    Algebra::Inverse,
    Algebra::Complex,
];

impl Function for Algebra {
    fn inputs(&self) -> usize {
        9
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        let a = DMatrix::from_column_slice(3, 3, x);
        let b = DVector::from_fn(3, |i, _| S::from(1.0 + i as f64) + x[i] * x[0]);
        let norm = |v: DVector<S>| v[0] * 2.0 + v[1] * v[2];
        let singular = || Failure::new("singular matrix");
        y[0] = match self {
            Algebra::Determinant => a.lu().determinant(),
            Algebra::SolveLu => norm(a.lu().solve(&b).ok_or_else(singular)?),
            Algebra::SolveQr => norm(a.qr().solve(&b).ok_or_else(singular)?),
            Algebra::SolveCholesky => {
                let spd = a.transpose() * &a + DMatrix::identity(3, 3);
                norm(spd.cholesky().ok_or_else(singular)?.solve(&b))
            }
            Algebra::SingularValues => {
                let values = a.singular_values();
                values[0] * 3.0 + values[1] * values[2]
            }
            Algebra::LowRank => {
                let svd = a.svd(true, true);
                let (u, v) = (svd.u.ok_or_else(singular)?, svd.v_t.ok_or_else(singular)?);
                // The best approximation of rank 1: free of the signs that the vectors may have.
                let (i, j) = (u[(0, 0)] * v[(0, 1)], u[(1, 0)] * v[(0, 2)]);
                i * svd.singular_values[0] + j * svd.singular_values[0]
            }
            Algebra::Eigenvalues => {
                let values = (&a + a.transpose()).symmetric_eigenvalues();
                values[0] * values[0] * values[1]
                    + values[2] * values[2] * values[2]
                    + values[0] * values[1] * values[2]
            }
            Algebra::Inverse => {
                let inverse = a.try_inverse().ok_or_else(singular)?;
                inverse[(0, 1)] * inverse[(2, 2)]
            }
            Algebra::Complex => {
                let mut z = Complex::new(x[0], x[1]);
                let c = Complex::new(x[2], x[3]);
                for _ in 0..4 {
                    z = z * z * Complex::new(S::from(0.1), S::from(0.2)) + c / (z + c);
                }
                z.re * z.im + z.norm_sqr()
            }
        };
        Ok(())
    }
}

const X: [f64; 9] = [2.1, -0.3, 0.7, 0.4, 3.2, -1.1, -0.9, 0.6, 1.4];

fn value(f: Algebra, x: &[f64]) -> f64 {
    let mut y = [0.0];
    f.eval(x, &mut y).unwrap();
    y[0]
}

/// Central differences of fourth order: relative error about ε^(4/5), 3e-13 times the condition.
fn differences(g: impl Fn(&[f64]) -> f64, x: &[f64]) -> DVector<f64> {
    DVector::from_fn(x.len(), |j, _| {
        let h = 1e-3;
        let at = |step: f64| {
            let mut x = x.to_vec();
            x[j] += step * h;
            g(&x)
        };
        (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h)
    })
}

#[test]
fn gradients_match_differences() {
    let backend = NativeReverse::default();
    for f in ALL {
        let (found, gradient) = backend.value_and_gradient(&f, &X).unwrap();
        assert!((found - value(f, &X)).abs() < 1e-13 * found.abs().max(1.0), "{f:?}");
        let expected = differences(|x| value(f, x), &X);
        let error = (&gradient - &expected).amax() / expected.amax();
        assert!(error < 1e-8, "{f:?}: {gradient}{expected}");
    }
}

#[test]
fn hessians_of_every_pair_match_differences_of_gradients() {
    let (tape, dual) = (NativeReverse::default(), Dual::default());
    for f in ALL {
        let hessian = tape.hessian(&f, &X).unwrap();
        let mut prepared = tape.prepare(&f, &X).unwrap();
        for i in 0..9 {
            let mut component = |x: &[f64]| prepared.gradient(x).unwrap()[i];
            let component = std::cell::RefCell::new(&mut component);
            let expected = differences(|x| (component.borrow_mut())(x), &X);
            let error = (hessian.column(i) - &expected).amax() / hessian.amax();
            assert!(error < 1e-7, "{f:?}, row {i}: {}{expected}", hessian.column(i));
        }
        let forward = HigherOrder::new(dual, tape).hessian(&f, &X).unwrap();
        let reverse = HigherOrder::new(tape, dual).hessian(&f, &X).unwrap();
        assert!((&hessian - forward).amax() < 1e-9 * hessian.amax(), "{f:?}");
        assert!((&hessian - reverse).amax() < 1e-9 * hessian.amax(), "{f:?}");
    }
}

#[test]
fn exact_zeros_do_not_disturb() {
    // A diagonal matrix: the iterations must end, and the other entries are active zeros.
    let x = [2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 5.0];
    let backend = NativeReverse::default();
    let gradient = backend.gradient(&Algebra::SingularValues, &x).unwrap();
    // The values in decreasing order are 5, 3, 2: 3·5 + 3·2.
    let expected = [3.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0];
    assert!((gradient - DVector::from_column_slice(&expected)).amax() < 1e-12);
    let gradient = backend.gradient(&Algebra::Determinant, &x).unwrap();
    let expected = [15.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 6.0];
    assert!((gradient - DVector::from_column_slice(&expected)).amax() < 1e-12);
}
