//! Least-squares problems of J. J. Moré, B. S. Garbow, K. E. Hillstrom, *Testing Unconstrained
//! Optimization Software*, ACM TOMS 7 (1981) 17-41, with answers recomputed in 50 digits.

#![allow(clippy::too_many_lines, reason = "a match with one arm for each problem")]

use std::f64::consts::TAU;

use ad_api::{Failure, Function, Scalar};

/// A problem of the collection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Problem {
    Rosenbrock,
    FreudensteinRoth,
    PowellBadlyScaled,
    BrownBadlyScaled,
    Beale,
    JennrichSampson,
    HelicalValley,
    Bard,
    KowalikOsborne,
    PowellSingular,
    Wood,
    BiggsExp6,
    Watson(usize),
    BrownAlmostLinear,
    DiscreteBoundaryValue,
    DiscreteIntegralEquation,
    BroydenTridiagonal,
    Chebyquad(usize),
}

/// A listed minimum: the point, as far as it is unique, and the sum of squares.
pub(crate) struct Answer {
    pub(crate) x: Vec<f64>,
    pub(crate) rss: f64,
}

pub(crate) const ALL: [Problem; 21] = [
    Problem::Rosenbrock,
    Problem::FreudensteinRoth,
    Problem::PowellBadlyScaled,
    Problem::BrownBadlyScaled,
    Problem::Beale,
    Problem::JennrichSampson,
    Problem::HelicalValley,
    Problem::Bard,
    Problem::KowalikOsborne,
    Problem::PowellSingular,
    Problem::Wood,
    Problem::BiggsExp6,
    Problem::Watson(6),
    Problem::Watson(9),
    Problem::Watson(12),
    Problem::BrownAlmostLinear,
    Problem::DiscreteBoundaryValue,
    Problem::DiscreteIntegralEquation,
    Problem::BroydenTridiagonal,
    Problem::Chebyquad(8),
    Problem::Chebyquad(10),
];

const BARD: [f64; 15] =
    [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];
const KOWALIK_Y: [f64; 11] =
    [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246];
const KOWALIK_U: [f64; 11] = [4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625];

