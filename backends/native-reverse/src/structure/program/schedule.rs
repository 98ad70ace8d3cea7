//! From a graph to instructions: what is computed once, what for each row, and where it is kept.

use std::collections::{HashMap, HashSet};

use ad_api::{Binary, Relation, Unary};

use super::elementary::vectorizes;
use crate::graph::{Graph, Guard, Id, Node, Partial, Partials};

/// What a program is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The outputs.
    Value,
    /// The outputs, and the derivatives of their weighted sum.
    Pull,
    /// The outputs, and the derivatives of each of them.
    Blocks,
    /// As [`Mode::Pull`] for the derivatives of the outputs along a tangent.
    Second,
    /// The outputs, and then their derivatives along a tangent.
    Push,
}

impl Mode {
    /// How many there are.
    pub(crate) const COUNT: usize = 5;
}

/// Where a value is: one for each row, or one for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Row(u32),
    Shared(u32),
}

/// An operation on the values of rows. The names say where the operands are: `R` one for each row,
/// `S` one for all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Op {
    AddRR,
    AddRS,
    SubRR,
    SubRS,
    SubSR,
    MulRR,
    MulRS,
    DivRR,
    DivRS,
    DivSR,
    Neg,
    /// `a + b c`, rounded twice.
    AddMulRR,
    AddMulRS,
    /// `a - b c`, rounded twice.
    SubMulRR,
    SubMulRS,
    /// `a b c`, rounded twice.
    MulMulRS,
    /// `a b + c`, rounded once.
    MulAdd,
    Unary(Unary),
    /// One of [`elementary`](super::elementary).
    Vectorized(Unary),
    Binary(Binary),
    Picks(Binary),
    Sign,
    /// The same number for each row.
    Spread,
    /// Finds the rows where the relation of `a` and `b` is not as it should be.
    Guard(Relation, bool),
}

/// `values[result] = op(a, b, c)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instruction {
    pub(crate) op: Op,
    pub(crate) result: u32,
    pub(crate) operands: [u32; 3],
}

/// A step of the reverse sweep, with `t = factor * adjoints[from]` and
/// `before = scale * adjoints[base]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// `adjoints[to] = before + t`
    Add,
    /// `adjoints[to] = t * values[by]`
    SetR,
    /// `adjoints[to] = before + t * values[by]`
    AddR,
    /// `adjoints[to] = t * shared[by]`
    SetS,
    /// `adjoints[to] = before + t * shared[by]`
    AddS,
    /// `sums[to] += Σ t`
    Sum,
    /// `sums[to] += Σ t * values[by]`
    SumR,
    /// `sums[to] += Σ t * shared[by]`
    SumS,
    /// [`Step::SetS`], and `sums[also.0] += Σ t * values[also.1]`
    SetSAndSum,
    /// [`Step::AddS`], and `sums[also.0] += Σ t * values[also.1]`
    AddSAndSum,
}

/// See [`Step`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Back {
    pub(crate) step: Step,
    pub(crate) to: u32,
    pub(crate) from: u32,
    pub(crate) by: u32,
    pub(crate) base: u32,
    pub(crate) also: (u32, u32),
    pub(crate) factor: f64,
    pub(crate) scale: f64,
}

/// `sums[to] += factor * sums[from] * shared[by]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedBack {
    pub(crate) to: u32,
    pub(crate) from: u32,
    pub(crate) by: Option<u32>,
    pub(crate) factor: f64,
}

/// The derivative of an output (0 when all are weighted) with respect to an input of the row:
/// `factor * adjoints[at]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Derivative {
    pub(crate) output: u32,
    pub(crate) input: u32,
    pub(crate) at: u32,
    pub(crate) factor: f64,
}

