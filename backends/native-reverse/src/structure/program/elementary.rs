//! Elementary functions that vectorize: no branches, no tables, fused multiplications and additions.
//!
//! Each is a polynomial after a reduction of the argument, and differs from the correctly rounded value
//! by at most one unit in the last place ([`Unary::Tanh`]: two), which `tests/vectorized.rs` checks. An
//! argument outside the range of the reduction, infinite or NaN gets the function of `f64`.
//!
//! Written for a loop over a block of rows that the compiler vectorizes for the processor at hand.
//! Crates that have such functions fix the width when they are compiled (`wide`), need a nightly
//! compiler (`sleef`), or are for other numbers (`simd_vector`: `f32`).
//!
//! # References
//!
//! W. J. Cody, W. Waite, *Software Manual for the Elementary Functions*, Prentice-Hall, 1980: reductions
//! by constants in parts. Sun Microsystems, fdlibm 5.3 (<https://www.netlib.org/fdlibm>), `k_sin.c`,
//! `k_cos.c`, `e_rem_pio2.c`, `e_log.c`, `s_log1p.c`: the polynomials of sine, cosine and logarithm, and how
//! their parts are added up. Those of the exponential are Taylor's.

#![allow(clippy::excessive_precision, reason = "constants with the digits of their source")]

use ad_api::Unary;

use super::run::{Block, ROWS};

/// Whether `function` is one of them.
///
/// PERF: each takes less than a nanosecond for a row in AVX-512, 2.4 to 16 in `f64`: see `NOTES.md`.
pub(crate) fn vectorizes(function: Unary) -> bool {
    matches!(
        function,
        Unary::Exp | Unary::ExpM1 | Unary::Ln | Unary::Ln1p | Unary::Sin | Unary::Cos | Unary::Tanh
    )
}

/// A function where its argument fits the reduction, elsewhere that of `f64`.
macro_rules! rows {
    ($function:ident, $fits:ident, $block:ident) => {{
        let x: [f64; ROWS] = $block.to_array();
        let mut y = [0.0; ROWS];
        for (y, &x) in y.iter_mut().zip(&x) {
            *y = $function(x);
        }
        let mut outside = 0;
        for &x in &x {
            outside |= u64::from(!$fits(x));
        }
        if outside != 0 {
            elsewhere(&x, &mut y, $fits, f64::$function);
        }
        Block::from_array(&y)
    }};
}

/// The function of each row, for one that [`vectorizes`].
#[inline(always)]
pub(crate) fn eval(function: Unary, block: &Block) -> Block {
    match function {
        Unary::Exp => rows!(exp, exp_fits, block),
        Unary::ExpM1 => rows!(exp_m1, exp_fits, block),
        Unary::Ln => rows!(ln, ln_fits, block),
        Unary::Ln1p => rows!(ln_1p, ln_1p_fits, block),
        Unary::Sin => rows!(sin, circle_fits, block),
        Unary::Cos => rows!(cos, circle_fits, block),
        _ => rows!(tanh, tanh_fits, block),
    }
}

#[cold]
fn elsewhere(x: &[f64; ROWS], y: &mut [f64; ROWS], fits: fn(f64) -> bool, f: fn(f64) -> f64) {
    for (y, &x) in y.iter_mut().zip(x).filter(|(_, x)| !fits(**x)) {
        *y = f(x);
    }
}

/// Added and subtracted, it rounds to an integer, which is in the last bits between.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// `ln 2` in two parts, of which the first has 33 bits.
const LN_2: [f64; 2] = [6.931_471_803_691_238_164_90e-1, 1.908_214_929_270_587_700_02e-10];

/// `x` less a multiple of `ln 2`, in two parts, and the power of two of that multiple.
#[inline(always)]
fn reduce(x: f64) -> (f64, f64, f64) {
    let shifted = x.mul_add(std::f64::consts::LOG2_E, ROUND);
    let k = shifted - ROUND;
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    // Exact, since the product is.
    let high = k.mul_add(-LN_2[0], x);
    let r = k.mul_add(-LN_2[1], high);
    (r, k.mul_add(-LN_2[1], high - r), power)
}

