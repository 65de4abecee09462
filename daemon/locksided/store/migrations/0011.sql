-- Deliveries also of what jobs ask for themselves, and several in one message; fewer entries of indexes for each.

ALTER TABLE deliveries RENAME TO older_deliveries;

-- One notification to one receiver: a subscription, or where a job of its own wants it told. `next_us` is when it is due,
-- `token` who has it. Those with the same `digest` are one message, whose id is that of the first of them.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- receivers know it: it is never used twice
    project TEXT NOT NULL,
    receiver TEXT NOT NULL, -- a subscription's id; of a job's own notification, scheme and host
    place INTEGER NOT NULL DEFAULT -1, -- among the notifications of its job; -1: a subscription's
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
    attempted_us INTEGER, -- when it was given to a courier last
    digest INTEGER,
    url TEXT, -- of a job's own notification, filled in
    CHECK ((status = 'pending') = (next_us IS NOT NULL)),
    CHECK ((status = 'sending') = (token IS NOT NULL)),
    UNIQUE (seq, event, project, receiver, place)
) STRICT;

INSERT INTO deliveries (id, project, receiver, job_id, event, seq, body_id, status, attempts, next_us, token, created_us, ended_us)
SELECT id, project, subscription, job_id, event, seq, body_id, status, attempts, next_us, token, created_us, ended_us
FROM older_deliveries;
INSERT INTO sqlite_sequence (name, seq) SELECT 'deliveries', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'deliveries');
UPDATE sqlite_sequence SET seq = (SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name LIKE '%deliveries')
WHERE name = 'deliveries';
DROP TABLE older_deliveries;

CREATE INDEX deliveries_due ON deliveries (project, receiver, next_us) WHERE status = 'pending';
CREATE INDEX deliveries_sending ON deliveries (project, receiver) WHERE status = 'sending';
CREATE INDEX deliveries_attempted ON deliveries (project, receiver, attempted_us) WHERE attempted_us IS NOT NULL;
CREATE INDEX deliveries_ended ON deliveries (project, receiver, status, ended_us) WHERE ended_us IS NOT NULL;
CREATE INDEX deliveries_digest ON deliveries (digest) WHERE digest IS NOT NULL;

-- Until when what a subscription is told is gathered, and the message that is to have it (NULL: none yet).
CREATE TABLE digests (
    project TEXT NOT NULL,
    subscription TEXT NOT NULL,
    until_us INTEGER NOT NULL,
    leader INTEGER,
    PRIMARY KEY (project, subscription)
) STRICT, WITHOUT ROWID;
