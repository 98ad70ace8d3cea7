//! The steps of a loop as machine code: the loop itself is part of it, so that nothing is copied between
//! steps. A small state and the sums are carried in registers.

use ad_api::AdError;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, Function, InstBuilder, Value, types};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::FunctionBuilderContext;

use super::areas::{Areas, Way};
use super::plan::{IN_REGISTERS, Plan};
use crate::graph::{Id, number};
use crate::jit::{Area, Code, Emitter, Order, Pointer, Reach};

/// The loops of a plan.
#[derive(Debug)]
pub(super) struct Machine {
    values: Code,
    record: Code,
    backward: Code,
    /// Values that wait to be used.
    aside: Vec<f64>,
}

impl Machine {
    pub(super) fn new(plan: &Plan) -> Result<Self, AdError> {
        // PERF: a small step is bound by what waits for what, a large one by memory: Lotka-Volterra
        // takes 1.9 primals as written and 2.2 as wanted, a recurrent network 1.24 and 1.15.
        let order = if plan.carries_state() { Order::AsWritten } else { Order::AsWanted };
        let way = |way: Way| {
            Code::new(order, |function, context, config| {
                forward(plan, way, function, context, config)
            })
        };
        let (values, record) = (way(Way::Values)?, way(Way::Record)?);
        let backward = Code::new(order, |function, context, config| {
            backward(plan, function, context, config)
        })?;
        let aside = vec![0.0; plan.forward.len().max(plan.backward.len()) + plan.stride()];
        Ok(Machine { values, record, backward, aside })
    }

    /// As the interpreter does.
    pub(super) fn forward(
        &mut self,
        plan: &Plan,
        way: Way,
        areas: &mut Areas<'_>,
        steps: usize,
    ) -> usize {
        let n = plan.sizes.state;
        let in_records = way == Way::Record && !plan.carries_state();
        if in_records {
            areas.records[..n].copy_from_slice(&areas.state[..n]);
        }
        let code = if way == Way::Record { &self.record } else { &self.values };
        let done = code.call(areas.all(&mut self.aside), steps);
        if in_records {
            areas.state[..n].copy_from_slice(&areas.records[done * plan.stride()..][..n]);
        } else if !plan.carries_state() && done % 2 == 1 {
            let (here, there) = areas.state.split_at_mut(n);
            here.copy_from_slice(&there[..n]);
        }
        done
    }

    /// As the interpreter does.
    pub(super) fn backward(&mut self, plan: &Plan, areas: &mut Areas<'_>, steps: usize) {
        let n = plan.sizes.state;
        self.backward.call(areas.all(&mut self.aside), steps);
        if !plan.carries_state() && steps % 2 == 1 {
            let (here, there) = areas.adjoint.split_at_mut(n);
            here.copy_from_slice(&there[..n]);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.bytes() + self.record.bytes() + self.backward.bytes()
    }
}

impl Areas<'_> {
    const COUNT: usize = 8;
    /// What machine code keeps for later.
    const ASIDE: usize = 7;

    fn all<'b>(&'b mut self, aside: &'b mut [f64]) -> [Area<'b>; Areas::COUNT] {
        [
            Area::Read(self.slots),
            Area::Read(self.data),
            Area::Write(self.state),
            Area::Write(self.records),
            Area::Write(self.sums),
            Area::Write(self.adjoint),
            Area::Write(self.parameters),
            Area::Write(aside),
        ]
    }
}

/// What is the same in all steps lies in the slots.
fn steady(plan: &Plan, emitter: &mut Emitter<'_>) {
    let slots = emitter.at(Areas::SLOTS, 0);
    let numbers = (0..plan.graph.len()).map(number).filter(|&id| plan.graph.is_constant(id));
    let parameters = (0..plan.sizes.parameters).map(number);
    let once = plan.once.iter().chain(&plan.cotangents).copied();
    for id in numbers.chain(parameters).chain(once) {
        emitter.lies(id, slots, id as usize);
    }
}

fn constants(plan: &Plan, emitter: &mut Emitter<'_>, data: Pointer) {
    let first = plan.sizes.parameters + plan.sizes.state;
    for c in 0..plan.sizes.constants {
        emitter.lies(number(first + c), data, c);
    }
}

fn arguments(values: &[Value]) -> Vec<BlockArg> {
    values.iter().map(|&value| BlockArg::from(value)).collect()
}

