-- A failure can be acknowledged, and lists of the jobs that no container made begin at them.

ALTER TABLE jobs ADD COLUMN acknowledged TEXT;
CREATE INDEX jobs_roots ON jobs (project, visible) WHERE relation IS NOT 'strong';
