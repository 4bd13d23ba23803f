//! SMB shares over smb2: pooled sessions, listings, streams, atomic replacement.
