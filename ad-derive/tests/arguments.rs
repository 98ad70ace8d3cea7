//! Every kind of argument and result that `#[differentiable]` takes.

use std::sync::Arc;

use ad_api::{AdError, Constant, Failure, Scalar};
use ad_derive::{Params, differentiable};
use ad_dual::Dual;
use nalgebra::{Complex, DMatrix, DVector, Matrix2, SVector, Vector2, dvector, matrix, vector};

#[derive(Debug, Clone, PartialEq, Params)]
struct Point<S> {
    x: S,
    y: S,
}

fn point(x: f64, y: f64) -> Point<f64> {
    Point { x, y }
}

mod differentiable_arguments {
    use super::*;

    #[differentiable]
    fn scalars<S: Scalar>(by_value: S, by_reference: &S) -> S {
        by_value * *by_reference
    }

    #[differentiable]
    fn arrays<S: Scalar, const N: usize>(by_value: [S; N], by_reference: &[S; N]) -> S {
        by_value.iter().zip(by_reference).map(|(&a, &b)| a * b).sum()
    }

    #[differentiable]
    fn slices<S: Scalar>(scalars: &[S], points: &[Point<S>], vector: &Vec<S>, moved: Vec<S>) -> S {
        scalars[0] * points[1].y + vector[0] * moved[1]
    }

    #[differentiable]
    fn dynamic<S: Scalar>(v: &DVector<S>, m: &DMatrix<S>, moved: DVector<S>) -> S {
        (m * v).dot(&moved)
    }

    #[differentiable]
    fn fixed<S, const N: usize>(v: &SVector<S, N>, m: Matrix2<S>, w: Vector2<S>) -> S
    where
        S: Scalar,
    {
        v.norm_squared() + (m * w).sum()
    }

    #[differentiable]
    fn structs<S: Scalar>(by_reference: &Point<S>, by_value: Point<S>, pair: (S, [S; 2])) -> S {
        by_reference.x * by_value.y + pair.0 * pair.1[1]
    }

    #[differentiable]
    fn options<S: Scalar>(shift: Option<S>, z: Complex<S>) -> S {
        shift.unwrap_or(S::from(0.0)) * z.im + z.re * z.re
    }

    #[differentiable]
    fn general<T: nalgebra::RealField + Copy>(x: &[T]) -> T {
        x[0].sin() * x[1]
    }

    #[test]
    fn scalars_and_arrays() {
        let gradient = scalars::at(2.0, &3.0).gradient(&Dual::default()).unwrap();
        assert_eq!(gradient, scalars { by_value: 3.0, by_reference: 2.0 });
        let gradient = arrays::at([1.0, 2.0], &[3.0, 4.0]).gradient(&Dual::default()).unwrap();
        assert_eq!(gradient, arrays { by_value: [3.0, 4.0], by_reference: [1.0, 2.0] });
        let half = arrays::at(Constant([1.0, 2.0]), [3.0, 4.0]).gradient(&Dual::default());
        assert_eq!(half.unwrap().by_reference, [1.0, 2.0]);
    }

    #[test]
    fn slices_and_vectors() {
        let points = [point(1.0, 2.0), point(3.0, 4.0)];
        let at = slices::at(&[5.0, 6.0], &points, &vec![7.0], vec![8.0, 9.0]);
        let gradient = at.gradient(&Dual::default()).unwrap();
        assert_eq!(gradient.scalars, [4.0, 0.0]);
        assert_eq!(gradient.points, [point(0.0, 0.0), point(0.0, 5.0)]);
        assert_eq!((gradient.vector, gradient.moved), (vec![9.0], vec![0.0, 7.0]));

        let longer = slices::at(&[5.0], Constant(&points[..]), Constant(&vec![7.0]), vec![8.0; 4]);
        assert_eq!(longer.gradient(&Dual::default()).unwrap().moved, [0.0, 7.0, 0.0, 0.0]);
    }

    #[test]
    fn nalgebra() {
        let m = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let at = dynamic::at(&dvector![1.0, 0.0, -1.0], &m, dvector![2.0, 3.0]);
        let gradient = at.gradient(&Dual::default()).unwrap();
        assert_eq!(gradient.v, dvector![14.0, 19.0, 24.0]);
        assert_eq!(gradient.m, dvector![2.0, 3.0] * dvector![1.0, 0.0, -1.0].transpose());
        assert_eq!(gradient.moved, dvector![-2.0, -2.0]);

        let at = fixed::at(vector![1.0, 2.0, 3.0], matrix![1.0, 2.0; 3.0, 4.0], vector![5.0, 6.0]);
        let gradient = at.gradient(&Dual::default()).unwrap();
        assert_eq!(gradient.v, vector![2.0, 4.0, 6.0]);
        assert_eq!(gradient.m, matrix![5.0, 6.0; 5.0, 6.0]);
        assert_eq!(gradient.w, vector![4.0, 6.0]);
    }

