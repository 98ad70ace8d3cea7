//! Time and memory of one row, after its results have been checked.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use peak_alloc::PeakAlloc;

use crate::Outcome;
use crate::problems::Problem;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Batches of each kind, unless they take longer than [`ENOUGH`] together; then at least three.
const BATCHES: usize = 15;
const BATCH: Duration = Duration::from_millis(10);
const ENOUGH: Duration = Duration::from_secs(3);

/// Derivatives and checks agree to nine digits with those of other programs.
const TOLERANCE: f64 = 1e-9;

/// Which time is taken.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    /// Processor time of all threads: the work done, on however many cores.
    Processor,
    /// Time on the wall, for what runs on several threads.
    Wall,
}

impl Clock {
    fn time(self, work: impl FnOnce() -> Outcome) -> Outcome<Duration> {
        match self {
            Clock::Processor => {
                let start = ProcessTime::now();
                work()?;
                Ok(start.elapsed())
            }
            Clock::Wall => {
                let start = Instant::now();
                work()?;
                Ok(start.elapsed())
            }
        }
    }
}

/// Something that is timed.
pub(crate) type Call<'a> = Box<dyn FnMut() -> Outcome + 'a>;

/// Writes results and derivatives.
pub(crate) type Gradient<'a> = Box<dyn FnMut(&mut [f64], &mut [f64]) -> Outcome + 'a>;

/// What a peer does with a problem, prepared.
pub(crate) struct Work<'a> {
    /// What the derivatives are compared with.
    pub(crate) primal: Call<'a>,
    /// Writes the results and all derivatives.
    pub(crate) gradient: Gradient<'a>,
    /// The results alone, by the peer's own preparation, where that may be faster than the primal.
    pub(crate) value: Option<Call<'a>>,
}

/// Nanoseconds of a call: the median and the least of the batches.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    pub(crate) median: f64,
    pub(crate) least: f64,
}

/// What was measured of one peer on one problem.
pub(crate) struct Measured {
    pub(crate) primal: Time,
    pub(crate) gradient: Time,
    /// The median of gradient over primal, batch by batch.
    pub(crate) ratio: f64,
    /// The same for the value alone.
    pub(crate) value: Option<(Time, f64)>,
    /// The largest heap of the preparation and the first call, beyond what was there before.
    pub(crate) peak_bytes: usize,
    /// The two numbers that were checked.
    pub(crate) checks: (f64, f64),
}

/// Prepares and checks, then times primal, gradient and value in turns.
pub(crate) fn measure<'a>(
    problem: &Problem,
    clock: Clock,
    prepare: impl FnOnce() -> Outcome<Work<'a>>,
) -> Outcome<Measured> {
    let mut results = problem.buffers();
    let (mut work, peak_bytes, checks) = checked(problem, &mut results, prepare)?;
    let mut calls: Vec<Call> = vec![
        work.primal,
        Box::new(|| {
            (work.gradient)(&mut results.0, &mut results.1)?;
            black_box(&results);
            Ok(())
        }),
    ];
    calls.extend(work.value);
    let times = in_turns(clock, &mut calls)?;
    let ratio = |i: usize| median(times[i].iter().zip(&times[0]).map(|(t, primal)| t / primal));
    Ok(Measured {
        primal: Time::of(&times[0]),
        gradient: Time::of(&times[1]),
        ratio: ratio(1),
        value: times.get(2).map(|value| (Time::of(value), ratio(2))),
        peak_bytes,
        checks,
    })
}

/// What one more link costs in a chain: the difference of two lengths, over the difference in
/// length. The checks and the memory are those of the longer chain.
pub(crate) fn slope<'a>(
    [short, long]: [(&Problem, usize); 2],
    prepare: impl Fn(usize) -> Outcome<Work<'a>>,
) -> Outcome<Measured> {
    let mut results = [short.0.buffers(), long.0.buffers()];
    // The longer first, for what it keeps in the thread is then its own.
    let (mut many, peak_bytes, checks) = checked(long.0, &mut results[1], || prepare(long.1))?;
    let (mut few, ..) = checked(short.0, &mut results[0], || prepare(short.1))?;
    let [a, b] = &mut results;
    let mut calls: Vec<Call> = vec![
        few.primal,
        many.primal,
        Box::new(|| (few.gradient)(&mut a.0, &mut a.1)),
        Box::new(|| (many.gradient)(&mut b.0, &mut b.1)),
    ];
    let times = in_turns(Clock::Processor, &mut calls)?;
    let links = (long.1 - short.1) as f64;
    let [primal, gradient] = [0, 2].map(|i| -> Vec<f64> {
        times[i].iter().zip(&times[i + 1]).map(|(few, many)| (many - few) / links).collect()
    });
    let ratio = median(gradient.iter().zip(&primal).map(|(gradient, primal)| gradient / primal));
    let (primal, gradient) = (Time::of(&primal), Time::of(&gradient));
    Ok(Measured { primal, gradient, ratio, value: None, peak_bytes, checks })
}

/// The prepared work, its memory and its two checks, which agree with what the problem expects.
fn checked<'a>(
    problem: &Problem,
    (y, derivatives): &mut (Vec<f64>, Vec<f64>),
    prepare: impl FnOnce() -> Outcome<Work<'a>>,
) -> Outcome<(Work<'a>, usize, (f64, f64))> {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut work = prepare()?;
    (work.gradient)(y, derivatives)?;
    let peak_bytes = MEMORY.peak_usage().saturating_sub(before);
    let checks = Problem::checks(y, derivatives);
    let (value, grad_l1) = checks;
    for (name, found, expected) in
        [("value", value, problem.value), ("grad_l1", grad_l1, problem.grad_l1)]
    {
        let error = (found / expected - 1.0).abs();
        if error.is_nan() || error >= TOLERANCE {
            return Err(format!("{name} is {found}, expected {expected}").into());
        }
    }
    Ok((work, peak_bytes, checks))
}

/// Nanoseconds a call, of batches of each of the calls in turns, so that all see the same disturbance.
fn in_turns(clock: Clock, calls: &mut [Call]) -> Outcome<Vec<Vec<f64>>> {
    let counts =
        calls.iter_mut().map(|call| repetitions(clock, call)).collect::<Outcome<Vec<_>>>()?;
    let mut times = vec![Vec::with_capacity(BATCHES); calls.len()];
    let start = Instant::now();
    for batches in 1..=BATCHES {
        for ((call, &count), times) in calls.iter_mut().zip(&counts).zip(&mut times) {
            times.push(batch(clock, count, call)?.as_secs_f64() / count as f64 * 1e9);
        }
        if batches >= 3 && start.elapsed() > ENOUGH {
            break;
        }
    }
    Ok(times)
}

fn batch(clock: Clock, repetitions: usize, call: &mut Call) -> Outcome<Duration> {
    clock.time(|| (0..repetitions).try_for_each(|_| call()))
}

/// How often to repeat `call` for one batch.
fn repetitions(clock: Clock, call: &mut Call) -> Outcome<usize> {
    let mut count = 1;
    loop {
        let time = batch(clock, count, call)?;
        if time >= BATCH {
            return Ok(count);
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

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl Time {
    fn of(times: &[f64]) -> Self {
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        Time { median: median(times.iter().copied()), least }
    }
}
