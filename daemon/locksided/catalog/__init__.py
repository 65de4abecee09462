"""The daemon's record of each kind of stored object: what is special about it, and nothing that all have."""
