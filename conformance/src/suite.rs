//! The macros that make a backend's tests.

/// One test for each [`Law`](crate::Law), for one backend.
///
/// ```
/// ad_conformance::suite!(ad_dual::Dual::default(), tol = 1e-12);
/// # fn main() {}
/// ```
///
/// Without `tol`, the tolerance follows from the [`Accuracy`](ad_api::Accuracy) that the backend
/// states; `tol`, `second` and `third` replace it for derivatives of these orders. Several suites in
/// one file go into modules: `suite!(mod wide: Dual::default())`.
///
/// What a backend cannot pass is stated before the tolerances, with the reason, and the test then fails
/// as soon as it *does* pass:
///
/// ```
/// # use ad_dual::Dual as Coarse;
/// # macro_rules! shown { ($($t:tt)*) => {} }
/// # shown! {
/// ad_conformance::suite!(Coarse::default(), except = [
///     Nesting: "the step does not know that the function is itself a derivative",
/// ]);
/// # }
/// ```
#[macro_export]
macro_rules! suite {
    (mod $name:ident: $($suite:tt)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the backend may be written as a full path")]
            use super::*;
            $crate::suite!($($suite)*);
        }
    };
    ($backend:expr, except = [$($law:ident: $reason:literal),* $(,)?] $(, $setting:ident = $value:expr)* $(,)?) => {
        $crate::suite!(@with $backend, [$($setting = $value),*], [$($law: $reason),*]);
    };
    ($backend:expr $(, $setting:ident = $value:expr)* $(,)?) => {
        $crate::suite!(@with $backend, [$($setting = $value),*], []);
    };
    (@with $backend:expr, [$($setting:ident = $value:expr),*], $except:tt) => {
        $crate::__tests!(@of Law, $crate::Subject::new($backend)$(.$setting($value))*, $except;
            pushforward_matches_closed_form ClosedFormPushforward,
            pullback_matches_closed_form ClosedFormPullback,
            jacobian_matches_closed_form ClosedFormJacobian,
            derivative_matches_closed_form ClosedFormDerivative,
            gradient_matches_closed_form ClosedFormGradient,
            second_derivative_matches_closed_form ClosedFormSecondDerivative,
            hessian_matches_closed_form ClosedFormHessian,
            hvp_matches_closed_form ClosedFormHvp,
            third_derivative_matches_closed_form ThirdDerivative,
            acceptance_derivatives AcceptanceDerivatives,
            acceptance_gradients AcceptanceGradients,
            acceptance_jacobians AcceptanceJacobians,
            acceptance_second_derivatives AcceptanceSecondDerivatives,
            acceptance_hessians AcceptanceHessians,
            acceptance_pushforwards AcceptancePushforwards,
            acceptance_pullbacks AcceptancePullbacks,
            acceptance_lazy_operators AcceptanceLazyOperators,
            repeats_exactly Repeats,
            follows_the_point FollowsPoint,
            overwrites_buffers OverwritesBuffers,
            leaves_inputs_alone LeavesInputs,
            forms_agree_exactly FormsAgree,
            one_shot_agrees_with_prepared OneShotAgrees,
            prepares_at_any_size AnySize,
            is_linear Linear,
            is_adjoint Adjoint,
            hessian_is_symmetric SymmetricHessian,
            follows_the_weights FollowsWeights,
            batches_agree Batches,
            first_order_operations_agree FirstOrderAgrees,
            second_order_operations_agree SecondOrderAgrees,
            linearizes Linearizes,
            lazy_first_order_operators LazyFirstOrder,
            lazy_hessian_operator LazyHessian,
            rejects_wrong_sizes RejectsSizes,
            rejects_wrong_arity RejectsArity,
            handles_empty_functions Empty,
            handles_trivial_functions Trivial,
            handles_many_inputs ManyInputs,
            reports_failures ReportsFailures,
            survives_failures SurvivesFailures,
            passes_panics_on PassesPanics,
            survives_panics SurvivesPanics,
            follows_branches FollowsBranches,
            clones_work_in_threads ClonesForThreads,
            keeps_perturbations_apart Nesting,
            applies_rules Rules,
            honours_kink_conventions Kinks,
            hands_on_non_finite_values NonFinite,
            costs_what_it_says Cost,
        );
    };
}

