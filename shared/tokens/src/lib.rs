//! Browser access tokens: claims, minting, verification.