fn forward(
    plan: &Plan,
    way: Way,
    function: &mut Function,
    context: &mut FunctionBuilderContext,
    config: TargetFrontendConfig,
) -> Vec<Reach> {
    let (n, c, stride) = (plan.sizes.state, plan.sizes.constants, plan.stride());
    let records = way == Way::Record;
    let (next, readouts) = (plan.next(), plan.readouts());
    let ids = if records { &plan.forward } else { &plan.values };
    let mut e = Emitter::new(function, context, config, &plan.graph, Areas::COUNT);
    steady(plan, &mut e);
    let (data, record) = (e.at(Areas::DATA, 0), e.at(Areas::RECORDS, 0));
    let (state, there) = (e.at(Areas::STATE, 0), e.at(Areas::STATE, n));
    let sums = e.at(Areas::SUMS, 0);

    // What goes from step to step: the number of the step, pointers, the state, the sums.
    let carried = if plan.carries_state() { n } else { 0 };
    let summed = if readouts.len() <= IN_REGISTERS { readouts.len() } else { 0 };
    let pointer = e.pointer_type();
    let mut types = vec![types::I64, pointer, pointer, pointer, pointer];
    types.resize(types.len() + carried + summed, types::F64);
    let mut start = vec![
        e.builder.ins().iconst(types::I64, 0),
        data.value(),
        record.value(),
        state.value(),
        there.value(),
    ];
    start.extend((0..carried).map(|i| e.load(state, i)));
    start.extend((0..summed).map(|i| e.load(sums, i)));
    let (body, before) = e.block(&types);
    let (end, after) = e.block(&types);
    e.builder.ins().jump(body, &arguments(&start));
    e.builder.switch_to_block(body);

    let row = Emitter::moving(data, before[1], c);
    let here = Emitter::moving(record, before[2], stride);
    constants(plan, &mut e, row);
    // Where a state that is in memory comes from and goes to.
    let (from, to) = if records {
        let next = e.advanced(before[2], stride);
        (here, Emitter::moving(record, next, stride).further(stride))
    } else {
        (Emitter::moving(there, before[3], 0), Emitter::moving(there, before[4], 0))
    };
    for (i, id) in plan.state().enumerate() {
        if carried == 0 { e.lies(id, from, i) } else { e.is(id, before[5 + i]) }
    }
    let first = if plan.keeps_state { n } else { 0 };
    // What is kept or handed on through memory, as soon as it is there.
    let mut uses: Vec<Vec<(Pointer, usize)>> = vec![Vec::new(); plan.graph.len()];
    for (i, &id) in plan.kept.iter().enumerate().filter(|_| records) {
        uses[id as usize].push((here, first + i));
    }
    for (i, &id) in next.iter().enumerate().skip(carried) {
        uses[id as usize].push((to, i));
    }
    let mut use_up = |e: &mut Emitter<'_>, id: Id| {
        for (pointer, index) in std::mem::take(&mut uses[id as usize]) {
            let value = e.value(id);
            e.store(value, pointer, index);
        }
    };
    e.plan(ids, Areas::ASIDE);
    for &id in ids {
        e.compute(id);
        use_up(&mut e, id);
    }
    for id in (0..plan.graph.len()).map(number) {
        use_up(&mut e, id);
    }
    let differs = e.differs(&plan.guards[plan.guards_once..]);
    let mut now = vec![
        e.builder.ins().iadd_imm_s(before[0], 1),
        e.advanced(before[1], c),
        e.advanced(before[2], stride),
        before[4],
        before[3],
    ];
    now.extend((0..carried).map(|i| e.value(next[i])));
    for (i, &id) in readouts.iter().enumerate().take(summed) {
        let readout = e.value(id);
        now.push(e.builder.ins().fadd(before[5 + carried + i], readout));
    }
    if let Some(differs) = differs {
        let (go, _) = e.block(&[]);
        e.builder.ins().brif(differs, end, &arguments(&before), go, &[]);
        e.builder.switch_to_block(go);
    }
    for (i, &id) in readouts.iter().enumerate().skip(summed) {
        let (readout, sum) = (e.value(id), e.load(sums, i));
        let sum = e.builder.ins().fadd(sum, readout);
        e.store(sum, sums, i);
    }
    let steps = e.steps;
    let more = e.builder.ins().icmp(IntCC::UnsignedLessThan, now[0], steps);
    e.builder.ins().brif(more, body, &arguments(&now), end, &arguments(&now));

    e.builder.switch_to_block(end);
    (0..carried).for_each(|i| e.store(after[5 + i], state, i));
    (0..summed).for_each(|i| e.store(after[5 + carried + i], sums, i));
    e.builder.ins().return_(&[after[0]]);
    e.finish()
}

