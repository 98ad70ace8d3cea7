//! Data, fitted curve and residuals as an SVG picture.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::InputError;
use crate::problem::Problem;

/// The size of the picture in pixels.
const SIZE: (u32, u32) = (900, 720);
/// Units per pixel. The drawing library rounds to whole units, which shows in curves at one a pixel.
const PX: u32 = 8;
const DATA: RGBColor = RGBColor(70, 70, 70);
const CURVE: RGBColor = RGBColor(31, 119, 180);
const GRID: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "sans-serif";
/// Points on the fitted curve.
const DENSE: usize = 500;

type Point = (f64, f64);
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What the two panels show.
///
/// With one predictor the data and the curve are drawn over it. With several there is no curve: the
/// observations are drawn over the predictions, where a perfect fit lies on the diagonal.
struct Picture {
    x_label: String,
    y_label: String,
    data: Vec<Point>,
    curve: Vec<Point>,
    curve_label: &'static str,
    residuals: Vec<Point>,
}

/// A file that can be written, found out before a long fit rather than after it.
///
/// Dropped without a drawing, it removes the file unless there was one before.
#[derive(Debug)]
#[must_use]
pub struct Reserved<'a> {
    path: &'a Path,
    /// Whether the file is there only to be drawn into.
    empty: bool,
}

impl<'a> Reserved<'a> {
    /// Reserves the file `path`; what is in it stays until [`draw`](Self::draw).
    ///
    /// # Errors
    ///
    /// [`InputError::Unwritable`] if it cannot be written.
    pub fn new(path: &'a Path) -> Result<Self, InputError> {
        let new = OpenOptions::new().create_new(true).write(true).open(path);
        let empty = new.is_ok();
        match new {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                OpenOptions::new().create(true).append(true).open(path)
            }
            opened => opened,
        }
        .map_err(|error| unwritable(path, error.to_string()))?;
        Ok(Reserved { path, empty })
    }

    /// Draws the fit of `problem` with the parameters `b` into the file.
    ///
    /// # Errors
    ///
    /// [`InputError::Unwritable`] if the file cannot be written.
    pub fn draw(mut self, problem: &Problem, b: &[f64], subtitle: &str) -> Result<(), InputError> {
        let path = self.path;
        let picture = Picture::new(problem, b)?;
        let mut svg = String::new();
        picture
            .render(&mut svg, problem, subtitle)
            .map_err(|error| unwritable(path, error.to_string()))?;
        fs::write(path, in_pixels(&svg)).map_err(|error| unwritable(path, error.to_string()))?;
        self.empty = false;
        Ok(())
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.empty {
            // The error that led here is the one to report.
            let _ = fs::remove_file(self.path);
        }
    }
}

fn unwritable(path: &Path, reason: String) -> InputError {
    InputError::Unwritable { path: path.display().to_string(), reason }
}

