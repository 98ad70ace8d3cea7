//! The number that writes a graph.

use std::cell::RefCell;
use std::sync::Arc;

use ad_api::{Binary, Failure, Function, Lift, Relation, Rule, Unary, scratch};

use super::{Graph, Guard, Id, Node, picks};

/// The most nodes that are recorded: beyond, rows are computed in another way.
const MOST: usize = 1 << 20;

/// Stands for the node of a constant, which is placed when something is computed from it.
const CONSTANT: Id = Id::MAX;

/// A recording in progress.
struct Recording {
    graph: Graph,
    number: u32,
}

thread_local! {
    static RECORDING: RefCell<Option<Recording>> = const { RefCell::new(None) };
    static NEXT: RefCell<u32> = const { RefCell::new(0) };
}

/// A value at the recorded point and its place in the graph.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traced {
    value: f64,
    id: Id,
    recording: u32,
}

/// Continues `graph` with what `body` does; `body` gets the number of the recording.
pub(crate) fn record<R>(graph: Graph, body: impl FnOnce(u32) -> R) -> (Graph, R) {
    /// Puts the outer recording back, also after a panic.
    struct Outer(Option<Recording>);
    impl Drop for Outer {
        fn drop(&mut self) {
            RECORDING.set(self.0.take());
        }
    }
    let number = NEXT.with_borrow_mut(|next| {
        *next = next.wrapping_add(1);
        *next
    });
    let outer = Outer(RECORDING.replace(Some(Recording { graph, number })));
    let result = body(number);
    let graph = RECORDING.take().map(|recording| recording.graph).unwrap_or_default();
    drop(outer);
    (graph, result)
}

/// The graph of `f` at `x`, or `None` if `f` fails there or does what no graph can repeat.
pub(crate) fn trace<F: Function>(f: &F, x: &[f64]) -> Option<Graph> {
    let (mut graph, result) = record(Graph::default(), |number| {
        scratch::with(x.len() + f.outputs(), |buffer: &mut [Traced]| {
            let (input, output) = buffer.split_at_mut(x.len());
            for ((input, &value), j) in input.iter_mut().zip(x).zip(0..) {
                let id = with(number, |graph| graph.place(Node::Input(j), value))?;
                *input = Traced { value, id, recording: number };
            }
            f.eval(input, output).ok()?;
            output.iter().map(|output| output.place(number)).collect::<Option<Vec<Id>>>()
        })
    });
    graph.inputs = x.len();
    graph.outputs = result?;
    (!graph.opaque).then_some(graph)
}

/// Calls `body` with the graph of the recording `number`, if that is in progress.
fn with<R>(number: u32, body: impl FnOnce(&mut Graph) -> R) -> Option<R> {
    RECORDING.with_borrow_mut(|recording| {
        let recording = recording.as_mut()?;
        if recording.number != number {
            // A number that was kept from another recording.
            recording.graph.opaque = true;
            return None;
        }
        Some(body(&mut recording.graph))
    })
}

impl Traced {
    /// The node `id` of the graph that is recorded.
    pub(crate) fn at(id: Id, recording: u32) -> Self {
        let found = with(recording, |graph| (graph.node(id), graph.value(id)));
        match found {
            Some((Node::Constant(_), value)) => Self::constant(value),
            Some((_, value)) => Traced { value, id, recording },
            None => Self::constant(f64::NAN),
        }
    }

    /// An input that the recorded body does not have, 1 at the recorded point.
    pub(crate) fn input(input: u32, recording: u32) -> Self {
        let id = with(recording, |graph| graph.place(Node::Input(input), 1.0));
        Traced { value: 1.0, id: id.unwrap_or(CONSTANT), recording }
    }

    /// Its node, or the number that it is.
    pub(crate) fn node(self) -> Result<Id, f64> {
        if self.is_constant() { Err(self.value) } else { Ok(self.id) }
    }

    /// Its place in the graph of the recording `number`.
    pub(crate) fn place(self, number: u32) -> Option<Id> {
        with(number, |graph| if self.is_constant() { graph.constant(self.value) } else { self.id })
    }

    /// The result of an operation on `operands`, of which one is no constant.
    fn result<const N: usize>(
        operands: [Traced; N],
        value: f64,
        node: impl FnOnce([Id; N]) -> Node,
    ) -> Self {
        let Some(number) = operands.iter().find(|x| !x.is_constant()).map(|x| x.recording) else {
            return Self::constant(value);
        };
        let id = with(number, |graph| {
            graph.opaque |= operands.iter().any(|x| !x.is_constant() && x.recording != number)
                || graph.len() >= MOST;
            if graph.opaque {
                return CONSTANT;
            }
            let places =
                operands.map(|x| if x.is_constant() { graph.constant(x.value) } else { x.id });
            graph.place(node(places), value)
        });
        Traced { value, id: id.unwrap_or(CONSTANT), recording: number }
    }

    /// The result of something that a graph does not show.
    fn opaque(self, value: f64) -> Self {
        if !self.is_constant() {
            with(self.recording, |graph| graph.opaque = true);
        }
        Self::constant(value)
    }

    /// The sign, 0 at 0.
    pub(crate) fn sign(self) -> Self {
        Self::result([self], super::sign(self.value), |[a]| Node::Sign(a))
    }

