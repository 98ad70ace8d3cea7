//! Where tensor libraries meet the other engines and the solvers: see `tests`. The crates that are light
//! to compile do not depend on them.
