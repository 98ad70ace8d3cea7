//! candle tensors behind the `ad` interface.
