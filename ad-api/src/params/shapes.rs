//! [`Params`] of the types that are not the user's own.

use std::array::from_fn;
use std::marker::PhantomData;

use nalgebra::{Complex, Const, Dyn, OMatrix};

use crate::{Params, Scalar};

impl<S: Scalar> Params for S {
    type Scalar = S;
    type Rebind<T: Scalar> = T;

    fn template() -> Option<S> {
        Some(S::zero())
    }

    fn for_each_scalar(&self, visit: &mut impl FnMut(S)) {
        visit(*self);
    }

    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut S)) {
        visit(self);
    }

    fn map_scalars<T: Scalar>(&self, map: &mut impl FnMut(S) -> T) -> T {
        map(*self)
    }
}

impl<P: Params, const N: usize> Params for [P; N] {
    type Scalar = P::Scalar;
    type Rebind<T: Scalar> = [P::Rebind<T>; N];

    fn template() -> Option<Self> {
        let template = P::template()?;
        Some(from_fn(|_| template.clone()))
    }

    fn for_each_length(&self, name: &'static str, visit: &mut impl FnMut(&'static str, usize)) {
        self.iter().for_each(|p| p.for_each_length(name, visit));
    }

    fn for_each_scalar(&self, visit: &mut impl FnMut(P::Scalar)) {
        self.iter().for_each(|p| p.for_each_scalar(visit));
    }

    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut P::Scalar)) {
        self.iter_mut().for_each(|p| p.for_each_scalar_mut(visit));
    }

    fn map_scalars<T: Scalar>(&self, map: &mut impl FnMut(P::Scalar) -> T) -> [P::Rebind<T>; N] {
        from_fn(|i| self[i].map_scalars(map))
    }

    fn map_scalars_into<T: Scalar>(
        &self,
        map: &mut impl FnMut(P::Scalar) -> T,
        out: &mut [P::Rebind<T>; N],
    ) {
        self.iter().zip(out).for_each(|(p, out)| p.map_scalars_into(map, out));
    }
}

impl<P: Params> Params for Vec<P> {
    type Scalar = P::Scalar;
    type Rebind<T: Scalar> = Vec<P::Rebind<T>>;

    fn for_each_length(&self, name: &'static str, visit: &mut impl FnMut(&'static str, usize)) {
        visit(name, self.len());
        self.iter().for_each(|p| p.for_each_length(name, visit));
    }

    fn for_each_scalar(&self, visit: &mut impl FnMut(P::Scalar)) {
        self.iter().for_each(|p| p.for_each_scalar(visit));
    }

    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut P::Scalar)) {
        self.iter_mut().for_each(|p| p.for_each_scalar_mut(visit));
    }

    fn map_scalars<T: Scalar>(&self, map: &mut impl FnMut(P::Scalar) -> T) -> Vec<P::Rebind<T>> {
        self.iter().map(|p| p.map_scalars(map)).collect()
    }

    fn map_scalars_into<T: Scalar>(
        &self,
        map: &mut impl FnMut(P::Scalar) -> T,
        out: &mut Vec<P::Rebind<T>>,
    ) {
        out.truncate(self.len());
        let (reused, new) = self.split_at(out.len());
        reused.iter().zip(&mut *out).for_each(|(p, out)| p.map_scalars_into(map, out));
        out.extend(new.iter().map(|p| p.map_scalars(map)));
    }
}

impl<P: Params> Params for Option<P> {
    type Scalar = P::Scalar;
    type Rebind<T: Scalar> = Option<P::Rebind<T>>;

    fn for_each_length(&self, name: &'static str, visit: &mut impl FnMut(&'static str, usize)) {
        visit(name, usize::from(self.is_some()));
        self.iter().for_each(|p| p.for_each_length(name, visit));
    }

    fn for_each_scalar(&self, visit: &mut impl FnMut(P::Scalar)) {
        self.iter().for_each(|p| p.for_each_scalar(visit));
    }

    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut P::Scalar)) {
        self.iter_mut().for_each(|p| p.for_each_scalar_mut(visit));
    }

    fn map_scalars<T: Scalar>(&self, map: &mut impl FnMut(P::Scalar) -> T) -> Option<P::Rebind<T>> {
        self.as_ref().map(|p| p.map_scalars(map))
    }

    fn map_scalars_into<T: Scalar>(
        &self,
        map: &mut impl FnMut(P::Scalar) -> T,
        out: &mut Option<P::Rebind<T>>,
    ) {
        match (self, &mut *out) {
            (Some(p), Some(out)) => p.map_scalars_into(map, out),
            _ => *out = self.map_scalars(map),
        }
    }
}

