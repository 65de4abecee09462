"""Reads a job's log while it is written and after. Nothing here writes, waits, or depends on jobs."""
