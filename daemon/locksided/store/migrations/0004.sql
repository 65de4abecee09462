-- Objects of any kind: which kinds there are is the business of the catalog's table.
-- foreign_keys is off during a migration, so object_versions may refer to a table that is gone for a moment.

CREATE TEMP TABLE kept_objects AS SELECT * FROM objects;
DROP TABLE objects;
-- `scope` has what identifies an object beside its id: empty, or `<branch>/<component>` for a configuration.
CREATE TABLE objects (
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    created_us INTEGER NOT NULL,
    PRIMARY KEY (project, kind, scope, id)
) STRICT, WITHOUT ROWID;
INSERT INTO objects (project, kind, scope, id, version, deleted, created_us)
SELECT project, kind, scope, id, version, deleted, created_us FROM kept_objects;
DROP TABLE kept_objects;
