//! The methods of `Array` that are made of several operations, by results found by hand.

use ad_api::Relation;
use ad_api::Result;
use ad_api::array::{Array, Tensor};

/// What a method gave, and what it should give.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) found: Result<(Vec<usize>, Vec<f64>)>,
    pub(super) dims: Vec<usize>,
    pub(super) entries: Vec<f64>,
}

pub(super) fn table<T: Tensor>(device: &T::Device) -> Vec<Method> {
    let mut table = vec![];
    let mut check = |name, array: Array<T>, dims: &[usize], entries: &[f64]| {
        let found = array.to_vec().map(|entries| (array.shape().to_vec(), entries));
        table.push(Method { name, found, dims: dims.to_vec(), entries: entries.to_vec() });
    };
    let host = |dims: &[usize], entries: &[f64]| {
        Array::<T>::from_host(
            device,
            dims.iter().copied().collect::<ad_api::array::Dims>(),
            entries,
        )
    };
    let x = host(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let (inf, nan) = (f64::INFINITY, f64::NAN);

    check("array + number", &x + 1.0, &[2, 3], &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    check("number + array", 1.0 + &x, &[2, 3], &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    check("array - number", &x - 1.0, &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    check("number - array", 1.0 - &x, &[2, 3], &[0.0, -1.0, -2.0, -3.0, -4.0, -5.0]);
    check("array * number", &x * 0.5, &[2, 3], &[0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
    check("array / number", &x / 2.0, &[2, 3], &[0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
    check("number / array", 60.0 / &x, &[2, 3], &[60.0, 30.0, 20.0, 15.0, 12.0, 10.0]);
    check("-array", -&x, &[2, 3], &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]);
    check("square", x.square(), &[2, 3], &[1.0, 4.0, 9.0, 16.0, 25.0, 36.0]);

    check("sum over axes in any order", x.sum(&[1, 0]), &[], &[21.0]);
    check("sum over no axes", x.sum(&[]), &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check("sum_all", x.sum_all(), &[], &[21.0]);
    check("mean", x.mean(&[0]), &[3], &[2.5, 3.5, 4.5]);
    check("mean_all", x.mean_all(), &[], &[3.5]);
    check("max over axes in any order", x.max(&[1, 0]), &[], &[6.0]);
    check("min", x.min(&[1]), &[2], &[1.0, 4.0]);
    check("dot", x.dot(&x), &[], &[91.0]);
    check("norm", x.norm(), &[], &[91.0_f64.sqrt()]);
    check("norm of zeros", x.zeros_like().norm(), &[], &[0.0]);
    check("norm of nothing", host(&[0], &[]).norm(), &[], &[0.0]);
    // 3 + ln(1 + e⁻¹ + e⁻²).
    let log_sum = 3.0 + 1.503_214_724_408_055_2_f64.ln();
    check("log_sum_exp", x.log_sum_exp(&[1]), &[2], &[log_sum, log_sum + 3.0]);
    let far = host(&[3, 2], &[1e4, 1e4, -1e4, -1e4, -1e4, 1e4]);
    let ln_2 = 2.0_f64.ln();
    check("log_sum_exp far out", far.log_sum_exp(&[1]), &[3], &[1e4 + ln_2, ln_2 - 1e4, 1e4]);
    let infinite = host(&[4, 2], &[-inf, -inf, -inf, 1.0, inf, 1.0, nan, 1.0]);
    check("log_sum_exp of infinities", infinite.log_sum_exp(&[1]), &[4], &[-inf, 1.0, inf, nan]);

    check("transpose", x.transpose(), &[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    let cube = x.reshape([2, 1, 3]);
    check("transpose of a batch", cube.transpose(), &[2, 3, 1], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check("flatten", x.flatten(), &[6], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check("unsqueeze", x.sum(&[1]).unsqueeze(1), &[2, 1], &[6.0, 15.0]);
    check("unsqueeze at the end", x.sum(&[0]).unsqueeze(1), &[3, 1], &[5.0, 7.0, 9.0]);
    check("squeeze", cube.squeeze(1), &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check(
        "broadcast_to",
        x.sum(&[0]).broadcast_to([2, 3]),
        &[2, 3],
        &[5.0, 7.0, 9.0, 5.0, 7.0, 9.0],
    );
    check("slice_axis", x.slice_axis(1, 1..3), &[2, 2], &[2.0, 3.0, 5.0, 6.0]);
    check("embed", x.sum(&[1]).embed([4], &[1..3]), &[4], &[0.0, 6.0, 15.0, 0.0]);
    let rows = [x.slice_axis(0, 0..1).flatten(), x.slice_axis(0, 1..2).flatten()];
    check("stack in front", Array::stack(&rows, 0), &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check("stack behind", Array::stack(&rows, 1), &[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    check("concat", Array::concat(&rows, 0), &[6], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    check("gather", x.gather([2, 2], vec![5, 0, 0, 2]), &[2, 2], &[6.0, 1.0, 1.0, 3.0]);
    check("index_select", x.index_select(1, vec![2, 2]), &[2, 2], &[3.0, 3.0, 6.0, 6.0]);
    check("scatter_add", x.scatter_add(1, vec![0, 0, 1], 2), &[2, 2], &[3.0, 3.0, 9.0, 6.0]);

    check("lt", x.lt(3.0), &[2, 3], &[1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    check("le", x.le(3.0), &[2, 3], &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    check("gt", x.gt(3.0), &[2, 3], &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    check("ge", x.ge(3.0), &[2, 3], &[0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    check("eq", x.eq(3.0), &[2, 3], &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    check("ne", x.ne(3.0), &[2, 3], &[1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    let mean = x.mean_all();
    check("compare", x.compare(Relation::Greater, &mean), &[2, 3], &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    check("select", x.gt(3.0).select(&x, &-&x), &[2, 3], &[-1.0, -2.0, -3.0, 4.0, 5.0, 6.0]);
    let finite = host(&[5], &[0.0, inf, -inf, nan, 1e30]).is_finite();
    check("is_finite", finite, &[5], &[1.0, 0.0, 0.0, 0.0, 1.0]);

    check("zeros_like", x.zeros_like(), &[2, 3], &[0.0; 6]);
    check("ones_like", x.ones_like(), &[2, 3], &[1.0; 6]);
    check("full_like", x.full_like(2.5), &[2, 3], &[2.5; 6]);
    check("number", x.number(2.5), &[], &[2.5]);
    check("constant", x.constant([2], &[7.0, 8.0]), &[2], &[7.0, 8.0]);
    check("maximum", x.maximum(&mean), &[2, 3], &[3.5, 3.5, 3.5, 4.0, 5.0, 6.0]);
    check("minimum", mean.minimum(&x), &[2, 3], &[1.0, 2.0, 3.0, 3.5, 3.5, 3.5]);
    check("sigmoid", x.zeros_like().sigmoid(), &[2, 3], &[0.5; 6]);
    check("softplus", x.zeros_like().softplus(), &[2, 3], &[ln_2; 6]);
    check("detach", x.detach(), &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    table
}
