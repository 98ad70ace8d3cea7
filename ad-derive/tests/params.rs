//! `#[derive(Params)]`: order, lengths, constant fields, memory.

use std::marker::PhantomData;
use std::sync::Arc;

use ad_api::{AdError, Params, Scalar};
use ad_derive::Params;

#[derive(Debug, Clone, PartialEq, Params)]
struct Inner<S: Scalar, const N: usize> {
    table: [Vec<S>; N],
}

#[derive(Debug, Clone, PartialEq, Params)]
struct Pair<S>(S, #[params(constant)] &'static str, Option<S>);

#[derive(Debug, Clone, PartialEq, Params)]
struct Outer<S, T>
where
    S: Scalar,
{
    first: S,
    inner: Inner<S, 2>,
    #[params(constant)]
    tag: T,
    pairs: Vec<Pair<S>>,
    kind: PhantomData<S>,
}

#[derive(Debug, Clone, Copy, PartialEq, Params)]
struct Fixed<S = f64> {
    a: [S; 2],
    b: (S, S),
}

fn outer() -> Outer<f64, Arc<str>> {
    Outer {
        first: 1.0,
        inner: Inner { table: [vec![2.0, 3.0], vec![4.0]] },
        tag: "constant".into(),
        pairs: vec![Pair(5.0, "x", Some(6.0)), Pair(7.0, "y", None)],
        kind: PhantomData,
    }
}

#[test]
fn scalars_are_in_the_order_of_the_fields() {
    assert_eq!(outer().flatten(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert_eq!(outer().scalars(), 7);
}

#[test]
fn lengths_are_reported_with_the_innermost_name() {
    let mut lengths = Vec::new();
    outer().for_each_length("outer", &mut |name, length| lengths.push((name, length)));
    assert_eq!(lengths, [("table", 2), ("table", 1), ("pairs", 2), ("2", 1), ("2", 0)]);
}

#[test]
fn unflatten_keeps_lengths_and_constant_fields() {
    let flat: Vec<f64> = (10..17).map(f64::from).collect();
    let value = outer().unflatten(&flat).unwrap();
    assert_eq!(value.flatten(), flat);
    assert_eq!((&*value.tag, value.pairs[1].1), ("constant", "y"));
    assert!(matches!(
        outer().unflatten(&flat[1..]),
        Err(AdError::Shape { what: "flat", found: 6, expected: 7, .. })
    ));
}

#[test]
fn only_types_that_fix_their_shape_have_a_template() {
    assert_eq!(Fixed::<f64>::template(), Some(Fixed { a: [0.0; 2], b: (0.0, 0.0) }));
    assert_eq!(Pair::<f64>::template(), None);
    assert_eq!(Inner::<f64, 2>::template(), None);
}

#[test]
fn mapping_into_another_value_makes_it_equal_whatever_it_was() {
    let others = [
        outer(),
        Outer { pairs: Vec::new(), tag: "other".into(), ..outer() },
        Outer {
            inner: Inner { table: [vec![9.0; 5], Vec::new()] },
            pairs: vec![Pair(0.0, "z", None); 3],
            ..outer()
        },
    ];
    for mut out in others {
        outer().map_scalars_into(&mut |scalar| scalar + 1.0, &mut out);
        assert_eq!(out, outer().map_scalars(&mut |scalar| scalar + 1.0));
        assert_eq!(&*out.tag, "constant");
    }
}

#[test]
fn mapping_into_a_value_of_the_same_shape_keeps_its_memory() {
    let mut out = outer();
    let (table, pairs) = (out.inner.table[0].as_ptr(), out.pairs.as_ptr());
    outer().map_scalars_into(&mut |scalar| scalar * 2.0, &mut out);
    assert_eq!((out.inner.table[0].as_ptr(), out.pairs.as_ptr()), (table, pairs));
}
