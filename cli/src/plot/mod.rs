//! SVG pictures.

mod fit;
mod solution;

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::InputError;

/// Units per pixel. The drawing library rounds to whole units, which shows in curves at one a pixel.
const PX: u32 = 8;
const DATA: RGBColor = RGBColor(70, 70, 70);
const CURVE: RGBColor = RGBColor(31, 119, 180);
const GRID: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "sans-serif";

type Point = (f64, f64);
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Area<'b> = DrawingArea<SVGBackend<'b>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Something that can be drawn.
pub trait Picture {
    /// The size in pixels.
    fn size(&self) -> (u32, u32);

    /// Draws it.
    ///
    /// # Errors
    ///
    /// What the drawing library reports.
    fn draw(&self, root: &Area<'_>) -> Drawn;
}

pub use fit::FitPicture;
pub use solution::SolutionPicture;

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

    /// Draws a picture into the file.
    ///
    /// # Errors
    ///
    /// [`InputError::Unwritable`] if the file cannot be written.
    pub fn draw(mut self, picture: &impl Picture) -> Result<(), InputError> {
        let path = self.path;
        let svg = render(picture).map_err(|error| unwritable(path, error.to_string()))?;
        fs::write(path, svg).map_err(|error| unwritable(path, error.to_string()))?;
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
fn render(picture: &impl Picture) -> Result<String, Box<dyn Error>> {
    let (width, height) = picture.size();
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width * PX, height * PX)).into_drawing_area();
        root.fill(&WHITE)?;
        picture.draw(&root)?;
        root.present()?;
    }
    let size =
        |unit: u32| format!(r#"width="{}" height="{}" viewBox"#, width * unit, height * unit);
    Ok(svg.replacen(&size(PX), &size(1), 1))
}

/// Writes three lines in the middle of the top: a title, a formula and how it was computed.
fn head(area: &Area<'_>, title: &str, formula: &str, subtitle: &str) -> Drawn {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    let middle = (area.dim_in_pixel().0 / 2).cast_signed();
    let position = Pos::new(HPos::Center, VPos::Top);
    let formula = shortened(formula, 120);
    for (y, text, size, colour) in
        [(10, title, 22, BLACK), (37, &formula, 13, DATA), (56, subtitle, 13, DATA)]
    {
        let style = (FONT, size * PX).into_font().color(&colour).pos(position);
        area.draw_text(text, &style, (middle, units(y)))?;
    }
    Ok(())
}

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
