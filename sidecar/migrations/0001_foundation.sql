-- Ids are hyphenated UUIDs as text, moments are microseconds since 1970-01-01 UTC, flags are booleans: all of it is
-- what Postgres would keep too.

CREATE TABLE users (
    id                   TEXT    NOT NULL PRIMARY KEY,
    username             TEXT    NOT NULL,
    name                 TEXT,
    -- Lower-case: the index makes it unique without regard to case.
    email                TEXT,
    -- Argon2 in PHC form; null when there is no password to sign in with.
    password_hash        TEXT,
    role                 TEXT    NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    is_active            BOOLEAN NOT NULL,
    must_change_password BOOLEAN NOT NULL,
    token_version        BIGINT  NOT NULL,
    expires_at           BIGINT,
    created_at           BIGINT  NOT NULL,
    updated_at           BIGINT  NOT NULL
);
CREATE UNIQUE INDEX users_by_username ON users (username);
CREATE UNIQUE INDEX users_by_email ON users (email);

CREATE TABLE user_settings (
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key        TEXT   NOT NULL,
    -- JSON.
    value      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE TABLE connections (
    id              TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    slug            TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    host            TEXT   NOT NULL,
    port            BIGINT NOT NULL CHECK (port BETWEEN 1 AND 65535),
    share_name      TEXT,
    username        TEXT   NOT NULL,
    -- Sealed with the key in secrets.toml.
    password_sealed TEXT   NOT NULL,
    path_prefix     TEXT,
    scope           TEXT   NOT NULL CHECK (scope IN ('shared', 'private')),
    access_mode     TEXT   NOT NULL CHECK (access_mode IN ('read_write', 'read_only')),
    owner_user_id   TEXT   REFERENCES users (id) ON DELETE CASCADE,
    -- Counts the changes.
    revision        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    CHECK ((scope = 'private') = (owner_user_id IS NOT NULL))
);
CREATE UNIQUE INDEX connections_by_slug ON connections (slug);
CREATE INDEX connections_by_owner ON connections (owner_user_id);

CREATE TABLE system_settings (
    key        TEXT   NOT NULL PRIMARY KEY,
    value      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT
);

-- Temporary items on shares, written down before they exist there.
CREATE TABLE temp_files (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id TEXT    NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    path          TEXT    NOT NULL,
    purpose       TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL
);
CREATE INDEX temp_files_by_connection ON temp_files (connection_id);

-- No foreign keys: the record outlives whom it tells of.
CREATE TABLE audit (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           BIGINT NOT NULL,
    event        TEXT   NOT NULL,
    result       TEXT   NOT NULL,
    actor_id     TEXT,
    actor_name   TEXT,
    subject_id   TEXT,
    subject_name TEXT,
    origin       TEXT,
    detail       TEXT   NOT NULL
);
