//! Rules among the operations of an array program.

use std::sync::Arc;

use super::{Dims, Tensor};
use crate::trace::ErasedRule;
use crate::{Failure, Result, Rule, RuleValue, Scalar, scratch};

/// [`ArrayOp::Rule`](super::ArrayOp::Rule) for the arrays of a library: on the host, where the code of
/// rules runs.
///
/// # Errors
///
/// What the rule and the library report.
pub fn apply_rule_on_host<T: Tensor>(rule: &Arc<ErasedRule>, x: &T, dims: Dims) -> Result<T> {
    T::from_host(&x.device(), dims, &apply_to_columns(rule, &x.to_host()?)?)
}

/// The rule applied to each column of a matrix with a row for each input.
pub(super) fn apply_to_columns<S: Scalar>(
    rule: &Arc<ErasedRule>,
    x: &[S],
) -> Result<Vec<S>, Failure> {
    let (n, m) = (rule.inputs(), rule.outputs());
    let columns = x.len().checked_div(n).unwrap_or(1);
    let mut results = vec![S::zero(); m * columns];
    scratch::with(n + m, |buffer: &mut [S]| {
        let (input, output) = buffer.split_at_mut(n);
        for column in 0..columns {
            let entries = x.iter().skip(column).step_by(columns.max(1));
            input.iter_mut().zip(entries).for_each(|(input, &x)| *input = x);
            rule.apply(input, output)?;
            let entries = results.iter_mut().skip(column).step_by(columns.max(1));
            entries.zip(&*output).for_each(|(result, &y)| *result = y);
        }
        Ok::<_, Failure>(())
    })?;
    Ok(results)
}
