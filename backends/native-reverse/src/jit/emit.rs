//! From nodes to instructions.

use ad_api::{Binary, Relation, Unary};
use cranelift_codegen::ir::condcodes::{CondCode, FloatCC};
use cranelift_codegen::ir::{
    AbiParam, AliasRegionData, Block, Function, InstBuilder, MemFlagsData, SigRef, Signature, Type,
    Value, types,
};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use super::Reach;
use crate::graph::{Graph, Guard, Id, Node, number, sign};

/// A place in an area that instructions address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pointer {
    area: usize,
    value: Value,
    /// How many numbers it advances with each step, in whatever direction.
    each: usize,
    /// How many numbers of the area lie before the lowest place that it has.
    before: usize,
}

impl Pointer {
    pub(crate) fn value(self) -> Value {
        self.value
    }

    /// The same, where its value lies so many numbers further on.
    pub(crate) fn further(self, by: usize) -> Self {
        Pointer { before: self.before + by, ..self }
    }
}

/// Where a node's value lies when it is wanted for the first time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) pointer: Pointer,
    pub(crate) index: usize,
}

/// A value that is used more than so many instructions after it has been computed is kept in memory
/// until then.
///
/// PERF: instructions read it there for nothing, where the register allocator would store it, load it
/// again and so push out others.
const NEAR: usize = 36;

/// Writes a function.
pub(crate) struct Emitter<'a> {
    pub(crate) builder: FunctionBuilder<'a>,
    graph: &'a Graph,
    config: TargetFrontendConfig,
    /// The beginnings of the areas.
    areas: Vec<Value>,
    flags: Vec<MemFlagsData>,
    reaches: Vec<Reach>,
    /// How many steps are asked for.
    pub(crate) steps: Value,
    values: Vec<Option<Value>>,
    memory: Vec<Option<Memory>>,
    /// When a value is computed, counted in instructions, and where it is kept for later.
    times: Vec<usize>,
    aside: Vec<Option<Memory>>,
    now: usize,
    signatures: [SigRef; 2],
}

