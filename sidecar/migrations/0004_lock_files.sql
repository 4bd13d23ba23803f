-- The locked file by its server's own numbers, as it was when it was held last: the same file by every way to it. Null while
-- nothing is known.
ALTER TABLE locks ADD COLUMN server_guid BLOB;
ALTER TABLE locks ADD COLUMN volume_id   BIGINT;
ALTER TABLE locks ADD COLUMN file_id     BIGINT;

-- For looking whether something is on the record already, after a commit of which nobody knows whether it happened.
CREATE INDEX audit_by_time ON audit (at);
