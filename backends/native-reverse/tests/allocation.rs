//! A prepared call allocates nothing after its first run.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::sync::Arc;

use ad_api::{
    Backend, Chain, DifferentiateWith, Failure, Function, LinearOperator, Map, Prepared, Rule,
    RuleTangent, RuleValue, Scalar, Scan, Sum,
};
use ad_conformance::CountingAllocator;
use ad_native_reverse::{Checkpoints, NativeReverse};
use nalgebra::DMatrix;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

struct Exp;

impl RuleValue for Exp {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn value(&self, x: &[f64], y: &mut [f64]) -> Result<(), Failure> {
        y[0] = x[0].exp();
        Ok(())
    }
}

impl RuleTangent for Exp {
    fn tangent<S: Scalar>(
        self: &Arc<Self>,
        x: &[S],
        v: &[S],
        out: &mut [S],
    ) -> Result<(), Failure> {
        self.apply(x, out)?;
        out[0] *= v[0];
        Ok(())
    }
}

ad_api::rule!(Exp: tangent);

/// A sum of products with a rule in each term.
#[derive(Clone)]
struct Model(Arc<Exp>);

impl Function for Model {
    fn inputs(&self) -> usize {
        30
    }

    fn outputs(&self) -> usize {
        2
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y.fill(S::from(0.0));
        for pair in x.windows(2) {
            let mut e = [S::from(0.0)];
            self.0.apply(&[pair[0] * 0.1], &mut e)?;
            y[0] += e[0] * pair[1].sin();
            y[1] += pair[0] / (pair[1] * pair[1] + 1.0);
        }
        Ok(())
    }
}

fn allocations(mut call: impl FnMut()) -> usize {
    call();
    call();
    CountingAllocator::count(|| (0..3).for_each(|_| call())).1
}

#[test]
fn prepared_calls_allocate_nothing() {
    let f = Model(Arc::new(Exp));
    let x: Vec<f64> = (0..30).map(|i| f64::from(i) / 10.0).collect();
    let backend = NativeReverse::default();
    let mut p = backend.prepare(&f, &x).unwrap();
    let (mut y, mut g, v, w) = ([0.0; 2], [0.0; 30], [1.0; 30], [1.0, 2.0]);
    let (mut j, mut h) = (DMatrix::zeros(2, 30), DMatrix::zeros(30, 30));
    let count = [
        allocations(|| p.value_and_pullback_into(&x, &w, &mut y, &mut g).unwrap()),
        allocations(|| p.value_and_pushforward_into(&x, &v, &mut y, &mut [0.0; 2]).unwrap()),
        allocations(|| p.value_and_jacobian_into(&x, &mut y, &mut j).unwrap()),
        allocations(|| {
            p.value_gradient_and_weighted_hvp_into(&x, &w, &v, &mut g, &mut [0.0; 30]).unwrap();
        }),
        allocations(|| {
            p.value_gradient_and_weighted_hessian_into(&x, &w, &mut g, &mut h).unwrap();
        }),
        allocations(|| p.pullback_into(&x, &[1.0; 20], &mut [0.0; 300]).unwrap()),
    ];
    assert_eq!(count, [0; 6]);

    let inside = DifferentiateWith::new(backend, f.clone());
    let mut p = backend.prepare(&inside, &x).unwrap();
    assert_eq!(allocations(|| p.value_and_pullback_into(&x, &w, &mut y, &mut g).unwrap()), 0);

    let (_, operator) = backend.linearize(&f, &x).unwrap();
    assert_eq!(allocations(|| operator.apply_into(&v, &mut y).unwrap()), 0);
    assert_eq!(allocations(|| operator.apply_transpose_into(&w, &mut g).unwrap()), 0);
}

#[test]
fn compiled_calls_allocate_nothing() {
    let f = Body(30);
    let backend = NativeReverse::compiled();
    // Two branches in turn, and one where a derivative is not finite, so that the tape takes over.
    let points = [[0.5; 30], [1.5; 30], [f64::INFINITY; 30]];
    for of_points in [&points[..2], &points[..]] {
        let mut p = backend.prepare(&f, &points[0]).unwrap();
        let (mut y, mut g, v, w) = ([0.0], [0.0; 30], [1.0; 60], [1.0]);
        let (mut j, mut h) = (DMatrix::zeros(1, 30), DMatrix::zeros(30, 30));
        let count = [
            allocations(|| {
                for x in of_points {
                    p.value_and_pullback_into(x, &w, &mut y, &mut g).unwrap();
                }
            }),
            allocations(|| {
                for x in of_points {
                    p.value_and_pushforward_into(x, &v, &mut y, &mut [0.0; 2]).unwrap();
                }
            }),
            allocations(|| {
                for x in of_points {
                    p.value_and_jacobian_into(x, &mut y, &mut j).unwrap();
                }
            }),
            allocations(|| {
                for x in of_points {
                    let hv = &mut [0.0; 60];
                    p.value_gradient_and_weighted_hvp_into(x, &w, &v, &mut g, hv).unwrap();
                }
            }),
            allocations(|| {
                for x in of_points {
                    p.value_gradient_and_weighted_hessian_into(x, &w, &mut g, &mut h).unwrap();
                }
            }),
        ];
        assert_eq!(count, [0; 5]);
        assert_eq!(p.explain().branches.len(), 2);
    }
}

