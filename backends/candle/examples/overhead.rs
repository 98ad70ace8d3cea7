//! What the adapter costs over candle alone: gradients of networks, and of a chain of small
//! operations.
//!
//! `RAYON_NUM_THREADS=1 cargo run --release -p ad-candle --example overhead`. Where the heap returns
//! memory to the system and asks for it again, as glibc's does by default, arrays of a megabyte cost
//! more to allocate than to compute, and the figures scatter; `MALLOC_TRIM_THRESHOLD_=1000000000
//! MALLOC_MMAP_THRESHOLD_=1000000000` in the environment keeps it.

use std::time::Instant;

use ad_api::Failure;
use ad_api::array::{Array, ArrayBackend, ArrayFunction, Constant, Dims, Tensor};
use ad_candle::{Candle, CandleTensor};
use candle_core::{Device, Var};

type Direct = candle_core::Result<candle_core::Tensor>;

/// Mean squared error of a network with one hidden layer of tanh.
#[derive(Clone)]
struct Regression(Data);

/// Cross entropy of a network with one hidden layer of rectifiers.
#[derive(Clone)]
struct Classification(Data);

/// A batch, what is expected of it, and the sizes of the layers.
#[derive(Clone)]
struct Data {
    batch: Constant,
    targets: Constant,
    sizes: [usize; 3],
}

impl Data {
    fn new(batch: usize, sizes: [usize; 3], one_hot: bool) -> Self {
        let [inputs, _, outputs] = sizes;
        let targets: Vec<f64> = if one_hot {
            (0..batch * outputs).map(|i| f64::from(i % outputs == i / outputs % outputs)).collect()
        } else {
            entries(batch * outputs, 0.3)
        };
        let constant = |dims: [usize; 2], entries| Constant::new(dims, entries);
        let batch_entries = entries(batch * inputs, 0.1);
        Data {
            batch: constant([batch, inputs], batch_entries).expect("as many as the shape has"),
            targets: constant([batch, outputs], targets).expect("as many as the shape has"),
            sizes,
        }
    }

    fn weights(&self) -> Vec<Dims> {
        let [inputs, hidden, outputs] = self.sizes;
        vec![[inputs, hidden].into(), [hidden].into(), [hidden, outputs].into(), [outputs].into()]
    }
}

fn entries(count: usize, start: f64) -> Vec<f64> {
    (0..count).map(|i| (start + i as f64 * 0.37).sin() * 0.1).collect()
}

impl ArrayFunction for Regression {
    fn inputs(&self) -> Vec<Dims> {
        self.0.weights()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [w1, b1, w2, b2] = x else { unreachable!("inputs are checked") };
        let hidden = (self.0.batch.beside(w1).matmul(w1) + b1).tanh();
        let error = hidden.matmul(w2) + b2 - self.0.targets.beside(w1);
        Ok(vec![error.square().mean_all()])
    }
}

impl Regression {
    fn direct(
        x: &[candle_core::Tensor],
        batch: &candle_core::Tensor,
        t: &candle_core::Tensor,
    ) -> Direct {
        let hidden = batch.matmul(&x[0])?.broadcast_add(&x[1])?.tanh()?;
        hidden.matmul(&x[2])?.broadcast_add(&x[3])?.sub(t)?.sqr()?.mean_all()
    }
}

impl ArrayFunction for Classification {
    fn inputs(&self) -> Vec<Dims> {
        self.0.weights()
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let [w1, b1, w2, b2] = x else { unreachable!("inputs are checked") };
        let hidden = (self.0.batch.beside(w1).matmul(w1) + b1).relu();
        let scores = hidden.matmul(w2) + b2;
        let chosen = (&scores * self.0.targets.beside(w1)).sum(&[1]);
        Ok(vec![(scores.log_sum_exp(&[1]) - chosen).mean_all()])
    }
}

impl Classification {
    fn direct(
        x: &[candle_core::Tensor],
        batch: &candle_core::Tensor,
        t: &candle_core::Tensor,
    ) -> Direct {
        let hidden = batch.matmul(&x[0])?.broadcast_add(&x[1])?.relu()?;
        let scores = hidden.matmul(&x[2])?.broadcast_add(&x[3])?;
        let chosen = scores.mul(t)?.sum(1)?;
        scores.log_sum_exp(1)?.sub(&chosen)?.mean_all()
    }
}

/// `y ← tanh(1.0001 y + 0.1)`, a thousand times: 3000 operations.
#[derive(Clone)]
struct Chain(usize);

impl ArrayFunction for Chain {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.0].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        self.inputs()
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        Ok(vec![(0..1000).fold(x[0].clone(), |y, _| (y * 1.0001 + 0.1).tanh())])
    }
}

