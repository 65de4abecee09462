"""The processes of a run: how they are identified and stopped, and how it is proved that none is left."""
