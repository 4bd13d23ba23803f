//! What every function needs: routing, principals, the sidecar client, answers.
