use ad_derive::Params;

#[derive(Clone, Params)]
enum Choice<S> {
    One(S),
}

#[derive(Clone, Params)]
struct NotGeneric {
    x: f64,
}

#[derive(Clone, Params)]
struct Ambiguous<A, B> {
    a: A,
    b: B,
}

#[derive(Clone, Params)]
struct Borrowed<'a, S> {
    x: &'a [S],
}

#[derive(Clone, Params)]
struct Fields<S> {
    x: S,
    months: usize,
    #[params(constant)]
    rates: Vec<S>,
    #[params(fixed)]
    years: usize,
    callback: fn(S) -> S,
}

fn main() {}