/// The tests of two backends composed: those of second order, of `HigherOrder::new(outer, inner)`.
///
/// ```
/// use ad_dual::Dual;
/// ad_conformance::pair_suite!(Dual::default(), Dual::default());
/// # fn main() {}
/// ```
///
/// Settings as in [`suite!`](crate::suite!).
#[macro_export]
macro_rules! pair_suite {
    (mod $name:ident: $($suite:tt)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the backends may be written as full paths")]
            use super::*;
            $crate::pair_suite!($($suite)*);
        }
    };
    ($outer:expr, $inner:expr $(, $setting:ident = $value:expr)* $(,)?) => {
        $crate::pair_suite!(@with $outer, $inner, [$($setting = $value),*], []);
    };
    ($outer:expr, $inner:expr $(, $setting:ident = $value:literal)*, except = [$($law:ident: $reason:literal),* $(,)?] $(,)?) => {
        $crate::pair_suite!(@with $outer, $inner, [$($setting = $value),*], [$($law: $reason),*]);
    };
    (@with $outer:expr, $inner:expr, [$($setting:ident = $value:expr),*], $except:tt) => {
        $crate::__tests!(@of Law, $crate::Subject::new($crate::__private::HigherOrder::new($outer, $inner))$(.$setting($value))*, $except;
            second_derivative_matches_closed_form ClosedFormSecondDerivative,
            hessian_matches_closed_form ClosedFormHessian,
            hvp_matches_closed_form ClosedFormHvp,
            third_derivative_matches_closed_form ThirdDerivative,
            acceptance_second_derivatives AcceptanceSecondDerivatives,
            acceptance_hessians AcceptanceHessians,
            acceptance_lazy_operators AcceptanceLazyOperators,
            repeats_exactly Repeats,
            follows_the_point FollowsPoint,
            overwrites_buffers OverwritesBuffers,
            forms_agree_exactly FormsAgree,
            one_shot_agrees_with_prepared OneShotAgrees,
            is_linear Linear,
            is_adjoint Adjoint,
            hessian_is_symmetric SymmetricHessian,
            follows_the_weights FollowsWeights,
            batches_agree Batches,
            second_order_operations_agree SecondOrderAgrees,
            lazy_hessian_operator LazyHessian,
            rejects_wrong_sizes RejectsSizes,
            rejects_wrong_arity RejectsArity,
            handles_empty_functions Empty,
            reports_failures ReportsFailures,
            survives_failures SurvivesFailures,
            passes_panics_on PassesPanics,
            survives_panics SurvivesPanics,
            follows_branches FollowsBranches,
            clones_work_in_threads ClonesForThreads,
            keeps_perturbations_apart Nesting,
            applies_rules Rules,
            costs_what_it_says Cost,
        );
    };
}

/// The test of [`Law::AllocatesNothing`](crate::Law::AllocatesNothing) for some backends, by name;
/// it installs the [`CountingAllocator`](crate::CountingAllocator) in the test binary.
///
/// ```
/// ad_conformance::allocation_suite!(dual: ad_dual::Dual::default());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! allocation_suite {
    ($($name:ident: $backend:expr),+ $(,)?) => {
        #[global_allocator]
        static ALLOCATOR: $crate::CountingAllocator = $crate::CountingAllocator;

        mod allocates_nothing {
            #[allow(unused_imports, reason = "the backends may be written as full paths")]
            use super::*;
            $(
                #[test]
                fn $name() {
                    $crate::Subject::new($backend).assert($crate::Law::AllocatesNothing);
                }
            )+
        }
    };
}

/// One test for each [`TensorLaw`](crate::TensorLaw), for the arrays of one library on one device.
///
/// ```
/// use ad_api::array::{Host, HostTensor};
/// ad_conformance::tensor_suite!(HostTensor<f64>, Host);
/// # fn main() {}
/// ```
///
/// The tolerance follows from the [`precision`](ad_api::array::Tensor::precision) that the library
/// states; `tol = 1e-4` replaces it. `mod name:` in front and `except = [...]` behind are those of
/// [`suite!`](crate::suite!).
#[macro_export]
macro_rules! tensor_suite {
    (mod $name:ident: $($suite:tt)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the library may be written as a full path")]
            use super::*;
            $crate::tensor_suite!($($suite)*);
        }
    };
    ($Tensor:ty, $device:expr $(, $setting:ident = $value:literal)*, except = [$($law:ident: $reason:literal),* $(,)?] $(,)?) => {
        $crate::tensor_suite!(@with $Tensor, $device, [$($setting = $value),*], [$($law: $reason),*]);
    };
    ($Tensor:ty, $device:expr $(, $setting:ident = $value:expr)* $(,)?) => {
        $crate::tensor_suite!(@with $Tensor, $device, [$($setting = $value),*], []);
    };
    (@with $Tensor:ty, $device:expr, [$($setting:ident = $value:expr),*], $except:tt) => {
        $crate::__tests!(@of TensorLaw, $crate::TensorSubject::new::<$Tensor>($device)$(.$setting($value))*, $except;
            returns_entries_as_given RoundTrip,
            fills_arrays Fill,
            stays_on_its_device Devices,
            leaves_operands_alone LeavesOperands,
            states_its_precision Precision,
            computes_functions Functions,
            broadcasts_pairs Broadcasts,
            compares_and_selects Choices,
            multiplies_matrices Products,
            permutes_axes Permutes,
            reshapes_and_stretches Shapes,
            slices_and_embeds Parts,
            selects_and_scatters Lookups,
            concatenates Joins,
            sums Sums,
            finds_maxima Maxima,
            goes_up_to_the_highest_rank Ranks,
            honours_special_values Special,
            moves_entries_untouched Exact,
            computes_what_methods_say Methods,
            reports_wrong_shapes Messages,
            carries_errors_on Carries,
            copies_constants_once Constants,
            handles_large_arrays Large,
            works_in_threads Threads,
        );
    };
}

