//! The one place that vouches for native code in a file.

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a component that [`Component::serialize`] wrote.
///
/// The caller must have checked that the file lies in a directory only this user can write to and that its bytes are
/// the ones that were written: `artifact` keeps a digest beside each file.
pub(crate) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "native code from our own cache, guarded by directory mode, owner and digest"
    )]
    // SAFETY: the bytes are those that this program serialized (digest checked by the caller) in a directory that no
    // other user may write to; wasmtime itself refuses files of another version, target or configuration.
    unsafe {
        Component::deserialize_file(engine, path)
    }
}