/// `(exp(r) - 1 - r) / r²` for `|r| < 0.35`.
#[inline(always)]
fn exp_rest(r: f64) -> f64 {
    const FACTORIALS: [f64; 12] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ];
    horner(r, FACTORIALS)
}

/// A polynomial, the highest power first.
#[inline(always)]
fn horner<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut sum = coefficients[0];
    for coefficient in &coefficients[1..] {
        sum = sum.mul_add(x, *coefficient);
    }
    sum
}

/// The power of two is a normal number.
#[inline(always)]
fn exp_fits(x: f64) -> bool {
    x.abs() <= 708.0
}

#[inline(always)]
fn exp(x: f64) -> f64 {
    let (r, tail, power) = reduce(x);
    (((r * r).mul_add(exp_rest(r), tail) + r) + 1.0) * power
}

#[inline(always)]
fn exp_m1(x: f64) -> f64 {
    let (r, tail, power) = reduce(x);
    let rest = (r * r).mul_add(exp_rest(r), tail);
    // `power (r + rest) + (power - 1)`, where the second term is the larger one, with what the sums lose.
    let sum = r + rest;
    let lost = rest - (sum - r);
    let (large, small) = (power - 1.0, power * sum);
    let result = large + small;
    let below = small - (result - large);
    let result = result + power.mul_add(lost, below);
    // Also where it is zero, the sign is that of x.
    (if power == 1.0 { x + rest } else { result }).copysign(x)
}

/// Beyond, the hyperbolic tangent is 1, and so it is here.
#[inline(always)]
fn tanh_fits(x: f64) -> bool {
    x.abs() <= 300.0
}

#[inline(always)]
fn tanh(x: f64) -> f64 {
    let e = exp_m1(2.0 * x.abs());
    (e / (e + 2.0)).copysign(x)
}

/// Normal numbers above zero.
#[inline(always)]
fn ln_fits(x: f64) -> bool {
    (f64::MIN_POSITIVE..=f64::MAX).contains(&x)
}

/// `f` with `x = 2ᵏ (1 + f)` and `1 + f` between the square roots of 1/2 and 2, and `k`.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    const SQRT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    // What is above the square root carries into the exponent.
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = shifted >> 52;
    let mantissa = (shifted & ((1 << 52) - 1)).wrapping_add(SQRT_HALF);
    // The exponent is signed, with 12 bits: shown as the last bits of a large number.
    let biased = exponent.wrapping_add(1 << 11) & ((1 << 12) - 1);
    let k = f64::from_bits(ROUND.to_bits() + biased) - (ROUND + 2048.0);
    (f64::from_bits(mantissa) - 1.0, k)
}

/// `ln(1 + f) + k ln 2 + correction`.
#[inline(always)]
fn ln_of(f: f64, k: f64, correction: f64) -> f64 {
    const EVEN: [f64; 4] = [
        1.479_819_860_511_658_591e-1,
        1.818_357_216_161_805_012e-1,
        2.857_142_874_366_239_149e-1,
        6.666_666_666_666_735_130e-1,
    ];
    const ODD: [f64; 3] =
        [1.531_383_769_920_937_332e-1, 2.222_219_843_214_978_396e-1, 3.999_999_999_940_941_908e-1];
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let rest = w.mul_add(horner(w, ODD), z * horner(w, EVEN));
    let half = 0.5 * f * f;
    let low = k.mul_add(LN_2[1], correction);
    k.mul_add(LN_2[0], -((half - s.mul_add(half + rest, low)) - f))
}

#[inline(always)]
fn ln(x: f64) -> f64 {
    let (f, k) = split(x);
    ln_of(f, k, 0.0)
}

