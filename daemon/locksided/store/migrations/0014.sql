-- Deliveries by mail and to commands, and notifications that jobs ask for themselves.

ALTER TABLE deliveries ADD COLUMN channel TEXT NOT NULL DEFAULT 'webhook';

-- Notifications that jobs asked for themselves, and that were told what they waited for.
CREATE TABLE spent_notifications (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    PRIMARY KEY (job_id, place)
) STRICT, WITHOUT ROWID;

-- Whether a job asked for notifications of its own.
ALTER TABLE jobs ADD COLUMN notifies INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_notifying ON jobs (id)
    WHERE notifies = 1 AND status IN ('created', 'waiting', 'processing', 'terminating');
