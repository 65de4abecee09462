-- Deliveries by mail and to commands, and notifications that jobs ask for themselves.

ALTER TABLE deliveries ADD COLUMN channel TEXT NOT NULL DEFAULT 'webhook';

-- Notifications that jobs asked for themselves, and that were told what they waited for.
CREATE TABLE spent_notifications (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    PRIMARY KEY (job_id, place)
) STRICT, WITHOUT ROWID;

-- What is told of a job when it takes long: `after_us` of running or waiting after the event `seq`.
CREATE TABLE notification_timers (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    subscription TEXT NOT NULL,
    event TEXT NOT NULL,
    seq INTEGER NOT NULL,
    after_us INTEGER NOT NULL,
    average_us INTEGER, -- how long such jobs took
    PRIMARY KEY (job_id, project, subscription, event)
) STRICT, WITHOUT ROWID;

-- Whether a job asked for notifications of its own.
ALTER TABLE jobs ADD COLUMN notifies INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_notifying ON jobs (id)
    WHERE notifies = 1 AND status IN ('created', 'waiting', 'processing', 'terminating');

-- What was not written because too much was pending, since that was told last.
CREATE TABLE dropped_notifications (
    project TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    told_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
