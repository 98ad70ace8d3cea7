//! From a graph to code: which instructions, in which order, and where their values are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::{Code, Op, Operands};
use crate::graph::{Graph, Id, Node};

/// How far ahead instructions are looked for that do the same.
///
/// PERF: see the notes of the crate. Longer runs are faster, but values wait longer, in more slots.
const WINDOW: usize = 256;

/// An instruction on nodes.
#[derive(Debug, Clone, Copy)]
struct Draft {
    op: Op,
    /// The node that it computes, for [`Op::Copy`] the slot.
    to: u32,
    operands: [u32; 3],
}

impl Draft {
    /// The nodes that it reads.
    fn reads(&self) -> &[Id] {
        let count = match self.op {
            Op::Copy | Op::Neg | Op::Unary(_) | Op::Sign => 1,
            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Div
            | Op::Binary(_)
            | Op::Picks(_)
            | Op::Guard(..) => 2,
            Op::AddMul | Op::SubMul | Op::MulSub | Op::MulAdd => 3,
        };
        &self.operands[..count]
    }

    /// The node that it computes.
    fn result(&self) -> Option<Id> {
        (!matches!(self.op, Op::Copy | Op::Guard(..))).then_some(self.to)
    }
}

/// Stands for the slot of a node that has none.
const NOWHERE: u32 = u32::MAX;

pub(super) fn compile(graph: &Graph) -> Code {
    let mut slots = Slots::new(graph);
    let drafts = drafts(graph, &mut slots);
    let order = in_runs(graph.len(), &drafts);
    let mut last = vec![0; graph.len()];
    for (&place, time) in order.iter().zip(0_u32..) {
        drafts[place as usize].reads().iter().for_each(|&node| last[node as usize] = time);
    }
    let (mut operands, mut runs) = (Vec::with_capacity(order.len()), Vec::new());
    for (&place, time) in order.iter().zip(0..) {
        let draft = &drafts[place as usize];
        let mut places = draft.operands;
        let reads = draft.reads();
        for (place, &node) in places.iter_mut().zip(reads) {
            *place = slots.at[node as usize];
        }
        for (k, &node) in reads.iter().enumerate() {
            if last[node as usize] == time && !reads[..k].contains(&node) {
                slots.give(node);
            }
        }
        let to = draft.result().map_or(draft.to, |node| slots.take(node));
        let [a, b, c] = places;
        operands.push(Operands { to, a, b, c });
        match runs.last_mut() {
            Some((op, count)) if *op == draft.op => *count += 1,
            _ => runs.push((draft.op, 1)),
        }
    }
    Code {
        inputs: graph.inputs,
        outputs: graph.outputs.len(),
        slots: slots.count as usize,
        constants: slots.constants,
        runs,
        operands,
    }
}

/// Where the nodes are: inputs, outputs and constants have slots of their own, in this order, and the
/// others share the rest.
#[derive(Debug)]
struct Slots {
    at: Vec<u32>,
    free: Vec<u32>,
    /// The first slot that is shared.
    shared: u32,
    count: u32,
    constants: Vec<(u32, f64)>,
}

impl Slots {
    fn new(graph: &Graph) -> Self {
        let count = number(graph.inputs + graph.outputs.len());
        Slots {
            at: vec![NOWHERE; graph.len()],
            free: Vec::new(),
            shared: count,
            count,
            constants: Vec::new(),
        }
    }

    /// Puts `node` into a slot of its own, if it does not have one already. Returns whether it did not.
    fn fix(&mut self, node: Id, slot: u32) -> bool {
        let at = &mut self.at[node as usize];
        let new = *at == NOWHERE;
        if new {
            *at = slot;
        }
        new
    }

    /// Puts a constant into a slot of its own.
    fn constant(&mut self, node: Id, value: f64) {
        self.at[node as usize] = self.count;
        self.constants.push((self.count, value));
        self.count += 1;
        self.shared = self.count;
    }

