"""How many jobs make a crowd. Few show the slope of what grows with a crowd as well as many do."""

import os

LONG = bool(os.environ.get("LOCKSIDE_TEST_LONG"))
FEW = 1_000 if LONG else 500
MANY = 20_000 if LONG else 4_000
CROWD = 10_000 if LONG else 2_000
WAITING = 100_000 if LONG else 5_000
"""For figures of memory: the more jobs, the less the rest of the core counts."""
