//! burn tensors behind the `ad` interface.
