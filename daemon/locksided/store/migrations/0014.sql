-- The secrets of projects: they sign the webhooks that jobs themselves ask for.

CREATE TABLE project_secrets (
    number INTEGER PRIMARY KEY,
    project TEXT NOT NULL UNIQUE,
    secrets TEXT NOT NULL, -- JSON, encrypted: the one that signs, and the one that was replaced last
    rotated_us INTEGER
) STRICT;
