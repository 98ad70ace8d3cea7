//! Errors: what they say, and that they are carried on.

use ad_api::array::{Array, Dims, Tensor};
use ad_api::{AdError, Result};

use super::{TensorLaw, TensorSubject};
use crate::Violation;
use crate::violation::Findings;

type Violations = Vec<Violation<TensorLaw>>;

/// A call that must fail, how it failed, and the message that it should have.
pub(super) struct Wrong {
    name: &'static str,
    found: Result<()>,
    message: String,
}

pub(super) fn reports_wrong_shapes(subject: &TensorSubject, law: TensorLaw) -> Violations {
    check(law, subject.library.wrong_shapes())
}

pub(super) fn carries_errors_on(subject: &TensorSubject, law: TensorLaw) -> Violations {
    check(law, subject.library.carried_errors())
}

fn check(law: TensorLaw, calls: Vec<Wrong>) -> Violations {
    let mut findings = Findings::new(law);
    for Wrong { name, found, message } in calls {
        match found {
            Ok(()) => findings.add(name, "is no error"),
            Err(error) if error.to_string() == message => {}
            Err(error) => findings.add(name, format!("says `{error}`, expected `{message}`")),
        }
    }
    findings.done()
}

pub(super) fn wrong_shapes<T: Tensor>(device: &T::Device) -> Vec<Wrong> {
    let ones =
        |dims: &[usize]| Array::<T>::full(device, dims.iter().copied().collect::<Dims>(), 1.0);
    let (x, v, cube) = (ones(&[2, 3]), ones(&[4]), ones(&[2, 2, 3]));
    let mut calls = vec![];
    let mut call = |name, array: Array<T>, shapes: &str, expected: &str| {
        let found = array.to_vec().map(drop);
        let message = format!("`{name}` of shapes {shapes}: expected {expected}");
        calls.push(Wrong { name, found, message });
    };
    let stretch = "shapes that are equal, or 1, from the last axis on";
    call("+", &x + &v, "[2, 3] and [4]", stretch);
    call("-", &x - &v, "[2, 3] and [4]", stretch);
    call("*", &v * &x, "[4] and [2, 3]", stretch);
    call("/", &v / &x, "[4] and [2, 3]", stretch);
    call("maximum", x.maximum(&v), "[2, 3] and [4]", stretch);
    call("pow", x.pow(&v), "[2, 3] and [4]", stretch);
    call("hypot", x.hypot(&v), "[2, 3] and [4]", stretch);
    call("select", x.select(&x, &v), "[2, 3] and [2, 3] and [4]", stretch);
    call("compare", x.compare(ad_api::Relation::Less, &v), "[2, 3] and [4]", stretch);
    let inner = "as many columns on the left as rows on the right";
    call("matmul", x.matmul(&x), "[2, 3] and [2, 3]", inner);
    call("matmul", x.matmul(&v), "[2, 3] and [4]", "two axes or more on both sides");
    let batches = cube.reshape([2, 3, 2]).broadcast_to([3, 2, 3, 2]).slice_axis(1, 0..1);
    call(
        "matmul",
        cube.matmul(&batches.squeeze(1)),
        "[2, 2, 3] and [3, 3, 2]",
        "axes before the last two that broadcast",
    );
    call("permute", x.permute(&[0, 0]), "[2, 3]", "each of its axes once in [0, 0]");
    call("transpose", v.transpose(), "[4]", "two axes or more");
    call("reshape", x.reshape([4]), "[2, 3]", "4 entries, as the shape [4] has");
    call("broadcast_to", x.broadcast_to([3, 2]), "[2, 3]", "a shape that stretches to [3, 2]");
    call("slice", x.slice_axis(1, 2..4), "[2, 3]", "a range within each axis, not [0..2, 2..4]");
    call("slice", x.slice_axis(2, 0..1), "[2, 3]", "an axis 2");
    call("embed", v.embed([5], &[2..6]), "[4]", "the sizes of [2..6], within [5]");
    call(
        "concat",
        Array::concat(&[x.clone(), v.clone()], 0),
        "[2, 3] and [4]",
        "arrays of the same rank with an axis 0",
    );
    call(
        "concat",
        Array::concat(&[x.clone(), x.transpose()], 0),
        "[2, 3] and [3, 2]",
        "equal sizes along all axes but 0",
    );
    call("index_select", x.index_select(2, vec![0]), "[2, 3]", "an axis 2");
    call("scatter_add", x.scatter_add(1, vec![0, 0], 2), "[2, 3]", "2 slices along axis 1");
    call("sum", x.sum(&[1, 1]), "[2, 3]", "different axes, not [1, 1]");
    call("max", x.max(&[2]), "[2, 3]", "different axes, not [2]");
    call("max", ones(&[2, 0]).max(&[1]), "[2, 0]", "at least one entry for each maximum");
    call("squeeze", x.squeeze(0), "[2, 3]", "size 1 along an axis 0");
    call("unsqueeze", v.unsqueeze(2), "[4]", "at least 2 axes");
    let mut other = |name, found: Result<()>, message: &str| {
        calls.push(Wrong { name, found, message: message.into() });
    };
    other(
        "entries",
        Array::<T>::from_host(device, [2, 2], &[1.0]).check(),
        "`entries` has length 1, expected 4 (the product of the sizes)",
    );
    other(
        "an index out of range",
        x.index_select(1, vec![0, 3]).check(),
        "`indices` has the index 3, expected less than 3",
    );
    other(
        "a scattered index out of range",
        v.scatter_add(0, vec![0, 1, 2, 2], 2).check(),
        "`indices` has the index 2, expected less than 2",
    );
    other("item", v.item().map(drop), "`item` of shapes [4]: expected one entry");
    calls
}

