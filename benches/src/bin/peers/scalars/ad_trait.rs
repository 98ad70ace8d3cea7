//! `ad_trait`: a graph per thread, and dual numbers with several tangents.

use std::hint::black_box;

use ::ad_trait::forward_ad::adfn::adfn;
// The elementary functions of its numbers, of the version of nalgebra that it uses.
use ::ad_trait::nalgebra::ComplexField;
use ::ad_trait::reverse_ad::adr::adr;
use ::ad_trait::{AD, F64};

use super::number::{Seeded, number};
use super::{Gradient, MulChain, Objective, Work};

number!([] adr, ComplexField (), AD::constant, |x| AD::to_constant(&x), |c| F64(c));
number!([const N: usize] adfn<N>, ComplexField (), AD::constant, |x| AD::to_constant(&x), |c| F64(c));

impl<const N: usize> Seeded<N> for adfn<N> {
    fn seeded(value: f64, i: usize) -> Self {
        adfn::new(value, std::array::from_fn(|j| f64::from(u8::from(i == j))))
    }

    fn tangents(&self) -> [f64; N] {
        self.tangent()
    }
}

/// The inputs in an emptied graph.
fn variables(x: &[f64]) -> Vec<adr> {
    black_box(x).iter().enumerate().map(|(i, &x)| adr::new_variable(x, i == 0)).collect()
}

/// The graph, recorded at every call.
pub(super) fn reverse<'a, F: Objective>(f: &'a F, x: &'a [f64]) -> Gradient<'a> {
    Box::new(move |y, gradient| {
        let inputs = variables(x);
        let result = f.value(&inputs);
        y[0] = result.value();
        let sweep = result.get_backwards_mode_grad();
        gradient.iter_mut().zip(&inputs).for_each(|(g, x)| *g = sweep.wrt(x));
        Ok(())
    })
}

/// P6: recording alone, and with the sweep.
pub(super) fn chain<'a>(links: usize) -> Work<'a> {
    Work {
        primal: Box::new(move || {
            black_box(MulChain(links).value(&variables(&[1.0])));
            Ok(())
        }),
        gradient: Box::new(move |y, gradient| {
            let inputs = variables(&[1.0]);
            let result = MulChain(links).value(&inputs);
            y[0] = result.value();
            gradient[0] = result.get_backwards_mode_grad().wrt(&inputs[0]);
            Ok(())
        }),
        value: None,
    }
}
