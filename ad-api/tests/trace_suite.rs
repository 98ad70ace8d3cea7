//! The suite of every backend, with each function recorded before an engine sees it.

use ad_api::trace::Program;
use ad_api::{Engine, Function, Pullback, Pushforward, Result, Scalar, Shape};
use ad_dual::Dual;
use ad_native_reverse::NativeReverse;

/// Differentiates the recorded program: forward by dual numbers, backward by a tape.
#[derive(Debug, Clone, Copy, Default)]
struct Recorded {
    forward: Dual,
    reverse: NativeReverse,
}

/// `f` at the primals of `x`, as a program.
fn program<S: Scalar, F: Function>(f: &F, x: &[S]) -> Result<Program> {
    let x: Vec<f64> = x.iter().map(|x| x.primal()).collect();
    Ok(Program::record(f, &x, &mut vec![0.0; f.outputs()])?)
}

impl Engine for Recorded {
    fn name(&self) -> String {
        "recorded".into()
    }
    /// Recording is the only evaluation, whatever is then asked of the program.
    fn lanes(&self, _: Shape) -> usize {
        1024
    }
}

impl Pushforward for Recorded {
    fn pushforward_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        x_dot: &[S],
        y: &mut [S],
        y_dot: &mut [S],
    ) -> Result<()> {
        self.forward.pushforward_sweep(&program(f, x)?, x, x_dot, y, y_dot)
    }
}

impl Pullback for Recorded {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        self.reverse.pullback_sweep(&program(f, x)?, x, y_bar, y, x_bar)
    }
}

ad_api::backend!(Recorded: pushforward, pullback);

ad_conformance::suite!(Recorded::default());