/// Instructions for many rows.
///
/// In the reverse sweep, the first adjoints are the seeds: one for each output, or for
/// [`Mode::Blocks`] a single one, which is 1.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// How many values there are for each row, adjoints likewise, and values for all rows.
    pub(crate) values: usize,
    pub(crate) adjoints: usize,
    pub(crate) shared: usize,
    /// The first input that is an entry of the tangent.
    pub(crate) first_tangent: usize,
    pub(crate) constants: Vec<(u32, f64)>,
    /// Inputs that are the same for all rows, and where they go.
    pub(crate) shared_inputs: Vec<(u32, u32)>,
    /// What is computed once, from shared values.
    pub(crate) once: Vec<(u32, Node)>,
    pub(crate) shared_guards: Vec<Guard>,
    /// Inputs of each row, and where they go.
    pub(crate) inputs: Vec<(u32, u32)>,
    pub(crate) forward: Vec<Instruction>,
    pub(crate) has_guards: bool,
    pub(crate) outputs: Vec<Place>,
    pub(crate) reverse: Vec<Back>,
    pub(crate) derivatives: Vec<Derivative>,
    /// For each entry of a Jacobian block the adjoint and the factor that it is the product of; what has
    /// no derivative has a factor of zero.
    pub(crate) entries: Vec<(u32, f64)>,
    /// The reverse sweep through what is computed once.
    pub(crate) once_reverse: Vec<SharedBack>,
    /// Shared inputs with a derivative, and where its sum is.
    pub(crate) shared_derivatives: Vec<(u32, u32)>,
}

/// An adjoint before it has a place: `factor` times the register.
#[derive(Debug, Clone, Copy)]
struct Adjoint {
    factor: f64,
    register: u32,
    /// Whether the register is that of the node alone, so that more may be added.
    own: bool,
}

/// A step whose operands are nodes and registers.
#[derive(Debug, Clone, Copy)]
struct Draft {
    step: Step,
    /// A register, for sums a node.
    to: u32,
    from: u32,
    by: Option<Id>,
    factor: f64,
    /// What the result is added to.
    base: Option<Adjoint>,
}

/// A graph and what its nodes are like.
pub(crate) struct Compiler<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) partials: &'a Partials,
    /// The guards that count.
    pub(crate) guards: &'a [Guard],
    pub(crate) active: &'a [bool],
    /// Whether a node has the same value in all rows.
    pub(crate) shared: Vec<bool>,
    pub(crate) mode: Mode,
    /// Whether elementary functions are those of `f64`.
    pub(crate) exact: bool,
}

