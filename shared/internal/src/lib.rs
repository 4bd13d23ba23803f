//! What the functions and the sidecar say to each other.