/// One test for each [`ArrayLaw`](crate::ArrayLaw) of what differentiates array programs.
///
/// For an [`ArrayBackend`](ad_api::array::ArrayBackend), the laws of its pullback:
///
/// ```
/// # macro_rules! shown { ($($t:tt)*) => {} }
/// # shown! {
/// ad_conformance::array_suite!(Burn::default());
/// # }
/// ```
///
/// For [`ArraySweeps`](crate::ArraySweeps), those of the modes that are named:
///
/// ```
/// # macro_rules! shown { ($($t:tt)*) => {} }
/// # shown! {
/// ad_conformance::array_suite!(mod forward: pushforward of dual_arrays());
/// ad_conformance::array_suite!(mod reverse: pullback of taped_arrays());
/// ad_conformance::array_suite!(mod second: hvp of dual_over_taped());
/// # }
/// ```
///
/// `tol = 1e-4` replaces the tolerance, and exceptions are those of [`suite!`](crate::suite!).
#[macro_export]
macro_rules! array_suite {
    (mod $name:ident: $($suite:tt)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the engine may be written as a full path")]
            use super::*;
            $crate::array_suite!($($suite)*);
        }
    };
    ($mode:ident of $sweeps:expr $(, $setting:ident = $value:literal)*, except = [$($law:ident: $reason:literal),* $(,)?] $(,)?) => {
        $crate::array_suite!(@$mode $crate::ArraySubject::from($sweeps)$(.$setting($value))*, [$($law: $reason),*]);
    };
    ($mode:ident of $sweeps:expr $(, $setting:ident = $value:expr)* $(,)?) => {
        $crate::array_suite!(@$mode $crate::ArraySubject::from($sweeps)$(.$setting($value))*, []);
    };
    (@pullback $subject:expr, $except:tt) => {
        $crate::__tests!(@of ArrayLaw, $subject, $except;
            pulls_back_every_operation Pullback,
            pulls_back_several_cotangents PullbackSeeds,
            pulls_back_networks PullbackNetworks,
            pulls_back_at_kinks PullbackKinks,
            pullback_rejects_wrong_shapes PullbackShapes,
        );
    };
    (@pushforward $subject:expr, $except:tt) => {
        $crate::__tests!(@of ArrayLaw, $subject, $except;
            pushes_forward_every_operation Pushforward,
            pushes_forward_several_tangents PushforwardSeeds,
            pushes_forward_networks PushforwardNetworks,
            pushes_forward_at_kinks PushforwardKinks,
            pushforward_rejects_wrong_shapes PushforwardShapes,
        );
    };
    (@hvp $subject:expr, $except:tt) => {
        $crate::__tests!(@of ArrayLaw, $subject, $except;
            multiplies_with_hessians_of_every_operation Hvp,
            multiplies_with_hessians_of_networks HvpNetworks,
        );
    };
    ($engine:expr $(, $setting:ident = $value:literal)*, except = [$($law:ident: $reason:literal),* $(,)?] $(,)?) => {
        $crate::array_suite!(pullback of $crate::ArraySubject::new($engine).expect("the engine has a device")
            $(, $setting = $value)*, except = [$($law: $reason),*]);
    };
    ($engine:expr $(, $setting:ident = $value:expr)* $(,)?) => {
        $crate::array_suite!(pullback of $crate::ArraySubject::new($engine).expect("the engine has a device")
            $(, $setting = $value)*);
    };
}

/// One test for each law; what the suites expand to.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    (@of $Law:ident, $subject:expr, $except:tt; $($name:ident $law:ident,)*) => {$(
        #[test]
        fn $name() {
            $subject.__run($crate::$Law::$law, &$crate::__tests!(@except $Law, $except));
        }
    )*};
    (@except $Law:ident, [$($law:ident: $reason:literal),*]) => {
        [$(($crate::$Law::$law, $reason)),*] as [($crate::$Law, &str); _]
    };
}