impl Compiler<'_> {
    pub(crate) fn compile(&self) -> Program {
        let mut program = Program::default();
        let (drafts, registers, derivatives) = self.reverse();
        let sums: Vec<Id> = (0..).take(self.partials.len()).filter(|&id| self.sums(id)).collect();
        let once_partials = || {
            sums.iter()
                .rev()
                .flat_map(|&id| self.partials[id as usize].iter().map(move |p| (id, p)))
        };
        let needed = self.graph.needed(
            (self.graph.outputs.iter().copied())
                .chain(self.guards.iter().flat_map(|guard| [guard.a, guard.b]))
                .chain(drafts.iter().filter_map(|draft| draft.by))
                .chain(sums.iter().copied())
                .chain(once_partials().filter_map(|(_, partial)| partial.node)),
        );
        let shared = self.place_shared(&needed, &mut program);
        for (from, partial) in once_partials() {
            program.once_reverse.push(SharedBack {
                to: shared[&self.real(partial.operand)],
                from: shared[&self.real(from)],
                by: partial.node.map(|node| shared[&self.real(node)]),
                factor: partial.factor,
            });
        }
        for &id in &sums {
            if let Node::Input(input) = self.graph.node(id) {
                program.shared_derivatives.push((input, shared[&id]));
            }
        }
        let last = self.place_rows(&needed, &shared, &drafts, &mut program);
        self.place_adjoints(&drafts, registers, &derivatives, (&shared, &last), &mut program);
        program
    }

    /// What a node is but for the derivatives.
    fn real(&self, mut id: Id) -> Id {
        while let Node::Detached(a) = self.graph.node(id) {
            id = a;
        }
        id
    }

    fn is_shared(&self, id: Id) -> bool {
        self.shared[id as usize]
    }

    /// Whether derivatives with respect to a node are summed over the rows.
    fn sums(&self, id: Id) -> bool {
        matches!(self.mode, Mode::Pull | Mode::Second)
            && self.is_shared(id)
            && self.active[id as usize]
    }

    /// The reverse sweep, the number of registers, and the derivatives with respect to row inputs.
    fn reverse(&self) -> (Vec<Draft>, u32, Vec<Derivative>) {
        let outputs: Vec<(Id, u32)> = self.graph.outputs.iter().copied().zip(0..).collect();
        let (mut drafts, mut derivatives) = (Vec::new(), Vec::new());
        let mut registers = 0;
        match self.mode {
            Mode::Value | Mode::Push => {}
            Mode::Pull | Mode::Second => {
                registers = u32::try_from(outputs.len()).unwrap_or(u32::MAX);
                let adjoints = self.sweep(&outputs, &mut drafts, &mut registers);
                self.derivatives(0, &adjoints, &mut derivatives);
            }
            Mode::Blocks => {
                registers = 1;
                for (node, output) in outputs {
                    let adjoints = self.sweep(&[(node, 0)], &mut drafts, &mut registers);
                    self.derivatives(output, &adjoints, &mut derivatives);
                }
            }
        }
        (drafts, registers, derivatives)
    }

    fn derivatives(&self, output: u32, adjoints: &[Option<Adjoint>], out: &mut Vec<Derivative>) {
        for (node, adjoint) in self.graph.nodes().iter().zip(adjoints) {
            if let (Node::Input(input), Some(adjoint)) = (*node, adjoint) {
                let Adjoint { factor, register: at, .. } = *adjoint;
                out.push(Derivative { output, input, at, factor });
            }
        }
    }

    /// From seeds, each of a node, to the adjoints of all nodes.
    fn sweep(
        &self,
        seeds: &[(Id, u32)],
        drafts: &mut Vec<Draft>,
        registers: &mut u32,
    ) -> Vec<Option<Adjoint>> {
        let mut adjoints = vec![None; self.graph.len()];
        let mut add = |adjoints: &mut [Option<Adjoint>], from: (f64, u32), partial: Partial| {
            let (factor, from) = (from.0 * partial.factor, from.1);
            let (node, by) = (partial.operand, partial.node);
            let draft = |step, to, base| Draft { step, to, from, by, factor, base };
            let by_shared = by.is_some_and(|by| self.is_shared(by));
            let [plain, times_row, times_shared] = [Step::Add, Step::AddR, Step::AddS];
            let adding = match by {
                None => plain,
                Some(_) if by_shared => times_shared,
                Some(_) => times_row,
            };
            if self.is_shared(node) {
                let step = match adding {
                    Step::AddR => Step::SumR,
                    Step::AddS => Step::SumS,
                    _ => Step::Sum,
                };
                return drafts.push(draft(step, node, None));
            }
            let adjoint = &mut adjoints[node as usize];
            let mut new = || {
                *registers += 1;
                *registers - 1
            };
            let (step, register) = match (*adjoint, by) {
                (None, None) => {
                    *adjoint = Some(Adjoint { factor, register: from, own: false });
                    return;
                }
                (None, Some(_)) if by_shared => (Step::SetS, new()),
                (None, Some(_)) => (Step::SetR, new()),
                (Some(Adjoint { register, own: true, .. }), _) => (adding, register),
                (Some(_), _) => (adding, new()),
            };
            drafts.push(draft(step, register, *adjoint));
            *adjoint = Some(Adjoint { factor: 1.0, register, own: true });
        };
        for &(operand, seed) in seeds {
            if self.active[operand as usize] {
                add(&mut adjoints, (1.0, seed), Partial { operand, factor: 1.0, node: None });
            }
        }
        for id in (0..self.partials.len()).rev() {
            if let Some(Adjoint { factor, register, .. }) = adjoints[id] {
                for &partial in &self.partials[id] {
                    add(&mut adjoints, (factor, register), partial);
                }
            }
        }
        adjoints
    }

    /// Numbers the shared values.
    fn place_shared(&self, needed: &[bool], program: &mut Program) -> HashMap<Id, u32> {
        let mut places = HashMap::new();
        for (&node, id) in self.graph.nodes().iter().zip(0..) {
            if !needed[id as usize] || !self.is_shared(id) || matches!(node, Node::Detached(_)) {
                continue;
            }
            let place = u32::try_from(places.len()).unwrap_or(u32::MAX);
            places.insert(id, place);
            let at = |id| places[&self.real(id)];
            match node {
                Node::Constant(bits) => program.constants.push((place, f64::from_bits(bits))),
                Node::Input(input) => program.shared_inputs.push((input, place)),
                node => program.once.push((place, node.map(at))),
            }
        }
        for &guard in self.guards {
            let Guard { a, b, .. } = guard;
            if self.is_shared(a) && self.is_shared(b) {
                let (a, b) = (places[&self.real(a)], places[&self.real(b)]);
                program.shared_guards.push(Guard { a, b, ..guard });
            }
        }
        program.shared = places.len();
        places
    }

    /// For each sum, difference or shared multiple that is computed with a product in it, that product.
    fn fusions(&self, needed: &[bool], drafts: &[Draft]) -> HashMap<Id, Id> {
        let mut uses = vec![0_u32; self.graph.len()];
        for (&node, _) in self.graph.nodes().iter().zip(needed).filter(|(_, needed)| **needed) {
            node.operands().for_each(|operand| uses[operand as usize] += 1);
        }
        let others = (self.graph.outputs.iter().copied())
            .chain(self.guards.iter().flat_map(|guard| [guard.a, guard.b]))
            .chain(drafts.iter().filter_map(|draft| draft.by));
        others.for_each(|id| uses[id as usize] += 2);
        let fusible = |id: Id| {
            let product = matches!(self.graph.node(id), Node::Mul(..));
            product && !self.is_shared(id) && uses[id as usize] == 1
        };
        let mut fusions = HashMap::new();
        for (&node, id) in self.graph.nodes().iter().zip(0..).filter(|(_, id)| needed[*id as usize])
        {
            match node {
                Node::Add(a, b) | Node::Sub(a, b) if !self.is_shared(a) && fusible(b) => {
                    fusions.insert(id, b);
                }
                Node::Add(a, b) if !self.is_shared(b) && fusible(a) => {
                    fusions.insert(id, a);
                }
                _ => {}
            }
        }
        let in_sums: HashSet<Id> = fusions.values().copied().collect();
        for (&node, id) in self.graph.nodes().iter().zip(0..).filter(|(_, id)| needed[*id as usize])
        {
            let Node::Mul(a, b) = node else { continue };
            let product = match (self.is_shared(a), self.is_shared(b)) {
                (false, true) => a,
                (true, false) => b,
                _ => continue,
            };
            let of_rows = matches!(self.graph.node(product), Node::Mul(x, y)
                if !self.is_shared(x) && !self.is_shared(y));
            if of_rows && fusible(product) && !in_sums.contains(&id) {
                fusions.insert(id, product);
            }
        }
        fusions
    }

    /// Emits what is computed for each row. Returns where the values are that the reverse sweep reads.
    fn place_rows(
        &self,
        needed: &[bool],
        shared: &HashMap<Id, u32>,
        drafts: &[Draft],
        program: &mut Program,
    ) -> HashMap<Id, u32> {
        let fusions = self.fusions(needed, drafts);
        let mut fused = vec![false; self.graph.len()];
        fusions.values().for_each(|&product| fused[product as usize] = true);
        let mut guards: HashMap<Id, Vec<Guard>> = HashMap::new();
        for &guard in self.guards {
            let (a, b) = (self.real(guard.a), self.real(guard.b));
            if let Some(latest) = [a, b].into_iter().filter(|&id| !self.is_shared(id)).max() {
                guards.entry(latest).or_default().push(Guard { a, b, ..guard });
            }
        }
        let mut emitter =
            Emitter { compiler: self, shared, next: self.graph.len(), code: Vec::new() };
        let mut inputs = Vec::new();
        for (&node, id) in self.graph.nodes().iter().zip(0..) {
            let place = needed[id as usize] && !self.is_shared(id) && !fused[id as usize];
            if !place || matches!(node, Node::Detached(_)) {
                continue;
            }
            match node {
                Node::Input(input) => inputs.push((input, id)),
                _ => emitter.emit(id, node, fusions.get(&id).copied()),
            }
            for guard in guards.get(&id).into_iter().flatten() {
                emitter.guard(*guard);
            }
        }
        let (code, values) = (emitter.code, emitter.next);
        // When each value is read last; those that outlast the code, at its end.
        let mut last = vec![0; values];
        for (time, instruction) in code.iter().enumerate() {
            instruction.rows().for_each(|value| last[value as usize] = time);
        }
        let row = |id: Id| Some(self.real(id)).filter(|&id| !self.is_shared(id));
        let outlasting = (self.graph.outputs.iter().copied())
            .chain(drafts.iter().filter_map(|draft| draft.by))
            .filter_map(row);
        outlasting.for_each(|id| last[id as usize] = code.len());
        let mut slots = Slots::new(values);
        for (input, id) in inputs {
            program.inputs.push((input, slots.take(id)));
        }
        for (time, instruction) in code.iter().enumerate() {
            let mut placed = instruction.placed(|value| slots.at(value));
            for value in instruction.rows() {
                if last[value as usize] == time {
                    slots.free(value);
                }
            }
            if !matches!(instruction.op, Op::Guard(..)) {
                placed.result = slots.take(instruction.result);
            }
            program.forward.push(placed);
        }
        program.has_guards = !guards.is_empty();
        program.values = slots.count();
        program.outputs = (self.graph.outputs.iter())
            .map(|&output| match row(output) {
                Some(id) => Place::Row(slots.at(id)),
                None => Place::Shared(shared[&self.real(output)]),
            })
            .collect();
        (drafts.iter().filter_map(|draft| draft.by).filter_map(row))
            .map(|id| (id, slots.at(id)))
            .collect()
    }

    fn place_adjoints(
        &self,
        drafts: &[Draft],
        registers: u32,
        derivatives: &[Derivative],
        (shared, rows): (&HashMap<Id, u32>, &HashMap<Id, u32>),
        program: &mut Program,
    ) {
        let mut last = vec![0; registers as usize];
        for (time, draft) in drafts.iter().enumerate() {
            last[draft.from as usize] = time;
            if let Some(base) = draft.base {
                last[base.register as usize] = time;
            }
        }
        let seeds = match self.mode {
            Mode::Value | Mode::Push => 0,
            Mode::Pull | Mode::Second => self.graph.outputs.len(),
            Mode::Blocks => 1,
        };
        last[..seeds].fill(drafts.len());
        derivatives.iter().for_each(|derivative| last[derivative.at as usize] = drafts.len());
        let mut slots = Slots::new(registers as usize);
        (0..).take(seeds).for_each(|seed| {
            slots.take(seed);
        });
        for (time, draft) in drafts.iter().enumerate() {
            let from = slots.at(draft.from);
            let base = draft.base.map_or(0, |base| slots.at(base.register));
            let base_register = draft.base.map(|base| base.register);
            for register in [Some(draft.from), base_register].into_iter().flatten() {
                // A sum goes to a node, not to a register.
                let stays = register == draft.to && !is_sum(draft.step);
                if last[register as usize] == time && !stays {
                    slots.free(register);
                }
            }
            let to = if is_sum(draft.step) {
                shared[&self.real(draft.to)]
            } else if draft.base.is_some_and(|base| base.register == draft.to) {
                base
            } else {
                slots.take(draft.to)
            };
            let by = draft.by.map_or(0, |by| {
                let by = self.real(by);
                if self.is_shared(by) { shared[&by] } else { rows[&by] }
            });
            let scale = draft.base.map_or(0.0, |base| base.factor);
            let (step, factor) = (draft.step, draft.factor);
            let also = (0, 0);
            program.reverse.push(Back { step, to, from, by, base, also, factor, scale });
        }
        program.join_sums();
        program.adjoints = slots.count();
        program.derivatives = (derivatives.iter())
            .map(|derivative| Derivative { at: slots.at(derivative.at), ..*derivative })
            .collect();
    }
}

