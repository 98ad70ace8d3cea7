//! The suite of array libraries, on arrays of the host.

use ad_api::array::{Host, HostTensor};
use ad_conformance::{Watched, Watching};

ad_conformance::tensor_suite!(mod host: HostTensor<f64>, Host);
ad_conformance::tensor_suite!(mod watched: Watched<HostTensor<f64>>, Watching::new(Host));
