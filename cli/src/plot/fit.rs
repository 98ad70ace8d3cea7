//! Data, fitted curve and residuals.

use plotters::prelude::*;

use super::{
    Area, CURVE, DATA, Drawn, FONT, GRID, PX, Picture, Point, chart, circles, extent, extent_of,
    head, mesh, padded, units,
};
use crate::InputError;
use crate::problem::Problem;

/// Points on the fitted curve.
const DENSE: usize = 500;

/// A fit: what the two panels show.
///
/// With one predictor the data and the curve are drawn over it. With several there is no curve: the
/// observations are drawn over the predictions, where a perfect fit lies on the diagonal.
#[derive(Debug)]
pub struct FitPicture {
    title: String,
    formula: String,
    subtitle: String,
    x_label: String,
    y_label: String,
    data: Vec<Point>,
    curve: Vec<Point>,
    curve_label: &'static str,
    residuals: Vec<Point>,
}

impl FitPicture {
    /// The fit of `problem` with the parameters `b`.
    ///
    /// # Errors
    ///
    /// As [`Problem::program`].
    pub fn new(problem: &Problem, b: &[f64], subtitle: &str) -> Result<Self, InputError> {
        let program = problem.program()?;
        let columns: Vec<_> = problem.predictors.iter().map(|c| c.values.as_slice()).collect();
        let rows = problem.observed.len();
        let mut predicted = vec![0.0; rows];
        program.bind(rows, &columns).eval(b, &mut predicted);
        let pairs = |x: &[f64], y: &[f64]| -> Vec<Point> {
            x.iter().copied().zip(y.iter().copied()).collect()
        };
        let response = problem.response.text().to_owned();
        let title = problem.name.clone();
        let formula = format!("{response} = {}", problem.model.text());
        let subtitle = subtitle.to_owned();
        let residuals: Vec<f64> =
            problem.observed.iter().zip(&predicted).map(|(y, f)| y - f).collect();
        if let [x] = problem.predictors.as_slice() {
            let (low, high) = extent(&x.values);
            let grid: Vec<f64> =
                (0..DENSE).map(|i| low + (high - low) * i as f64 / (DENSE - 1) as f64).collect();
            let mut curve = vec![0.0; DENSE];
            program.bind(DENSE, &[&grid]).eval(b, &mut curve);
            return Ok(FitPicture {
                title,
                formula,
                subtitle,
                x_label: x.name.clone(),
                y_label: response,
                data: pairs(&x.values, &problem.observed),
                curve: pairs(&grid, &curve),
                curve_label: "fitted model",
                residuals: pairs(&x.values, &residuals),
            });
        }
        let (low, high) = extent(&predicted);
        Ok(FitPicture {
            title,
            formula,
            subtitle,
            x_label: format!("predicted {response}"),
            y_label: format!("observed {response}"),
            data: pairs(&predicted, &problem.observed),
            curve: vec![(low, low), (high, high)],
            curve_label: "observed = predicted",
            residuals: pairs(&predicted, &residuals),
        })
    }

    /// The corner of the upper panel that the fewest points come near.
    fn roomiest_corner(&self) -> SeriesLabelPosition {
        let all: Vec<Point> = self.data.iter().chain(&self.curve).copied().collect();
        let (x, y) = (extent_of(&all, |p| p.0), extent_of(&all, |p| p.1));
        let share = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let near = |right: bool, upper: bool| {
            let inside = |p: &&Point| {
                let (u, v) = (share(p.0, x), share(p.1, y));
                (if right { u > 0.72 } else { u < 0.28 })
                    && (if upper { v > 0.78 } else { v < 0.22 })
            };
            all.iter().filter(inside).count()
        };
        [
            (near(true, true), SeriesLabelPosition::UpperRight),
            (near(false, true), SeriesLabelPosition::UpperLeft),
            (near(true, false), SeriesLabelPosition::LowerRight),
            (near(false, false), SeriesLabelPosition::LowerLeft),
        ]
        .into_iter()
        .min_by_key(|(points, _)| *points)
        .map_or(SeriesLabelPosition::UpperRight, |(_, corner)| corner)
    }
}

impl Picture for FitPicture {
    fn size(&self) -> (u32, u32) {
        (900, 720)
    }

    fn draw(&self, root: &Area<'_>) -> Drawn {
        let (top, panels) = root.split_vertically(74 * PX);
        head(&top, &self.title, &self.formula, &self.subtitle)?;
        let (fit, residuals) = panels.split_vertically(430 * PX);
        let all: Vec<Point> = self.data.iter().chain(&self.curve).copied().collect();
        let x_range = padded(extent_of(&all, |p| p.0));
        let y_range = padded(extent_of(&all, |p| p.1));

        let mut chart = chart(&fit, x_range.clone(), y_range)?;
        mesh(&mut chart, "", &self.y_label)?;
        for piece in self.curve.split(|p| !p.1.is_finite()) {
            chart
                .draw_series(LineSeries::new(piece.iter().copied(), CURVE.stroke_width(2 * PX)))?;
        }
        // One more empty series carries the entry of the legend, however many pieces there are.
        chart.draw_series(LineSeries::new([], CURVE))?.label(self.curve_label).legend(|(x, y)| {
            PathElement::new([(x, y), (x + units(20), y)], CURVE.stroke_width(2 * PX))
        });
        chart
            .draw_series(
                self.data.iter().map(|&p| Circle::new(p, 3 * PX, DATA.mix(0.65).filled())),
            )?
            .label("data")
            .legend(|(x, y)| Circle::new((x + units(10), y), 3 * PX, DATA.mix(0.65).filled()));
        chart
            .configure_series_labels()
            .position(self.roomiest_corner())
            .margin(12 * PX)
            .legend_area_size(30 * PX)
            .background_style(WHITE.mix(0.85))
            .border_style(GRID.stroke_width(PX))
            .label_font((FONT, 13 * PX))
            .draw()?;

        let low_high = extent_of(&self.residuals, |p| p.1);
        let reach = low_high.0.abs().max(low_high.1.abs());
        let mut chart = super::chart(&residuals, x_range.clone(), padded((-reach, reach)))?;
        mesh(&mut chart, &self.x_label, "residual")?;
        let zero = [(x_range.start, 0.0), (x_range.end, 0.0)];
        chart.draw_series(LineSeries::new(zero, CURVE.stroke_width(PX)))?;
        chart.draw_series(circles(&self.residuals))?;
        Ok(())
    }
}
