-- What a pool's executor can do, as it has said: known also before it is reached.

ALTER TABLE pools ADD COLUMN capabilities TEXT;
