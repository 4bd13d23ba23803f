-- Edit locks. The unique key is what makes a second holder impossible.
CREATE TABLE locks (
    id             TEXT   NOT NULL PRIMARY KEY,
    -- The share as text, and the file on it under the server's rule of case.
    share          TEXT   NOT NULL,
    path_key       TEXT   NOT NULL,
    connection_id  TEXT   NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    -- From the root of the share, as it was spelled.
    path           TEXT   NOT NULL,
    holder_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    holder_name    TEXT   NOT NULL,
    operation_id   TEXT   NOT NULL,
    capability     TEXT   NOT NULL,
    fence          BIGINT NOT NULL,
    locked_at      BIGINT NOT NULL,
    last_heartbeat BIGINT NOT NULL
);
CREATE UNIQUE INDEX locks_by_file ON locks (share, path_key);
CREATE INDEX locks_by_connection ON locks (connection_id);
CREATE INDEX locks_by_holder ON locks (holder_id);

-- The greatest fencing number ever given out.
CREATE TABLE lock_fences (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    last BIGINT  NOT NULL
);
INSERT INTO lock_fences (id, last) VALUES (1, 0);

-- What each edit last saw of its file; a change time of null: that there was none.
CREATE TABLE edit_bases (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    lock_id     TEXT    NOT NULL REFERENCES locks (id) ON DELETE CASCADE,
    session     TEXT    NOT NULL,
    change_time BIGINT,
    size        BIGINT,
    file_id     BIGINT,
    modified    BIGINT
);
CREATE UNIQUE INDEX edit_bases_by_session ON edit_bases (lock_id, session);

-- Links that have been used, until they would have expired anyway (seconds since 1970).
CREATE TABLE used_links (
    id         TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_links_by_expiry ON used_links (expires_at);
