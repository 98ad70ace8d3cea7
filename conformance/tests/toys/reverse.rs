//! Reverse mode in its shortest form: a tape for each scalar type, in a thread-local.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use ad_api::{Engine, Failure, Function, Lift, Pullback, Result, Rule, Scalar, check_pullback};

/// A value and the place of its node; 0 is no node.
#[derive(Debug, Clone, Copy)]
pub struct Variable<S> {
    value: S,
    node: usize,
}

/// The partials of one operation, by the nodes of its arguments.
type Node<S> = Vec<(usize, S)>;

thread_local! {
    static TAPES: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// Exchanges this thread's tape for variables over `S`.
fn exchange<S: Scalar>(tape: Vec<Node<S>>) -> Vec<Node<S>> {
    TAPES.with_borrow_mut(|tapes| {
        let old = tapes.insert(TypeId::of::<S>(), Box::new(tape));
        old.and_then(|old| old.downcast().ok()).map(|tape| *tape).unwrap_or_default()
    })
}

fn record<S: Scalar>(value: S, node: Node<S>) -> Variable<S> {
    if node.iter().all(|(argument, _)| *argument == 0) {
        return Variable { value, node: 0 };
    }
    TAPES.with_borrow_mut(|tapes| {
        let tape = tapes.get_mut(&TypeId::of::<S>()).unwrap();
        let tape = tape.downcast_mut::<Vec<Node<S>>>().unwrap();
        tape.push(node);
        Variable { value, node: tape.len() - 1 }
    })
}

/// Puts the tape of an outer sweep back, also when the function panics.
struct Restore<S: Scalar>(Option<Vec<Node<S>>>);

impl<S: Scalar> Drop for Restore<S> {
    fn drop(&mut self) {
        self.0.take().map(exchange);
    }
}

impl<S: Scalar> Lift for Variable<S> {
    type Inner = S;

    fn constant(value: S) -> Self {
        Variable { value, node: 0 }
    }

    fn inner(self) -> S {
        self.value
    }

    fn is_constant(self) -> bool {
        self.node == 0
    }

    fn lift_unary(self, value: S, d: S) -> Self {
        record(value, vec![(self.node, d)])
    }

    fn lift_binary(self, rhs: Self, value: S, d_self: S, d_rhs: S) -> Self {
        record(value, vec![(self.node, d_self), (rhs.node, d_rhs)])
    }

    fn lift_rule<R: Rule>(rule: &Arc<R>, x: &[Self], y: &mut [Self]) -> Result<(), Failure> {
        let (zero, one) = (S::from(0.0), S::from(1.0));
        let primal: Vec<S> = x.iter().map(|x| x.value).collect();
        let mut value = vec![zero; y.len()];
        S::apply_rule(rule, &primal, &mut value)?;
        // The rows of the rule's Jacobian, as the partials of its outputs.
        for (i, y) in y.iter_mut().enumerate() {
            let (mut unit, mut row) = (vec![zero; value.len()], vec![zero; x.len()]);
            unit[i] = one;
            rule.cotangent(&primal, &unit, &mut row)?;
            *y = record(value[i], x.iter().zip(row).map(|(x, d)| (x.node, d)).collect());
        }
        Ok(())
    }
}

ad_api::scalar!([S: Scalar] Variable<S>);

/// Reverse mode that records anew for each sweep, and answers all cotangents from one record.
#[derive(Debug, Clone, Default)]
pub struct ToyReverse;

impl Engine for ToyReverse {
    fn name(&self) -> String {
        "toy-reverse".into()
    }

    fn lanes(&self, _shape: ad_api::Shape) -> usize {
        usize::MAX
    }
}

impl Pullback for ToyReverse {
    fn pullback_sweep<S: Scalar, F: Function>(
        &self,
        f: &F,
        x: &[S],
        y_bar: &[S],
        y: &mut [S],
        x_bar: &mut [S],
    ) -> Result<()> {
        let Some(_) = check_pullback(f, x, y_bar, y, x_bar)? else { return Ok(()) };
        let (n, m) = (x.len(), y.len());
        // Node 0 stands for constants, nodes 1 to n for the inputs.
        let outer = Restore(Some(exchange::<S>(vec![vec![]; n + 1])));
        let input: Vec<_> =
            x.iter().enumerate().map(|(i, &value)| Variable { value, node: i + 1 }).collect();
        let mut output = vec![Variable::constant(S::from(0.0)); m];
        f.eval(&input, &mut output)?;
        let tape = exchange::<S>(vec![]);
        drop(outer);

        for (y, output) in y.iter_mut().zip(&output) {
            *y = output.value;
        }
        for (w, out) in y_bar.chunks(m).zip(x_bar.chunks_mut(n)) {
            let mut bar = vec![S::from(0.0); tape.len()];
            output.iter().zip(w).for_each(|(output, &w)| bar[output.node] += w);
            for node in (0..tape.len()).rev() {
                for &(argument, d) in &tape[node] {
                    let term = d.strong_mul(bar[node]);
                    bar[argument] += term;
                }
            }
            out.copy_from_slice(&bar[1..=n]);
        }
        Ok(())
    }
}

ad_api::backend!(ToyReverse: pullback);
