//! num-dual: dual numbers with several tangents.

use ::num_dual::{Derivative, DualNum, DualSVec64};
use nalgebra::SVector;

use super::number::{Seeded, number};

number!([const N: usize] DualSVec64<N>, DualNum (&), Self::from_re, |x: Self| x.re, |c| c);

impl<const N: usize> Seeded<N> for DualSVec64<N> {
    fn seeded(value: f64, i: usize) -> Self {
        let unit = SVector::from_fn(|j, _| f64::from(u8::from(i == j)));
        Self::new(value, Derivative::some(unit))
    }

    fn tangents(&self) -> [f64; N] {
        // A constant carries none.
        self.eps.0.map_or([0.0; N], Into::into)
    }
}
