//! The steps of a loop as machine code: the loop itself is part of it, so that nothing is copied between
//! steps. A small state and the sums are carried in registers.

use ad_api::AdError;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{BlockArg, Function, InstBuilder, Value, types};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::FunctionBuilderContext;

use super::areas::{Areas, Progress, Way};
use super::plan::{IN_REGISTERS, Plan};
use crate::graph::{Id, number};
use crate::jit::{Area, Code, Emitter, Order, Pointer, Reach};

const VALUES: usize = 0;
const RECORD: usize = 1;
const BACKWARD: usize = 2;

/// What is added to the number of steps if the loop is over.
const ENDED: i64 = 1 << 62;

/// The loops of a plan.
#[derive(Debug)]
pub(super) struct Machine {
    /// For [`VALUES`], [`RECORD`] and [`BACKWARD`].
    code: Code,
    /// Values that wait to be used.
    aside: Vec<f64>,
}

impl Machine {
    pub(super) fn new(plan: &Plan) -> Result<Self, AdError> {
        // PERF: a small step is bound by what waits for what, a large one by memory: Lotka-Volterra
        // takes 1.9 primals as written and 2.2 as wanted, a recurrent network 1.24 and 1.15.
        let order = if plan.carries_state() { Order::AsWritten } else { Order::AsWanted };
        let code = Code::new(order, 3, |k, function, context, config| match k {
            VALUES => forward(plan, Way::Values, function, context, config),
            RECORD => forward(plan, Way::Record, function, context, config),
            _ => backward(plan, function, context, config),
        })?;
        let aside = vec![0.0; plan.forward.len().max(plan.backward.len()) + plan.stride()];
        Ok(Machine { code, aside })
    }

    /// As the interpreter does.
    pub(super) fn forward(
        &mut self,
        plan: &Plan,
        way: Way,
        areas: &mut Areas<'_>,
        steps: usize,
    ) -> Progress {
        let n = plan.sizes.state;
        let in_records = way == Way::Record && !plan.carries_state();
        if in_records {
            areas.records[..n].copy_from_slice(&areas.state[..n]);
        }
        let function = if way == Way::Record { RECORD } else { VALUES };
        let ended = usize::try_from(ENDED).unwrap_or(usize::MAX);
        let done = self.code.call(function, areas.all(&mut self.aside), steps);
        let (done, ended) = done.checked_sub(ended).map_or((done, false), |done| (done, true));
        if in_records {
            areas.state[..n].copy_from_slice(&areas.records[done * plan.stride()..][..n]);
        } else if !plan.carries_state() && done % 2 == 1 {
            let (here, there) = areas.state.split_at_mut(n);
            here.copy_from_slice(&there[..n]);
        }
        Progress { done, ended }
    }

