-- How often a job was requeued because its engine preempted it.

ALTER TABLE jobs ADD COLUMN preempted_count INTEGER NOT NULL DEFAULT 0 CHECK (preempted_count >= 0);