/// Where `1 + x` is a normal number, and its rounding can be told.
#[inline(always)]
fn ln_1p_fits(x: f64) -> bool {
    x > -0.999 && x < 1e300
}

#[inline(always)]
fn ln_1p(x: f64) -> f64 {
    let u = 1.0 + x;
    // What u lacks, or has too much.
    let lost = if x > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let (f, k) = split(u);
    let near = k == 0.0;
    // Also where it is zero, the sign is that of x.
    ln_of(if near { x } else { f }, k, if near { 0.0 } else { lost / u }).copysign(x)
}

/// Where [`circle`] holds: the multiple of `π/2` has few bits, and does not cancel all of `x`.
#[inline(always)]
fn circle_fits(x: f64) -> bool {
    // So many that no number between comes closer to a multiple than 2⁻⁴⁰ of itself: see the test.
    x.abs() <= 1e5
}

/// The multiple of `π/2` next to `x` as the last bits of a number, and what is left, in two parts.
#[inline(always)]
fn circle(x: f64) -> (u64, f64, f64) {
    /// `π/2` in parts: two of 33 bits, and the rest.
    const PI_2: [f64; 3] = [
        1.570_796_326_734_125_614_17,
        6.077_100_506_303_965_976_60e-11,
        2.022_266_248_795_950_631_54e-21,
    ];
    let shifted = x.mul_add(std::f64::consts::FRAC_2_PI, ROUND);
    let k = shifted - ROUND;
    // Exact, since the products are.
    let r = k.mul_add(-PI_2[0], x);
    let part = k * PI_2[1];
    let high = r - part;
    let lost = k.mul_add(PI_2[2], -((r - high) - part));
    let y = high - lost;
    (shifted.to_bits(), y, (high - y) - lost)
}

/// The sine of `y + tail` for `|y| < 0.8`.
#[inline(always)]
fn sin_near(y: f64, tail: f64) -> f64 {
    const S: [f64; 5] = [
        1.589_690_995_211_550_102_21e-10,
        -2.505_076_025_340_686_341_95e-8,
        2.755_731_370_707_006_767_89e-6,
        -1.984_126_982_985_794_931_34e-4,
        8.333_333_333_322_489_461_24e-3,
    ];
    const THIRD: f64 = -1.666_666_666_666_663_243_48e-1;
    let z = y * y;
    let v = z * y;
    let r = horner(z, S);
    y - (z.mul_add(0.5f64.mul_add(tail, -(v * r)), -tail) - v * THIRD)
}

/// The cosine of `y + tail` for `|y| < 0.8`.
#[inline(always)]
fn cos_near(y: f64, tail: f64) -> f64 {
    const C: [f64; 6] = [
        -1.135_964_755_778_819_482_65e-11,
        2.087_572_321_298_174_827_90e-9,
        -2.755_731_435_139_066_330_35e-7,
        2.480_158_728_947_672_941_78e-5,
        -1.388_888_888_887_410_957_49e-3,
        4.166_666_666_666_660_190_37e-2,
    ];
    let z = y * y;
    let half = 0.5 * z;
    let w = 1.0 - half;
    w + (((1.0 - w) - half) + (z * z).mul_add(horner(z, C), -(y * tail)))
}

#[inline(always)]
fn sin(x: f64) -> f64 {
    let (quarter, y, tail) = circle(x);
    let (sin, cos) = (sin_near(y, tail), cos_near(y, tail));
    turn(if quarter & 1 == 0 { sin } else { cos }, quarter)
}

#[inline(always)]
fn cos(x: f64) -> f64 {
    let (quarter, y, tail) = circle(x);
    let (sin, cos) = (sin_near(y, tail), cos_near(y, tail));
    turn(if quarter & 1 == 0 { cos } else { sin }, quarter.wrapping_add(1))
}

/// The other sign in the second half of the circle.
#[inline(always)]
fn turn(x: f64, quarter: u64) -> f64 {
    f64::from_bits(x.to_bits() ^ ((quarter & 2) << 62))
}
