//! The syntax of formulas.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::thread;

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::{Pair, Pairs};
use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::operation::{Binary, Call, FUNCTIONS, Unary};

// The derive writes a public enum of the rules without documentation.
#[allow(missing_docs, reason = "generated from the grammar, whose rules say what they are")]
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "formula/grammar.pest"]
    pub(super) struct Grammar;
}
use grammar::{Grammar, Rule};

// Limits that keep the recursion of the parser far from the end of the stack.
const MAX_LENGTH: usize = 4000;
const MAX_NESTING: usize = 64;
/// The stack of the parser in bytes.
const STACK: usize = 1 << 26;

/// A parsed formula: its operations, each after its operands, so that one pass evaluates it.
///
/// Operators by falling precedence: `^` or `**` (right-associative), unary minus, `*` and `/`, `+`
/// and `-`; so `-x^2` is `-(x^2)` and `2^-x` is `2^(-x)`. Round and square brackets mean the same.
/// A name in backticks may hold any characters.
///
/// ```
/// use ad_cli::formula::Formula;
///
/// let formula = Formula::parse("b1*(1 - exp[-b2*x])")?;
/// assert_eq!(formula.names().collect::<Vec<_>>(), ["b1", "b2", "x"]);
/// assert_eq!(Formula::parse("b1*(1-").unwrap_err().column, 7);
/// # Ok::<(), ad_cli::formula::SyntaxError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    text: String,
    nodes: Vec<Node>,
}

/// One step of a formula; operands are the places of earlier steps.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A constant.
    Number(f64),
    /// A name, and its column in the text, counted from 1.
    Name(String, usize),
    /// An operation on one step.
    Unary(Unary, usize),
    /// An operation on two steps.
    Binary(Binary, usize, usize),
}

/// Why a text is no formula, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad formula `{text}`: at column {column}, {reason}")]
pub struct SyntaxError {
    /// The text, on one line.
    pub text: String,
    /// The column in the text, in characters, counted from 1.
    pub column: usize,
    /// What was expected and found there.
    pub reason: String,
}

impl Formula {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// [`SyntaxError`] where it is no formula, calls an unknown function, or is longer than 4000
    /// bytes or nested deeper than 64 brackets.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        check_size(text)?;
        with_stack(|| {
            let mut pairs = Grammar::parse(Rule::formula, text).map_err(|e| explain(text, &e))?;
            let nodes = RefCell::new(Vec::new());
            if let Some(expression) = pairs.next() {
                build(text, &nodes, expression.into_inner())?;
            }
            Ok(Formula { text: one_line(text), nodes: nodes.into_inner() })
        })
    }

    /// A formula that is a single name, whatever its characters.
    pub fn name(name: &str) -> Self {
        Formula { text: name.into(), nodes: vec![Node::Name(name.into(), 1)] }
    }

    /// The text, on one line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The operations; the last one is the value.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The names, each once, in the order of their first mention, without the constant `pi`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = || {
            self.nodes.iter().filter_map(|node| match node {
                Node::Name(name, _) => Some(name.as_str()),
                _ => None,
            })
        };
        names()
            .enumerate()
            .filter(move |&(i, name)| names().position(|n| n == name) == Some(i))
            .map(|(_, name)| name)
    }
}

/// Calls `parse` with room for its recursion: one level for each operator of a chain like `a^b^c`,
/// of which the longest formula has 1333, and each of some kilobytes without optimisation.
fn with_stack<T: Send>(parse: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, parse);
        match parser.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(error) => panic!("no thread for the parser: {error}"),
        }
    })
}

fn check_size(text: &str) -> Result<(), SyntaxError> {
    if text.len() > MAX_LENGTH {
        let reason = format!("it goes on for more than {MAX_LENGTH} bytes");
        return Err(SyntaxError { text: "...".into(), column: MAX_LENGTH, reason });
    }
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(error_at(text, at, format!("more than {MAX_NESTING} brackets are open")));
        }
    }
    Ok(())
}