impl Chain {
    fn direct(x: &candle_core::Tensor) -> Direct {
        (0..1000).try_fold(x.clone(), |y, _| y.affine(1.0001, 0.0)?.affine(1.0, 0.1)?.tanh())
    }
}

/// The least seconds of many runs of each, some of one and some of the other in turns.
fn race<const N: usize>(runs: usize, mut work: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut least = [f64::INFINITY; N];
    for _ in 0..runs {
        for (least, work) in least.iter_mut().zip(&mut work) {
            for _ in 0..8 {
                let start = Instant::now();
                work();
                *least = least.min(start.elapsed().as_secs_f64());
            }
        }
    }
    least
}

fn network<F: ArrayFunction>(
    name: &str,
    runs: usize,
    f: &F,
    data: &Data,
    direct: impl Fn(&[candle_core::Tensor], &candle_core::Tensor, &candle_core::Tensor) -> Direct,
) -> Result<(), Box<dyn std::error::Error>> {
    let engine = Candle::cpu();
    let device = engine.device()?;
    let x = f
        .inputs()
        .into_iter()
        .map(|dims| Array::from_host(&device, dims, &entries(dims.count(), 0.7)));
    let x: Vec<Array<CandleTensor>> = x.collect();
    let ones = [vec![Array::full(&device, Dims::SCALAR, 1.0)]];

    let variables =
        x.iter().map(|x| Var::from_tensor(&x.tensor()?.to_candle()).map_err(Into::into));
    let variables = variables.collect::<Result<Vec<_>, Box<dyn std::error::Error>>>()?;
    let tensors: Vec<_> = variables.iter().map(|x| x.as_tensor().clone()).collect();
    let constant =
        |c: &Constant| c.on::<CandleTensor>(&device).tensor().map(CandleTensor::to_candle);
    let (batch, targets) = (constant(&data.batch)?, constant(&data.targets)?);

    let ours = || engine.value_and_pullbacks(f, &x, &ones);
    let theirs = || direct(&tensors, &batch, &targets)?.backward();
    let (_, gradient) = ours()?;
    let expected = theirs()?;
    for (found, variable) in gradient[0].iter().zip(&variables) {
        let found = found.tensor()?.to_candle();
        let expected = expected.get(variable).ok_or("no gradient")?;
        let difference: f64 = (found - expected)?.abs()?.max_all()?.to_scalar()?;
        assert!(difference < 1e-12, "{name}: gradients differ by {difference}");
    }
    let [ours, theirs] = race(
        runs,
        [&mut || drop(ours().expect("it went well before")), &mut || {
            drop(theirs().expect("it went well before"));
        }],
    );
    let percent = (ours / theirs - 1.0) * 100.0;
    println!(
        "{name:<32} candle {:9.1} µs, adapter {:9.1} µs: {percent:+.1} %",
        theirs * 1e6,
        ours * 1e6
    );
    Ok(())
}

fn chain(size: usize, runs: usize) -> Result<(), Box<dyn std::error::Error>> {
    let engine = Candle::cpu();
    let device = engine.device()?;
    let x: Array<CandleTensor> = Array::from_host(&device, [size], &vec![0.3; size]);
    let bare = x.tensor()?.to_candle();
    let variable = Var::new(vec![0.3; size], &Device::Cpu)?;
    let ones = [vec![x.ones_like()]];
    let f = Chain(size);
    let seconds = race(
        runs,
        [
            &mut || drop(Chain::direct(&bare).expect("shapes fit")),
            &mut || drop(f.eval(std::slice::from_ref(&x)).expect("shapes fit")),
            &mut || {
                let y = Chain::direct(&variable).expect("shapes fit");
                drop(y.backward().expect("shapes fit"));
            },
            &mut || drop(engine.value_and_pullbacks(&f, std::slice::from_ref(&x), &ones)),
        ],
    );
    let ns = seconds.map(|seconds| seconds * 1e9 / 3000.0);
    println!(
        "[{size}], ns per operation, candle / adapter: value {:.0} / {:.0}, gradient {:.0} / {:.0}",
        ns[0], ns[1], ns[2], ns[3]
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let small = Data::new(64, [2, 50, 2], false);
    network(
        "MLP 2-50-2, tanh, batch 64",
        300,
        &Regression(small.clone()),
        &small,
        Regression::direct,
    )?;
    let large = Data::new(64, [784, 256, 10], false);
    network("MLP 784-256-10, tanh", 20, &Regression(large.clone()), &large, Regression::direct)?;
    let large = Data::new(64, [784, 256, 10], true);
    let f = Classification(large.clone());
    network("MLP 784-256-10, relu, softmax", 20, &f, &large, Classification::direct)?;
    chain(1, 8)?;
    chain(16, 8)
}
