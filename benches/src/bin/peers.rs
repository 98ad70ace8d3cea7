//! Gradients against their primals, engine by engine: a table, or JSON lines with `--json`.
//!
//! Every row has passed a check first: value and sum of absolute gradient entries agree to nine
//! digits with those that other programs compute for the same problem. Times are CPU times of this
//! thread: medians over alternating batches of primal and gradient of at least 10 ms each. Compare
//! ratios, within one run.

use std::hint::black_box;
use std::time::Duration;

use ad_api::{Backend, Function, Prepared, Result};
use ad_benches::{Bundle, Gmm, LotkaVolterra, Lstm, Observation, Rosenbrock};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;
use clap::Parser;
use cpu_time::ThreadTime;
use peak_alloc::PeakAlloc;
use serde::Serialize;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Compares the cost of gradients with that of the functions.
#[derive(Parser)]
struct Arguments {
    /// Print one JSON object per row.
    #[arg(long)]
    json: bool,
    /// Run only the problems whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Run only the peers whose name contains this.
    #[arg(long, default_value = "")]
    peer: String,
}

/// One measurement.
#[derive(Serialize)]
struct Row {
    peer: &'static str,
    problem: String,
    primal_ns: f64,
    gradient_ns: f64,
    ratio: f64,
    peak_bytes: usize,
    value: f64,
    grad_l1: f64,
}

/// What the other programs computed.
struct Expected {
    value: f64,
    grad_l1: f64,
}

const BATCHES: usize = 15;
const BATCH: Duration = Duration::from_millis(10);

fn batch(repetitions: usize, mut work: impl FnMut()) -> Duration {
    let start = ThreadTime::now();
    (0..repetitions).for_each(|_| work());
    start.elapsed()
}

/// Keeps the compiler from leaving out the computation of `result`.
fn consume<T>(result: T) {
    let _ = black_box(result);
}

/// How often to repeat `work` for one batch.
fn repetitions(mut work: impl FnMut()) -> usize {
    let mut count = 1;
    loop {
        let time = batch(count, &mut work);
        if time >= BATCH {
            return count;
        }
        let factor = BATCH.as_secs_f64() / time.as_secs_f64().max(1e-9) * 1.2;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive factor"
        )]
        let factor = factor.clamp(2.0, 100.0).ceil() as usize;
        count *= factor;
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Times `gradient` against `primal` in alternating batches and checks the results. `gradient` is told
/// whether value and sum are wanted, for only the derivatives are timed.
fn measure(
    arguments: &Arguments,
    peer: &'static str,
    problem: &str,
    expected: &Expected,
    mut primal: impl FnMut(),
    mut gradient: impl FnMut(bool) -> (f64, f64),
) {
    if !problem.contains(&arguments.only) || !peer.contains(&arguments.peer) {
        return;
    }
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let (value, grad_l1) = gradient(true);
    let peak_bytes = MEMORY.peak_usage().saturating_sub(before);
    for (name, found, expected) in
        [("value", value, expected.value), ("grad_l1", grad_l1, expected.grad_l1)]
    {
        let error = (found / expected - 1.0).abs();
        assert!(error < 1e-9, "{peer} on {problem}: {name} is {found}, expected {expected}");
    }
    let counts = (repetitions(&mut primal), repetitions(|| consume(gradient(false))));
    let times: Vec<(f64, f64)> = (0..BATCHES)
        .map(|_| {
            let primal = batch(counts.0, &mut primal).as_secs_f64() / counts.0 as f64;
            let gradient = batch(counts.1, || consume(gradient(false)));
            (primal * 1e9, gradient.as_secs_f64() / counts.1 as f64 * 1e9)
        })
        .collect();
    let row = Row {
        peer,
        problem: problem.into(),
        primal_ns: median(times.iter().map(|t| t.0).collect()),
        gradient_ns: median(times.iter().map(|t| t.1).collect()),
        ratio: median(times.iter().map(|t| t.1 / t.0).collect()),
        peak_bytes,
        value,
        grad_l1,
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&row).expect("plain numbers"));
    } else {
        println!(
            "{:<15} {:<22} {:>14.0} {:>14.0} {:>8.2} {:>12}",
            row.peer, row.problem, row.primal_ns, row.gradient_ns, row.ratio, row.peak_bytes
        );
    }
}