    /// As the interpreter does.
    pub(super) fn backward(&mut self, plan: &Plan, areas: &mut Areas<'_>, steps: usize) {
        let n = plan.sizes.state;
        self.code.call(BACKWARD, areas.all(&mut self.aside), steps);
        if !plan.carries_state() && steps % 2 == 1 {
            let (here, there) = areas.adjoint.split_at_mut(n);
            here.copy_from_slice(&there[..n]);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.code.bytes()
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

/// Where the value of a node goes.
#[derive(Debug, Clone, Copy)]
enum Use {
    Store(Pointer, usize),
    /// It is added to what is there.
    Sum(Pointer, usize),
}

/// Where values go as soon as they are computed.
struct Uses(Vec<Vec<Use>>);

impl Uses {
    fn new(plan: &Plan) -> Self {
        Uses(vec![Vec::new(); plan.graph.len()])
    }

    fn add(&mut self, id: Id, goes: Use) {
        self.0[id as usize].push(goes);
    }

    /// Computes these nodes, and then sees to what is used without being computed.
    fn compute(&mut self, e: &mut Emitter<'_>, ids: &[Id]) {
        e.plan(ids, Areas::ASIDE, 0);
        for &id in ids {
            e.compute(id);
            self.done(e, id);
        }
        (0..self.0.len()).map(number).for_each(|id| self.done(e, id));
    }

    fn done(&mut self, e: &mut Emitter<'_>, id: Id) {
        for goes in std::mem::take(&mut self.0[id as usize]) {
            let value = e.value(id);
            match goes {
                Use::Store(pointer, index) => e.store(value, pointer, index),
                Use::Sum(pointer, index) => {
                    let sum = e.load(pointer, index);
                    let sum = e.builder.ins().fadd(sum, value);
                    e.store(sum, pointer, index);
                }
            }
        }
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
    let mut uses = Uses::new(plan);
    for (i, &id) in plan.kept.iter().enumerate().filter(|_| records) {
        uses.add(id, Use::Store(here, first + i));
    }
    for (i, &id) in next.iter().enumerate().skip(carried) {
        uses.add(id, Use::Store(to, i));
    }
    uses.compute(&mut e, ids);
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
        uses.add(id, Use::Sum(sums, i));
        uses.done(&mut e, id);
    }
    if let Some(stop) = plan.stop {
        let (stop, zero) = (e.value(stop), e.builder.ins().f64const(0.0));
        let over = e.builder.ins().fcmp(FloatCC::GreaterThan, stop, zero);
        let mut last = now.clone();
        let ended = e.builder.ins().iconst(types::I64, ENDED);
        last[0] = e.builder.ins().bor(now[0], ended);
        let (go, _) = e.block(&[]);
        e.builder.ins().brif(over, end, &arguments(&last), go, &[]);
        e.builder.switch_to_block(go);
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
    let mut uses = Uses::new(plan);
    for (i, &(_, _, id)) in plan.d_parameters.iter().enumerate().skip(summed) {
        uses.add(id, Use::Sum(parameters, i));
    }
    for (i, &id) in plan.d_state.iter().enumerate().skip(carried) {
        uses.add(id, Use::Store(to, i));
    }
    uses.compute(&mut e, &plan.backward);
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

#[cfg(test)]
mod tests {
    use ad_api::{Failure, Function, Scalar};

    use super::*;
    use crate::graph::trace;
    use crate::structure::scan::areas::records;
    use crate::structure::scan::interpreter::{Interpreter, once};
    use crate::structure::scan::plan::{Runner, Sizes};

    /// Inputs: two parameters, the state, one constant; outputs: the state, two readouts, the end.
    #[derive(Clone)]
    struct Step(usize);

    impl Function for Step {
        fn inputs(&self) -> usize {
            self.0 + 3
        }

        fn outputs(&self) -> usize {
            self.0 + 3
        }

        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            let (p, state, c) = (&x[..2], &x[2..self.0 + 2], x[self.0 + 2]);
            let scale = (p[0] * p[1]).exp() * 0.2;
            for i in 0..self.0 {
                let (here, there) = (state[i], state[(i + 1) % self.0]);
                y[i] = here * scale - (there + c).sin() * p[1] + there * there * 0.1;
            }
            if c > 0.8 {
                y[0] *= 2.0;
            }
            y[self.0] = y[..self.0].iter().map(|&s| s * s).sum();
            y[self.0 + 1] = state[0] * p[0] + c;
            y[self.0 + 2] = c - 0.9;
            Ok(())
        }
    }

    /// All that a plan computes in these steps, by whatever runs it.
    fn run(
        plan: &Plan,
        data: &[f64],
        mut go: impl FnMut(Option<Way>, &mut Areas<'_>, usize) -> Progress,
    ) -> (Vec<f64>, Progress) {
        let n = plan.sizes.state;
        let constant = |id: Id| if plan.graph.is_constant(id) { plan.graph.value(id) } else { 0.0 };
        let mut slots: Vec<f64> = (0..plan.graph.len()).map(number).map(constant).collect();
        slots[..2].copy_from_slice(&[0.4, -0.6]);
        assert!(once(plan, &mut slots));
        plan.cotangents.iter().for_each(|&id| slots[id as usize] = 0.7);
        let start: Vec<f64> = (0..2 * n).map(|i| 0.1 + 0.05 * i as f64).collect();
        let mut kept = vec![0.0; records(plan, data.len())];
        let mut parameters = vec![0.0; plan.d_parameters.len()];
        let (mut sums, mut adjoint) = (vec![0.0; 2], vec![1.5; 2 * n]);
        let mut all = Vec::new();
        let mut progress = Progress { done: 0, ended: false };
        for way in [Way::Values, Way::Record] {
            let mut state = start.clone();
            sums.fill(0.0);
            let mut areas = Areas {
                slots: &mut slots,
                data,
                state: &mut state,
                records: &mut kept,
                sums: &mut sums,
                adjoint: &mut adjoint,
                parameters: &mut parameters,
            };
            progress = go(Some(way), &mut areas, data.len());
            if way == Way::Record && progress.done > 0 {
                go(None, &mut areas, progress.done);
            }
            all.extend(&state[..n]);
            all.extend(&sums);
        }
        all.extend(&kept[..progress.done * plan.stride()]);
        all.extend(&adjoint[..n]);
        all.extend(&parameters);
        (all, progress)
    }

    #[test]
    fn machine_code_computes_what_the_interpreter_does() {
        for state in [1, 2, 5, 12] {
            let step = Step(state);
            let mut x = vec![0.3; step.inputs()];
            x[1] = -0.5;
            let graph = trace(&step, &x).unwrap().unwrap();
            let sizes = Sizes { parameters: 2, state, constants: 1, readouts: 2 };
            for runner in [Runner::Machine, Runner::Interpreter] {
                let plan = Plan::new(graph.clone(), sizes, runner);
                let mut machine = Machine::new(&plan).unwrap();
                let mut interpreter = Interpreter::new(&plan);
                for (data, expected) in [
                    (vec![0.1, 0.2, -0.3, 0.4, 0.5], (5, false)),
                    // Another branch, and the end of the loop.
                    (vec![0.1, 0.2, 0.85, 0.4, 0.5], (2, false)),
                    (vec![0.1, 0.2, 0.3, f64::NAN], (4, false)),
                    (vec![0.1], (1, false)),
                    (vec![0.95], (0, false)),
                ] {
                    let back = Progress { done: 0, ended: true };
                    let found = run(&plan, &data, |way, areas, steps| {
                        if let Some(way) = way {
                            return machine.forward(&plan, way, areas, steps);
                        }
                        machine.backward(&plan, areas, steps);
                        back
                    });
                    let interpreted = run(&plan, &data, |way, areas, steps| {
                        if let Some(way) = way {
                            return interpreter.forward(&plan, way, areas, steps);
                        }
                        interpreter.backward(&plan, areas, steps);
                        back
                    });
                    assert_eq!((found.1.done, found.1.ended), expected);
                    assert_eq!(found.1, interpreted.1);
                    let bits = |all: &[f64]| -> Vec<u64> {
                        let nan = |x: &f64| if x.is_nan() { f64::NAN } else { *x }.to_bits();
                        all.iter().map(nan).collect()
                    };
                    assert_eq!(bits(&found.0), bits(&interpreted.0));
                }
            }
        }
    }
}