/// Implements [`Params`] for matrices: which dimensions are open, and a value if none is.
macro_rules! matrix {
    ([$($generics:tt)*] $R:ty, $C:ty, |$matrix:ident| [$($length:expr),*], $template:expr) => {
        impl<S: Scalar, $($generics)*> Params for OMatrix<S, $R, $C> {
            type Scalar = S;
            type Rebind<T: Scalar> = OMatrix<T, $R, $C>;

            fn template() -> Option<Self> {
                $template
            }

            fn for_each_length(
                &self,
                name: &'static str,
                visit: &mut impl FnMut(&'static str, usize),
            ) {
                let ($matrix, _) = (self, (name, &visit));
                $(visit(name, $length);)*
            }

            fn for_each_scalar(&self, visit: &mut impl FnMut(S)) {
                self.iter().for_each(|&scalar| visit(scalar));
            }

            fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut S)) {
                self.iter_mut().for_each(visit);
            }

            fn map_scalars<T: Scalar>(
                &self,
                map: &mut impl FnMut(S) -> T,
            ) -> OMatrix<T, $R, $C> {
                self.map(map)
            }

            fn map_scalars_into<T: Scalar>(
                &self,
                map: &mut impl FnMut(S) -> T,
                out: &mut OMatrix<T, $R, $C>,
            ) {
                if self.shape() == out.shape() {
                    self.iter().zip(out.iter_mut()).for_each(|(&scalar, out)| *out = map(scalar));
                } else {
                    *out = self.map(map);
                }
            }
        }
    };
}

matrix!([const R: usize, const C: usize] Const<R>, Const<C>, |_matrix| [], Some(Self::zeros()));
matrix!([const C: usize] Dyn, Const<C>, |matrix| [matrix.nrows()], None);
matrix!([const R: usize] Const<R>, Dyn, |matrix| [matrix.ncols()], None);
matrix!([] Dyn, Dyn, |matrix| [matrix.nrows(), matrix.ncols()], None);

/// Implements [`Params`] for tuples over one scalar.
macro_rules! tuple {
    ($First:ident $first:tt $(, $P:ident $p:tt)*) => {
        impl<$First: Params $(, $P: Params<Scalar = $First::Scalar>)*> Params
            for ($First, $($P,)*)
        {
            type Scalar = $First::Scalar;
            type Rebind<T: Scalar> = ($First::Rebind<T>, $($P::Rebind<T>,)*);

            fn template() -> Option<Self> {
                Some(($First::template()?, $($P::template()?,)*))
            }

            fn for_each_length(
                &self,
                name: &'static str,
                visit: &mut impl FnMut(&'static str, usize),
            ) {
                self.$first.for_each_length(name, visit);
                $(self.$p.for_each_length(name, visit);)*
            }

            fn for_each_scalar(&self, visit: &mut impl FnMut(Self::Scalar)) {
                self.$first.for_each_scalar(visit);
                $(self.$p.for_each_scalar(visit);)*
            }

            fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut Self::Scalar)) {
                self.$first.for_each_scalar_mut(visit);
                $(self.$p.for_each_scalar_mut(visit);)*
            }

            fn map_scalars<T: Scalar>(
                &self,
                map: &mut impl FnMut(Self::Scalar) -> T,
            ) -> Self::Rebind<T> {
                (self.$first.map_scalars(map), $(self.$p.map_scalars(map),)*)
            }

            fn map_scalars_into<T: Scalar>(
                &self,
                map: &mut impl FnMut(Self::Scalar) -> T,
                out: &mut Self::Rebind<T>,
            ) {
                self.$first.map_scalars_into(map, &mut out.$first);
                $(self.$p.map_scalars_into(map, &mut out.$p);)*
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Real part, then imaginary part.
impl<S: Scalar> Params for Complex<S> {
    type Scalar = S;
    type Rebind<T: Scalar> = Complex<T>;

    fn template() -> Option<Self> {
        Some(Complex::new(S::zero(), S::zero()))
    }

    fn for_each_scalar(&self, visit: &mut impl FnMut(S)) {
        visit(self.re);
        visit(self.im);
    }

    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut S)) {
        visit(&mut self.re);
        visit(&mut self.im);
    }

    fn map_scalars<T: Scalar>(&self, map: &mut impl FnMut(S) -> T) -> Complex<T> {
        Complex::new(map(self.re), map(self.im))
    }
}

/// No scalar at all.
impl<S: Scalar> Params for PhantomData<S> {
    type Scalar = S;
    type Rebind<T: Scalar> = PhantomData<T>;

    fn template() -> Option<Self> {
        Some(PhantomData)
    }

    fn for_each_scalar(&self, _visit: &mut impl FnMut(S)) {}

    fn for_each_scalar_mut(&mut self, _visit: &mut impl FnMut(&mut S)) {}

    fn map_scalars<T: Scalar>(&self, _map: &mut impl FnMut(S) -> T) -> PhantomData<T> {
        PhantomData
    }
}
