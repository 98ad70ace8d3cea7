//! What must not compile, and what the message says.

#[test]
fn errors_point_at_the_line_of_the_user() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
