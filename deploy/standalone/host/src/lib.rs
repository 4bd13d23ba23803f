//! Runs the components of a spin.toml in an embedded wasmtime.
