//! How a number depends on variables, before that is recorded.

use super::{CONSTANT, NONE};

/// A sum of one or two variables of a recording, each times a partial derivative.
///
/// A number carries this along, and need not be recorded: a function of one number only multiplies its
/// partial, and a product of two variables is noted down together with the sum that it is added to.
///
/// PERF: numbers of one kind are not side by side. The compiler would write them one by one and read
/// them together, which waits until both have reached the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Edges {
    operands: Operands,
    partial: f64,
    /// The number of the recording.
    tape: u32,
    /// Repeats the first if there is one variable only.
    second: f64,
}

/// The variables, the second [`NONE`] if there is one only. In one word: most values are equal in both
/// or in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operands(u64);

impl Operands {
    #[inline(always)]
    const fn new(first: u32, second: u32) -> Self {
        Operands((second as u64) << 32 | first as u64)
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    const fn first(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    const fn second(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl Edges {
    /// Those of a constant.
    pub(crate) const NONE: Edges = Edges::variable(NONE, CONSTANT);

    /// A variable of the recording `tape` itself.
    #[inline(always)]
    pub(crate) const fn variable(index: u32, tape: u32) -> Self {
        Edges { operands: Operands::new(index, NONE), partial: 1.0, tape, second: 1.0 }
    }

    /// The number of the recording, [`CONSTANT`] for a constant.
    #[inline(always)]
    pub(crate) fn tape(self) -> u32 {
        self.tape
    }

    /// The variables, the second [`NONE`] if there is one only.
    #[inline(always)]
    pub(crate) fn operands(self) -> [u32; 2] {
        [self.operands.first(), self.operands.second()]
    }

    /// The partials, the second repeating the first if there is one variable only.
    #[inline(always)]
    pub(crate) fn partials(self) -> [f64; 2] {
        [self.partial, self.second]
    }

    /// Whether there is one variable only.
    #[inline(always)]
    fn is_single(self) -> bool {
        self.operands.second() == NONE
    }

    /// The variable that this is, if it is one.
    pub(crate) fn as_variable(self) -> Option<u32> {
        (self.is_single() && self.partial == 1.0).then_some(self.operands.first())
    }

    #[inline(always)]
    fn with(self, [partial, second]: [f64; 2]) -> Self {
        Edges { partial, second, ..self }
    }

    /// These of a function with the partial `d`.
    #[inline(always)]
    pub(crate) fn scaled(self, d: f64) -> Self {
        let [a, b] = self.partials();
        let [p, q] = [a * d, b * d];
        // Zero times infinity or NaN is NaN, and so nothing else needs a second look.
        if (p + q).is_nan() {
            return self.with([chain(a, d), chain(b, d)]);
        }
        self.with([p, q])
    }

    /// `a` and `b`, [scaled](Self::scaled).
    #[inline(always)]
    pub(crate) fn both_scaled((a, d_a): (Self, f64), (b, d_b): (Self, f64)) -> [Self; 2] {
        let [p, q] = a.partials().map(|partial| partial * d_a);
        let [r, s] = b.partials().map(|partial| partial * d_b);
        if ((p + q) + (r + s)).is_nan() {
            return [a.scaled(d_a), b.scaled(d_b)];
        }
        [a.with([p, q]), b.with([r, s])]
    }

    /// These of the negative.
    #[inline(always)]
    pub(crate) fn negated(self) -> Self {
        self.with([-self.partial, -self.second])
    }

    /// The sum of both, if they are of the same variables, or of one each.
    ///
    /// PERF: whether one of two variables is that of the other is not looked at. It would save statements,
    /// and takes longer than they do.
    #[inline(always)]
    pub(crate) fn plus(self, rhs: Self) -> Option<Self> {
        let ([a, b], [c, d]) = (self.partials(), rhs.partials());
        if self.operands == rhs.operands {
            return Some(self.with([a + c, b + d]));
        }
        let ([i, j], [k, l]) = (self.operands(), rhs.operands());
        if j & l == NONE {
            return Some(Edges { operands: Operands::new(i, k), ..self.with([a, c]) });
        }
        None
    }
}

/// The partial of a function of a function, where zero times infinity is zero.
///
/// PERF: it gets and returns numbers only; what is handed on by reference would be kept in memory.
#[cold]
#[inline(never)]
fn chain(partial: f64, d: f64) -> f64 {
    if partial == 0.0 || d == 0.0 { 0.0 } else { partial * d }
}
