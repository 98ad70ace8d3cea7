//! Bundle adjustment: many small Jacobian blocks.

use ad_api::{Failure, Function, Map, Result, Scalar};

use crate::Generator;

const CAMERAS: usize = 49;
const POINTS: usize = 7776;
const OBSERVATIONS: usize = 31843;

/// The cameras, points and observations of a synthetic bundle adjustment problem.
#[derive(Debug, Clone)]
pub struct Bundle {
    cameras: Vec<[f64; 11]>,
    points: Vec<[f64; 3]>,
    observed: Vec<[f64; 3]>,
}

impl Bundle {
    /// The problem of the benches: 49 cameras, 7776 points, 31843 observations.
    pub fn generate() -> Self {
        let mut g = Generator::new(5);
        let mut about = move |width: f64| width * (2.0 * g.uniform() - 1.0);
        let camera = |about: &mut dyn FnMut(f64) -> f64| {
            let mut camera = [0.0; 11];
            camera[..3].fill_with(|| about(0.2));
            camera[3..6].fill_with(|| about(1.0));
            camera[6] = 425.0 + about(25.0);
            camera[7..9].fill_with(|| about(10.0));
            camera[9] = about(0.01);
            camera[10] = about(0.001);
            camera
        };
        let cameras = (0..CAMERAS).map(|_| camera(&mut about)).collect();
        let points = (0..POINTS).map(|_| [about(1.0), about(1.0), 7.0 + about(1.0)]).collect();
        let observed =
            (0..OBSERVATIONS).map(|_| [0.75 + about(0.25), about(100.0), about(100.0)]).collect();
        Bundle { cameras, points, observed }
    }

    /// The number of observations, each of two residuals.
    pub fn observations(&self) -> usize {
        self.observed.len()
    }

    /// The 17 inputs of [`Observation`] number `i`: camera, point, weight, and the observed place,
    /// which is a constant.
    pub fn input(&self, i: usize) -> [f64; 17] {
        let mut input = [0.0; 17];
        input[..11].copy_from_slice(&self.cameras[i % CAMERAS]);
        input[11..14].copy_from_slice(&self.points[i % POINTS]);
        input[14..].copy_from_slice(&self.observed[i]);
        input
    }

    /// All residuals as one function, and its point: all cameras, all points, then all weights.
    ///
    /// # Errors
    ///
    /// None: the sizes fit.
    pub fn structured(&self) -> Result<(Map<Observation>, Vec<f64>)> {
        let mut x: Vec<f64> = self.cameras.iter().flatten().copied().collect();
        x.extend(self.points.iter().flatten());
        x.extend(self.observed.iter().map(|observed| observed[0]));
        let (points, weights) = (11 * CAMERAS, 11 * CAMERAS + 3 * POINTS);
        let rows = 0..self.observations();
        let table: Vec<usize> = rows
            .flat_map(|i| {
                let camera = 11 * (i % CAMERAS);
                let point = points + 3 * (i % POINTS);
                (camera..camera + 11).chain(point..point + 3).chain([weights + i])
            })
            .collect();
        let data: Vec<f64> =
            self.observed.iter().flat_map(|observed| [observed[1], observed[2]]).collect();
        Ok((Map::gathered(Observation, x.len(), self.observations(), table, data)?, x))
    }
}

/// The residual of one observation: `weight · (projection - observed)`.
///
/// Inputs: camera `[rotation(3) centre(3) f u₀ v₀ k₁ k₂]`, point (3), weight, observed place (2).
#[derive(Debug, Clone)]
pub struct Observation;

/// `x` rotated by the angle-axis vector `r`, to first order where `r` is zero.
fn rotate<S: Scalar>(r: [S; 3], x: [S; 3]) -> [S; 3] {
    let cross = |a: [S; 3], b: [S; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    if square == 0.0 {
        let turned = cross(r, x);
        return std::array::from_fn(|i| x[i] + turned[i]);
    }
    let angle = square.sqrt();
    let (sin, cos) = angle.sin_cos();
    let axis = r.map(|r| r / angle);
    let turned = cross(axis, x);
    let along = (axis[0] * x[0] + axis[1] * x[1] + axis[2] * x[2]) * (S::from(1.0) - cos);
    std::array::from_fn(|i| x[i] * cos + turned[i] * sin + axis[i] * along)
}

impl Function for Observation {
    fn inputs(&self) -> usize {
        17
    }

    fn outputs(&self) -> usize {
        2
    }

    fn eval<S: Scalar>(&self, x: &[S], residual: &mut [S]) -> Result<(), Failure> {
        let centred = std::array::from_fn(|i| x[11 + i] - x[3 + i]);
        let y = rotate([x[0], x[1], x[2]], centred);
        let p = [y[0] / y[2], y[1] / y[2]];
        let q = p[0] * p[0] + p[1] * p[1];
        let distortion = (x[10] * q + x[9]) * q + 1.0;
        for i in 0..2 {
            residual[i] = x[14] * (distortion * p[i] * x[6] + x[7 + i] - x[15 + i]);
        }
        Ok(())
    }
}
