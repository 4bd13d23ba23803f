//! Paths on a share: parsed once at the edge, canonical keys, name rules.
