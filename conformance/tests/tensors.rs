//! The suite of array libraries, on arrays of the host.

use ad_api::array::{DualTensor, Host, HostTensor, TapedTensor};
use ad_conformance::{Watched, Watching};

ad_conformance::tensor_suite!(mod host: HostTensor<f64>, Host);
ad_conformance::tensor_suite!(mod watched: Watched<HostTensor<f64>>, Watching::new(Host));
ad_conformance::tensor_suite!(mod dual: DualTensor<HostTensor<f64>>, Host);
ad_conformance::tensor_suite!(mod taped: TapedTensor<HostTensor<f64>>, Host);