    #[test]
    fn structs_tuples_options_and_complex_numbers() {
        let at = structs::at(&point(1.0, 2.0), point(3.0, 4.0), (5.0, [6.0, 7.0]));
        let gradient = at.gradient(&Dual::default()).unwrap();
        assert_eq!((gradient.by_reference, gradient.by_value), (point(4.0, 0.0), point(0.0, 1.0)));
        assert_eq!(gradient.pair, (7.0, [0.0, 5.0]));

        let z = Complex::new(3.0, 4.0);
        let gradient = options::at(Some(2.0), z).gradient(&Dual::default()).unwrap();
        assert_eq!((gradient.shift, gradient.z), (Some(4.0), Complex::new(6.0, 2.0)));
        let gradient = options::at(None::<f64>, z).gradient(&Dual::default()).unwrap();
        assert_eq!((gradient.shift, gradient.z), (None, Complex::new(6.0, 0.0)));
    }

    #[test]
    fn functions_over_real_fields_are_taken_as_they_are() {
        let gradient = general::at(&[0.0, 2.0]).gradient(&Dual::default()).unwrap();
        assert_eq!(gradient.x, [2.0, 0.0]);
    }
}

mod constant_arguments {
    use super::*;

    #[differentiable]
    #[allow(clippy::too_many_arguments, reason = "one of each kind")]
    fn all<S: Scalar>(
        steps: usize,
        x: S,
        weights: &[f64],
        name: &str,
        matrix: &DMatrix<f64>,
        shared: Arc<[f64]>,
        scale: f64,
        choice: Option<bool>,
    ) -> S {
        let power = if choice == Some(true) { name.len() } else { 0 };
        x.powi(i32::try_from(steps + power).unwrap())
            * (weights[0] * matrix[(0, 1)] * shared[0] * scale)
    }

    #[test]
    fn types_without_the_scalar_are_always_constant() {
        let matrix = DMatrix::from_element(1, 2, 5.0);
        let at = all::at(1, 2.0, &[3.0], "ab", &matrix, Arc::new([0.5]), 2.0, Some(true));
        assert_eq!(at.derivative(&Dual::default()).unwrap(), 3.0 * 4.0 * 15.0);
        assert_eq!(at.second_derivative(&Dual::default()).unwrap(), 6.0 * 2.0 * 15.0);
    }
}

mod results {
    use super::*;

    #[differentiable]
    fn array<S: Scalar>(x: &[S; 2], scale: S) -> [S; 3] {
        [x[0] * x[1], x[0] * scale, x[1] + scale]
    }

    #[differentiable]
    fn vector<S: Scalar>(x: &[S], scale: S) -> Vec<S> {
        x.iter().map(|&x| x * x * scale).collect()
    }

    #[differentiable]
    fn scaled<S: Scalar>(x: &DVector<S>) -> DVector<S> {
        x * (S::from(2.0) * x[0])
    }