/// Whether a step adds to the sums over rows.
fn is_sum(step: Step) -> bool {
    matches!(step, Step::Sum | Step::SumR | Step::SumS)
}

impl Program {
    /// Makes one step of the two of a product of a row's value and a shared one.
    fn join_sums(&mut self) {
        let mut joined: Vec<Back> = Vec::with_capacity(self.reverse.len());
        for next in self.reverse.drain(..) {
            // A step may take the place of what it reads: then the next one reads something else.
            if let Some(last) = joined.last_mut()
                && last.from == next.from
                && last.factor == next.factor
                && (last.step == Step::SumR || last.to != next.from)
            {
                let (sum, other) =
                    if last.step == Step::SumR { (*last, next) } else { (next, *last) };
                let step = match other.step {
                    Step::SetS => Some(Step::SetSAndSum),
                    Step::AddS => Some(Step::AddSAndSum),
                    _ => None,
                };
                if let (Step::SumR, Some(step)) = (sum.step, step) {
                    *last = Back { step, also: (sum.to, sum.by), ..other };
                    continue;
                }
            }
            joined.push(next);
        }
        self.reverse = joined;
    }

    /// Lists the entries of a block for `q` outputs and `p` inputs, row by row.
    pub(crate) fn list_entries(&mut self, q: usize, p: usize) {
        self.entries = vec![(0, 0.0); q * p];
        for d in &self.derivatives {
            self.entries[d.output as usize * p + d.input as usize] = (d.at, d.factor);
        }
    }
}

