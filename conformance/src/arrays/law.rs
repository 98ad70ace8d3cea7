//! The laws of derivatives of array programs, by name.

use super::{ArraySubject, checks, kinks};
use crate::laws::laws;

laws! {
    #[doc = "What is promised of derivatives of array programs. The suite makes one test of each, under its [`name`](ArrayLaw::name)."]
    ArrayLaw of ArraySubject;

    Pullback pulls_back_every_operation "`Jᵀ w` of every operation, on views and broadcast operands too."
        |s, law| checks::every_operation(s, law, checks::pullback);
    PullbackSeeds pulls_back_several_cotangents "Several cotangents in one call give what each gives alone; none give the value."
        |s, law| checks::several_seeds(s, law, checks::pullback);
    PullbackNetworks pulls_back_networks "The gradient of a network, and of programs that use results twice or not at all."
        |s, law| checks::networks(s, law, checks::pullback);
    PullbackKinks pulls_back_at_kinks "At kinks, ties and poles `Jᵀ w` is the one that `ArrayOp` documents."
        |s, law| kinks::pulls_back(s, law);
    PullbackShapes pullback_rejects_wrong_shapes "Inputs and cotangents of other shapes, and wrong shapes inside the program, are typed errors."
        |s, law| checks::rejects_shapes(s, law, checks::pullback);
    Pushforward pushes_forward_every_operation "`J v` of every operation, on views and broadcast operands too."
        |s, law| checks::every_operation(s, law, checks::pushforward);
    PushforwardSeeds pushes_forward_several_tangents "Several tangents in one call give what each gives alone; none give the value."
        |s, law| checks::several_seeds(s, law, checks::pushforward);
    PushforwardNetworks pushes_forward_networks "`J v` of a network, and of programs that use results twice or not at all."
        |s, law| checks::networks(s, law, checks::pushforward);
    PushforwardKinks pushes_forward_at_kinks "At kinks, ties and poles `J v` is the one that `ArrayOp` documents."
        |s, law| kinks::pushes_forward(s, law);
    PushforwardShapes pushforward_rejects_wrong_shapes "Inputs and tangents of other shapes, and wrong shapes inside the program, are typed errors."
        |s, law| checks::rejects_shapes(s, law, checks::pushforward);
    Hvp multiplies_with_hessians_of_every_operation "`∇²(w·f) v` of every operation."
        |s, law| checks::hessian_products(s, law);
    HvpNetworks multiplies_with_hessians_of_networks "`∇²(w·f) v` of a network, and of programs that use results twice or not at all."
        |s, law| checks::hessian_products_of_networks(s, law);
}

impl ArrayLaw {
    /// All laws: what has one mode only breaks those of the others.
    pub const ALL: &[ArrayLaw] = ArrayLaw::EVERY;
}
