-- The share that a temporary item is on, as text: its connection may lead to another one by the time it is cleared up. Null
-- for items of earlier versions.
ALTER TABLE temp_files ADD COLUMN share TEXT;
