//! Programs as data that can be written to a file, and the checks when they come back.

use std::fmt::{self, Display};

use ad_api::{Binary, Relation, Unary};
use serde::{Deserialize, Serialize};

use super::KEPT;
use crate::graph::{Graph, Guard, Id, Node};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The most values of a branch, inputs and outputs.
const MOST: usize = 1 << 22;

/// A [`CompiledProgram`](super::CompiledProgram) as plain data, for any format of serde.
///
/// Nothing is known about data from elsewhere: [`CompiledProgram::try_from`](super::CompiledProgram)
/// checks all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedProgram {
    pub(super) version: u32,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) branches: Vec<SavedBranch>,
}

/// One way through the function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedBranch {
    /// How many operations were recorded.
    recorded: usize,
    /// Where it was recorded, number by number as the bits of an `f64` in hexadecimal: decimal
    /// digits come back with another last one in some formats, and not at all if infinite.
    point: Vec<Bits>,
    /// The values, each computed from earlier ones.
    values: Vec<SavedValue>,
    guards: Vec<SavedGuard>,
    outputs: Vec<Id>,
}

/// A number by its bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Bits(String);

impl Bits {
    fn of(bits: u64) -> Self {
        Bits(format!("{bits:016x}"))
    }

    fn bits(&self) -> Result<u64, InvalidProgram> {
        u64::from_str_radix(&self.0, 16)
            .map_err(|_| InvalidProgram::Number { found: self.0.clone() })
    }
}

/// See [`Node`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedValue {
    Input(u32),
    Constant(Bits),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
    Div(Id, Id),
    Neg(Id),
    MulAdd(Id, Id, Id),
    Unary(String, Id),
    Binary(String, Id, Id),
    Detached(Id),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedGuard {
    left: Id,
    relation: String,
    right: Id,
    holds: bool,
}

/// Why saved data is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum InvalidProgram {
    #[error("the program is of version {found}, expected {VERSION}")]
    Version { found: u32 },
    #[error("the program has {found} {what}, expected {expected}")]
    Count { what: &'static str, found: usize, expected: Expected },
    #[error("{what} has the number {found}, expected less than {limit}")]
    Index { what: String, found: usize, limit: usize },
    #[error("`{found}` is no function that a program can hold")]
    Function { found: String },
    #[error("`{found}` is no relation, expected one of <, <=, >, >=, ==, !=")]
    Relation { found: String },
    #[error("`{found}` is no number, expected the 64 bits of one in hexadecimal")]
    Number { found: String },
    #[error(
        "guard {guard} of branch {branch} does not hold at the point where the branch was recorded"
    )]
    Guard { branch: usize, guard: usize },
}

/// A number of things that a program should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// So many.
    Exactly(usize),
    /// From the first to the second, both included.
    Within(usize, usize),
}

impl Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Exactly(count) => write!(f, "{count}"),
            Expected::Within(least, most) => write!(f, "{least} to {most}"),
        }
    }
}

impl InvalidProgram {
    fn within(what: &'static str, found: usize, (least, most): (usize, usize)) -> Result<(), Self> {
        let fine = (least..=most).contains(&found);
        let expected = Expected::Within(least, most);
        if fine { Ok(()) } else { Err(InvalidProgram::Count { what, found, expected }) }
    }

    fn exactly(what: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        let expected_count = Expected::Exactly(expected);
        if found == expected {
            Ok(())
        } else {
            Err(InvalidProgram::Count { what, found, expected: expected_count })
        }
    }

    fn index(what: impl Fn() -> String, found: usize, limit: usize) -> Result<(), Self> {
        if found < limit {
            Ok(())
        } else {
            Err(InvalidProgram::Index { what: what(), found, limit })
        }
    }
}

impl SavedProgram {
    /// What is saved of branches.
    pub(super) fn new<'a>(
        inputs: usize,
        outputs: usize,
        graphs: impl Iterator<Item = &'a Graph>,
    ) -> Self {
        let branches = graphs.map(SavedBranch::new).collect();
        SavedProgram { version: VERSION, inputs, outputs, branches }
    }

    /// What holds for the whole.
    pub(super) fn check(&self) -> Result<(), InvalidProgram> {
        if self.version != VERSION {
            return Err(InvalidProgram::Version { found: self.version });
        }
        InvalidProgram::within("inputs", self.inputs, (0, MOST))?;
        InvalidProgram::within("outputs", self.outputs, (0, MOST))?;
        InvalidProgram::within("branches", self.branches.len(), (1, KEPT))?;
        Ok(())
    }

    /// The graphs of the branches.
    pub(super) fn graphs(&self) -> Result<Vec<Graph>, InvalidProgram> {
        let branches = self.branches.iter().enumerate();
        branches.map(|(k, branch)| branch.graph(k, self.inputs, self.outputs)).collect()
    }
}