/// Appends the steps of an expression and returns the place of its value.
fn build(
    text: &str,
    nodes: &RefCell<Vec<Node>>,
    expression: Pairs<'_, Rule>,
) -> Result<usize, SyntaxError> {
    let push = |node| {
        let mut nodes = nodes.borrow_mut();
        nodes.push(node);
        nodes.len() - 1
    };
    // From loose to tight.
    PrattParser::new()
        .op(Op::infix(Rule::add, Assoc::Left) | Op::infix(Rule::subtract, Assoc::Left))
        .op(Op::infix(Rule::multiply, Assoc::Left) | Op::infix(Rule::divide, Assoc::Left))
        .op(Op::prefix(Rule::minus) | Op::prefix(Rule::plus))
        .op(Op::infix(Rule::power, Assoc::Right))
        .map_primary(|pair| match pair.as_rule() {
            Rule::number => match pair.as_str().parse() {
                Ok(value) if f64::is_finite(value) => Ok(push(Node::Number(value))),
                _ => Err(error_at(text, pair.as_span().start(), "the number is too large".into())),
            },
            Rule::name => Ok(push(named(text, &pair))),
            Rule::call => call(text, nodes, pair),
            _ => build(text, nodes, pair.into_inner()),
        })
        .map_prefix(|operator, operand| {
            let operand = operand?;
            Ok(match operator.as_rule() {
                Rule::minus => push(Node::Unary(Unary::Negate, operand)),
                _ => operand,
            })
        })
        .map_infix(|left, operator, right| {
            let operation = match operator.as_rule() {
                Rule::add => Binary::Add,
                Rule::subtract => Binary::Subtract,
                Rule::multiply => Binary::Multiply,
                Rule::divide => Binary::Divide,
                _ => Binary::Power,
            };
            Ok(push(Node::Binary(operation, left?, right?)))
        })
        .parse(expression)
}

fn named(text: &str, pair: &Pair<'_, Rule>) -> Node {
    let name = pair.as_str();
    if name == "pi" {
        return Node::Number(std::f64::consts::PI);
    }
    Node::Name(name.trim_matches('`').into(), column(text, pair.as_span().start()))
}

fn call(
    text: &str,
    nodes: &RefCell<Vec<Node>>,
    pair: Pair<'_, Rule>,
) -> Result<usize, SyntaxError> {
    let start = pair.as_span().start();
    let mut pairs = pair.into_inner();
    let name = pairs.next().map_or("", |name| name.as_str());
    let function = Call::named(name).ok_or_else(|| {
        error_at(text, start, format!("`{name}` is no function; there are {FUNCTIONS}"))
    })?;
    let arguments =
        pairs.map(|pair| build(text, nodes, pair.into_inner())).collect::<Result<Vec<_>, _>>()?;
    let node = match (function, arguments.as_slice()) {
        (Call::Unary(operation), &[a]) => Node::Unary(operation, a),
        (Call::Binary(operation), &[a, b]) => Node::Binary(operation, a, b),
        (function, arguments) => {
            let takes =
                if matches!(function, Call::Unary(_)) { "1 argument" } else { "2 arguments" };
            let found = arguments.len();
            return Err(error_at(text, start, format!("`{name}` takes {takes}, found {found}")));
        }
    };
    let mut nodes = nodes.borrow_mut();
    nodes.push(node);
    Ok(nodes.len() - 1)
}

/// The column of a byte offset, counted from 1 in the text that messages show.
fn column(text: &str, offset: usize) -> usize {
    one_line(&text[..offset]).chars().count() + 1
}

/// The text with its line breaks as blanks, so that a message stays on one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn error_at(text: &str, offset: usize, reason: String) -> SyntaxError {
    SyntaxError { text: one_line(text), column: column(text, offset), reason }
}

/// The parser's own error in the words of a formula.
fn explain(text: &str, error: &pest::error::Error<Rule>) -> SyntaxError {
    let offset = match error.location {
        InputLocation::Pos(offset) | InputLocation::Span((offset, _)) => offset,
    };
    let found = match text[offset..].trim_start().chars().next() {
        Some(character) => format!("found `{character}`"),
        None => "found the end".into(),
    };
    let positives = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
        ErrorVariant::CustomError { .. } => &[],
    };
    // After an operand the grammar could go on with an operator; before one it needs the operand.
    let after_operand = positives
        .iter()
        .any(|rule| matches!(rule, Rule::EOI | Rule::add | Rule::multiply | Rule::power));
    let expected = if after_operand {
        "an operator, a closing bracket or the end"
    } else {
        "a number, a name, a function or an opening bracket"
    };
    error_at(text, offset, format!("expected {expected}, {found}"))
}