impl Problem {
    pub(crate) fn start(self) -> Vec<f64> {
        let n = self.inputs();
        let grid = |j: usize| (j + 1) as f64 / (n + 1) as f64;
        match self {
            Problem::Rosenbrock => vec![-1.2, 1.0],
            Problem::FreudensteinRoth => vec![0.5, -2.0],
            Problem::PowellBadlyScaled => vec![0.0, 1.0],
            Problem::BrownBadlyScaled | Problem::Beale | Problem::Bard => vec![1.0; n],
            Problem::JennrichSampson => vec![0.3, 0.4],
            Problem::HelicalValley => vec![-1.0, 0.0, 0.0],
            Problem::KowalikOsborne => vec![0.25, 0.39, 0.415, 0.39],
            Problem::PowellSingular => vec![3.0, -1.0, 0.0, 1.0],
            Problem::Wood => vec![-3.0, -1.0, -3.0, -1.0],
            Problem::BiggsExp6 => vec![1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
            Problem::Watson(_) => vec![0.0; n],
            Problem::BrownAlmostLinear => vec![0.5; n],
            Problem::DiscreteBoundaryValue | Problem::DiscreteIntegralEquation => {
                (0..n).map(|j| grid(j) * (grid(j) - 1.0)).collect()
            }
            Problem::BroydenTridiagonal => vec![-1.0; n],
            Problem::Chebyquad(_) => (0..n).map(grid).collect(),
        }
    }

    /// The sum of squares at the start, which guards against slips in the formulas.
    pub(crate) fn rss_at_start(self) -> Option<f64> {
        Some(match self {
            Problem::Rosenbrock => 24.2,
            Problem::FreudensteinRoth => 400.5,
            Problem::PowellBadlyScaled => 1.135_261_717_348_38,
            Problem::BrownBadlyScaled => 999_998_000_003.0,
            Problem::Beale => 14.203_125,
            Problem::JennrichSampson => 4_171.306_161_960_49,
            Problem::HelicalValley => 2500.0,
            Problem::Bard => 41.681_695_861_678,
            Problem::KowalikOsborne => 0.005_313_172_272_108_54,
            Problem::PowellSingular => 215.0,
            Problem::Wood => 19_192.0,
            Problem::BiggsExp6 => 0.779_070_075_655_97,
            Problem::Watson(_) => 30.0,
            Problem::BrownAlmostLinear => 273.248_047_828_674,
            Problem::DiscreteBoundaryValue => 0.000_788_519_101_264_822,
            Problem::DiscreteIntegralEquation => 0.063_416_841_579_452_7,
            Problem::BroydenTridiagonal => 21.0,
            Problem::Chebyquad(_) => return None,
        })
    }

    pub(crate) fn answers(self) -> Vec<Answer> {
        let at = |x: &[f64], rss: f64| Answer { x: x.to_vec(), rss };
        match self {
            Problem::Rosenbrock => vec![at(&[1.0, 1.0], 0.0)],
            Problem::FreudensteinRoth => vec![
                at(&[5.0, 4.0], 0.0),
                at(&[11.412_778_986_902_09, -0.896_805_253_274_476_5], 48.984_253_679_24),
            ],
            Problem::PowellBadlyScaled => {
                vec![at(&[1.098_159_329_699_817e-5, 9.106_146_739_866_524], 0.0)]
            }
            Problem::BrownBadlyScaled => vec![at(&[1e6, 2e-6], 0.0)],
            Problem::Beale => vec![at(&[3.0, 0.5], 0.0)],
            Problem::JennrichSampson => {
                vec![at(&[0.257_825_213_670_364_1; 2], 124.362_182_355_61)]
            }
            Problem::HelicalValley => vec![at(&[1.0, 0.0, 0.0], 0.0)],
            Problem::Bard => vec![at(
                &[0.082_410_559_749_788_93, 1.133_036_092_029_722, 2.343_695_178_642_537],
                0.008_214_877_306_579,
            )],
            Problem::KowalikOsborne => vec![at(
                &[
                    0.192_806_934_579_037_9,
                    0.191_282_328_734_367,
                    0.123_056_506_926_320_7,
                    0.136_062_330_683_794_8,
                ],
                0.000_307_505_603_849_24,
            )],
            Problem::PowellSingular => vec![at(&[0.0; 4], 0.0)],
            Problem::Wood => vec![at(&[1.0; 4], 0.0)],
            // Up to permutation of the exponentials, so only the value is compared.
            Problem::BiggsExp6 => vec![at(&[], 0.0), at(&[], 5.65565e-3)],
            Problem::Watson(6) => vec![at(
                &[
                    -0.015_725_086_401_458_46,
                    1.012_434_869_369_11,
                    -0.232_991_625_956_737_7,
                    1.260_430_087_799_608,
                    -1.513_728_922_722_28,
                    0.992_996_432_431_134_5,
                ],
                0.002_287_670_053_552_4,
            )],
            Problem::Watson(9) => vec![at(
                &[
                    -1.530_703_652_139_434e-5,
                    0.999_789_703_931_948_4,
                    0.014_763_963_693_555_96,
                    0.146_342_328_299_362_2,
                    1.000_821_103_004_709,
                    -2.617_731_140_519_015,
                    4.104_403_164_478_856,
                    -3.143_612_278_556_442,
                    1.052_626_408_010_167,
                ],
                1.399_760_138_099e-6,
            )],
            Problem::Watson(_) => vec![at(&[], 4.722_381_105_891_8e-10)],
            Problem::BrownAlmostLinear => {
                let mut flat = vec![0.0; 10];
                flat[9] = 11.0;
                vec![at(&[1.0; 10], 0.0), at(&[], 0.0), at(&flat, 1.0)]
            }
            Problem::DiscreteBoundaryValue | Problem::DiscreteIntegralEquation => vec![at(
                &[
                    -0.043_164_982_518_764_87,
                    -0.081_577_156_535_386_88,
                    -0.114_485_714_380_529_3,
                    -0.140_973_576_862_596_7,
                    -0.159_908_696_181_983_1,
                    -0.169_877_202_312_774_9,
                    -0.169_089_983_781_208_4,
                    -0.155_249_535_221_831_8,
                    -0.125_355_891_678_935,
                    -0.075_416_533_685_892_08,
                ],
                0.0,
            )],
            Problem::BroydenTridiagonal => vec![at(
                &[
                    -0.570_722_132_011_224_8,
                    -0.681_806_949_984_275,
                    -0.702_210_076_017_66,
                    -0.705_510_629_895_080_4,
                    -0.704_906_155_728_743_7,
                    -0.701_496_607_029_851_1,
                    -0.691_889_322_354_798_3,
                    -0.665_796_514_405_853_8,
                    -0.596_035_109_026_365_7,
                    -0.416_412_257_528_693_3,
                ],
                0.0,
            )],
            Problem::Chebyquad(8) => vec![at(
                &[
                    0.043_152_760_151_016_63,
                    0.193_090_840_384_186_1,
                    0.266_328_706_890_272_9,
                    0.5,
                    0.5,
                    0.733_671_293_109_727_1,
                    0.806_909_159_615_813_9,
                    0.956_847_239_848_983_4,
                ],
                0.003_516_873_725_677_9,
            )],
            Problem::Chebyquad(_) => vec![at(
                &[
                    0.059_619_900_535_812_7,
                    0.166_708_281_835_861_4,
                    0.239_170_658_942_608_5,
                    0.398_884_292_306_044_5,
                    0.398_884_292_306_044_5,
                    0.601_115_707_693_955_5,
                    0.601_115_707_693_955_5,
                    0.760_829_341_057_391_5,
                    0.833_291_718_164_138_6,
                    0.940_380_099_464_187_3,
                ],
                0.006_503_954_800_882_3,
            )],
        }
    }
}

impl Function for Problem {
    fn inputs(&self) -> usize {
        match *self {
            Problem::Rosenbrock
            | Problem::FreudensteinRoth
            | Problem::PowellBadlyScaled
            | Problem::BrownBadlyScaled
            | Problem::Beale
            | Problem::JennrichSampson => 2,
            Problem::HelicalValley | Problem::Bard => 3,
            Problem::KowalikOsborne | Problem::PowellSingular | Problem::Wood => 4,
            Problem::BiggsExp6 => 6,
            Problem::Watson(n) | Problem::Chebyquad(n) => n,
            Problem::BrownAlmostLinear
            | Problem::DiscreteBoundaryValue
            | Problem::DiscreteIntegralEquation
            | Problem::BroydenTridiagonal => 10,
        }
    }

