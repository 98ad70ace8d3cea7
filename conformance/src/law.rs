//! The laws that a backend keeps, by name.

use ad_api::Operation;

use crate::Subject;
use crate::checks::{
    acceptance, consistency, cost, failures, forms, kinks, linear, operators, shapes, special,
};
use crate::laws::laws;

laws! {
    #[doc = "What a backend promises. The suite makes one test of each, under its [`name`](Law::name)."]
    Law of Subject;

    ClosedFormPushforward pushforward_matches_closed_form "`J v` is the one found by hand."
        |s, law| forms::closed_form(s, law, Operation::Pushforward);
    ClosedFormPullback pullback_matches_closed_form "`Jᵀ w` is the one found by hand."
        |s, law| forms::closed_form(s, law, Operation::Pullback);
    ClosedFormJacobian jacobian_matches_closed_form "`J` is the one found by hand."
        |s, law| forms::closed_form(s, law, Operation::Jacobian);
    ClosedFormDerivative derivative_matches_closed_form "`f'` is the one found by hand."
        |s, law| forms::closed_form(s, law, Operation::Derivative);
    ClosedFormGradient gradient_matches_closed_form "`∇f` is the one found by hand."
        |s, law| forms::closed_form(s, law, Operation::Gradient);
    ClosedFormSecondDerivative second_derivative_matches_closed_form "`f''` is the one found by hand."
        |s, law| forms::closed_form(s, law, Operation::SecondDerivative);
    ClosedFormHessian hessian_matches_closed_form "`∇²f` and `∇²(w·f)` are those found by hand."
        |s, law| forms::closed_form(s, law, Operation::Hessian);
    ClosedFormHvp hvp_matches_closed_form "`∇²(w·f) v` is the one found by hand."
        |s, law| forms::closed_form(s, law, Operation::Hvp);
    ThirdDerivative third_derivative_matches_closed_form "`f'''` is the one found by hand."
        |s, law| special::third_derivatives(s, law);
    AcceptanceDerivatives acceptance_derivatives "The derivative tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::derivatives(s, law);
    AcceptanceGradients acceptance_gradients "The gradient tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::gradients(s, law);
    AcceptanceJacobians acceptance_jacobians "The Jacobian tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::jacobians(s, law);
    AcceptanceSecondDerivatives acceptance_second_derivatives "The second derivative tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::second_derivatives(s, law);
    AcceptanceHessians acceptance_hessians "The Hessian tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::hessians(s, law);
    AcceptancePushforwards acceptance_pushforwards "The pushforward tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::pushforwards(s, law);
    AcceptancePullbacks acceptance_pullbacks "The pullback tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::pullbacks(s, law);
    AcceptanceLazyOperators acceptance_lazy_operators "The lazy operator tests of AbstractDifferentiation.jl pass."
        |s, law| acceptance::lazy_operators(s, law);
    Repeats repeats_exactly "The same call on the same preparation gives the same numbers again."
        |s, law| forms::repeats_exactly(s, law);
    FollowsPoint follows_the_point "A preparation used at one point gives, at another, what a fresh one gives there."
        |s, law| forms::follows_the_point(s, law);
    OverwritesBuffers overwrites_buffers "What is in a result buffer before a call does not matter."
        |s, law| forms::overwrites_buffers(s, law);
    LeavesInputs leaves_inputs_alone "A call does not change its inputs."
        |s, law| forms::leaves_inputs_alone(s, law);
    FormsAgree forms_agree_exactly "Owned, in place, with and without what comes along: the same numbers."
        |s, law| forms::forms_agree(s, law);
    OneShotAgrees one_shot_agrees_with_prepared "No result depends on where the preparation was made."
        |s, law| forms::one_shot_agrees(s, law);
    AnySize prepares_at_any_size "Large and small functions in turn do not disturb one another."
        |s, law| forms::prepares_at_any_size(s, law);
    Linear is_linear "`P(a u + v) = a P(u) + P(v)` for pushforward, pullback and Hessian product."
        |s, law| linear::is_linear(s, law);
    Adjoint is_adjoint "`⟨w, J v⟩ = ⟨Jᵀ w, v⟩` and `⟨u, H v⟩ = ⟨H u, v⟩`."
        |s, law| linear::is_adjoint(s, law);
    SymmetricHessian hessian_is_symmetric "`H = Hᵀ`."
        |s, law| linear::hessian_is_symmetric(s, law);
    FollowsWeights follows_the_weights "The Hessian of `w·f` is that of the weights of this call."
        |s, law| linear::follows_the_weights(s, law);
    Batches batches_agree "Several seeds in one call give what each gives alone."
        |s, law| linear::batches_agree(s, law);
    FirstOrderAgrees first_order_operations_agree "Jacobian, pushforward, pullback, gradient and derivative are one matrix."
        |s, law| consistency::first_order_agrees(s, law);
    SecondOrderAgrees second_order_operations_agree "Hessian, Hessian product and second derivative are one matrix, linear in the weights."
        |s, law| consistency::second_order_agrees(s, law);
    Linearizes linearizes "`linearize` gives the value and the Jacobian as an operator."
        |s, law| operators::linearizes(s, law);
    LazyFirstOrder lazy_first_order_operators "Lazy derivative, gradient and Jacobian multiply like the matrix, from both sides."
        |s, law| operators::lazy_first_order(s, law);
    LazyHessian lazy_hessian_operator "The lazy Hessian multiplies like the matrix, from both sides."
        |s, law| operators::lazy_hessian(s, law);
    RejectsSizes rejects_wrong_sizes "A wrong size is a typed error, and the preparation is as good as before."
        |s, law| shapes::rejects_wrong_sizes(s, law);
    RejectsArity rejects_wrong_arity "An operation for one input or output refuses other functions by a typed error."
        |s, law| shapes::rejects_wrong_arity(s, law);
    Empty handles_empty_functions "Functions without inputs or outputs have empty derivatives."
        |s, law| shapes::handles_empty(s, law);
    Trivial handles_trivial_functions "Identity, sum and copy have the derivatives they have."
        |s, law| shapes::handles_trivial_functions(s, law);
    ManyInputs handles_many_inputs "A function of 10⁵ inputs is differentiated like a small one."
        |s, law| shapes::handles_many_inputs(s, law);
    ReportsFailures reports_failures "The failure of a function reaches the caller with its type."
        |s, law| failures::reports_failures(s, law);
    SurvivesFailures survives_failures "After a failure the preparation gives what it gave before."
        |s, law| failures::survives_failures(s, law);
    PassesPanics passes_panics_on "The panic of a function passes through with its message."
        |s, law| failures::passes_panics_on(s, law);
    SurvivesPanics survives_panics "After a panic the preparation gives what it gave before."
        |s, law| failures::survives_panics(s, law);
    FollowsBranches follows_branches "A derivative takes the branch that the value takes, wherever the preparation was made."
        |s, law| special::follows_branches(s, law);
    ClonesForThreads clones_work_in_threads "Clones of a preparation work in threads side by side."
        |s, law| special::clones_for_threads(s, law);
    Nesting keeps_perturbations_apart "A derivative inside a differentiated function does not see the outer perturbation."
        |s, law| special::keeps_perturbations_apart(s, law);
    Rules applies_rules "A rule that states tangent, cotangent or both is differentiated as stated, to second order."
        |s, law| special::applies_rules(s, law);
    Kinks honours_kink_conventions "At kinks and poles the derivative is the one that `ad_api::Scalar` documents (exact engines)."
        |s, law| kinks::honours_conventions(s, law);
    NonFinite hands_on_non_finite_values "A value that is not finite is handed on, and spoils no other derivative (exact engines)."
        |s, law| kinks::hands_on_non_finite_values(s, law);
    Cost costs_what_it_says "Every call evaluates the function as often as `capability` says."
        |s, law| cost::costs_what_it_says(s, law);
    AllocatesNothing allocates_nothing "After its first call, the in-place form of an operation allocates nothing."
        |s, law| cost::allocates_nothing(s, law);
}

impl Law {
    /// All laws that need no more than a backend: all but [`Law::AllocatesNothing`].
    pub const ALL: &[Law] = Law::EVERY.split_last().expect("some laws").1;
}
