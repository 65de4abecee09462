"""How long a fuzzing test runs, and with which seed: both from the environment, to repeat a run.

LOCKSIDE_FUZZ_SECONDS=600 sh tests/run tests/fuzz        # the long form, shared among the campaigns
LOCKSIDE_FUZZ_SEED=4711 sh tests/run tests/fuzz          # the same inputs again
"""

import os
import random
import time
from collections.abc import Iterator

SHORT_SECONDS = 8.0


def seconds(share: float) -> float:
    """Return this test's share of all the seconds."""
    return share * float(os.environ.get("LOCKSIDE_FUZZ_SECONDS") or SHORT_SECONDS)


def dice(name: str) -> random.Random:
    """Return random numbers for this test; the seed is printed, and pytest shows it with a failure."""
    seed = os.environ.get("LOCKSIDE_FUZZ_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"repeat with LOCKSIDE_FUZZ_SEED={seed}")
    return random.Random(f"{name} {seed}")


def rounds(share: float, at_least: int = 1) -> Iterator[int]:
    """Count up until the time is over, but at least to `at_least` on any machine."""
    end = time.monotonic() + seconds(share)
    number = 0
    while number < at_least or time.monotonic() < end:
        yield number
        number += 1
    print(f"{number} rounds")