    fn outputs(&self) -> usize {
        match *self {
            Problem::Rosenbrock | Problem::FreudensteinRoth | Problem::PowellBadlyScaled => 2,
            Problem::BrownBadlyScaled | Problem::Beale | Problem::HelicalValley => 3,
            Problem::JennrichSampson => 10,
            Problem::Bard => 15,
            Problem::KowalikOsborne => 11,
            Problem::PowellSingular => 4,
            Problem::Wood => 6,
            Problem::BiggsExp6 => 13,
            Problem::Watson(_) => 31,
            _ => self.inputs(),
        }
    }

    fn eval<S: Scalar>(&self, x: &[S], r: &mut [S]) -> Result<(), Failure> {
        let n = x.len();
        let one = S::from(1.0);
        let zero = S::from(0.0);
        let h = 1.0 / (n + 1) as f64;
        let t = |i: usize| (i + 1) as f64 * h;
        // The neighbours of `x[i]`, zero beyond the ends.
        let left = |i: usize| if i == 0 { zero } else { x[i - 1] };
        let right = |i: usize| if i + 1 == n { zero } else { x[i + 1] };
        match *self {
            Problem::Rosenbrock => {
                r[0] = (x[1] - x[0] * x[0]) * 10.0;
                r[1] = one - x[0];
            }
            Problem::FreudensteinRoth => {
                r[0] = x[0] + ((S::from(5.0) - x[1]) * x[1] - 2.0) * x[1] - 13.0;
                r[1] = x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1] - 29.0;
            }
            Problem::PowellBadlyScaled => {
                r[0] = x[0] * x[1] * 1e4 - 1.0;
                r[1] = (-x[0]).exp() + (-x[1]).exp() - 1.0001;
            }
            Problem::BrownBadlyScaled => {
                r[0] = x[0] - 1e6;
                r[1] = x[1] - 2e-6;
                r[2] = x[0] * x[1] - 2.0;
            }
            Problem::Beale => {
                for (i, (r, y)) in (1..).zip(r.iter_mut().zip([1.5, 2.25, 2.625])) {
                    *r = S::from(y) - x[0] * (one - x[1].powi(i));
                }
            }
            Problem::JennrichSampson => {
                for (i, r) in r.iter_mut().enumerate() {
                    let i = (i + 1) as f64;
                    *r = S::from(2.0 + 2.0 * i) - ((x[0] * i).exp() + (x[1] * i).exp());
                }
            }
            Problem::HelicalValley => {
                let turns = (x[1] / x[0]).atan() / TAU + if x[0] < 0.0 { 0.5 } else { 0.0 };
                r[0] = (x[2] - turns * 10.0) * 10.0;
                r[1] = ((x[0] * x[0] + x[1] * x[1]).sqrt() - 1.0) * 10.0;
                r[2] = x[2];
            }
            Problem::Bard => {
                for (i, (r, y)) in r.iter_mut().zip(BARD).enumerate() {
                    let u = (i + 1) as f64;
                    let v = 16.0 - u;
                    *r = S::from(y) - (x[0] + S::from(u) / (x[1] * v + x[2] * u.min(v)));
                }
            }
            Problem::KowalikOsborne => {
                for (r, (y, u)) in r.iter_mut().zip(KOWALIK_Y.into_iter().zip(KOWALIK_U)) {
                    *r = S::from(y) - x[0] * (x[1] * u + u * u) / (x[2] * u + x[3] + u * u);
                }
            }
            Problem::PowellSingular => {
                r[0] = x[0] + x[1] * 10.0;
                r[1] = (x[2] - x[3]) * 5.0_f64.sqrt();
                r[2] = (x[1] - x[2] * 2.0).powi(2);
                r[3] = (x[0] - x[3]).powi(2) * 10.0_f64.sqrt();
            }
            Problem::Wood => {
                r[0] = (x[1] - x[0] * x[0]) * 10.0;
                r[1] = one - x[0];
                r[2] = (x[3] - x[2] * x[2]) * 90.0_f64.sqrt();
                r[3] = one - x[2];
                r[4] = (x[1] + x[3] - 2.0) * 10.0_f64.sqrt();
                r[5] = (x[1] - x[3]) / 10.0_f64.sqrt();
            }
            Problem::BiggsExp6 => {
                for (i, r) in r.iter_mut().enumerate() {
                    let t = (i + 1) as f64 / 10.0;
                    let y = (-t).exp() - 5.0 * (-10.0 * t).exp() + 3.0 * (-4.0 * t).exp();
                    *r = x[2] * (-x[0] * t).exp() - x[3] * (-x[1] * t).exp()
                        + x[5] * (-x[4] * t).exp()
                        - y;
                }
            }
            Problem::Watson(_) => {
                for (i, r) in r[..29].iter_mut().enumerate() {
                    let t = (i + 1) as f64 / 29.0;
                    let (mut slope, mut value) = (zero, zero);
                    for (j, &x) in x.iter().enumerate().rev() {
                        value = value * t + x;
                        if j > 0 {
                            slope = slope * t + x * j as f64;
                        }
                    }
                    *r = slope - value * value - 1.0;
                }
                r[29] = x[0];
                r[30] = x[1] - x[0] * x[0] - 1.0;
            }
            Problem::BrownAlmostLinear => {
                let sum: S = x.iter().sum();
                for (r, &x) in r.iter_mut().zip(x) {
                    *r = x + sum - (n + 1) as f64;
                }
                r[n - 1] = x.iter().product::<S>() - 1.0;
            }
            Problem::DiscreteBoundaryValue => {
                for i in 0..n {
                    let cube = (x[i] + t(i) + 1.0).powi(3);
                    r[i] = x[i] * 2.0 - left(i) - right(i) + cube * (h * h / 2.0);
                }
            }
            Problem::DiscreteIntegralEquation => {
                let cube = |j: usize| (x[j] + t(j) + 1.0).powi(3);
                for i in 0..n {
                    let below: S = (0..=i).map(|j| cube(j) * t(j)).sum();
                    let above: S = (i + 1..n).map(|j| cube(j) * (1.0 - t(j))).sum();
                    r[i] = x[i] + (below * (1.0 - t(i)) + above * t(i)) * (h / 2.0);
                }
            }
            Problem::BroydenTridiagonal => {
                for i in 0..n {
                    let bend = (S::from(3.0) - x[i] * 2.0) * x[i];
                    r[i] = bend - left(i) - right(i) * 2.0 + 1.0;
                }
            }
            Problem::Chebyquad(_) => {
                r.fill(zero);
                for &x in x {
                    let u = x * 2.0 - 1.0;
                    let (mut previous, mut current) = (one, u);
                    for r in r.iter_mut() {
                        *r += current / n as f64;
                        (previous, current) = (current, u * current * 2.0 - previous);
                    }
                }
                for (i, r) in r.iter_mut().enumerate() {
                    let i = (i + 1) as f64;
                    if i % 2.0 == 0.0 {
                        *r += 1.0 / (i * i - 1.0);
                    }
                }
            }
        }
        Ok(())
    }
}