    /// A slot for `node`.
    fn take(&mut self, node: Id) -> u32 {
        let slot = self.at[node as usize];
        if slot != NOWHERE {
            return slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.at[node as usize] = slot;
        slot
    }

    /// Frees the slot of `node`, unless it is its own.
    fn give(&mut self, node: Id) {
        let slot = self.at[node as usize];
        if slot >= self.shared {
            self.free.push(slot);
        }
    }
}

/// The instructions in the order of the graph. Inputs, outputs and constants get their slots.
fn drafts(graph: &Graph, slots: &mut Slots) -> Vec<Draft> {
    let real = |mut id: Id| {
        while let Node::Detached(a) = graph.node(id) {
            id = a;
        }
        id
    };
    let outputs: Vec<Id> = graph.outputs.iter().map(|&output| real(output)).collect();
    let roots = || {
        let guards = graph.guards().iter().flat_map(|guard| [real(guard.a), real(guard.b)]);
        guards.chain(outputs.iter().copied())
    };
    let needed = graph.needed(roots());
    let fusions = fusions(graph, &needed, roots());
    let mut fused = vec![false; graph.len()];
    let products = fusions.iter().copied().flatten();
    products.for_each(|product| fused[product as usize] = true);
    let mut after: HashMap<Id, Vec<Draft>> = HashMap::new();
    for guard in graph.guards() {
        let operands = [real(guard.a), real(guard.b), 0];
        let draft = Draft { op: Op::Guard(guard.relation, guard.holds), to: 0, operands };
        after.entry(operands[0].max(operands[1])).or_default().push(draft);
    }
    let mut drafts = Vec::new();
    for (&node, id) in graph.nodes().iter().zip(0..) {
        if !needed[id as usize] || fused[id as usize] {
            continue;
        }
        let mut push = |op, operands: [Id; 3]| drafts.push(Draft { op, to: id, operands });
        match node {
            Node::Detached(_) => {}
            Node::Constant(bits) => slots.constant(id, f64::from_bits(bits)),
            Node::Input(input) => _ = slots.fix(id, input),
            Node::Add(a, b) | Node::Sub(a, b) => match fusions[id as usize] {
                Some(product) => {
                    let sum = real(if a == product { b } else { a });
                    let op = match node {
                        Node::Add(..) => Op::AddMul,
                        _ if a == product => Op::MulSub,
                        _ => Op::SubMul,
                    };
                    let mut factors = graph.node(product).operands().map(real);
                    let (x, y) = (factors.next().unwrap_or(0), factors.next().unwrap_or(0));
                    push(op, [sum, x, y]);
                }
                None if matches!(node, Node::Add(..)) => push(Op::Add, [real(a), real(b), 0]),
                None => push(Op::Sub, [real(a), real(b), 0]),
            },
            Node::Mul(a, b) => push(Op::Mul, [real(a), real(b), 0]),
            Node::Div(a, b) => push(Op::Div, [real(a), real(b), 0]),
            Node::Neg(a) => push(Op::Neg, [real(a), 0, 0]),
            Node::MulAdd(all) => push(Op::MulAdd, all.map(real)),
            Node::Unary(function, a) => push(Op::Unary(function), [real(a), 0, 0]),
            Node::Binary(function, a, b) => push(Op::Binary(function), [real(a), real(b), 0]),
            Node::Picks(function, a, b) => push(Op::Picks(function), [real(a), real(b), 0]),
            Node::Sign(a) => push(Op::Sign, [real(a), 0, 0]),
        }
        if let Some(after) = after.remove(&id) {
            drafts.extend(after);
        }
    }
    for (&output, to) in outputs.iter().zip(number(graph.inputs)..) {
        if graph.is_constant(output) {
            slots.constants.push((to, graph.value(output)));
        } else if !slots.fix(output, to) {
            // An input, or an output twice.
            drafts.push(Draft { op: Op::Copy, to, operands: [output, 0, 0] });
        }
    }
    drafts
}

/// For each sum or difference that is computed with a product in it, that product: one that nothing
/// else reads.
fn fusions(graph: &Graph, needed: &[bool], roots: impl Iterator<Item = Id>) -> Vec<Option<Id>> {
    let mut uses = vec![0_u32; graph.len()];
    for (node, _) in graph.nodes().iter().zip(needed).filter(|(_, needed)| **needed) {
        node.operands().for_each(|operand| uses[operand as usize] += 1);
    }
    roots.for_each(|id| uses[id as usize] += 2);
    let fusible = |id: Id| matches!(graph.node(id), Node::Mul(..)) && uses[id as usize] == 1;
    let nodes = graph.nodes().iter().zip(needed);
    nodes
        .map(|(&node, &needed)| match node {
            Node::Add(a, b) | Node::Sub(a, b) if needed => {
                [b, a].into_iter().find(|&operand| fusible(operand))
            }
            _ => None,
        })
        .collect()
}

/// The same instructions in an order in which equal ones follow each other: again and again the
/// oldest that is left, and with it those of the next [`WINDOW`] that do the same and whose operands
/// are there.
fn in_runs(nodes: usize, drafts: &[Draft]) -> Vec<u32> {
    let mut computed_by = vec![NOWHERE; nodes];
    for (draft, place) in drafts.iter().zip(0..) {
        draft.result().into_iter().for_each(|node| computed_by[node as usize] = place);
    }
    let sources = |draft: &Draft| {
        let (mut sources, mut count) = ([0; 3], 0);
        for &node in draft.reads() {
            if computed_by[node as usize] != NOWHERE {
                sources[count] = computed_by[node as usize];
                count += 1;
            }
        }
        sources.into_iter().take(count)
    };
    // For each instruction how many operands it waits for, and who waits for it: a stretch of
    // `waiting`.
    let mut waits: Vec<u32> = Vec::with_capacity(drafts.len());
    let mut ends = vec![0_u32; drafts.len() + 1];
    for draft in drafts {
        let sources = sources(draft);
        waits.push(number(sources.len()));
        sources.for_each(|source| ends[source as usize] += 1);
    }
    let mut total = 0;
    for end in &mut ends {
        total += *end;
        *end = total;
    }
    let mut starts = ends.clone();
    let mut waiting = vec![0_u32; total as usize];
    for (draft, place) in drafts.iter().zip(0..) {
        for source in sources(draft) {
            starts[source as usize] -= 1;
            waiting[starts[source as usize] as usize] = place;
        }
    }
    let mut kinds: HashMap<Op, u16> = HashMap::new();
    let kind: Vec<u16> = (drafts.iter())
        .map(|draft| {
            let next = u16::try_from(kinds.len()).unwrap_or(u16::MAX);
            *kinds.entry(draft.op).or_insert(next)
        })
        .collect();
    let mut ready: Vec<BinaryHeap<Reverse<u32>>> = vec![BinaryHeap::new(); kinds.len()];
    let (mut done, mut seen) = (vec![false; drafts.len()], 0);
    let mut order = Vec::with_capacity(drafts.len());
    for first in 0..drafts.len() {
        if done[first] {
            continue;
        }
        let end = drafts.len().min(first + WINDOW);
        for place in seen..end {
            if waits[place] == 0 {
                ready[kind[place] as usize].push(Reverse(number(place)));
            }
        }
        seen = seen.max(end);
        while let Some(Reverse(place)) = ready[kind[first] as usize].pop() {
            let place = place as usize;
            order.push(number(place));
            done[place] = true;
            for &later in &waiting[starts[place] as usize..ends[place] as usize] {
                let later = later as usize;
                waits[later] -= 1;
                if waits[later] == 0 && later < seen {
                    ready[kind[later] as usize].push(Reverse(number(later)));
                }
            }
        }
    }
    order
}

/// An index of nodes, of which there are less than 2³².
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
