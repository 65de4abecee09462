"""`python -m locksided.replay FILE`: runs recorded inputs through a fresh core and reports the first fault.

Recordings are made with the setting `debug.record_inputs`. Exit code 0: every step succeeded, 1: one did not,
2: the file cannot be read.
"""

import argparse
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from locksided import clock
from locksided.core import invariants
from locksided.core.errors import Refused
from locksided.core.invariants import Invariant
from locksided.core.loading import restore
from locksided.core.scheduler import Scheduler
from locksided.recording import NotReadable, read_inputs, read_state


class WentWrong(Exception):
    """A step failed, or left an inconsistent state. The message names its line."""


def replay(lines: Iterator[bytes]) -> str:
    """Run a recording to its end; returns a summary. Raises WentWrong and NotReadable."""
    core = Scheduler(*restore(read_state(next(lines, b""))))
    _check(core, "line 1, the loaded state", _NOT_OF_A_LOADED_STATE)
    done = refused = 0
    for number, now_us, asked in read_inputs(lines):
        where = f"line {number}, {type(asked).__name__} at {clock.to_text(now_us)}"
        try:
            core.handle(asked, now_us)
        except Refused:
            refused += 1
            continue
        except Exception as fault:
            notes = "".join(f"\n{note}" for note in getattr(fault, "__notes__", ()))
            raise WentWrong(f"{where}: {type(fault).__name__}: {fault}{notes}") from fault
        _check(core, where)
        done += 1
    inputs = f"{done} inputs were handled and {refused} refused"
    return f"{inputs}; every invariant holds; {len(core.state.jobs)} jobs are live at the end"


_NOT_OF_A_LOADED_STATE = frozenset({Invariant.REASONS})
"""Jobs whose programs were being checked are in line again; they start with the first input."""


def _check(core: Scheduler, where: str, left_out: Collection[Invariant] = ()) -> None:
    found = [one for one in invariants.violations(core.state) if one.invariant not in left_out]
    if found:
        broken = "".join(f"\n  {one.invariant}: {one.message}" for one in found)
        raise WentWrong(f"{where}: the state contradicts itself{broken}")


def main(arguments: list[str] | None = None) -> int:
    """Replay the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m locksided.replay", description=__doc__)
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a recording: <state folder>/recordings/*.jsonl"
    )
    file: Path = parser.parse_args(arguments).file
    try:
        with open(file, "rb") as lines:
            print(replay(iter(lines)))
    except WentWrong as wrong:
        print(wrong)
        return 1
    except (OSError, NotReadable) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
