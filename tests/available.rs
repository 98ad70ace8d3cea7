//! Whatever is compiled in: messages say what is available, and which feature adds the rest.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

use ad::{AdError, BackendConfig};

#[test]
fn a_backend_that_is_not_compiled_in_names_its_feature() {
    let available: Vec<_> = ad::kinds().iter().filter(|kind| kind.compiled).collect();
    assert!(!available.is_empty());
    for missing in ad::kinds().iter().filter(|kind| !kind.compiled) {
        let error = missing.name.parse::<BackendConfig>().unwrap_err();
        assert!(matches!(error, AdError::UnknownBackend { .. }), "{error}");
        let message = error.to_string();
        let hint = format!("enable the feature `{}` of the crate `ad`", missing.feature);
        assert!(message.contains(&hint), "{message}");
        for kind in &available {
            assert!(message.contains(kind.name), "{} is not in: {message}", kind.name);
        }
    }
}

#[test]
fn what_is_compiled_in_is_found_by_name() {
    for kind in ad::kinds().iter().filter(|kind| kind.compiled) {
        let backend = kind.name.parse::<BackendConfig>().unwrap().build().unwrap();
        assert!(ad::backends().iter().any(|b| ad::Engine::name(b) == ad::Engine::name(&backend)));
    }
}

#[cfg(any(feature = "burn", feature = "candle"))]
#[derive(Debug, serde::Deserialize)]
struct Config {
    #[allow(dead_code, reason = "reading it is the test")]
    backend: BackendConfig,
}

/// The message for a tensor backend on a device.
#[cfg(any(feature = "burn", feature = "candle"))]
fn refusal(kind: &str, settings: &str) -> String {
    let table = format!("backend = {{ kind = \"{kind}\", {settings} }}");
    toml::from_str::<Config>(&table).unwrap_err().to_string()
}

#[cfg(all(feature = "burn", not(feature = "wgpu")))]
#[test]
fn a_device_that_is_not_compiled_in_names_its_feature() {
    let message = refusal("burn", "device = \"wgpu\"");
    assert!(message.contains("the feature `wgpu` of the crate `ad` adds GPUs"), "{message}");
}

#[cfg(feature = "candle")]
#[test]
fn candle_says_who_has_the_device_that_it_has_not() {
    let message = refusal("candle", "device = \"wgpu\"");
    assert!(message.contains("candle has no `wgpu`, the backend `burn` has"), "{message}");
}

#[cfg(feature = "burn")]
#[test]
fn settings_of_tensor_backends_are_checked() {
    let message = refusal("burn", "precision = \"f16\"");
    assert!(
        message.contains("setting `precision` is \"f16\", expected \"f32\" or \"f64\""),
        "{message}"
    );
    let message = refusal("burn", "device = \"tpu\"");
    assert!(message.contains("expected \"cpu\", \"wgpu\" or \"cuda\""), "{message}");
    let message = refusal("burn", "chunk = 8");
    assert!(message.contains("backend `burn` has no setting `chunk`"), "{message}");
}