/// A body of as many inputs as it says.
#[derive(Clone)]
struct Body(usize);

impl Function for Body {
    fn inputs(&self) -> usize {
        self.0
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        // Some rows go one way, others the other.
        y[0] = x.iter().map(|&x| if x > 1.0 { x.sin() } else { x * x }).product();
        Ok(())
    }
}

/// The same without branches.
#[derive(Clone)]
struct Smooth(usize);

impl Function for Smooth {
    fn inputs(&self) -> usize {
        self.0
    }

    fn outputs(&self) -> usize {
        1
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        y[0] = x.iter().map(|&x| x.sin() + x).product();
        Ok(())
    }
}

fn pullbacks<F: Function>(f: &F) -> usize {
    pullbacks_of(NativeReverse::default(), f)
}

fn pullbacks_of<F: Function>(backend: NativeReverse, f: &F) -> usize {
    let x: Vec<f64> = (0..f.inputs()).map(|i| (i % 7) as f64 / 4.0).collect();
    let (mut y, mut g) = (vec![0.0; f.outputs()], vec![0.0; f.inputs()]);
    let w = vec![1.0; f.outputs()];
    let mut p = backend.prepare(f, &x).unwrap();
    allocations(|| p.value_and_pullback_into(&x, &w, &mut y, &mut g).unwrap())
}

/// Pushforward, Jacobian, product with the Hessian, and Hessian.
fn others<F: Function>(f: &F) -> [usize; 4] {
    let (n, m) = (f.inputs(), f.outputs());
    let x: Vec<f64> = (0..n).map(|i| (i % 7) as f64 / 4.0).collect();
    let (mut y, mut y_dot, mut g, mut hv) =
        (vec![0.0; m], vec![0.0; m], vec![0.0; n], vec![0.0; n]);
    let (v, w) = (vec![1.0; n], vec![1.0; m]);
    let (mut j, mut h) = (DMatrix::zeros(m, n), DMatrix::zeros(n, n));
    let mut p = NativeReverse::default().prepare(f, &x).unwrap();
    [
        allocations(|| p.value_and_pushforward_into(&x, &v, &mut y, &mut y_dot).unwrap()),
        allocations(|| p.value_and_jacobian_into(&x, &mut y, &mut j).unwrap()),
        allocations(|| {
            p.value_gradient_and_weighted_hvp_into(&x, &w, &v, &mut g, &mut hv).unwrap();
        }),
        allocations(|| {
            p.value_gradient_and_weighted_hessian_into(&x, &w, &mut g, &mut h).unwrap();
        }),
    ]
}

#[test]
fn prepared_calls_of_functions_with_structure_allocate_nothing() {
    for p in [2, 6] {
        let map = Map::windows(Body(p), 50, 1).unwrap();
        let scan = Scan::new(Body(p), 1, 9, vec![]).unwrap();
        let sum = Sum::new(map.clone());
        let chain = Chain::new(map.clone(), Sum::new(Map::windows(Body(p), 51 - p, 1).unwrap()));
        let count = [
            pullbacks(&map),
            pullbacks(&sum),
            pullbacks(&scan),
            pullbacks(chain.as_ref().unwrap()),
        ];
        assert_eq!(count, [0; 4]);
        assert_eq!([others(&map), others(&sum), others(&chain.unwrap())], [[0; 4]; 3]);
        // More than one part, and full blocks without branches.
        let long = Sum::new(Map::windows(Smooth(p), 20_000, 1).unwrap());
        assert_eq!([pullbacks(&long), pullbacks(long.map())], [0; 2]);
    }
}

#[test]
fn prepared_calls_of_loops_allocate_nothing_whatever_is_kept() {
    // A state in registers and one that is not, and a rule, with which there are no programs.
    let scans = [Scan::new(Body(12), 1, 40, vec![]).unwrap()];
    let ruled = Scan::new(Ruled(Arc::new(Exp)), 12, 40, vec![]).unwrap();
    for checkpoints in [
        Checkpoints::Automatic,
        Checkpoints::All,
        Checkpoints::SquareRoot,
        Checkpoints::Logarithmic,
        Checkpoints::Count(2),
    ] {
        let backend = NativeReverse::default().checkpoints(checkpoints);
        assert_eq!(scans.each_ref().map(|f| pullbacks_of(backend, f)), [0]);
        assert_eq!(pullbacks_of(backend, &ruled), 0);
        let small = backend.budget(1000);
        assert_eq!(scans.each_ref().map(|f| pullbacks_of(small, f)), [0]);
        assert_eq!(pullbacks_of(small, &ruled), 0);
    }
}

/// A step with a state of twelve and a rule.
#[derive(Clone)]
struct Ruled(Arc<Exp>);

impl Function for Ruled {
    fn inputs(&self) -> usize {
        13
    }

    fn outputs(&self) -> usize {
        12
    }

    fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
        self.0.apply(&[x[1] * 0.1], &mut y[..1])?;
        for i in 1..12 {
            y[i] = x[i + 1] * x[0] * 0.5 + y[i - 1] * 0.1;
        }
        Ok(())
    }
}