impl SavedBranch {
    fn new(graph: &Graph) -> Self {
        let mut point = vec![Bits::of(0); graph.inputs];
        let mut values = Vec::with_capacity(graph.len());
        for (&node, id) in graph.nodes().iter().zip(0..) {
            values.push(match node {
                Node::Input(input) => {
                    point[input as usize] = Bits::of(graph.value(id).to_bits());
                    SavedValue::Input(input)
                }
                Node::Constant(bits) => SavedValue::Constant(Bits::of(bits)),
                Node::Add(a, b) => SavedValue::Add(a, b),
                Node::Sub(a, b) => SavedValue::Sub(a, b),
                Node::Mul(a, b) => SavedValue::Mul(a, b),
                Node::Div(a, b) => SavedValue::Div(a, b),
                Node::Neg(a) => SavedValue::Neg(a),
                Node::MulAdd([a, b, c]) => SavedValue::MulAdd(a, b, c),
                Node::Unary(function, a) => SavedValue::Unary(function.name().into(), a),
                Node::Binary(function, a, b) => SavedValue::Binary(function.name().into(), a, b),
                Node::Detached(a) => SavedValue::Detached(a),
                Node::Picks(..) | Node::Sign(_) => {
                    unreachable!("they are derivatives, which a recorded graph does not have")
                }
            });
        }
        let guard = |guard: &Guard| SavedGuard {
            left: guard.a,
            relation: guard.relation.to_string(),
            right: guard.b,
            holds: guard.holds,
        };
        SavedBranch {
            recorded: graph.recorded,
            point,
            values,
            guards: graph.guards().iter().map(guard).collect(),
            outputs: graph.outputs.clone(),
        }
    }

    /// The graph of the branch, which has number `branch`.
    fn graph(&self, branch: usize, inputs: usize, outputs: usize) -> Result<Graph, InvalidProgram> {
        let SavedBranch { recorded, point, values, guards, .. } = self;
        InvalidProgram::exactly("coordinates of a recorded point", point.len(), inputs)?;
        InvalidProgram::exactly("outputs of a branch", self.outputs.len(), outputs)?;
        InvalidProgram::within("values of a branch", values.len(), (0, MOST))?;
        InvalidProgram::within("guards of a branch", guards.len(), (0, MOST))?;
        let mut graph = Graph::new(inputs, *recorded);
        let point: Vec<f64> = (point.iter())
            .map(|x| Ok(f64::from_bits(x.bits()?)))
            .collect::<Result<_, InvalidProgram>>()?;
        // Where the values are in the graph.
        let mut ids: Vec<Id> = Vec::with_capacity(values.len());
        for (k, value) in values.iter().enumerate() {
            let at = |id: Id| {
                let operand = || format!("an operand of value {k} of branch {branch}");
                InvalidProgram::index(operand, id as usize, k)?;
                Ok::<Id, InvalidProgram>(ids[id as usize])
            };
            let node = match value {
                SavedValue::Input(input) => {
                    let what = || format!("the input of value {k} of branch {branch}");
                    InvalidProgram::index(what, *input as usize, inputs)?;
                    ids.push(graph.input(*input, point[*input as usize]));
                    continue;
                }
                SavedValue::Constant(bits) => Node::Constant(bits.bits()?),
                SavedValue::Add(a, b) => Node::Add(at(*a)?, at(*b)?),
                SavedValue::Sub(a, b) => Node::Sub(at(*a)?, at(*b)?),
                SavedValue::Mul(a, b) => Node::Mul(at(*a)?, at(*b)?),
                SavedValue::Div(a, b) => Node::Div(at(*a)?, at(*b)?),
                SavedValue::Neg(a) => Node::Neg(at(*a)?),
                SavedValue::MulAdd(a, b, c) => Node::MulAdd([at(*a)?, at(*b)?, at(*c)?]),
                SavedValue::Unary(name, a) => {
                    let function = Unary::named(name)
                        .ok_or_else(|| InvalidProgram::Function { found: name.clone() })?;
                    Node::Unary(function, at(*a)?)
                }
                SavedValue::Binary(name, a, b) => {
                    let function = Binary::named(name)
                        .ok_or_else(|| InvalidProgram::Function { found: name.clone() })?;
                    Node::Binary(function, at(*a)?, at(*b)?)
                }
                SavedValue::Detached(a) => Node::Detached(at(*a)?),
            };
            ids.push(graph.compute(node));
        }
        let at = |what: &str, k: usize, id: Id| {
            let what = || format!("{what} {k} of branch {branch}");
            InvalidProgram::index(what, id as usize, ids.len())?;
            Ok(ids[id as usize])
        };
        for (k, guard) in guards.iter().enumerate() {
            let (a, b) = (at("guard", k, guard.left)?, at("guard", k, guard.right)?);
            let guard = Guard { a, b, relation: relation(&guard.relation)?, holds: guard.holds };
            if !guard.passes(graph.value(a), graph.value(b)) {
                return Err(InvalidProgram::Guard { branch, guard: k });
            }
            graph.guard(guard);
        }
        for (k, &output) in self.outputs.iter().enumerate() {
            graph.outputs.push(at("output", k, output)?);
        }
        Ok(graph)
    }
}

/// The relation that is displayed so.
fn relation(name: &str) -> Result<Relation, InvalidProgram> {
    let all = [
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
        Relation::Equal,
        Relation::NotEqual,
    ];
    let found = all.into_iter().find(|relation| relation.to_string() == name);
    found.ok_or_else(|| InvalidProgram::Relation { found: name.into() })
}