impl Node {
    /// The same with other operands.
    fn map(self, f: impl Fn(Id) -> Id) -> Node {
        match self {
            Node::Input(_) | Node::Constant(_) => self,
            Node::Add(a, b) => Node::Add(f(a), f(b)),
            Node::Sub(a, b) => Node::Sub(f(a), f(b)),
            Node::Mul(a, b) => Node::Mul(f(a), f(b)),
            Node::Div(a, b) => Node::Div(f(a), f(b)),
            Node::Neg(a) => Node::Neg(f(a)),
            Node::MulAdd(all) => Node::MulAdd(all.map(f)),
            Node::Unary(function, a) => Node::Unary(function, f(a)),
            Node::Binary(function, a, b) => Node::Binary(function, f(a), f(b)),
            Node::Detached(a) => Node::Detached(f(a)),
            Node::Picks(function, a, b) => Node::Picks(function, f(a), f(b)),
            Node::Sign(a) => Node::Sign(f(a)),
        }
    }
}

impl Instruction {
    /// Which of the operands are values of rows.
    fn mask(&self) -> [bool; 3] {
        match self.op {
            Op::AddMulRR | Op::SubMulRR | Op::MulAdd => [true; 3],
            Op::AddRR
            | Op::SubRR
            | Op::MulRR
            | Op::DivRR
            | Op::AddMulRS
            | Op::SubMulRS
            | Op::MulMulRS
            | Op::Binary(_)
            | Op::Picks(_)
            | Op::Guard(..) => [true, true, false],
            Op::AddRS
            | Op::SubRS
            | Op::MulRS
            | Op::DivRS
            | Op::Neg
            | Op::Unary(_)
            | Op::Vectorized(_)
            | Op::Sign => [true, false, false],
            Op::SubSR | Op::DivSR => [false, true, false],
            Op::Spread => [false; 3],
        }
    }