/// The picture at its size in pixels; the units stay in its `viewBox`.
fn in_pixels(svg: &str) -> String {
    let size =
        |unit: u32| format!(r#"width="{}" height="{}" viewBox"#, SIZE.0 * unit, SIZE.1 * unit);
    svg.replacen(&size(PX), &size(1), 1)
}

impl Picture {
    fn new(problem: &Problem, b: &[f64]) -> Result<Self, InputError> {
        let program = problem.program()?;
        let columns: Vec<_> = problem.predictors.iter().map(|c| c.values.as_slice()).collect();
        let rows = problem.observed.len();
        let mut predicted = vec![0.0; rows];
        program.bind(rows, &columns).eval(b, &mut predicted);
        let pairs = |x: &[f64], y: &[f64]| -> Vec<Point> {
            x.iter().copied().zip(y.iter().copied()).collect()
        };
        let response = problem.response.text().to_owned();
        let residuals: Vec<f64> =
            problem.observed.iter().zip(&predicted).map(|(y, f)| y - f).collect();
        if let [x] = problem.predictors.as_slice() {
            let (low, high) = extent(&x.values);
            let grid: Vec<f64> =
                (0..DENSE).map(|i| low + (high - low) * i as f64 / (DENSE - 1) as f64).collect();
            let mut curve = vec![0.0; DENSE];
            program.bind(DENSE, &[&grid]).eval(b, &mut curve);
            return Ok(Picture {
                x_label: x.name.clone(),
                y_label: response,
                data: pairs(&x.values, &problem.observed),
                curve: pairs(&grid, &curve),
                curve_label: "fitted model",
                residuals: pairs(&x.values, &residuals),
            });
        }
        let (low, high) = extent(&predicted);
        Ok(Picture {
            x_label: format!("predicted {response}"),
            y_label: format!("observed {response}"),
            data: pairs(&predicted, &problem.observed),
            curve: vec![(low, low), (high, high)],
            curve_label: "observed = predicted",
            residuals: pairs(&predicted, &residuals),
        })
    }

    fn render(
        &self,
        svg: &mut String,
        problem: &Problem,
        subtitle: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(svg, (SIZE.0 * PX, SIZE.1 * PX)).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, panels) = root.split_vertically(74 * PX);
        let formula = format!("{} = {}", problem.response.text(), problem.model.text());
        let centred = |size: u32, colour: &RGBColor| {
            use plotters::style::text_anchor::{HPos, Pos, VPos};
            let position = Pos::new(HPos::Center, VPos::Top);
            (FONT, size * PX).into_font().color(colour).pos(position)
        };
        let middle = (SIZE.0 * PX / 2).cast_signed();
        for (y, text, size, colour) in [
            (10, problem.name.as_str(), 22, BLACK),
            (37, &shortened(&formula, 120), 13, DATA),
            (56, subtitle, 13, DATA),
        ] {
            head.draw_text(text, &centred(size, &colour), (middle, units(y)))?;
        }
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
        let mut chart = self::chart(&residuals, x_range.clone(), padded((-reach, reach)))?;
        mesh(&mut chart, &self.x_label, "residual")?;
        let zero = [(x_range.start, 0.0), (x_range.end, 0.0)];
        chart.draw_series(LineSeries::new(zero, CURVE.stroke_width(PX)))?;
        chart.draw_series(circles(&self.residuals))?;
        root.present()?;
        Ok(())
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

type Area<'b> = DrawingArea<SVGBackend<'b>, plotters::coord::Shift>;

fn chart<'a, 'b>(
    area: &'a Area<'b>,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    Ok(ChartBuilder::on(area)
        .margin(10 * PX)
        .margin_right(24 * PX)
        .x_label_area_size(46 * PX)
        .y_label_area_size(78 * PX)
        .build_cartesian_2d(x, y)
        .map_err(|error| error.to_string())?)
}

fn mesh(
    chart: &mut Chart<'_, '_>,
    x_label: &str,
    y_label: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(PX))
        .axis_style(DATA.stroke_width(PX))
        .set_all_tick_mark_size(5 * PX)
        .label_style((FONT, 13 * PX))
        .axis_desc_style((FONT, 15 * PX))
        .x_desc(x_label)
        .y_desc(y_label)
        .x_labels(8)
        .y_labels(6)
        .x_label_formatter(&|value| tick(*value))
        .y_label_formatter(&|value| tick(*value))
        .draw()
        .map_err(|error| error.to_string().into())
}

/// The points that have a place.
fn circles(points: &[Point]) -> impl Iterator<Item = Circle<Point, u32>> {
    let finite = points.iter().filter(|p| p.0.is_finite() && p.1.is_finite());
    finite.map(|&p| Circle::new(p, 3 * PX, DATA.mix(0.65).filled()))
}

/// A distance in pixels.
fn units(pixels: i32) -> i32 {
    pixels * PX.cast_signed()
}

/// A number on an axis, without the rounding errors of the steps.
fn tick(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude < 1e-12 {
        return "0".into();
    }
    if (1e-3..1e5).contains(&magnitude) {
        let text = format!("{value:.6}");
        return text.trim_end_matches('0').trim_end_matches('.').into();
    }
    let text = format!("{value:.3e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn extent(values: &[f64]) -> (f64, f64) {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

fn extent_of(points: &[Point], of: fn(&Point) -> f64) -> (f64, f64) {
    extent(&points.iter().map(of).collect::<Vec<_>>())
}

/// A range with a margin, of positive length whatever the data.
fn padded((low, high): (f64, f64)) -> std::ops::Range<f64> {
    if low > high {
        return 0.0..1.0;
    }
    let margin = if high > low { 0.04 * (high - low) } else { low.abs().max(1.0) * 0.5 };
    low - margin..high + margin
}