fn backward(
    plan: &Plan,
    function: &mut Function,
    context: &mut FunctionBuilderContext,
    config: TargetFrontendConfig,
) -> Vec<Reach> {
    let (n, c, stride) = (plan.sizes.state, plan.sizes.constants, plan.stride());
    let mut e = Emitter::new(function, context, config, &plan.graph, Areas::COUNT);
    steady(plan, &mut e);
    let (data, record) = (e.at(Areas::DATA, 0), e.at(Areas::RECORDS, 0));
    let (adjoint, there) = (e.at(Areas::ADJOINT, 0), e.at(Areas::ADJOINT, n));
    let parameters = e.at(Areas::PARAMETERS, 0);

    // What goes from step to step: how many are left, pointers, the adjoints of state and parameters.
    let carried = if plan.carries_state() { n } else { 0 };
    let sums = plan.d_parameters.len();
    let summed = if sums <= IN_REGISTERS { sums } else { 0 };
    let pointer = e.pointer_type();
    let mut types = vec![types::I64, pointer, pointer, pointer, pointer];
    types.resize(types.len() + carried + summed, types::F64);
    let mut start = vec![
        e.steps,
        e.last(data.value(), c),
        e.last(record.value(), stride),
        adjoint.value(),
        there.value(),
    ];
    start.extend((0..carried).map(|i| e.load(adjoint, i)));
    start.extend((0..summed).map(|i| e.load(parameters, i)));
    let (body, before) = e.block(&types);
    let (end, after) = e.block(&types);
    e.builder.ins().jump(body, &arguments(&start));
    e.builder.switch_to_block(body);

    let row = Emitter::moving(data, before[1], c);
    let here = Emitter::moving(record, before[2], stride);
    constants(plan, &mut e, row);
    let first = if plan.keeps_state { n } else { 0 };
    if plan.keeps_state {
        plan.state().enumerate().for_each(|(i, id)| e.lies(id, here, i));
    }
    for (i, &id) in plan.kept.iter().enumerate() {
        e.lies(id, here, first + i);
    }
    let from = Emitter::moving(there, before[3], 0);
    let to = Emitter::moving(there, before[4], 0);
    for (i, &id) in plan.seeds.iter().enumerate() {
        if carried == 0 { e.lies(id, from, i) } else { e.is(id, before[5 + i]) }
    }
    // Sums that are in memory, and adjoints of a state in memory, as soon as they are there.
    let mut uses: Vec<Vec<(bool, usize)>> = vec![Vec::new(); plan.graph.len()];
    for (i, &(_, _, id)) in plan.d_parameters.iter().enumerate().skip(summed) {
        uses[id as usize].push((true, i));
    }
    for (i, &id) in plan.d_state.iter().enumerate().skip(carried) {
        uses[id as usize].push((false, i));
    }
    let mut use_up = |e: &mut Emitter<'_>, id: Id| {
        for (is_sum, i) in std::mem::take(&mut uses[id as usize]) {
            let value = e.value(id);
            if is_sum {
                let sum = e.load(parameters, i);
                let sum = e.builder.ins().fadd(sum, value);
                e.store(sum, parameters, i);
            } else {
                e.store(value, to, i);
            }
        }
    };
    e.plan(&plan.backward, Areas::ASIDE);
    for &id in &plan.backward {
        e.compute(id);
        use_up(&mut e, id);
    }
    for id in (0..plan.graph.len()).map(number) {
        use_up(&mut e, id);
    }
    let mut now = vec![
        e.builder.ins().iadd_imm_s(before[0], -1),
        e.back(before[1], c),
        e.back(before[2], stride),
        before[4],
        before[3],
    ];
    now.extend((0..carried).map(|i| e.value(plan.d_state[i])));
    for (i, &(_, _, id)) in plan.d_parameters.iter().enumerate().take(summed) {
        let value = e.value(id);
        now.push(e.builder.ins().fadd(before[5 + carried + i], value));
    }
    e.builder.ins().brif(now[0], body, &arguments(&now), end, &arguments(&now));

    e.builder.switch_to_block(end);
    (0..carried).for_each(|i| e.store(after[5 + i], adjoint, i));
    (0..summed).for_each(|i| e.store(after[5 + carried + i], parameters, i));
    e.builder.ins().return_(&[after[0]]);
    e.finish()
}
