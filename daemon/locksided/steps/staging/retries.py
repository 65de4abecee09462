"""Retries of broken transfers: after pauses that double, or as long as the server asks for."""

from dataclasses import dataclass
from time import sleep as wait

from locksided.steps.program import ApplicationFault, say
from locksided.steps.staging.sources import Broken

LONGEST_PAUSE_SECONDS = 60.0
LONGEST_ASKED_PAUSE_SECONDS = 3600.0


@dataclass(slots=True)
class Retries:
    """Gives up after `most_attempts` consecutive failures without progress; `attempts` counts all."""

    shown: str
    done: str
    most_attempts: int
    attempts: int = 0
    _failures: int = 0

    def wait_after(self, problem: Broken, *, has_progressed: bool, detail: str = "") -> None:
        """Wait before the next attempt. Raises ApplicationFault if there is none left."""
        self._failures = 1 if has_progressed else self._failures + 1
        if self._failures >= self.most_attempts:
            text = f"{self.shown} could not be {self.done} after {self.attempts} attempts: {problem}"
            raise ApplicationFault(text) from None
        pause = min(2.0 ** (self._failures - 1), LONGEST_PAUSE_SECONDS)
        asked = min(problem.retry_after_seconds or 0.0, LONGEST_ASKED_PAUSE_SECONDS)
        pause = max(pause, asked)
        say(f"{self.shown}: {problem}; {detail}retrying in {pause:g} s")
        wait(pause)
