//! Which peers run which problems.

use std::num::NonZero;

use ad_api::Function;
use ad_benches::{Bundle, Gmm, LotkaVolterra, Lstm, Rosenbrock};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

use crate::measure::Clock::{Processor, Wall};
use crate::problems::Problem;
use crate::scalars::Objective;
use crate::{Bench, Outcome, arrays, native, scalars};

/// All problems. Forward modes run those of few inputs; one by one, the operations of P3 are out of
/// reach of arrays, for P6 tells what each would cost.
pub(crate) fn run(bench: &Bench) -> Outcome {
    for (n, value, grad_l1) in
        [(1000, 416_358.969_87, 1_027_137.878_56), (100_000, 45_361_157.799_2, 110_622_336.686)]
    {
        let f = Rosenbrock::new(n);
        let (problem, x) = (Problem::rosenbrock(&f, value, grad_l1), f.point());
        let sum = f.structured()?;
        engines(bench, &problem, &f, &sum, &x)?;
        products(bench, &problem.product(), &f, &sum, &x)?;
        if n == 1000 {
            forward::<4, _>(bench, &problem, &f, &x)?;
        }
        arrays::rosenbrock(bench, &problem, &f, &x)?;
    }
    let (problem, x) = (Problem::lotka_volterra(), LotkaVolterra::point());
    engines(bench, &problem, &LotkaVolterra, &LotkaVolterra::structured()?, &x)?;
    forward::<6, _>(bench, &problem, &LotkaVolterra, &x)?;
    for (d, k, value, grad_l1) in [
        (2, 5, -1_854.715_202_9, 2_506.961_382_18),
        (10, 25, -7_638.138_214_15, 15_063.748_727_9),
        (32, 25, -6_991.583_634_4, 77_468.948_105_9),
    ] {
        let (f, theta) = Gmm::generate(d, k, 1000);
        let problem = Problem::mixture(&f, value, grad_l1);
        let sum = f.structured()?;
        engines(bench, &problem, &f, &sum, &theta)?;
        bench.row("native-prepared-2t", &problem, Wall, || {
            native::prepared(&two_threads(), &f, &sum, &theta)
        })?;
        if d == 2 {
            forward::<4, _>(bench, &problem, &f, &theta)?;
        }
        arrays::mixture(bench, &problem, &f, &theta)?;
    }
    let (f, theta) = Lstm::generate(2, 1024, 14);
    let problem = Problem::lstm(&f);
    engines(bench, &problem, &f, &f.structured()?, &theta)?;
    arrays::lstm(bench, &problem, &f, &theta)?;
    bundle(bench)?;
    chains(bench)
}

fn two_threads() -> NativeReverse {
    NativeReverse::default().threads(NonZero::<usize>::MIN.saturating_add(1))
}

/// Rows of the reverse modes, our own and those of others.
fn engines<F: Function + Objective, S: Function + Sync>(
    bench: &Bench,
    problem: &Problem,
    f: &F,
    structured: &S,
    x: &[f64],
) -> Outcome {
    let native = NativeReverse::default();
    bench.row("native-tape", problem, Processor, || native::plain(&native, f, x))?;
    bench.row("native-compiled", problem, Processor, || {
        native::prepared(&NativeReverse::compiled(), f, f, x)
    })?;
    bench.row("native-prepared", problem, Processor, || {
        native::prepared(&native, f, structured, x)
    })?;
    scalars::reverse(bench, problem, f, x)
}

/// Rows of the forward modes; `N` is the number of tangents in an evaluation for those of others.
fn forward<const N: usize, F: Function + Objective>(
    bench: &Bench,
    problem: &Problem,
    f: &F,
    x: &[f64],
) -> Outcome {
    bench.row("dual", problem, Processor, || native::plain(&Dual::default(), f, x))?;
    scalars::forward::<N, _>(bench, problem, f, x)
}

/// Rows of products with the Hessian.
fn products<F: Function + Sync, S: Function + Sync>(
    bench: &Bench,
    problem: &Problem,
    f: &F,
    structured: &S,
    x: &[f64],
) -> Outcome {
    bench.row("native-tape", problem, Processor, || native::product(f, f, x))?;
    bench.row("native-prepared", problem, Processor, || native::product(f, structured, x))
}

/// P5.
fn bundle(bench: &Bench) -> Outcome {
    let bundle = Bundle::generate();
    let inputs: Vec<[f64; 17]> = (0..bundle.observations()).map(|i| bundle.input(i)).collect();
    let problem = Problem::bundle(inputs.len());
    let (f, x) = bundle.structured()?;
    let native = NativeReverse::default();
    let compiled = NativeReverse::compiled();
    bench.row("native-tape", &problem, Processor, || native::rows(&native, &inputs))?;
    bench.row("native-compiled", &problem, Processor, || native::rows(&compiled, &inputs))?;
    bench.row("native-prepared", &problem, Processor, || {
        native::map_blocks(&native, &f, &x, &inputs)
    })?;
    bench.row("native-prepared-2t", &problem, Wall, || {
        native::map_blocks(&two_threads(), &f, &x, &inputs)
    })?;
    bench.row("dual", &problem, Processor, || native::columns(&Dual::default(), &inputs))?;
    scalars::blocks(bench, &problem, &inputs)
}

/// P6.
fn chains(bench: &Bench) -> Outcome {
    bench.slope("native-tape", native::chain)?;
    bench.slope("native-prepared", native::loop_chain)?;
    scalars::chains(bench)?;
    arrays::chains(bench)
}
