//! The arguments of one call together: tuples of [`Input`]s, and of [`MapInput`]s for mapped calls.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::bounds::Argument;
use super::digest::{DigestError, digest_into};
use super::error::RunError;
use super::input::{Input, MapInput, MapSource};
use super::settled::Promise;

/// A tuple of [`Input`]s: what a call of a task or flow was given.
pub trait Inputs: Send + Sync + 'static {
    /// The tuple of values.
    type Values: Clone + Send + Sync + 'static;

    /// Visits the runs that each argument comes from, by the argument's position.
    #[doc(hidden)]
    fn visit_runs(&self, visit: &mut dyn FnMut(usize, &UpstreamRun<'_>));

    /// Makes the values; all runs have settled.
    #[doc(hidden)]
    fn into_values(self) -> Result<Self::Values, RunError>;

    /// Hashes each value in canonical form, by position.
    #[doc(hidden)]
    fn digest(values: &Self::Values, each: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError>;

    /// Hashes all values into one.
    #[doc(hidden)]
    fn digest_all(values: &Self::Values, hasher: &mut blake3::Hasher) -> Result<(), DigestError>;

    /// Hashes each value that is known before the runs have settled, by position.
    #[doc(hidden)]
    fn digest_known(&self, each: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError>;

    /// Shows what is known before the runs have settled, under the names of the parameters.
    #[doc(hidden)]
    fn known(&self, names: &[&'static str]) -> Map<String, Json>;

    /// Shows the values as JSON, under the names of the parameters.
    #[doc(hidden)]
    fn to_json(values: &Self::Values, names: &[&'static str]) -> Map<String, Json>;
}

/// A run that an argument comes from.
#[doc(hidden)]
pub struct UpstreamRun<'a> {
    pub(crate) promise: &'a Promise,
    pub(crate) tolerant: bool,
}

/// A tuple of [`MapInput`]s: what a mapped call was given.
pub trait MapInputs: Send + 'static {
    /// The tuple of inputs of one call.
    type Inputs: Inputs;

    /// Takes the inputs of the next call.
    #[doc(hidden)]
    fn next(&mut self) -> Next<Self::Inputs>;

    /// Tells how many calls there will be at least.
    #[doc(hidden)]
    fn size_hint(&self) -> usize;
}

/// The inputs of the next call of a mapped one.
#[doc(hidden)]
pub enum Next<I> {
    Call(I),
    End,
    /// The iterators have different lengths, or nothing is iterated at all.
    Mismatch(&'static str),
}

impl<T> MapInput<T> {
    fn len(&self) -> Option<usize> {
        match &self.0 {
            MapSource::Each(values) => Some(values.size_hint().0),
            MapSource::All(_) => None,
        }
    }
}

fn show<T: Serialize>(value: &T) -> Json {
    // What JSON cannot show is shown as null: this form is for names and keys, results have their own serializer.
    serde_json::to_value(value).unwrap_or(Json::Null)
}

fn digest_one<T: Serialize>(value: &T) -> Result<[u8; 32], DigestError> {
    let mut hasher = blake3::Hasher::new();
    digest_into(value, &mut hasher)?;
    Ok(*hasher.finalize().as_bytes())
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))+) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($name: Argument),*> Inputs for ($(Input<$name>,)*) {
            type Values = ($($name,)*);

            fn visit_runs(&self, visit: &mut dyn FnMut(usize, &UpstreamRun<'_>)) {
                $(for promise in self.$index.runs() {
                    visit($index, &UpstreamRun { promise, tolerant: self.$index.is_tolerant() });
                })*
            }

            fn into_values(self) -> Result<Self::Values, RunError> {
                Ok(($(self.$index.into_value()?,)*))
            }

            fn digest(values: &Self::Values, each: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError> {
                $(each($index, digest_one(&values.$index)?);)*
                Ok(())
            }

            fn digest_all(values: &Self::Values, hasher: &mut blake3::Hasher) -> Result<(), DigestError> {
                $(digest_into(&values.$index, hasher)?;)*
                Ok(())
            }

            fn digest_known(&self, each: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError> {
                $(if let Some(value) = self.$index.value() {
                    each($index, digest_one(value)?);
                })*
                Ok(())
            }

            fn known(&self, names: &[&'static str]) -> Map<String, Json> {
                let mut object = Map::new();
                $(if let Some(value) = self.$index.value() {
                    object.insert(names[$index].to_owned(), show(value));
                })*
                object
            }

            fn to_json(values: &Self::Values, names: &[&'static str]) -> Map<String, Json> {
                let mut object = Map::new();
                $(object.insert(names[$index].to_owned(), show(&values.$index));)*
                object
            }
        }

        #[diagnostic::do_not_recommend]
        #[expect(non_snake_case, reason = "each type parameter names its variable too")]
        impl<$($name: Argument),*> MapInputs for ($(MapInput<$name>,)*) {
            type Inputs = ($(Input<$name>,)*);

            fn next(&mut self) -> Next<Self::Inputs> {
                let mut ended = 0;
                let mut iterated = 0;
                $(let $name = match &mut self.$index.0 {
                    MapSource::All(value) => Some(value.clone()),
                    MapSource::Each(values) => {
                        iterated += 1;
                        let next = values.next();
                        ended += usize::from(next.is_none());
                        next
                    }
                };)*
                if iterated == 0 {
                    return Next::Mismatch("a mapped call needs at least one argument with a value for each call");
                }
                if ended > 0 {
                    return if ended == iterated {
                        Next::End
                    } else {
                        Next::Mismatch("the mapped arguments have different lengths")
                    };
                }
                match ($($name,)*) {
                    ($(Some($name),)*) => Next::Call(($($name,)*)),
                    _ => Next::End,
                }
            }

            fn size_hint(&self) -> usize {
                [$(self.$index.len(),)*].into_iter().flatten().max().unwrap_or_default()
            }
        }
    )+};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
}

impl Inputs for () {
    type Values = ();

    fn visit_runs(&self, _: &mut dyn FnMut(usize, &UpstreamRun<'_>)) {}

    fn into_values(self) -> Result<(), RunError> {
        Ok(())
    }

    fn digest((): &(), _: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError> {
        Ok(())
    }

    fn digest_all((): &(), _: &mut blake3::Hasher) -> Result<(), DigestError> {
        Ok(())
    }

    fn digest_known(&self, _: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError> {
        Ok(())
    }

    fn known(&self, _: &[&'static str]) -> Map<String, Json> {
        Map::new()
    }

    fn to_json((): &(), _: &[&'static str]) -> Map<String, Json> {
        Map::new()
    }
}
