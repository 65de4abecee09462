-- What is told of an event stands once, however many are told it, and so does a receiver: a delivery only joins the two.

CREATE TABLE receivers (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (project, name)
) STRICT;
INSERT INTO receivers (project, name) SELECT DISTINCT project, receiver FROM deliveries;

CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    event TEXT NOT NULL,
    seq INTEGER NOT NULL,
    job_id INTEGER,
    body TEXT NOT NULL, -- JSON
    created_us INTEGER NOT NULL
) STRICT;
INSERT INTO notices (id, project, event, seq, job_id, body, created_us)
SELECT b.id, d.project, d.event, d.seq, d.job_id, b.body, min(d.created_us)
FROM notification_bodies b JOIN deliveries d ON d.body_id = b.id GROUP BY b.id;
DROP TABLE notification_bodies;

ALTER TABLE deliveries RENAME TO older_deliveries;
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- receivers know it: it is never used twice
    notice_id INTEGER NOT NULL,
    receiver_id INTEGER NOT NULL,
    place INTEGER NOT NULL DEFAULT -1, -- among the notifications of its job; -1: a subscription's
    status TEXT NOT NULL,
    attempts TEXT NOT NULL DEFAULT '[]', -- JSON
    next_us INTEGER,
    token TEXT,
    ended_us INTEGER,
    attempted_us INTEGER, -- when it was given to a courier last
    digest INTEGER,
    url TEXT, -- of a job's own notification, filled in
    channel TEXT NOT NULL DEFAULT 'webhook',
    CHECK (CASE status
        WHEN 'pending' THEN next_us IS NOT NULL AND token IS NULL
        WHEN 'sending' THEN next_us IS NULL AND token IS NOT NULL
        ELSE status IN ('delivered', 'dead', 'cancelled') AND next_us IS NULL AND token IS NULL
    END),
    UNIQUE (notice_id, receiver_id, place)
) STRICT;
INSERT INTO deliveries (
    id, notice_id, receiver_id, place, status, attempts, next_us, token, ended_us, attempted_us, digest, url, channel
)
SELECT o.id, body_id, r.id, place, status, attempts, next_us, token, ended_us, attempted_us, digest, url, channel
FROM older_deliveries o JOIN receivers r ON r.project = o.project AND r.name = o.receiver;
INSERT INTO sqlite_sequence (name, seq) SELECT 'deliveries', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'deliveries');
UPDATE sqlite_sequence SET seq = (SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name LIKE '%deliveries')
WHERE name = 'deliveries';
DROP TABLE older_deliveries;

CREATE INDEX deliveries_due ON deliveries (receiver_id, next_us) WHERE status = 'pending';
CREATE INDEX deliveries_sending ON deliveries (receiver_id) WHERE status = 'sending';
CREATE INDEX deliveries_attempted ON deliveries (receiver_id, attempted_us) WHERE attempted_us IS NOT NULL;
CREATE INDEX deliveries_ended ON deliveries (receiver_id, status, ended_us) WHERE ended_us IS NOT NULL;
CREATE INDEX deliveries_digest ON deliveries (digest) WHERE digest IS NOT NULL;

CREATE VIEW told_deliveries AS
SELECT d.id, n.project, r.name AS receiver, d.channel, d.place, n.job_id, n.event, n.seq, d.notice_id, d.status, d.attempts,
    d.next_us, d.token, n.created_us, d.ended_us, d.digest, d.url
FROM deliveries d JOIN notices n ON n.id = d.notice_id JOIN receivers r ON r.id = d.receiver_id;
