-- Notifications: subscriptions, the failures in a row that they count, and what is delivered to them.

-- Where a subscription stands: it hears events behind `since_seq`. Its document is an object of the catalog.
CREATE TABLE subscriptions (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    since_seq INTEGER NOT NULL,
    owner TEXT NOT NULL, -- JSON
    secrets TEXT NOT NULL DEFAULT '{}', -- JSON, encrypted: what lockside made, and what was replaced last
    is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)), -- an answer had the secret
    rotated_us INTEGER,
    PRIMARY KEY (project, id)
) STRICT;

-- How often a configuration failed in a row, as a subscription counts it, and whether that was told.
CREATE TABLE failure_runs (
    project TEXT NOT NULL,
    subscription TEXT NOT NULL,
    subject TEXT NOT NULL,
    failures INTEGER NOT NULL,
    is_told INTEGER NOT NULL CHECK (is_told IN (0, 1)),
    PRIMARY KEY (project, subscription, subject)
) STRICT, WITHOUT ROWID;

-- What is sent; all deliveries of an event share it.
CREATE TABLE notification_bodies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL -- JSON
) STRICT;

-- One notification to one subscription. `next_us` is when it is due, `token` the courier that has it.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- receivers know it: it is never used twice
    project TEXT NOT NULL,
    subscription TEXT NOT NULL,
    job_id INTEGER,
    event TEXT NOT NULL,
    seq INTEGER NOT NULL,
    body_id INTEGER NOT NULL, -- no reference: an index for it would be written with every delivery
    status TEXT NOT NULL CHECK (status IN ('pending', 'sending', 'delivered', 'dead', 'cancelled')),
    attempts TEXT NOT NULL DEFAULT '[]', -- JSON
    next_us INTEGER,
    token TEXT,
    created_us INTEGER NOT NULL,
    ended_us INTEGER,
    CHECK ((status = 'pending') = (next_us IS NOT NULL)),
    CHECK ((status = 'sending') = (token IS NOT NULL)),
    UNIQUE (seq, event, project, subscription)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (next_us) WHERE status = 'pending';
CREATE INDEX deliveries_due_to ON deliveries (project, subscription, next_us) WHERE status = 'pending';
CREATE INDEX deliveries_sending ON deliveries (project, subscription) WHERE status = 'sending';
CREATE INDEX deliveries_ended ON deliveries (project, subscription, status, ended_us) WHERE ended_us IS NOT NULL;
