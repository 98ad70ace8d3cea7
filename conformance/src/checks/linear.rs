//! Linearity, adjointness, symmetry, and several seeds at once, on random data.

use ad_api::Operation;
use nalgebra::DVector;

use super::cases;
use crate::case::{Case, Part, largest};
use crate::erased::Operations;
use crate::random_numbers::{Random, seed};
use crate::subject::Subject;
use crate::violation::Findings;
use crate::{Law, Violation};

/// The three linear maps of a function at a point.
#[derive(Clone, Copy)]
enum Map {
    Pushforward,
    Pullback,
    Hvp,
}

impl Map {
    const ALL: [Map; 3] = [Map::Pushforward, Map::Pullback, Map::Hvp];

    fn operation(self) -> Operation {
        match self {
            Map::Pushforward => Operation::Pushforward,
            Map::Pullback => Operation::Pullback,
            Map::Hvp => Operation::Hvp,
        }
    }

    fn part(self) -> Part {
        match self {
            Map::Pushforward => Part::Pushforward,
            Map::Pullback => Part::Pullback,
            Map::Hvp => Part::WeightedHvp,
        }
    }

    /// The lengths of seed and result.
    fn lengths(self, case: &Case) -> (usize, usize) {
        let (n, m) = (case.inputs(), case.outputs());
        match self {
            Map::Pushforward => (n, m),
            Map::Pullback => (m, n),
            Map::Hvp => (n, n),
        }
    }

    /// Applies it to one or several seeds.
    fn apply(
        self,
        prepared: &mut dyn Operations,
        case: &Case,
        seeds: &[f64],
    ) -> ad_api::Result<Vec<f64>> {
        let (from, to) = self.lengths(case);
        let mut out = vec![f64::NAN; seeds.len() / from * to];
        match self {
            Map::Pushforward => prepared.pushforward_into(&case.x, seeds, &mut out)?,
            Map::Pullback => prepared.pullback_into(&case.x, seeds, &mut out)?,
            Map::Hvp => {
                let (mut gradient, w) = (vec![f64::NAN; from], &case.weights);
                prepared.value_gradient_and_weighted_hvp_into(
                    &case.x,
                    w,
                    seeds,
                    &mut gradient,
                    &mut out,
                )?;
            }
        }
        Ok(out)
    }

    /// The absolute error allowed for a seed of size 1.
    fn allowed(self, subject: &Subject, case: &Case) -> f64 {
        let known = &case.known;
        let order = self.part().order();
        let size = match self {
            Map::Hvp => {
                let terms = known.hessians.iter().zip(&case.weights);
                terms.map(|(h, w)| largest(h.as_slice()) * w.abs()).sum()
            }
            _ => largest(known.jacobian.as_slice()),
        };
        let size = if subject.is_exact() { size } else { size.max(case.magnitude(order)) };
        subject.tolerance(order) * size * self.lengths(case).0 as f64
    }
}

/// For each map and case, what `body` finds with a fresh preparation.
fn each_map(
    subject: &Subject,
    law: Law,
    mut body: impl FnMut(Map, &Case, &mut dyn Operations, &mut Random) -> ad_api::Result<Option<String>>,
) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let mut random = Random::new(seed());
    for case in cases() {
        for map in Map::ALL {
            if !subject.affords(map.operation(), &case) {
                continue;
            }
            let place = format!("{}, {} (seed {})", case.label(), map.operation().name(), seed());
            let result = subject
                .prepare(&case.f)
                .and_then(|mut prepared| body(map, &case, &mut *prepared, &mut random));
            if let Some(difference) = findings.expect(&place, result) {
                findings.note(place, difference);
            }
        }
    }
    findings.done()
}

/// `P(a u + v) = a P(u) + P(v)`, and `P(0) = 0`.
pub(crate) fn is_linear(subject: &Subject, law: Law) -> Vec<Violation> {
    each_map(subject, law, |map, case, prepared, random| {
        let (from, to) = map.lengths(case);
        let (a, u, v) = (3.0 * random.number(), random.vector(from), random.vector(from));
        let both: Vec<f64> = u.iter().zip(&v).map(|(u, v)| a * u + v).collect();
        let [together, pu, pv] = [&both, &u, &v].map(|seed| map.apply(prepared, case, seed));
        let (pu, pv) = (pu?, pv?);
        let apart: Vec<f64> = pu.iter().zip(&pv).map(|(u, v)| a * u + v).collect();
        let allowed = 5.0 * map.allowed(subject, case);
        let zero = map.apply(prepared, case, &vec![0.0; from])?;
        Ok(crate::subject::differ(&together?, &apart, allowed)
            .or_else(|| crate::subject::differ(&zero, &vec![0.0; to], 0.0)))
    })
}

