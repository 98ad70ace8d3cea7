//! Descriptions of backends: what is accepted, and what each mistake is called.

use std::num::NonZero;

use ad::{AdError, AnyBackend, BackendConfig, Engine, Mode, NativeReverse};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct File {
    backend: BackendConfig,
}

fn from_toml(text: &str) -> Result<BackendConfig, String> {
    toml::from_str::<File>(text).map(|file| file.backend).map_err(|error| error.to_string())
}

fn parse_error(name: &str) -> AdError {
    name.parse::<BackendConfig>().expect_err("should be refused")
}

#[test]
fn tables_names_and_pairs() {
    let dual = BackendConfig::Dual { chunk: None };
    let reverse = BackendConfig::NativeReverse {
        mode: None,
        threads: None,
        exact_functions: None,
        budget: None,
    };
    for (text, expected) in [
        ("[backend]\nkind = 'dual'", dual.clone()),
        ("backend = 'dual'", dual.clone()),
        ("backend = { kind = 'dual', chunk = 8 }", BackendConfig::Dual { chunk: Some(8) }),
        (
            "backend = 'dual/native-reverse'",
            BackendConfig::higher_order(dual.clone(), reverse.clone()),
        ),
        (
            "[backend]\nkind = 'higher-order'\nouter = 'dual'\ninner = { kind = 'native-reverse' }",
            BackendConfig::higher_order(dual.clone(), reverse.clone()),
        ),
        (
            "backend = { kind = 'fd', order = 4, adaptive = false, lower = [0, -inf] }",
            BackendConfig::Fd {
                order: Some(4),
                adaptive: Some(false),
                max_step: None,
                lower: Some(vec![0.0, f64::NEG_INFINITY]),
                upper: None,
            },
        ),
        (
            "[backend]\nkind = 'native-reverse'\nmode = 'compiled'\nthreads = 2",
            BackendConfig::NativeReverse {
                mode: Some(Mode::Compiled),
                threads: Some(2),
                exact_functions: None,
                budget: None,
            },
        ),
        ("backend = 'auto'", BackendConfig::Auto { candidates: vec![] }),
        (
            "backend = { kind = 'auto', candidates = ['dual', 'native-reverse'] }",
            BackendConfig::Auto { candidates: vec![dual.clone(), reverse.clone()] },
        ),
    ] {
        assert_eq!(from_toml(text).as_ref(), Ok(&expected), "{text}");
    }
    for pair in ["dual/native-reverse", "dual over native-reverse", " dual / native-reverse "] {
        let expected = BackendConfig::higher_order(dual.clone(), reverse.clone());
        assert_eq!(pair.parse::<BackendConfig>().unwrap(), expected, "{pair}");
    }
}

#[test]
fn more_than_two_nest_to_the_right() {
    let backend: AnyBackend = "dual/native-reverse/dual".parse().unwrap();
    assert_eq!(backend.name(), "dual over native-reverse over dual");
}

#[test]
fn every_compiled_kind_is_built_from_its_name_and_displays_as_it() {
    for kind in ad::kinds().iter().filter(|kind| kind.compiled) {
        let config: BackendConfig = kind.name.parse().unwrap();
        assert_eq!(config.kind(), kind.name);
        assert_eq!(config.to_string(), kind.name);
        assert_eq!(config.build().unwrap().name(), kind.name);
    }
}

#[test]
fn the_settings_of_native_reverse_are_handed_on() {
    let two = NonZero::new(2).unwrap();
    for (settings, expected) in [
        ("mode = 'tape'", NativeReverse::default()),
        ("mode = 'compiled'", NativeReverse::compiled()),
        ("threads = 2", NativeReverse::default().threads(two)),
        ("exact_functions = true", NativeReverse::default().exact_functions(true)),
        ("budget = 1000", NativeReverse::default().budget(1000)),
    ] {
        let config = from_toml(&format!("backend = {{ kind = 'native-reverse', {settings} }}"));
        let built = config.as_ref().unwrap().build().unwrap();
        let same = matches!(built, AnyBackend::NativeReverse(found) if found == expected);
        assert!(same, "{settings}");
        let json = serde_json::to_string(&config.clone().unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<BackendConfig>(&json).unwrap(), config.unwrap());
    }
}

#[test]
fn what_is_written_is_read_again() {
    for text in ["dual", "native-reverse/dual", "fd", "finitediff", "auto"] {
        let config: BackendConfig = text.parse().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<BackendConfig>(&json).unwrap(), config, "{json}");
        let table = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<BackendConfig>(&table).unwrap(), config, "{table}");
    }
}

