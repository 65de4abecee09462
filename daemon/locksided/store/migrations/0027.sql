-- Lists of jobs by pool, mode and duration are found by indexes of what is not usual.

CREATE INDEX jobs_pool ON jobs (project, pool) WHERE pool <> 'default';
CREATE INDEX jobs_mode ON jobs (project, mode) WHERE mode <> 'run';
CREATE INDEX jobs_long ON jobs (project, duration_us)
    WHERE duration_us >= 1000000 AND start_us IS NOT NULL AND end_us IS NOT NULL;
