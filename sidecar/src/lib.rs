//! The long-lived native service: SMB sessions, database, internal API.
