"""The daemon's record of each kind of stored object: only what is special about it."""
