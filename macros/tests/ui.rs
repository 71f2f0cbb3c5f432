//! What a wrong use of the macro is told: one mistake a file, and the messages beside it; and what has to compile.
//!
//! `TRYBUILD=overwrite` writes the messages. What the compiler says by itself (a type that does not fit a path) is in
//! the documentation of `Projection`, because its words change.

#[test]
fn mistakes_are_told_where_they_are_and_right_uses_compile() {
    let tests = trybuild::TestCases::new();
    tests.pass("tests/ui/pass/*.rs");
    tests.compile_fail("tests/ui/fail/*.rs");
}
