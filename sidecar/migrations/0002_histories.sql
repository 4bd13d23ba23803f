-- Directories that users have visited and files that they have opened.
CREATE TABLE visits (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind          TEXT   NOT NULL CHECK (kind IN ('directory', 'file')),
    -- A connection's id or a local drive's. Not a foreign key: a record may outlive its connection.
    connection_id TEXT   NOT NULL,
    path          TEXT   NOT NULL,
    -- Differs between the visits of one history: its order.
    visited_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX visits_by_place ON visits (user_id, kind, connection_id, path);
CREATE UNIQUE INDEX visits_by_time ON visits (user_id, kind, visited_at);
