//! Memory that the compiler leaves behind.

/// Gives free heap pages back to the system.
///
/// Compiling takes some hundred MiB for a few seconds in the heaps of several threads, and glibc keeps such pages: after
/// a first start an idle process would hold twice the memory that it holds after the second.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn give_back() {
    #[expect(unsafe_code, reason = "a call of the C library that takes a number")]
    // SAFETY: `malloc_trim` has no preconditions; it takes the locks of the heaps itself.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators do this by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}
