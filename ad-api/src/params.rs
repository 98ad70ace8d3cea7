//! Structured parameters: values that are made of scalars, with shapes and names of their own.

mod shapes;

use crate::{AdError, Result, Scalar};

/// A value made of [`Scalar`]s: a number, an array, a vector, a matrix, or a struct of them.
///
/// It is what lets a derivative come back in the type of the argument: the gradient with respect to
/// a `Bond<f64>` is a `Bond<f64>`. Implemented for every scalar, for `[P; N]`, `Vec<P>`, `Option<P>`
/// and tuples, for nalgebra's vectors and matrices and for `Complex`; `#[derive(Params)]` of
/// `ad-derive` does it for a struct that is generic in its scalar.
///
/// What is not differentiated (a date, a name, a count: a *constant field*) belongs to the shape: it
/// is copied along wherever a value is made after the pattern of another.
///
/// # Laws
///
/// All methods visit the scalars in one order, that of the fields; [`for_each_length`] reports every
/// length that the type leaves open, so that equal lengths mean equal shapes.
///
/// ```
/// use ad_api::Params;
///
/// let point = ([1.0, 2.0], vec![3.0]);
/// assert_eq!(point.flatten(), [1.0, 2.0, 3.0]);
/// assert_eq!(point.unflatten(&[4.0, 5.0, 6.0])?, ([4.0, 5.0], vec![6.0]));
/// assert!(point.unflatten(&[4.0]).is_err());
/// # Ok::<(), ad_api::AdError>(())
/// ```
///
/// [`for_each_length`]: Params::for_each_length
pub trait Params: Clone + Send + Sync + 'static {
    /// The number type of the scalars.
    type Scalar: Scalar;

    /// The same structure over another number type.
    type Rebind<T: Scalar>: Params<Scalar = T>;

    /// Some value of this type, if the type alone fixes the shape; `None` if it has an open length
    /// or a constant field.
    fn template() -> Option<Self> {
        None
    }

    /// Calls `visit` with every length that the type leaves open, and the name of the field it
    /// belongs to: `name`, unless `self` has named fields.
    fn for_each_length(&self, name: &'static str, visit: &mut impl FnMut(&'static str, usize)) {
        let _ = (name, visit);
    }

    /// Calls `visit` with every scalar.
    fn for_each_scalar(&self, visit: &mut impl FnMut(Self::Scalar));

    /// Calls `visit` with a reference to every scalar.
    fn for_each_scalar_mut(&mut self, visit: &mut impl FnMut(&mut Self::Scalar));

    /// The same structure with every scalar mapped.
    fn map_scalars<T: Scalar>(&self, map: &mut impl FnMut(Self::Scalar) -> T) -> Self::Rebind<T>;

    /// Makes `out` what [`map_scalars`](Self::map_scalars) would return, reusing its memory.
    fn map_scalars_into<T: Scalar>(
        &self,
        map: &mut impl FnMut(Self::Scalar) -> T,
        out: &mut Self::Rebind<T>,
    ) {
        *out = self.map_scalars(map);
    }

    /// The number of scalars.
    fn scalars(&self) -> usize {
        let mut count = 0;
        self.for_each_scalar(&mut |_| count += 1);
        count
    }

    /// The scalars, one after another.
    fn flatten(&self) -> Vec<Self::Scalar> {
        let mut flat = Vec::new();
        self.for_each_scalar(&mut |scalar| flat.push(scalar));
        flat
    }

    /// This value with the scalars of `flat`: constant fields and lengths are kept.
    ///
    /// # Errors
    ///
    /// [`AdError::Shape`] unless `flat` has as many entries as this value has scalars.
    fn unflatten(&self, flat: &[Self::Scalar]) -> Result<Self> {
        AdError::check_len("flat", flat.len(), self.scalars(), "the number of scalars")?;
        let (mut value, mut entries) = (self.clone(), flat.iter());
        value.for_each_scalar_mut(&mut |scalar| {
            if let Some(entry) = entries.next() {
                *scalar = *entry;
            }
        });
        Ok(value)
    }

    /// This value in another number type, without derivatives.
    fn lift<T: Scalar>(&self) -> Self::Rebind<T> {
        self.map_scalars(&mut |scalar| T::from(scalar.primal()))
    }
}
