-- Several pools, and named resources.

ALTER TABLE jobs ADD COLUMN pools TEXT;
ALTER TABLE jobs ADD COLUMN needs TEXT;
ALTER TABLE jobs ADD COLUMN resources TEXT;
