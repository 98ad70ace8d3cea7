//! What derivatives cost: the promises of `capability`, and gradients of many inputs.

mod common;
use ad_api::{
    Backend, Differentiate, Evaluations, Failure, Function, Operation, Prepared, Scalar, Shape,
};
use ad_fd::Fd;
use common::{Counted, function};

function!(Model: 3 => 4, |x, y| {
    y[0] = x[0].exp() * x[1];
    y[1] = (x[1] * x[2]).sin();
    y[2] = x[0] * x[0] + x[2];
    y[3] = (x[0] - x[1]).recip();
});
function!(Scalar3: 3 => 1, |x, y| { y[0] = x[0].exp() * x[1] + (x[2] * x[0]).sin(); });
const X: [f64; 3] = [0.4, 1.7, -2.3];

#[test]
fn evaluations_keep_the_promise() {
    for order in [2, 4, 6, 8] {
        for adaptive in [true, false] {
            let fd = Fd::default().order(order).unwrap().adaptive(adaptive);
            let (f, shape) = (Counted::new(Model), Shape { inputs: 3, outputs: 4 });
            let stated = |operation| fd.capability(operation, shape).evaluations().unwrap();
            fd.jacobian(&f, &X).unwrap();
            let count = f.count();
            assert!(stated(Operation::Jacobian).allows(count), "{count}");
            println!("order {order}, adaptive {adaptive}: jacobian of 3 inputs {count}");
            if !adaptive {
                assert_eq!(stated(Operation::Jacobian), Evaluations::Exactly(1 + 3 * order));
            }
            fd.pullback(&f, &X, &[1.0; 4]).unwrap();
            assert!(stated(Operation::Pullback).allows(f.count()));
            fd.pushforward(&f, &X, &[1.0; 3]).unwrap();
            assert!(stated(Operation::Pushforward).allows(f.count()));
            let (f, shape) = (Counted::new(Scalar3), Shape { inputs: 3, outputs: 1 });
            let stated = |operation| fd.capability(operation, shape).evaluations().unwrap();
            fd.hessian(&f, &X).unwrap();
            let count = f.count();
            assert!(stated(Operation::Hessian).allows(count), "{count}");
            println!("order {order}, adaptive {adaptive}: hessian of 3 inputs {count}");
            fd.hvp(&f, &X, &[1.0; 3]).unwrap();
            assert!(stated(Operation::Hvp).allows(f.count()));
        }
    }
}

#[test]
fn the_hardest_search_stays_within_its_bound() {
    // Noise, holes and jumps: every window that the search may take.
    function!(Hard: 1 => 4, |x, y| {
        y[0] = S::from((x[0].primal() * 1e12).sin() * 1e-3);
        y[1] = if x[0] > 1.0 { S::from(f64::NAN) } else { (x[0] * 1e7).sin() };
        y[2] = (x[0] * 1e3).sin() + 1e3;
        y[3] = if x[0] < 1.0 { x[0] } else { x[0] + 1e-3 };
    });
    for order in [2, 4, 6, 8] {
        let fd = Fd::default().order(order).unwrap();
        let f = Counted::new(Hard);
        // Whether there is a derivative in this is not the question.
        let _ = fd.jacobian(&f, &[1.0]);
        let stated = fd.capability(Operation::Jacobian, Shape::of(&f)).evaluations().unwrap();
        let count = f.count();
        println!("order {order}: {count} of at most {stated}");
        assert!(stated.allows(count), "{count} {stated}");
    }
}

#[test]
fn a_gradient_of_many_inputs_takes_two_windows_each_at_most() {
    /// `Σ xᵢ² / 2`.
    #[derive(Debug, Clone)]
    struct Wide;
    impl Function for Wide {
        fn inputs(&self) -> usize {
            2000
        }
        fn outputs(&self) -> usize {
            1
        }
        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            y[0] = x.iter().map(|&x| x * x * 0.5).sum();
            Ok(())
        }
    }
    let f = Counted::new(Wide);
    let x: Vec<f64> = (0..2000).map(|i| 0.5 + f64::from(i) * 1e-3).collect();
    let mut prepared = Fd::default().adaptive(false).prepare(&f, &x).unwrap();
    let gradient = prepared.gradient(&x).unwrap();
    assert_eq!(f.count(), 1 + 6 * 2000);
    for (g, x) in gradient.iter().zip(&x) {
        // The sum is 2300: its rounding is that of one part in 10³ of the derivative.
        assert!((g - x).abs() < 1e-8, "{g} not {x}");
    }
    let gradient = Fd::default().gradient(&f, &x).unwrap();
    let count = f.count();
    println!("{count} evaluations for 2000 inputs");
    assert!(count <= 1 + 2 * 8 * 2000, "{count}");
    for (g, x) in gradient.iter().zip(&x) {
        assert!((g - x).abs() < 1e-8, "{g} not {x}");
    }
}

#[test]
fn a_gradient_of_a_hundred_thousand_inputs_costs_evaluations_and_nothing_else() {
    const N: usize = 100_000;
    // Looks at two inputs, so that the time is that of the search; most entries are zero.
    function!(Sparse: N => 1, |x, y| { y[0] = x[0] * x[N - 1].exp(); });
    let f = Counted::new(Sparse);
    let x = vec![0.7; N];
    let gradient = Fd::default().gradient(&f, &x).unwrap();
    assert_eq!(f.count(), 1 + 8 * N);
    assert!((gradient[0] - 0.7f64.exp()).abs() < 1e-11);
    assert!((gradient[N - 1] - 0.7 * 0.7f64.exp()).abs() < 1e-11);
    assert!(gradient.iter().filter(|&&g| g != 0.0).count() == 2);
}
