//! Derivatives of one block of rows: static tangents for few inputs, a tape for many.

use ad_api::{Function, scratch};

use super::jet::Jet;
use super::lanes::{Lanes, agree};
use crate::backend::Workspace;
use crate::tape::NONE;

/// How the derivatives of a block of rows are computed.
pub(crate) trait Method {
    /// Evaluates `f` at `input` with derivatives with respect to the first `p` inputs, and writes
    /// the values. Returns whether all lanes went the same way; if not, nothing may be used.
    fn evaluate<F: Function>(
        &mut self,
        f: &F,
        p: usize,
        input: &[Lanes],
        output: &mut [Lanes],
    ) -> bool;

    /// Adds the derivatives of `Σᵢ wᵢ outputᵢ` with respect to the `p` inputs to `d`. A lane that
    /// gets NaN must be computed with more care: zeros times infinities are not told apart here.
    fn pull(&mut self, w: &[Lanes], d: &mut [Lanes]);
}

/// Static tangents, one for each of at most `N` inputs.
pub(crate) struct Forward<'a, const N: usize> {
    input: &'a mut [Jet<Lanes, N>],
    output: &'a mut [Jet<Lanes, N>],
}

impl<const N: usize> Forward<'_, N> {
    /// With memory for a body with these numbers of inputs and outputs.
    pub(crate) fn with<R>(
        (inputs, outputs): (usize, usize),
        body: impl FnOnce(&mut Forward<'_, N>) -> R,
    ) -> R {
        scratch::with(inputs + outputs, |buffer: &mut [Jet<Lanes, N>]| {
            let (input, output) = buffer.split_at_mut(inputs);
            for (j, input) in input.iter_mut().enumerate() {
                *input = Jet::input(Lanes::ZERO, j);
            }
            body(&mut Forward { input, output })
        })
    }
}

impl<const N: usize> Method for Forward<'_, N> {
    #[inline(always)]
    fn evaluate<F: Function>(
        &mut self,
        f: &F,
        p: usize,
        input: &[Lanes],
        output: &mut [Lanes],
    ) -> bool {
        let (active, constant) = self.input.split_at_mut(p);
        active.iter_mut().zip(input).for_each(|(jet, &x)| jet.re = x);
        // Inputs beyond the active ones have tangents of zero, also those numbered below `N`.
        let constants = constant.iter_mut().zip(&input[p..]);
        constants.for_each(|(jet, &x)| *jet = Jet::input(x, N));
        if !matches!(agree(|| f.eval(self.input, self.output)), Some(Ok(()))) {
            return false;
        }
        output.iter_mut().zip(&*self.output).for_each(|(output, jet)| *output = jet.re);
        true
    }

    #[inline(always)]
    fn pull(&mut self, w: &[Lanes], d: &mut [Lanes]) {
        for (&w, output) in w.iter().zip(&*self.output) {
            for (j, d) in d.iter_mut().enumerate().take(N) {
                d.add_product(w, output.eps[j]);
            }
        }
    }
}

/// A tape whose numbers are lanes. Between sweeps, all adjoints are zero.
#[derive(Debug, Default)]
pub(crate) struct Reverse {
    work: Workspace<Lanes>,
    adjoints: Vec<Lanes>,
}

impl Method for Reverse {
    fn evaluate<F: Function>(
        &mut self,
        f: &F,
        p: usize,
        input: &[Lanes],
        output: &mut [Lanes],
    ) -> bool {
        let work = &mut self.work;
        matches!(agree(|| work.evaluate_partly(f, p, input, output)), Some(Ok(())))
    }

    fn pull(&mut self, w: &[Lanes], d: &mut [Lanes]) {
        // Rules make lanes disagree, so there are none on this tape.
        let (tape, outputs) = self.work.parts();
        let len = tape.variables();
        if self.adjoints.len() < len {
            self.adjoints.resize(len, Lanes::ZERO);
        }
        for (&w, &variable) in w.iter().zip(outputs).filter(|(_, variable)| **variable != NONE) {
            self.adjoints[variable as usize].add_product(w, Lanes::splat(1.0));
        }
        // The variables that are left; the last one is that of the node. Operands come before it.
        let mut variables = &mut self.adjoints[..len];
        for node in tape.nodes().iter().rev() {
            let Some((result, earlier)) = variables.split_last_mut() else { return };
            variables = earlier;
            let adjoint = std::mem::replace(result, Lanes::ZERO);
            let [a, b] = node.operands;
            variables[a as usize].add_product(node.partials[0], adjoint);
            if b != NONE {
                variables[b as usize].add_product(node.partials[1], adjoint);
            }
        }
        for (d, adjoint) in d.iter_mut().zip(variables) {
            d.add_product(std::mem::replace(adjoint, Lanes::ZERO), Lanes::splat(1.0));
        }
    }
}
