-- Tokens, and who acted as the owner of a job.

ALTER TABLE jobs ADD COLUMN owner_via TEXT;

-- What a user may show instead of being one of the machine's, at most with a role and in one project alone.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- a part of the secret: it is never used twice
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    user TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    sha256 BLOB NOT NULL, -- of the secret, which is stored nowhere
    made_with INTEGER, -- the token with which it was made, and with which it ends
    created_us INTEGER NOT NULL,
    expires_us INTEGER
) STRICT;
CREATE INDEX tokens_of_user ON tokens (project, uid, id);
CREATE INDEX tokens_made_with ON tokens (made_with) WHERE made_with IS NOT NULL;