/// Two and more seeds in one call give what each gives alone; more of them than fit in a chunk.
pub(crate) fn batches_agree(subject: &Subject, law: Law) -> Vec<Violation> {
    each_map(subject, law, |map, case, prepared, random| {
        let (from, to) = map.lengths(case);
        for k in [2, 3, 9, 17] {
            // The first two are opposite, the third is zero: chunks with a seed that vanishes.
            let mut seeds = random.vector(k * from);
            (0..from).for_each(|i| seeds[from + i] = -seeds[i]);
            seeds.chunks_exact_mut(from).skip(2).take(1).for_each(|seed| seed.fill(0.0));
            let together = map.apply(prepared, case, &seeds)?;
            for (i, seed) in seeds.chunks_exact(from).enumerate() {
                let alone = map.apply(prepared, case, seed)?;
                let found = &together[i * to..(i + 1) * to];
                let wrong = crate::subject::differ(found, &alone, map.allowed(subject, case));
                if let Some(wrong) = wrong {
                    return Ok(Some(format!("seed {i} of {k}: {wrong}")));
                }
            }
        }
        Ok(None)
    })
}

/// `⟨w, J v⟩ = ⟨Jᵀ w, v⟩` and `⟨u, H v⟩ = ⟨H u, v⟩`.
pub(crate) fn is_adjoint(subject: &Subject, law: Law) -> Vec<Violation> {
    each_map(subject, law, |map, case, prepared, random| {
        let (from, to) = map.lengths(case);
        let adjoint = match map {
            Map::Pushforward => Map::Pullback,
            Map::Pullback => Map::Pushforward,
            Map::Hvp => Map::Hvp,
        };
        if !subject.supports(adjoint.operation(), case) {
            return Ok(None);
        }
        let (v, w) = (random.vector(from), random.vector(to));
        let [forth, back] = [map.apply(prepared, case, &v)?, adjoint.apply(prepared, case, &w)?];
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let allowed =
            map.allowed(subject, case) * to as f64 + adjoint.allowed(subject, case) * from as f64;
        Ok(crate::subject::differ(&[dot(&w, &forth)], &[dot(&back, &v)], allowed))
    })
}

/// `H = Hᵀ`.
pub(crate) fn hessian_is_symmetric(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let mut random = Random::new(seed());
    for case in cases().iter().filter(|case| subject.affords(Operation::Hessian, case)) {
        let x: Vec<f64> = case.x.iter().map(|x| x * (1.0 + 0.05 * random.number())).collect();
        let place = format!("{} near {:?} (seed {})", case.scenario, case.x, seed());
        let hessian = subject
            .prepare(&case.f)
            .and_then(|mut prepared| prepared.weighted_hessian(&x, &case.weights));
        if let Some(hessian) = findings.expect(&place, hessian) {
            let allowed = 2.0
                * Map::Hvp
                    .allowed(subject, case)
                    .max(subject.tolerance(2) * largest(hessian.as_slice()));
            let transposed = hessian.transpose();
            let wrong = crate::subject::differ(hessian.as_slice(), transposed.as_slice(), allowed);
            findings.note(place, wrong);
        }
    }
    findings.done()
}

/// The Hessian of `w·f` changes with `w`, on one preparation, and is linear in it.
pub(crate) fn follows_the_weights(subject: &Subject, law: Law) -> Vec<Violation> {
    let mut findings = Findings::new(law);
    let mut random = Random::new(seed());
    for case in cases().iter().filter(|case| subject.affords(Operation::Hessian, case)) {
        let place = format!("{} (seed {})", case.label(), seed());
        let Some(mut prepared) = findings.expect(&place, subject.prepare(&case.f)) else {
            continue;
        };
        for _ in 0..3 {
            let w = random.vector(case.outputs());
            let moved = Case { weights: w.clone(), ..case.clone() };
            let result = prepared.value_and_weighted_hessian(&case.x, &w);
            let Some((value, hessian)) = findings.expect(&place, result) else { continue };
            findings.note(&place, subject.compare(&moved, Part::WeightedValue, &[value]));
            let wrong = subject.compare(&moved, Part::WeightedHessian, hessian.as_slice());
            findings.note(&place, wrong);

            let v = DVector::from_vec(random.vector(case.inputs()));
            let moved = Case { v: v.as_slice().to_vec(), ..moved };
            let hv = Map::Hvp.apply(&mut *prepared, &moved, v.as_slice());
            if let Some(hv) = findings.expect(&place, hv) {
                findings.note(&place, subject.compare(&moved, Part::WeightedHvp, &hv));
            }
        }
    }
    findings.done()
}