fn l1(derivatives: &[f64]) -> f64 {
    derivatives.iter().map(|d| d.abs()).sum()
}

/// A gradient through a prepared backend.
fn gradient<B: Backend, F: Function>(
    arguments: &Arguments,
    (peer, backend): (&'static str, &B),
    (problem, f, x): (&str, &F, &[f64]),
    expected: &Expected,
) -> Result<()> {
    structured(arguments, (peer, backend), (problem, f, f, x), expected)
}

/// A gradient of `f`, a function that states its structure, against the primal of the plain one.
fn structured<B: Backend, P: Function, F: Function>(
    arguments: &Arguments,
    (peer, backend): (&'static str, &B),
    (problem, plain, f, x): (&str, &P, &F, &[f64]),
    expected: &Expected,
) -> Result<()> {
    let mut prepared = backend.prepare(f, x)?;
    let mut gradient = vec![0.0; x.len()];
    let mut y = [0.0];
    measure(
        arguments,
        peer,
        problem,
        expected,
        || consume(plain.eval(black_box(x), black_box(&mut y))),
        |sum| match prepared.value_and_gradient_into(black_box(x), &mut gradient) {
            Ok(value) => (value, if sum { l1(&gradient) } else { 0.0 }),
            Err(error) => panic!("{peer} on {problem}: {error}"),
        },
    );
    Ok(())
}

/// A product with the Hessian, of the plain function and of one that states its structure; value and
/// gradient come along.
fn products<P: Function, F: Function>(
    arguments: &Arguments,
    (problem, plain, f, x): (&str, &P, &F, &[f64]),
    expected: &Expected,
) -> Result<()> {
    fn product<F: Function>(f: &F, x: &[f64]) -> Result<impl FnMut(bool) -> (f64, f64)> {
        let mut prepared = NativeReverse::default().prepare(f, x)?;
        let (x, v) = (x.to_vec(), vec![1.0; x.len()]);
        let (mut gradient, mut hv) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        Ok(move |sum| {
            let hvp = prepared.value_gradient_and_weighted_hvp_into(
                black_box(&x),
                &[1.0],
                &v,
                &mut gradient,
                &mut hv,
            );
            match hvp {
                Ok(value) => (value, if sum { l1(&gradient) } else { 0.0 }),
                Err(error) => panic!("product with the Hessian: {error}"),
            }
        })
    }
    let mut y = [0.0];
    let mut primal = || consume(plain.eval(black_box(x), black_box(&mut y)));
    measure(arguments, "native-tape", problem, expected, &mut primal, product(plain, x)?);
    measure(arguments, "native-prepared", problem, expected, &mut primal, product(f, x)?);
    Ok(())
}

/// All 2 x 15 Jacobian blocks of a bundle adjustment; the two observed coordinates are constants.
fn blocks<B: Backend>(
    arguments: &Arguments,
    (peer, backend): (&'static str, &B),
    expected: &Expected,
) -> Result<()> {
    const ACTIVE: usize = 15;
    let bundle = Bundle::generate();
    let inputs: Vec<[f64; 17]> = (0..bundle.observations()).map(|i| bundle.input(i)).collect();
    let mut prepared = backend.prepare(&Observation, &inputs[0])?;
    let mut seeds = [0.0; 17 * ACTIVE];
    (0..ACTIVE).for_each(|j| seeds[j * 17 + j] = 1.0);
    let (mut y, mut columns) = ([0.0; 2], [0.0; 2 * ACTIVE]);
    measure(
        arguments,
        peer,
        "ba_jac_p31843",
        expected,
        || {
            for x in &inputs {
                let mut y = [0.0; 2];
                consume(Observation.eval(black_box(x), black_box(&mut y)));
            }
        },
        |_| {
            inputs.iter().fold((0.0, 0.0), |(value, sum), x| {
                if let Err(error) =
                    prepared.value_and_pushforward_into(x, &seeds, &mut y, &mut columns)
                {
                    panic!("{peer}: {error}");
                }
                (value + y[0] * y[0] + y[1] * y[1], sum + l1(&columns))
            })
        },
    );
    Ok(())
}

/// The same blocks from one preparation of all residuals.
fn map_blocks(arguments: &Arguments, backend: NativeReverse, expected: &Expected) -> Result<()> {
    let bundle = Bundle::generate();
    let inputs: Vec<[f64; 17]> = (0..bundle.observations()).map(|i| bundle.input(i)).collect();
    let (f, x) = bundle.structured()?;
    let mut prepared = backend.prepare(&f, &x)?;
    let mut y = vec![0.0; f.outputs()];
    let mut blocks = vec![0.0; f.rows() * 2 * f.row_inputs()];
    measure(
        arguments,
        "native-prepared",
        "ba_jac_p31843",
        expected,
        || {
            for x in &inputs {
                let mut y = [0.0; 2];
                consume(Observation.eval(black_box(x), black_box(&mut y)));
            }
        },
        |sum| {
            if let Err(error) = prepared.value_and_blocks_into(black_box(&x), &mut y, &mut blocks) {
                panic!("native-prepared: {error}");
            }
            if sum { (y.iter().map(|y| y * y).sum(), l1(&blocks)) } else { (0.0, 0.0) }
        },
    );
    Ok(())
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if !arguments.json {
        println!(
            "{:<15} {:<22} {:>14} {:>14} {:>8} {:>12}",
            "peer", "problem", "primal ns", "gradient ns", "ratio", "peak bytes"
        );
    }
    let tape = ("native-tape", &NativeReverse::default());
    let prepared = ("native-prepared", &NativeReverse::default());
    let dual = ("dual", &Dual::default());
    let rosenbrock = |n: usize| (format!("rosenbrock_n{n}"), Rosenbrock::new(n));
    for (n, value, grad_l1) in
        [(1000, 416_358.969_87, 1_027_137.878_56), (100_000, 45_361_157.799_2, 110_622_336.686)]
    {
        let (name, f) = rosenbrock(n);
        let (x, expected) = (f.point(), Expected { value, grad_l1 });
        gradient(&arguments, tape, (&name, &f, &x), &expected)?;
        structured(&arguments, prepared, (&name, &f, &f.structured()?, &x), &expected)?;
        let product = (&format!("{name}_hvp")[..], &f, &f.structured()?, &x[..]);
        products(&arguments, product, &expected)?;
        if n <= 1000 {
            gradient(&arguments, dual, (&name, &f, &x), &expected)?;
        }
    }
    let (x, expected) =
        (LotkaVolterra::point(), Expected { value: 4_487.902_896_93, grad_l1: 6_323.204_407_36 });
    gradient(&arguments, tape, ("lv_rk4_1000", &LotkaVolterra, &x), &expected)?;
    let scan = LotkaVolterra::structured()?;
    let lv = ("lv_rk4_1000", &LotkaVolterra, &scan, &x[..]);
    structured(&arguments, prepared, lv, &expected)?;
    gradient(&arguments, dual, ("lv_rk4_1000", &LotkaVolterra, &x), &expected)?;
    for (d, k, value, grad_l1) in [
        (2, 5, -1_854.715_202_9, 2_506.961_382_18),
        (10, 25, -7_638.138_214_15, 15_063.748_727_9),
        (32, 25, -6_991.583_634_4, 77_468.948_105_9),
    ] {
        let (f, theta) = Gmm::generate(d, k, 1000);
        let name = format!("gmm_d{d}_k{k}_n1000");
        gradient(&arguments, tape, (&name, &f, &theta), &Expected { value, grad_l1 })?;
        let rows = (&name[..], &f, &f.structured()?, &theta[..]);
        structured(&arguments, prepared, rows, &Expected { value, grad_l1 })?;
        if d == 2 {
            gradient(&arguments, dual, (&name, &f, &theta), &Expected { value, grad_l1 })?;
        }
    }
    let (f, theta) = Lstm::generate(2, 1024, 14);
    let expected = Expected { value: 1.393_911_981_83, grad_l1: 0.355_078_621_77 };
    gradient(&arguments, tape, ("lstm_l2_c1024_b14", &f, &theta), &expected)?;
    let lstm = ("lstm_l2_c1024_b14", &f, &f.structured()?, &theta[..]);
    structured(&arguments, prepared, lstm, &expected)?;
    let expected = Expected { value: 337_581_795.279, grad_l1: 37_099_117.434_1 };
    blocks(&arguments, tape, &expected)?;
    map_blocks(&arguments, NativeReverse::default(), &expected)?;
    blocks(&arguments, dual, &expected)
}
