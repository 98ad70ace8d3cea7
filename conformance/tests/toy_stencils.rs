//! Three engines that define one primitive each get every operation.

mod toys;
use toys::stencil::{OnlyJacobian, OnlyPullback, OnlyPushforward};

ad_conformance::suite!(mod only_pushforward: OnlyPushforward);
ad_conformance::suite!(mod only_pullback: OnlyPullback);
ad_conformance::suite!(mod only_jacobian: OnlyJacobian);
