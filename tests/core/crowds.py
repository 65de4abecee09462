"""How many jobs make a crowd. A small crowd shows as well as a large one how a cost grows."""

import os

LONG = bool(os.environ.get("LOCKSIDE_TEST_LONG"))
FEW = 1_000 if LONG else 500
MANY = 20_000 if LONG else 4_000
CROWD = 10_000 if LONG else 2_000
WAITING = 100_000 if LONG else 5_000
"""For measurements of memory: the more jobs, the smaller the share of the rest of the core."""
