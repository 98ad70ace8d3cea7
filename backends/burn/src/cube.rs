//! GPUs: burn's kernels for what devices compute well, formulas for the rest.

use ad_api::array::{Array, ArrayOp, Dims};
use ad_api::{Binary, Relation, Unary};
use burn::backend::ops::{BoolTensorOps, FloatTensorOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Cube, TensorMetadata, get_or_init_device_settings};

use crate::elementary::{Elementary, native};
use crate::node::{Inner, Node};
use crate::{BurnTensor, formulas, step};

type Tensor = FloatTensor<Cube>;

fn array(x: Tensor) -> Array<BurnTensor> {
    let dims: Dims = x.shape().iter().copied().collect();
    Array::new(Cube::wrap(Node::plain(dims, x)))
}

fn primitive(array: &Array<BurnTensor>) -> Tensor {
    step::primitive::<Cube>(array).clone()
}

impl Elementary for Cube {
    /// What `cubecl_zspace::MAX_LOGICAL_DIMS` says: its shapes keep four bits for each axis in a `u32`,
    /// and shift past its end without a check.
    const MAX_RANK: usize = 8;

    /// Where the innermost axis in memory is not the last, kernels read the entries in a wrong order.
    const REDUCES_VIEWS: bool = false;

    fn of_one(op: &ArrayOp, x: Tensor) -> Tensor {
        let x = array(x);
        let result = match op {
            ArrayOp::Unary(Unary::Erf) => formulas::erf(&x, &array(Cube::float_erf(primitive(&x)))),
            ArrayOp::Unary(Unary::Atan) => {
                formulas::atan(&x, &array(Cube::float_atan(primitive(&x))))
            }
            ArrayOp::Unary(function) => match formulas::unary(*function, &x) {
                Some(result) => result,
                None => match native::<Cube>(*function, primitive(&x)) {
                    Ok(result) => return result,
                    Err(_) => unreachable!("no kernel or formula for {function:?}"),
                },
            },
            ArrayOp::Powf(exponent) => x.pow(&x.number(*exponent)),
            ArrayOp::Sigmoid => formulas::sigmoid(&x),
            ArrayOp::Relu => formulas::relu(&x),
            ArrayOp::Softplus => formulas::softplus(&x),
            _ => unreachable!("an operation of one array that is not linear: {op:?}"),
        };
        primitive(&result)
    }

    fn of_two(op: &ArrayOp, a: Tensor, b: Tensor) -> Tensor {
        match op {
            ArrayOp::Mul => Cube::float_mul(a, b),
            ArrayOp::Div => Cube::float_div(a, b),
            ArrayOp::Compare(comparison) => compare(*comparison, a, b),
            ArrayOp::Binary(Binary::Atan2) => {
                let angle = Cube::float_atan2(a.clone(), b.clone());
                primitive(&formulas::atan2(&array(a), &array(b), &array(angle)))
            }
            ArrayOp::Binary(Binary::Powf) => {
                let magnitude = Cube::float_powf(Cube::float_abs(a.clone()), b.clone());
                primitive(&formulas::powf(&array(a), &array(b), &array(magnitude)))
            }
            ArrayOp::Binary(function) => {
                let result = formulas::binary(*function, &array(a), &array(b));
                primitive(&result.expect("a formula for all but two"))
            }
            _ => unreachable!("an operation of two arrays that is not linear: {op:?}"),
        }
    }

    fn wanted(x: Tensor, cotangent: Tensor) -> Tensor {
        let settings = get_or_init_device_settings::<Cube>(&x.device());
        let unwanted = Cube::float_equal_elem(cotangent, 0.0.into(), settings.bool_dtype);
        Cube::float_mask_fill(x, unwanted, 0.0.into())
    }

    fn largest(x: Tensor, axis: usize) -> Tensor {
        // Kernels may pass over NaN.
        let settings = get_or_init_device_settings::<Cube>(&x.device());
        let nans = compare(Relation::NotEqual, x.clone(), x.clone());
        let nans = Cube::float_sum_dim(nans, axis);
        let any = Cube::float_not_equal_elem(nans, 0.0.into(), settings.bool_dtype);
        Cube::float_mask_fill(Cube::float_max_dim(x, axis), any, f64::NAN.into())
    }
}

fn compare(relation: Relation, a: Tensor, b: Tensor) -> Tensor {
    let dtype = a.dtype();
    let settings = get_or_init_device_settings::<Cube>(&a.device());
    let compare = match relation {
        Relation::Less => Cube::float_lower,
        Relation::LessOrEqual => Cube::float_lower_equal,
        Relation::Greater => Cube::float_greater,
        Relation::GreaterOrEqual => Cube::float_greater_equal,
        Relation::Equal | Relation::NotEqual => Cube::float_equal,
    };
    let holds = compare(a, b, settings.bool_dtype);
    // For devices NaN may be neither equal nor unequal.
    let holds = if relation == Relation::NotEqual { Cube::bool_not(holds) } else { holds };
    Cube::bool_into_float(holds, dtype.into())
}
