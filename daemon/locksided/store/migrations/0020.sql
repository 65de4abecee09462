-- Pools whose jobs run elsewhere, and the folder that such jobs have in common with the machines there.

ALTER TABLE pools ADD COLUMN options TEXT;
ALTER TABLE pools ADD COLUMN backends TEXT;
ALTER TABLE jobs ADD COLUMN work_root TEXT;
ALTER TABLE jobs ADD COLUMN remote TEXT; -- JSON: what is known of it elsewhere
CREATE INDEX jobs_elsewhere ON jobs (work_root) WHERE work_root IS NOT NULL AND cleaned_us IS NULL;