pub(super) fn carried_errors<T: Tensor>(device: &T::Device) -> Vec<Wrong> {
    let x = Array::<T>::full(device, [2, 3], 1.0);
    let wrong = x.matmul(&x);
    let other = x.reshape([7]);
    let message = match wrong.check() {
        Ok(()) => "no error".into(),
        Err(error) => error.to_string(),
    };
    let mut calls = vec![];
    let mut call = |name, found: Result<()>| {
        calls.push(Wrong { name, found, message: message.clone() });
    };
    call("tensor", wrong.tensor().map(drop));
    call("check", wrong.check());
    call("to_vec", wrong.to_vec().map(drop));
    call("item", wrong.item().map(drop));
    call("exp", wrong.exp().check());
    call("error + array", (&wrong + &x).check());
    call("array + error", (&x + &wrong).check());
    call("the first of two errors", (&wrong + &other).check());
    call("number - error", (1.0 - &wrong).check());
    call("error / number", (&wrong / 2.0).check());
    call("select", x.select(&x, &wrong).check());
    call("concat", Array::concat(&[x.clone(), wrong.clone()], 0).check());
    call("stack", Array::stack(&[x.clone(), wrong.clone()], 0).check());
    call("transpose", wrong.transpose().check());
    call("unsqueeze", wrong.unsqueeze(9).check());
    call("squeeze", wrong.squeeze(9).check());
    call("slice_axis", wrong.slice_axis(9, 0..1).check());
    call("reshape", wrong.reshape([99]).check());
    call("broadcast_to", wrong.broadcast_to([99]).check());
    call("mean", wrong.mean(&[9]).check());
    call("norm", wrong.norm().check());
    call("log_sum_exp", wrong.log_sum_exp(&[0]).check());
    call("gather", wrong.gather([1], vec![9]).check());
    let home = wrong.exp().device() == *device;
    let lost = AdError::Array {
        operation: "device",
        found: "an array that carries an error".into(),
        expected: "its device".into(),
    };
    let message = lost.to_string();
    // The device is known even so; here the error stands for success, as everywhere above.
    let found = if home { Err(lost) } else { Ok(()) };
    calls.push(Wrong { name: "device", found, message });
    calls
}