#[test]
fn an_unknown_kind_names_what_is_available() {
    let error = parse_error("enzyme");
    assert!(matches!(&error, AdError::UnknownBackend { name, .. } if name == "enzyme"), "{error}");
    let message = error.to_string();
    for kind in ad::kinds().iter().filter(|kind| kind.compiled) {
        assert!(message.contains(kind.name), "{message}");
    }
    assert!(message.starts_with("unknown backend `enzyme`; available: "), "{message}");
    assert!(message.ends_with("outer/inner, auto"), "{message}");
    let table = from_toml("backend = { kind = 'enzyme' }").unwrap_err();
    assert!(table.contains("higher-order, auto"), "{table}");
    let nested = from_toml("[backend]\nkind = 'higher-order'\nouter = 'enzyme'\ninner = 'dual'");
    assert!(nested.unwrap_err().contains("unknown backend `enzyme`"));
}

#[test]
fn every_mistake_is_named() {
    for (text, message) in [
        ("backend = 3", "setting `backend` is 3, expected a backend"),
        ("backend = { chunk = 8 }", "setting `kind` is missing, expected the name of a backend"),
        ("backend = { kind = 8 }", "setting `kind` is 8, expected the name of a backend"),
        ("backend = { kind = 'dual', chunck = 8 }", "backend `dual` has no setting `chunck`"),
        ("backend = { kind = 'dual', chunck = 8 }", "its settings: chunk"),
        ("backend = { kind = 'native-reverse', chunk = 8 }", "its settings: mode"),
        (
            "backend = { kind = 'native-reverse', mode = 'turbo' }",
            "setting `mode` is \"turbo\", expected \"tape\" or \"compiled\"",
        ),
        (
            "backend = { kind = 'dual', chunk = 'eight' }",
            "setting `chunk` is \"eight\", expected a",
        ),
        (
            "backend = { kind = 'dual', chunk = -1 }",
            "setting `chunk` is -1, expected a whole number",
        ),
        ("backend = { kind = 'dual', chunk = 0 }", "setting `chunk` is 0, expected a whole number"),
        (
            "backend = { kind = 'dual', chunk = 17 }",
            "setting `chunk` is 17, expected 1 to 8 tangents",
        ),
        ("backend = { kind = 'num-dual', chunk = 5 }", "setting `chunk` is 5, expected 1 to 4"),
        ("backend = { kind = 'fd', order = 3 }", "setting `order` is 3, expected 2, 4, 6 or 8"),
        ("backend = { kind = 'fd', adaptive = 1 }", "setting `adaptive` is 1, expected true or"),
        (
            "backend = { kind = 'fd', max_step = -1 }",
            "setting `max_step` is -1, expected a positive",
        ),
        (
            "backend = { kind = 'fd', lower = [1, 'x'] }",
            "setting `lower` is a list, expected a list of",
        ),
        ("backend = { kind = 'fd', lower = [1], upper = [0] }", "setting `bounds` is [1, 0] for"),
        (
            "backend = { kind = 'fd', lower = [1], upper = [2, 3] }",
            "`upper` has length 2, expected 1",
        ),
        (
            "backend = { kind = 'finitediff', scheme = 'backward' }",
            "setting `scheme` is \"backward\"",
        ),
        ("backend = { kind = 'higher-order', outer = 'dual' }", "setting `inner` is missing"),
        ("backend = 'higher-order'", "setting `outer` is missing, expected a backend"),
        ("backend = { kind = 'auto', candidates = 'dual' }", "expected a list of backends"),
        ("backend = 'dual/'", "unknown backend ``"),
    ] {
        let error = from_toml(text).expect_err(text);
        assert!(error.contains(message), "{text}: {error}");
    }
    assert!(from_toml("\n\n[backend]\nkind = 'duel'").unwrap_err().contains("line 3"));
}

#[test]
fn auto_needs_a_problem() {
    let error = "auto".parse::<AnyBackend>().unwrap_err();
    assert!(error.to_string().contains("resolved by `choose`"), "{error}");
    for (pair, part) in [("auto/dual", "outer"), ("dual/auto", "inner"), ("dual/auto/fd", "outer")]
    {
        let error = pair.parse::<AnyBackend>().unwrap_err().to_string();
        let expected = format!("setting `{part}` is \"auto\", expected a definite backend;");
        assert!(error.starts_with(&expected), "{pair}: {error}");
        assert!(error.ends_with("`auto` cannot be part of a pair"), "{pair}: {error}");
    }
}
