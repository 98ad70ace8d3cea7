//! A root and the way to it.

use plotters::prelude::*;

use super::{
    Area, CURVE, DATA, Drawn, FONT, PX, Picture, Point, chart, circles, extent, extent_of, head,
    mesh, padded, tick, units,
};
use crate::solve::{Solution, System, report};

/// The most cells of a heat map in each direction.
const CELLS: usize = 96;
/// The number of colours.
const COLOURS: u32 = 64;

/// A solve: the solution on the left, as a heat map or a curve, and the residual norms on the right.
#[derive(Debug)]
pub struct SolutionPicture {
    title: String,
    formula: String,
    subtitle: String,
    solution: Panel,
    /// Iteration and decimal logarithm of the residual norm.
    history: Vec<Point>,
}

#[derive(Debug)]
enum Panel {
    /// Values on a square, from the south west, row by row.
    Map {
        cells: Vec<f64>,
        side: usize,
    },
    Curve {
        points: Vec<Point>,
        x_label: &'static str,
        y_label: &'static str,
    },
}

impl SolutionPicture {
    /// The solution of `system`.
    pub fn new(system: &System, solution: &Solution) -> Self {
        let panel = if let Some(n) = system.side() {
            let side = n.min(CELLS);
            // The point nearest to the middle of a cell.
            let nearest = |k: usize| ((2 * k + 1) * n) / (2 * side);
            let row = |i: usize| (0..side).map(move |j| nearest(i) * n + nearest(j));
            let cells = (0..side).flat_map(row).map(|index| solution.x[index]).collect();
            Panel::Map { cells, side }
        } else {
            let (x, x_label) = system.abscissas();
            let points = x.into_iter().zip(solution.x.iter().copied()).collect();
            Panel::Curve { points, x_label, y_label: system.unknown() }
        };
        let norms = solution.history.iter().map(|iteration| iteration.residual_norm.log10());
        SolutionPicture {
            title: system.name().name().into(),
            formula: system.description(),
            subtitle: report::subtitle(solution),
            solution: panel,
            history: norms.enumerate().map(|(i, norm)| (i as f64, norm)).collect(),
        }
    }

    fn draw_history(&self, area: &Area<'_>) -> Drawn {
        let last = self.history.len().saturating_sub(1).max(1) as f64;
        let finite: Vec<Point> =
            self.history.iter().copied().filter(|point| point.1.is_finite()).collect();
        let mut chart = chart(area, 0.0..last, padded(extent_of(&finite, |point| point.1)))?;
        mesh(&mut chart, "iteration", "log10 |F|")?;
        chart.draw_series(LineSeries::new(finite.iter().copied(), CURVE.stroke_width(2 * PX)))?;
        chart.draw_series(circles(&finite))?;
        Ok(())
    }
}

impl Picture for SolutionPicture {
    fn size(&self) -> (u32, u32) {
        (1120, 560)
    }

    fn draw(&self, root: &Area<'_>) -> Drawn {
        let (top, panels) = root.split_vertically(74 * PX);
        head(&top, &self.title, &self.formula, &self.subtitle)?;
        let (left, right) = panels.split_horizontally(630 * PX);
        match &self.solution {
            Panel::Map { cells, side } => draw_map(&left, cells, *side)?,
            Panel::Curve { points, x_label, y_label } => {
                let (x, y) = (extent_of(points, |p| p.0), extent_of(points, |p| p.1));
                let mut chart = chart(&left, padded(x), padded(y))?;
                mesh(&mut chart, x_label, y_label)?;
                let line = LineSeries::new(points.iter().copied(), CURVE.stroke_width(2 * PX));
                chart.draw_series(line)?;
            }
        }
        self.draw_history(&right)
    }
}

/// A heat map of the unit square with a scale beside it.
fn draw_map(area: &Area<'_>, cells: &[f64], side: usize) -> Drawn {
    let (low, high) = extent(cells);
    let (map, scale) = area.split_horizontally(532 * PX);
    let mut chart = chart(&map, 0.0..1.0, 0.0..1.0)?;
    mesh(&mut chart, "x", "y")?;
    let width = 1.0 / side as f64;
    for (i, row) in cells.chunks(side).enumerate() {
        let y = i as f64 * width;
        let mut from = 0;
        while from < side {
            // Cells of one colour are one rectangle.
            let colour = level(row[from], low, high);
            let same = row[from..].iter().take_while(|&&u| level(u, low, high) == colour).count();
            let to = from + same;
            // A little over the next ones, which are drawn later: no seams.
            let overlap = |edge: f64| (edge + 0.3 * width).min(1.0);
            let corners =
                [(from as f64 * width, y), (overlap(to as f64 * width), overlap(y + width))];
            chart.draw_series([Rectangle::new(corners, paint(colour).filled())])?;
            from = to;
        }
    }
    let (_, height) = scale.dim_in_pixel();
    let (top, bottom) = (units(10), height.cast_signed() - units(56));
    let (left, right) = (units(4), units(24));
    // From the top, each down to the bottom and under the next: no seams.
    for colour in (0..COLOURS).rev() {
        let height = (bottom - top) * (colour + 1).cast_signed() / COLOURS.cast_signed();
        let corners = [(left, bottom - height), (right, bottom)];
        scale.draw(&Rectangle::new(corners, paint(colour).filled()))?;
    }
    let style = (FONT, 13 * PX).into_font().color(&DATA);
    for (value, y) in
        [(high, top), (f64::midpoint(low, high), i32::midpoint(top, bottom)), (low, bottom)]
    {
        let rounded = format!("{value:.4}").parse().unwrap_or(value);
        scale.draw_text(&tick(rounded), &style, (right + units(4), y - units(7)))?;
    }
    Ok(())
}

/// Which of the colours is that of a value.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is from 0 to 1; NaN becomes 0"
)]
fn level(value: f64, low: f64, high: f64) -> u32 {
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    ((share * f64::from(COLOURS)) as u32).min(COLOURS - 1)
}

/// From dark blue over green to yellow, even in lightness, also for those who see no red: viridis
/// between five of its colours.
fn paint(level: u32) -> RGBColor {
    const STOPS: [[f64; 3]; 5] = [
        [68.0, 1.0, 84.0],
        [59.0, 82.0, 139.0],
        [33.0, 145.0, 140.0],
        [94.0, 201.0, 98.0],
        [253.0, 231.0, 37.0],
    ];
    let position = f64::from(level) / f64::from(COLOURS - 1) * 4.0;
    let from = (0..4).rev().find(|&k: &usize| position >= k as f64).unwrap_or(0);
    let share = position - from as f64;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between two numbers of 8 bits"
    )]
    let channel =
        |c: usize| (STOPS[from][c] + share * (STOPS[from + 1][c] - STOPS[from][c])).round() as u8;
    RGBColor(channel(0), channel(1), channel(2))
}