    /// 1 where `function`, the maximum or minimum, of `self` and `rhs` is `self`, else 0.
    pub(crate) fn picks(self, function: Binary, rhs: Self) -> Self {
        let first = picks(function, self.value, rhs.value);
        Self::result([self, rhs], first, |[a, b]| Node::Picks(function, a, b))
    }

    fn mul_add(self, a: Self, b: Self) -> Self {
        let value = self.value.mul_add(a.value, b.value);
        Self::result([self, a, b], value, Node::MulAdd)
    }
}

impl Lift for Traced {
    type Inner = f64;

    fn constant(value: f64) -> Self {
        Traced { value, id: CONSTANT, recording: 0 }
    }

    fn inner(self) -> f64 {
        self.value
    }

    fn is_constant(self) -> bool {
        self.id == CONSTANT
    }

    fn lift_unary(self, value: f64, _: f64) -> Self {
        self.opaque(value)
    }

    fn lift_binary(self, rhs: Self, value: f64, _: f64, _: f64) -> Self {
        rhs.opaque(value);
        self.opaque(value)
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        x.iter().for_each(|x| {
            x.opaque(0.0);
        });
        scratch::with(x.len() + y.len(), |buffer: &mut [f64]| {
            let (input, value) = buffer.split_at_mut(x.len());
            input.iter_mut().zip(x).for_each(|(input, x)| *input = x.value);
            rule.value(input, value)?;
            y.iter_mut().zip(value).for_each(|(y, &mut value)| *y = Self::constant(value));
            Ok(())
        })
    }

    fn lift_elementary(self, function: Unary, value: f64, _: f64) -> Self {
        if let Unary::Powi(n) = function {
            return power(self, n);
        }
        Self::result([self], value, |[a]| Node::Unary(function, a))
    }

    fn lift_step(self, function: Unary, value: f64) -> Self {
        Self::result([self], value, |[a]| Node::Unary(function, a))
    }

    fn lift_elementary_binary(
        self,
        rhs: Self,
        function: Binary,
        value: f64,
        _: f64,
        _: f64,
    ) -> Self {
        Self::result([self, rhs], value, |[a, b]| Node::Binary(function, a, b))
    }

    fn lift_choice(self, rhs: Self, function: Binary, chosen: Self) -> Self {
        Self::result([self, rhs], chosen.value, |[a, b]| Node::Binary(function, a, b))
    }

    fn lift_holds(self, relation: Relation, rhs: Self) -> bool {
        let holds = relation.holds(&self.value, &rhs.value);
        if !(self.is_constant() && rhs.is_constant()) {
            // Its value is not wanted, only its operands.
            let number = if self.is_constant() { rhs.recording } else { self.recording };
            if let (Some(a), Some(b)) = (self.place(number), rhs.place(number)) {
                with(number, |graph| graph.guard(Guard { a, b, relation, holds }));
            }
        }
        holds
    }

    fn lift_primal(self) -> f64 {
        self.opaque(0.0);
        self.value
    }

    fn lift_detached(self) -> Self {
        Self::result([self], self.value, |[a]| Node::Detached(a))
    }

    fn lift_add(self, rhs: Self) -> Self {
        Self::result([self, rhs], self.value + rhs.value, |[a, b]| Node::Add(a, b))
    }

    fn lift_sub(self, rhs: Self) -> Self {
        Self::result([self, rhs], self.value - rhs.value, |[a, b]| Node::Sub(a, b))
    }

    fn lift_mul(self, rhs: Self) -> Self {
        Self::result([self, rhs], self.value * rhs.value, |[a, b]| Node::Mul(a, b))
    }

    fn lift_div(self, rhs: Self) -> Self {
        Self::result([self, rhs], self.value / rhs.value, |[a, b]| Node::Div(a, b))
    }

    fn lift_neg(self) -> Self {
        Self::result([self], -self.value, |[a]| Node::Neg(a))
    }

    fn lift_add_constant(self, c: f64) -> Self {
        self.lift_add(Self::constant(c))
    }

    fn lift_mul_constant(self, c: f64) -> Self {
        self.lift_mul(Self::constant(c))
    }

    fn lift_div_constant(self, c: f64) -> Self {
        self.lift_div(Self::constant(c))
    }
}

/// `xⁿ` by the products that the `powi` of `f64` does.
fn power(x: Traced, n: i32) -> Traced {
    let (mut square, mut left) = (x, n.unsigned_abs());
    let mut result = Traced::constant(1.0);
    loop {
        if left % 2 == 1 {
            let first = result.is_constant() && result.value == 1.0;
            result = if first { square } else { result * square };
        }
        left /= 2;
        if left == 0 {
            return if n < 0 { Traced::constant(1.0) / result } else { result };
        }
        square *= square;
    }
}

/// The elementary functions, but a product and a sum that are rounded once.
mod elementary {
    use super::Traced;
    pub(super) use ad_api::lift::elementary::*;

    pub(super) fn mul_add(x: Traced, a: Traced, b: Traced) -> Traced {
        x.mul_add(a, b)
    }
}

ad_api::scalar!(@with [self::elementary] [] Traced);
