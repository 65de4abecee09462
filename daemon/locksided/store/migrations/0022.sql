-- Jobs that run a chunk of another.

ALTER TABLE jobs ADD COLUMN chunk TEXT;