    #[differentiable]
    fn structure<S: Scalar>(radius: S, angle: S) -> Point<S> {
        Point { x: radius * angle.cos(), y: radius * angle.sin() }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no root of {0}")]
    struct Negative(f64);

    #[differentiable]
    fn fallible<S: Scalar>(x: S) -> Result<S, Negative> {
        if x < 0.0 { Err(Negative(x.primal())) } else { Ok(x.sqrt()) }
    }

    #[differentiable]
    fn fallible_vector<S: Scalar>(x: &[S]) -> Result<Vec<S>, Failure> {
        x.iter().map(|&x| Ok(fallible(x)?)).collect()
    }

    /// As many results as the value of `x` says.
    #[differentiable]
    fn changing<S: Scalar>(x: S) -> Vec<S> {
        (0..if x > 0.0 { 2 } else { 1 }).map(|_| x).collect()
    }

    #[test]
    fn arrays() {
        let at = array::at(&[2.0, 3.0], 5.0);
        let expected =
            DMatrix::from_row_slice(3, 3, &[3.0, 2.0, 0.0, 5.0, 0.0, 2.0, 0.0, 1.0, 1.0]);
        let (value, jacobian) = at.value_and_jacobian(&Dual::default()).unwrap();
        assert_eq!((value, &jacobian), ([6.0, 10.0, 8.0], &expected));
        let blocks = at.jacobian_blocks(&Dual::default()).unwrap();
        assert_eq!(blocks.x, expected.columns(0, 2));
        assert_eq!(blocks.scale, expected.columns(2, 1));
        let held = array::at(Constant(&[2.0, 3.0]), 5.0);
        let blocks = held.jacobian_blocks(&Dual::default()).unwrap();
        assert_eq!(blocks, array { x: (), scale: expected.columns(2, 1).into_owned() });
        assert_eq!(held.derivative(&Dual::default()).unwrap(), [0.0, 2.0, 1.0]);
        let total = at.pushforward(&Dual::default(), &array { x: [1.0, -1.0], scale: 2.0 });
        assert_eq!(total.unwrap(), [1.0, 9.0, 1.0]);
        let back = at.pullback(&Dual::default(), &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(back, array { x: [13.0, 5.0], scale: 7.0 });
    }

    #[test]
    fn vectors_take_their_length_from_the_first_value() {
        for n in [0, 1, 3] {
            let x: Vec<f64> = (1..=n).map(f64::from).collect();
            let at = vector::at(&x, Constant(2.0));
            assert_eq!(
                at.jacobian(&Dual::default()).unwrap(),
                DMatrix::from_diagonal(&DVector::from_vec(x.iter().map(|x| 4.0 * x).collect()))
            );
            let tangent = vector { x: vec![1.0; x.len()], scale: () };
            let expected: Vec<f64> = x.iter().map(|x| 4.0 * x).collect();
            assert_eq!(at.pushforward(&Dual::default(), &tangent).unwrap(), expected);
        }
        let pulled =
            scaled::at(&dvector![1.0, 3.0]).pullback(&Dual::default(), &dvector![1.0, 1.0]);
        assert_eq!(pulled.unwrap().x, dvector![10.0, 2.0]);
    }

    #[test]
    fn structs() {
        let at = structure::at(2.0, 0.0);
        let (value, derivative) = at
            .value_and_pushforward(&Dual::default(), &structure { radius: 1.0, angle: 0.5 })
            .unwrap();
        assert_eq!((value, derivative), (point(2.0, 0.0), point(1.0, 1.0)));
        let back = at.pullback(&Dual::default(), &point(3.0, 4.0)).unwrap();
        assert_eq!(back, structure { radius: 3.0, angle: 8.0 });
    }

    #[test]
    fn failures_reach_the_caller_and_leave_the_preparation_usable() {
        let at = fallible::at(4.0);
        assert_eq!(at.gradient(&Dual::default()).unwrap().x, 0.25);
        let mut prepared = at.prepare(&Dual::default()).unwrap();
        let error = prepared.gradient(&fallible { x: -1.0 }).unwrap_err();
        let AdError::Function(failure) = error else { panic!("{error}") };
        assert_eq!(failure.downcast_ref::<Negative>().unwrap().0, -1.0);
        assert_eq!(prepared.gradient(&fallible { x: 1.0 }).unwrap().x, 0.5);

        let at = fallible_vector::at(&[1.0, 4.0]);
        assert_eq!(at.pullback(&Dual::default(), &vec![1.0, 1.0]).unwrap().x, [0.5, 0.25]);
        let failing = fallible_vector::at(&[1.0, -4.0]);
        assert!(matches!(failing.value(), Err(AdError::Function(_))));
        assert!(matches!(failing.jacobian(&Dual::default()), Err(AdError::Function(_))));
    }

    #[test]
    fn a_result_or_cotangent_of_another_length_is_an_error() {
        let at = changing::at(1.0);
        let mut prepared = at.prepare(&Dual::default()).unwrap();
        assert_eq!(prepared.derivative(at.point()).unwrap(), [1.0, 1.0]);
        let error = prepared.derivative(&changing { x: -1.0 }).unwrap_err();
        assert_eq!(error.to_string(), "`result` has length 1, expected 2 (as in its first value)");
        let error = at.pullback(&Dual::default(), &vec![1.0; 3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`cotangent` has length 3, expected 2 (as in the result of the function)"
        );
    }

    #[test]
    fn a_derivative_needs_one_active_scalar() {
        let error = array::at(&[2.0, 3.0], 5.0).derivative(&Dual::default()).unwrap_err();
        assert!(matches!(error, AdError::Arity { operation: "derivative", inputs: 3, .. }));
        let error = vector::at(&[], Constant(1.0)).second_derivative(&Dual::default()).unwrap_err();
        assert!(matches!(error, AdError::Arity { operation: "second_derivative", inputs: 0, .. }));
    }
}

mod places {
    //! Where the attribute may be.

    mod nested {
        use ad_api::Scalar;
        use ad_derive::differentiable;

        #[differentiable]
        pub(crate) fn square<S: Scalar>(r#type: S, mut mut_able: S) -> S {
            mut_able += r#type;
            mut_able * mut_able
        }
    }

    use ad_dual::Dual;
    use nested::square;

    #[test]
    fn one_import_brings_the_function_and_its_arguments() {
        assert_eq!(square(1.0, 2.0), 9.0);
        let gradient = square::at(1.0, 2.0).gradient(&Dual::default()).unwrap();
        assert_eq!(gradient, square { r#type: 6.0, mut_able: 6.0 });
    }

    #[test]
    fn inside_of_a_function_and_renamed_crates() {
        use ad_api as interface;
        #[ad_derive::differentiable(crate = "interface")]
        fn local<T: interface::Scalar>(local: T) -> T {
            local * local
        }
        assert_eq!(local::at(3.0).derivative(&Dual::default()).unwrap(), 6.0);
    }
}
