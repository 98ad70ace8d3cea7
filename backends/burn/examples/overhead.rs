//! What the interface costs over direct use of burn: gradients of two networks, and single operations.
//!
//! ```text
//! cargo run --release -p ad-burn --example overhead
//! ```

use std::hint::black_box;
use std::time::Instant;

use ad_api::Failure;
use ad_api::array::{
    Array, ArrayBackend, ArrayFunction, Constant, Dims, Tensor, value_and_gradient,
};
use ad_burn::{Burn, BurnTensor, Precision};
use burn::tensor::{DType, Device, Tensor as Direct, TensorData};

/// The mean square of `tanh(x W₁ + b₁) W₂ + b₂ - t`, over a batch.
#[derive(Clone)]
struct Network {
    sizes: [usize; 3],
    x: Constant,
    t: Constant,
}

impl Network {
    fn new(sizes: [usize; 3], batch: usize) -> Self {
        let data = |dims: [usize; 2], seed| Constant::new(dims, numbers(seed, dims[0] * dims[1]));
        let (x, t) = (data([batch, sizes[0]], 1), data([batch, sizes[2]], 2));
        Network { sizes, x: x.expect("as many numbers"), t: t.expect("as many numbers") }
    }
}

impl ArrayFunction for Network {
    fn inputs(&self) -> Vec<Dims> {
        let [n, m, k] = self.sizes;
        vec![[n, m].into(), [m].into(), [m, k].into(), [k].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![Dims::SCALAR]
    }

    fn eval<T: Tensor>(&self, p: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let hidden = (self.x.beside(&p[0]).matmul(&p[0]) + &p[1]).tanh();
        let residual = hidden.matmul(&p[2]) + &p[3] - self.t.beside(&p[0]);
        Ok(vec![(&residual * &residual).mean(&[0, 1])])
    }
}

/// The same with burn alone: the value and the gradient.
struct DirectNetwork {
    x: Direct<2>,
    t: Direct<2>,
}

impl DirectNetwork {
    fn gradient(&self, p: &[Direct<2>]) -> Vec<Direct<2>> {
        let p: Vec<_> = p.iter().map(|p| p.clone().require_grad()).collect();
        let hidden = (self.x.clone().matmul(p[0].clone()) + p[1].clone()).tanh();
        let residual = hidden.matmul(p[2].clone()) + p[3].clone() - self.t.clone();
        let gradients = (residual.clone() * residual).mean().backward();
        p.iter().map(|p| p.grad(&gradients).expect("every parameter counts")).collect()
    }
}

fn numbers(seed: usize, n: usize) -> Vec<f64> {
    (1..=n).map(|i| ((i + 31 * seed) as f64 * 0.618_033_988_749_895).fract() - 0.5).collect()
}

/// The least seconds of a run of each, measured in turn.
fn least(repeats: usize, runs: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; runs.len()];
    for _ in 0..repeats {
        for (run, best) in runs.iter_mut().zip(&mut best) {
            let start = Instant::now();
            run();
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    best
}

fn networks(precision: Precision, dtype: DType) -> ad_api::Result<()> {
    println!("gradient of a network, batch 64, {precision}\n");
    println!(
        "| sizes | burn µs | adapter µs | ratio | taped µs | ratio |\n|---|---|---|---|---|---|"
    );
    for (sizes, repeats) in [([2, 50, 2], 2000), ([784, 256, 10], 200)] {
        let f = Network::new(sizes, 64);
        let burn = Burn::cpu().precision(precision);
        let device = burn.device()?;
        let parameters: Vec<_> = f.inputs().into_iter().zip(3..).collect();
        let p: Vec<Array<BurnTensor>> = parameters
            .iter()
            .map(|(dims, seed)| Array::from_host(&device, *dims, &numbers(*seed, dims.count())))
            .collect();
        let one = vec![p[0].number(1.0)];

        let place = Device::flex().autodiff();
        let direct = |entries: Vec<f64>, shape: [usize; 2]| {
            Direct::<2>::from_data(TensorData::new(entries, shape), (&place, dtype))
        };
        let matrix = |constant: &Constant| {
            let dims = constant.dims();
            direct(constant.entries().to_vec(), [dims[0], dims[1]])
        };
        let network = DirectNetwork { x: matrix(&f.x), t: matrix(&f.t) };
        let weights: Vec<_> = parameters
            .iter()
            .map(|(dims, seed)| {
                let shape = if dims.rank() == 2 { [dims[0], dims[1]] } else { [1, dims[0]] };
                direct(numbers(*seed, dims.count()), shape)
            })
            .collect();

        let (_, ours) = burn.value_and_pullbacks(&f, &p, std::slice::from_ref(&one))?;
        for (theirs, ours) in network.gradient(&weights).into_iter().zip(&ours[0]) {
            let theirs = theirs.into_data().convert::<f64>().try_into_vec::<f64>();
            let theirs = theirs.expect("numbers in double precision");
            for (a, b) in theirs.iter().zip(ours.to_vec()?) {
                assert!((a - b).abs() < 1e4 * precision.unit(), "{a} {b}");
            }
        }
        let times = least(
            repeats,
            &mut [
                &mut || drop(black_box(network.gradient(black_box(&weights)))),
                &mut || {
                    let ones = std::slice::from_ref(&one);
                    drop(black_box(burn.value_and_pullbacks(&f, black_box(&p), ones)));
                },
                &mut || drop(black_box(value_and_gradient(&f, black_box(&p)))),
            ],
        );
        let [theirs, ours, taped] = times[..] else { unreachable!("three runs") };
        println!(
            "| {sizes:?} | {:.1} | {:.1} | {:.2} | {:.1} | {:.2} |",
            theirs * 1e6,
            ours * 1e6,
            ours / theirs,
            taped * 1e6,
            taped / theirs
        );
    }
    println!();
    Ok(())
}

/// `y = tanh(1.0001 y + 0.1)`, many times: three operations each.
#[derive(Clone)]
struct Iterate {
    len: usize,
    times: usize,
}

impl ArrayFunction for Iterate {
    fn inputs(&self) -> Vec<Dims> {
        vec![[self.len].into()]
    }

    fn outputs(&self) -> Vec<Dims> {
        vec![[self.len].into()]
    }

    fn eval<T: Tensor>(&self, x: &[Array<T>]) -> Result<Vec<Array<T>>, Failure> {
        let next = |y: Array<T>, _| (y * 1.0001 + 0.1).tanh();
        Ok(vec![(0..self.times).fold(x[0].clone(), next)])
    }
}

fn operations() -> ad_api::Result<()> {
    println!("nanoseconds of an operation, y = tanh(1.0001 y + 0.1), f64\n");
    println!(
        "| entries | burn: values | adapter: values | burn: value and pullback | adapter | taped |"
    );
    println!("|---|---|---|---|---|---|");
    for len in [1, 16] {
        let f = Iterate { len, times: 1000 };
        let burn = Burn::cpu();
        let x = Array::<BurnTensor>::from_host(&burn.device()?, [len], &numbers(1, len));
        let (x, one) = (vec![x.clone()], vec![x.ones_like()]);
        let direct = |device: Device| {
            let data = TensorData::new(numbers(1, len), [len]);
            Direct::<1>::from_data(data, (&device, DType::F64))
        };
        let iterate = |x: Direct<1>| (0..f.times).fold(x, |y, _| (y * 1.0001 + 0.1).tanh());
        let (plain, tracked) = (direct(Device::flex()), direct(Device::flex().autodiff()));
        let times = least(
            30,
            &mut [
                &mut || drop(black_box(iterate(black_box(plain.clone())))),
                &mut || drop(black_box(f.eval(black_box(&x)))),
                &mut || {
                    let x = tracked.clone().require_grad();
                    let gradients = iterate(x.clone()).backward();
                    drop(black_box(x.grad(&gradients)));
                },
                &mut || {
                    let ones = std::slice::from_ref(&one);
                    drop(black_box(burn.value_and_pullbacks(&f, black_box(&x), ones)));
                },
                &mut || drop(black_box(ad_api::array::value_and_pullback(&f, black_box(&x), &one))),
            ],
        );
        let each = |seconds: &f64| format!("{:.0}", seconds * 1e9 / (3 * f.times) as f64);
        println!("| {len} | {} |", times.iter().map(each).collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}

fn main() -> ad_api::Result<()> {
    networks(Precision::F64, DType::F64)?;
    networks(Precision::F32, DType::F32)?;
    operations()
}