impl<'a> Emitter<'a> {
    /// Begins a function with so many areas.
    pub(crate) fn new(
        function: &'a mut Function,
        context: &'a mut FunctionBuilderContext,
        config: TargetFrontendConfig,
        graph: &'a Graph,
        areas: usize,
    ) -> Self {
        let flags = (0..areas)
            .map(|area| {
                let user_id = u32::try_from(area).unwrap_or(u32::MAX);
                let description = "an area that is borrowed apart from the others".into();
                let region =
                    function.dfg.alias_regions.insert(AliasRegionData { user_id, description });
                MemFlagsData::trusted().with_alias_region(Some(region))
            })
            .collect();
        let mut builder = FunctionBuilder::new(function, context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let (pointers, steps) = (builder.block_params(entry)[0], builder.block_params(entry)[1]);
        let pointer = config.pointer_type();
        let areas: Vec<Value> = (0..areas)
            .map(|area| {
                let offset = i32::try_from(area * pointer.bytes() as usize).unwrap_or(i32::MAX);
                builder.ins().load(pointer, MemFlagsData::trusted(), pointers, offset)
            })
            .collect();
        let signatures = [1, 2].map(|operands| {
            let mut signature = Signature::new(config.default_call_conv);
            signature.params.resize(operands, AbiParam::new(types::F64));
            signature.returns.push(AbiParam::new(types::F64));
            builder.import_signature(signature)
        });
        Emitter {
            builder,
            graph,
            config,
            flags,
            reaches: vec![Reach::default(); areas.len()],
            areas,
            steps,
            values: vec![None; graph.len()],
            memory: vec![None; graph.len()],
            times: vec![0; graph.len()],
            aside: vec![None; graph.len()],
            now: 0,
            signatures,
        }
    }

    /// Ends the function. Returns how far it reaches.
    pub(crate) fn finish(mut self) -> Vec<Reach> {
        self.builder.seal_all_blocks();
        self.builder.finalize(self.config);
        self.reaches
    }

    pub(crate) fn pointer_type(&self) -> Type {
        self.config.pointer_type()
    }

    /// The place with this index in an area.
    pub(crate) fn at(&mut self, area: usize, index: usize) -> Pointer {
        let value = self.builder.ins().iadd_imm_s(self.areas[area], bytes(index));
        Pointer { area, value, each: 0, before: index }
    }

    /// The same place in another value, which begins there and advances by `each` numbers a step.
    pub(crate) fn moving(pointer: Pointer, value: Value, each: usize) -> Pointer {
        Pointer { value, each, ..pointer }
    }

    /// `pointer`, so many numbers further on.
    pub(crate) fn advanced(&mut self, pointer: Value, by: usize) -> Value {
        self.builder.ins().iadd_imm_s(pointer, bytes(by))
    }

    /// `pointer`, so many numbers back.
    pub(crate) fn back(&mut self, pointer: Value, by: usize) -> Value {
        self.builder.ins().iadd_imm_s(pointer, -bytes(by))
    }

    /// The value at the last of as many steps as are asked for, of one that begins at `pointer`.
    pub(crate) fn last(&mut self, pointer: Value, each: usize) -> Value {
        let before = self.builder.ins().iadd_imm_s(self.steps, -1);
        let offset = self.builder.ins().imul_imm_s(before, bytes(each));
        self.builder.ins().iadd(pointer, offset)
    }

    /// Notes how far an access reaches.
    fn reach(&mut self, pointer: Pointer, index: usize, writes: bool) {
        let reach = &mut self.reaches[pointer.area];
        // From the last of n steps on, that is `(n - 1) each + index + 1` numbers.
        reach.each = reach.each.max(pointer.each);
        reach.fixed = reach.fixed.max((pointer.before + index + 1).saturating_sub(pointer.each));
        reach.writes |= writes;
    }

    pub(crate) fn load(&mut self, pointer: Pointer, index: usize) -> Value {
        self.reach(pointer, index, false);
        let flags = self.flags[pointer.area];
        self.builder.ins().load(types::F64, flags, pointer.value, offset(index))
    }

    pub(crate) fn store(&mut self, value: Value, pointer: Pointer, index: usize) {
        self.reach(pointer, index, true);
        let flags = self.flags[pointer.area];
        self.builder.ins().store(flags, value, pointer.value, offset(index));
    }

    /// Says where a node's value lies.
    pub(crate) fn lies(&mut self, id: Id, pointer: Pointer, index: usize) {
        self.memory[id as usize] = Some(Memory { pointer, index });
    }

    /// Says what a node's value is.
    pub(crate) fn is(&mut self, id: Id, value: Value) {
        self.values[id as usize] = Some(value);
    }

    /// Says what will be computed, in this order, beside values that are known already. What is used
    /// much later will be kept in `area`. Returns how many numbers that takes.
    pub(crate) fn plan(&mut self, ids: &[Id], area: usize) -> usize {
        let mut now = 0;
        for &id in ids {
            now += self.duration(id);
            self.times[id as usize] = now;
        }
        let pointer = self.at(area, 0);
        let mut count = 0;
        let mut planned = vec![false; self.graph.len()];
        ids.iter().for_each(|&id| planned[id as usize] = true);
        for &id in ids {
            for operand in self.graph.node(id).operands().map(|operand| operand as usize) {
                let known = planned[operand] || self.values[operand].is_some();
                let far = self.times[id as usize] > self.times[operand] + NEAR;
                if known && far && self.aside[operand].is_none() {
                    self.aside[operand] = Some(Memory { pointer, index: count });
                    count += 1;
                }
            }
        }
        for id in (0..self.graph.len()).map(number) {
            if let Some(value) = self.values[id as usize] {
                self.keep(id, value);
            }
        }
        count
    }

    /// How far apart a node moves those around it: registers do not survive a call.
    fn duration(&self, id: Id) -> usize {
        match self.graph.node(id) {
            node if node.is_cheap() => 1,
            Node::Div(..) | Node::Unary(Unary::Sqrt | Unary::Recip, _) => 1,
            _ => NEAR + 1,
        }
    }

    fn keep(&mut self, id: Id, value: Value) {
        if let Some(Memory { pointer, index }) = self.aside[id as usize] {
            self.store(value, pointer, index);
        }
    }

    /// A node's value: as computed, or loaded from where it lies.
    pub(crate) fn value(&mut self, id: Id) -> Value {
        let place = id as usize;
        let far = self.now > self.times[place] + NEAR;
        match (self.values[place], self.aside[place], self.memory[place]) {
            (Some(_), Some(Memory { pointer, index }), _) if far => self.load(pointer, index),
            (Some(value), ..) => value,
            (None, _, Some(Memory { pointer, index })) => self.load(pointer, index),
            _ => unreachable!("{:?} is neither computed nor in memory", self.graph.node(id)),
        }
    }

    /// The values of operands whose order does not matter, a loaded one last: instructions read their
    /// second operand from memory.
    fn either_way(&mut self, a: Id, b: Id) -> (Value, Value) {
        let loaded = |id: Id| {
            let (place, far) = (id as usize, self.now > self.times[id as usize] + NEAR);
            self.values[place].is_none() || (far && self.aside[place].is_some())
        };
        let (a, b) = if loaded(a) { (b, a) } else { (a, b) };
        (self.value(a), self.value(b))
    }

    fn constant(&mut self, x: f64) -> Value {
        self.builder.ins().f64const(x)
    }

    /// Computes a node from its operands.
    pub(crate) fn compute(&mut self, id: Id) -> Value {
        let node = self.graph.node(id);
        self.now = self.times[id as usize];
        let value = match node {
            Node::Input(_) | Node::Constant(_) => self.value(id),
            Node::Add(a, b) => {
                let (a, b) = self.either_way(a, b);
                self.builder.ins().fadd(a, b)
            }
            Node::Sub(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.builder.ins().fsub(a, b)
            }
            Node::Mul(a, b) => {
                let (a, b) = self.either_way(a, b);
                self.builder.ins().fmul(a, b)
            }
            Node::Div(a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.builder.ins().fdiv(a, b)
            }
            Node::Neg(a) => {
                let a = self.value(a);
                self.builder.ins().fneg(a)
            }
            Node::MulAdd([a, b, c]) => {
                let (a, b, c) = (self.value(a), self.value(b), self.value(c));
                self.builder.ins().fma(a, b, c)
            }
            Node::Unary(function, a) => {
                let a = self.value(a);
                self.unary(function, a)
            }
            Node::Binary(function, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.call(1, binary(function) as *const () as usize, &[a, b])
            }
            Node::Detached(a) => self.value(a),
            Node::Picks(function, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                let second = match function {
                    Binary::Max => self.builder.ins().fcmp(FloatCC::GreaterThan, b, a),
                    _ => self.builder.ins().fcmp(FloatCC::LessThan, b, a),
                };
                let nan = self.builder.ins().fcmp(FloatCC::Unordered, a, a);
                let second = self.builder.ins().bor(second, nan);
                let (zero, one) = (self.constant(0.0), self.constant(1.0));
                self.builder.ins().select(second, zero, one)
            }
            Node::Sign(a) => {
                extern "C" fn call(x: f64) -> f64 {
                    sign(x)
                }
                let a = self.value(a);
                self.call(0, call as *const () as usize, &[a])
            }
        };
        self.values[id as usize] = Some(value);
        self.keep(id, value);
        value
    }

    fn unary(&mut self, function: Unary, a: Value) -> Value {
        match function {
            Unary::Sqrt => self.builder.ins().sqrt(a),
            Unary::Recip => {
                let one = self.constant(1.0);
                self.builder.ins().fdiv(one, a)
            }
            Unary::Abs => self.builder.ins().fabs(a),
            Unary::Floor => self.builder.ins().floor(a),
            Unary::Ceil => self.builder.ins().ceil(a),
            Unary::Trunc => self.builder.ins().trunc(a),
            Unary::Powi(n) => {
                extern "C" fn call(x: f64, n: f64) -> f64 {
                    #[allow(clippy::cast_possible_truncation, reason = "it was an i32")]
                    x.powi(n as i32)
                }
                let n = self.constant(f64::from(n));
                self.call(1, call as *const () as usize, &[a, n])
            }
            _ => self.call(0, unary(function) as *const () as usize, &[a]),
        }
    }

    /// Calls a function of this program by its address.
    fn call(&mut self, signature: usize, address: usize, operands: &[Value]) -> Value {
        let address = i64::try_from(address).unwrap_or(0);
        let pointer = self.pointer_type();
        let callee = self.builder.ins().iconst(pointer, address);
        let call = self.builder.ins().call_indirect(self.signatures[signature], callee, operands);
        self.builder.inst_results(call)[0]
    }

    /// Whether one of the comparisons comes out differently, if there are any.
    pub(crate) fn differs(&mut self, guards: &[Guard]) -> Option<Value> {
        let mut differs: Option<Value> = None;
        for guard in guards {
            let (a, b) = (self.value(guard.a), self.value(guard.b));
            let holds = match guard.relation {
                Relation::Less => FloatCC::LessThan,
                Relation::LessOrEqual => FloatCC::LessThanOrEqual,
                Relation::Greater => FloatCC::GreaterThan,
                Relation::GreaterOrEqual => FloatCC::GreaterThanOrEqual,
                Relation::Equal => FloatCC::Equal,
                Relation::NotEqual => FloatCC::NotEqual,
            };
            let other = if guard.holds { holds.complement() } else { holds };
            let this = self.builder.ins().fcmp(other, a, b);
            differs = Some(match differs {
                Some(differs) => self.builder.ins().bor(differs, this),
                None => this,
            });
        }
        differs
    }

    /// A block with parameters of these types.
    pub(crate) fn block(&mut self, parameters: &[Type]) -> (Block, Vec<Value>) {
        let block = self.builder.create_block();
        for &parameter in parameters {
            self.builder.append_block_param(block, parameter);
        }
        (block, self.builder.block_params(block).to_vec())
    }
}

/// So many numbers in bytes.
fn bytes(numbers: usize) -> i64 {
    i64::try_from(numbers * size_of::<f64>()).unwrap_or(i64::MAX)
}

fn offset(index: usize) -> i32 {
    i32::try_from(index * size_of::<f64>()).unwrap_or(i32::MAX)
}

/// The function of `f64` with the calling convention of machine code.
fn unary(function: Unary) -> extern "C" fn(f64) -> f64 {
    macro_rules! functions {
        ($($Function:ident)*) => {
            match function {
                $(Unary::$Function => {
                    extern "C" fn call(x: f64) -> f64 {
                        Unary::$Function.eval(x)
                    }
                    call
                })*
                Unary::Powi(_) => unreachable!("a power has two operands"),
            }
        };
    }
    functions!(Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Exp Exp2 ExpM1 Ln Ln1p
        Log2 Log10 Sqrt Cbrt Recip Sinc Sinhc Fract Erf Abs Floor Ceil Round Trunc Signum)
}

/// The function of `f64` with the calling convention of machine code.
fn binary(function: Binary) -> extern "C" fn(f64, f64) -> f64 {
    macro_rules! functions {
        ($($Function:ident)*) => {
            match function {
                $(Binary::$Function => {
                    extern "C" fn call(a: f64, b: f64) -> f64 {
                        Binary::$Function.eval(a, b)
                    }
                    call
                })*
            }
        };
    }
    functions!(Powf Hypot Atan2 Rem Max Min Copysign)
}
