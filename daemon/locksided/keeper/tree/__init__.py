"""The processes of a run: which they are, how they are stopped, and how it is proved that none is left."""
