//! The macro that writes the laws of a suite.

/// An enum of laws, each with the name of its test, its statement, and the check of a subject.
macro_rules! laws {
    (
        #[doc = $doc:literal] $Law:ident of $Subject:ty;
        $($Variant:ident $name:ident $statement:literal |$subject:ident, $law:ident| $check:expr;)*
    ) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $Law {
            $(#[doc = $statement] $Variant,)*
        }

        impl $Law {
            const EVERY: &[$Law] = &[$($Law::$Variant),*];

            /// The name of its test.
            pub fn name(self) -> &'static str {
                match self { $($Law::$Variant => stringify!($name)),* }
            }

            /// The law in words.
            pub fn statement(self) -> &'static str {
                match self { $($Law::$Variant => $statement),* }
            }

            pub(crate) fn check(self, subject: &$Subject) -> Vec<$crate::Violation<$Law>> {
                match self {
                    $($Law::$Variant => {
                        let ($subject, $law) = (subject, self);
                        $check
                    })*
                }
            }
        }

        impl std::fmt::Display for $Law {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl $Subject {
            /// The violations of one law, empty if it is kept.
            pub fn check(&self, law: $Law) -> Vec<$crate::Violation<$Law>> {
                law.check(self)
            }

            /// The laws that are broken.
            pub fn broken_laws(&self) -> Vec<$Law> {
                $Law::ALL.iter().copied().filter(|&law| !self.check(law).is_empty()).collect()
            }

            /// Panics with every violation of `law`, if there are any.
            ///
            /// # Panics
            ///
            /// If there are any.
            pub fn assert(&self, law: $Law) {
                let violations = self.check(law);
                let report =
                    || $crate::violation::report(&self.name(), law, law.statement(), &violations);
                assert!(violations.is_empty(), "{}", report());
            }

            /// Panics unless `law` is broken: for what a subject cannot pass, with the `reason`. An
            /// exception that is no longer needed fails.
            ///
            /// # Panics
            ///
            /// If the law is kept.
            pub fn assert_exception(&self, law: $Law, reason: &str) {
                let name = self.name();
                let kept = self.check(law).is_empty();
                assert!(!kept, "`{name}` keeps `{law}`, so the exception can go ({reason})");
            }

            /// Runs one law, which is kept unless it is among the exceptions.
            #[doc(hidden)]
            pub fn __run(&self, law: $Law, except: &[($Law, &str)]) {
                match except.iter().find(|(exception, _)| *exception == law) {
                    Some((_, reason)) => self.assert_exception(law, reason),
                    None => self.assert(law),
                }
            }
        }
    };
}

pub(crate) use laws;