    /// The operands that are values of rows.
    fn rows(&self) -> impl Iterator<Item = u32> {
        let operands = self.operands.into_iter().zip(self.mask());
        operands.filter(|(_, row)| *row).map(|(operand, _)| operand)
    }

    /// The same with the values of rows at their places.
    fn placed(&self, at: impl Fn(u32) -> u32) -> Instruction {
        let mut placed = *self;
        for (operand, row) in placed.operands.iter_mut().zip(self.mask()) {
            if row {
                *operand = at(*operand);
            }
        }
        placed
    }
}

/// Writes instructions whose operands are nodes, or places of shared values.
struct Emitter<'a> {
    compiler: &'a Compiler<'a>,
    shared: &'a HashMap<Id, u32>,
    /// The next number beyond the nodes.
    next: usize,
    code: Vec<Instruction>,
}

impl Emitter<'_> {
    /// A node by its place if it is shared, else by its number.
    fn find(&self, id: Id) -> Place {
        let id = self.compiler.real(id);
        if self.compiler.is_shared(id) { Place::Shared(self.shared[&id]) } else { Place::Row(id) }
    }

    /// A node as a value of rows.
    fn spread(&mut self, id: Id) -> u32 {
        match self.find(id) {
            Place::Row(id) => id,
            Place::Shared(place) => {
                let result = u32::try_from(self.next).unwrap_or(u32::MAX);
                self.next += 1;
                self.push(Op::Spread, result, [place, 0, 0]);
                result
            }
        }
    }

    fn push(&mut self, op: Op, result: u32, operands: [u32; 3]) {
        self.code.push(Instruction { op, result, operands });
    }

    fn guard(&mut self, Guard { a, b, relation, holds }: Guard) {
        let (a, b) = (self.spread(a), self.spread(b));
        self.push(Op::Guard(relation, holds), 0, [a, b, 0]);
    }

    fn emit(&mut self, id: Id, node: Node, product: Option<Id>) {
        use Place::{Row, Shared};
        if let (Some(product), Node::Mul(a, b)) = (product, node)
            && let Node::Mul(x, y) = self.compiler.graph.node(product)
            && let (Row(x), Row(y)) = (self.find(x), self.find(y))
            && let Shared(multiple) = self.find(if a == product { b } else { a })
        {
            return self.push(Op::MulMulRS, id, [x, y, multiple]);
        }
        if let (Some(product), Node::Add(a, b) | Node::Sub(a, b)) = (product, node) {
            let sum = self.compiler.real(if a == product { b } else { a });
            let Node::Mul(x, y) = self.compiler.graph.node(product) else { return };
            let add = matches!(node, Node::Add(..));
            let [rr, rs] =
                if add { [Op::AddMulRR, Op::AddMulRS] } else { [Op::SubMulRR, Op::SubMulRS] };
            match (self.find(x), self.find(y)) {
                (Row(x), Row(y)) => self.push(rr, id, [sum, x, y]),
                (Row(x), Shared(y)) | (Shared(y), Row(x)) => self.push(rs, id, [sum, x, y]),
                // Only products of rows are fused.
                (Shared(_), Shared(_)) => {}
            }
            return;
        }
        let mut ring = |ops: [Option<Op>; 3], a: Id, b: Id| {
            let [rr, rs, sr] = ops;
            match (self.find(a), self.find(b)) {
                (Row(a), Row(b)) => rr.map(|op| (op, [a, b, 0])),
                (Row(a), Shared(b)) => rs.map(|op| (op, [a, b, 0])),
                // What commutes has no third form.
                (Shared(a), Row(b)) => {
                    Some(sr.map_or((rs.unwrap_or(Op::AddRS), [b, a, 0]), |op| (op, [a, b, 0])))
                }
                (Shared(_), Shared(_)) => None,
            }
            .into_iter()
            .for_each(|(op, operands)| self.push(op, id, operands));
        };
        match node {
            Node::Input(_) | Node::Constant(_) | Node::Detached(_) => {}
            Node::Add(a, b) => ring([Some(Op::AddRR), Some(Op::AddRS), None], a, b),
            Node::Sub(a, b) => ring([Some(Op::SubRR), Some(Op::SubRS), Some(Op::SubSR)], a, b),
            Node::Mul(a, b) => ring([Some(Op::MulRR), Some(Op::MulRS), None], a, b),
            Node::Div(a, b) => ring([Some(Op::DivRR), Some(Op::DivRS), Some(Op::DivSR)], a, b),
            Node::Neg(a) => {
                let a = self.spread(a);
                self.push(Op::Neg, id, [a, 0, 0]);
            }
            Node::MulAdd(all) => {
                let all = all.map(|operand| self.spread(operand));
                self.push(Op::MulAdd, id, all);
            }
            Node::Unary(function, a) => {
                let a = self.spread(a);
                let exact = self.compiler.exact || !vectorizes(function);
                let op = if exact { Op::Unary(function) } else { Op::Vectorized(function) };
                self.push(op, id, [a, 0, 0]);
            }
            Node::Binary(function, a, b) => {
                let (a, b) = (self.spread(a), self.spread(b));
                self.push(Op::Binary(function), id, [a, b, 0]);
            }
            Node::Picks(function, a, b) => {
                let (a, b) = (self.spread(a), self.spread(b));
                self.push(Op::Picks(function), id, [a, b, 0]);
            }
            Node::Sign(a) => {
                let a = self.spread(a);
                self.push(Op::Sign, id, [a, 0, 0]);
            }
        }
    }
}

/// Gives places to values, and gives those that are free again to others, the latest first.
struct Slots {
    places: Vec<u32>,
    free: Vec<u32>,
    count: u32,
}

impl Slots {
    const NOWHERE: u32 = u32::MAX;

    fn new(values: usize) -> Self {
        Slots { places: vec![Self::NOWHERE; values], free: Vec::new(), count: 0 }
    }

    fn take(&mut self, value: u32) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.places[value as usize] = place;
        place
    }

    fn at(&self, value: u32) -> u32 {
        self.places[value as usize]
    }

    /// Frees the place of a value, unless that is done.
    fn free(&mut self, value: u32) {
        let place = std::mem::replace(&mut self.places[value as usize], Self::NOWHERE);
        if place != Self::NOWHERE {
            self.free.push(place);
        }
    }

    fn count(&self) -> usize {
        self.count as usize
    }
}
