"""Shortens a failing story: operations are left out while it fails in the same way; then it is described."""

from simulation.episode import Failure, Operation, play

MOST_TRIES = 600


class _Shrinking:
    """The shortest list so far that fails like the first."""

    def __init__(self, todo: list[Operation], kind: str, tries: int) -> None:
        self.todo = todo
        self._kind = kind
        self._tries = tries

    def take(self, shorter: list[Operation]) -> bool:
        """Return whether a list fails in the same way; if so, it becomes the shortest."""
        if self._tries <= 0:
            return False
        self._tries -= 1
        failure = play(shorter)
        if failure is None or failure.kind != self._kind:
            return False
        self.todo = shorter if failure.at is None else shorter[: failure.at + 1]
        return True


def shrunk(todo: list[Operation], failure: Failure, tries: int = MOST_TRIES) -> list[Operation]:
    """Return a short list of operations that fails in the same way, after a limited number of tries."""
    begun = todo if failure.at is None else todo[: failure.at + 1]
    best = _Shrinking(begun, failure.kind, tries)
    before = None
    while before != best.todo:
        before = best.todo
        _leave_out(best)
        _settle_instead(best)
        _choose_smaller(best)
    return best.todo


def _leave_out(best: _Shrinking) -> None:
    """Delta debugging: large parts first, then smaller ones, down to single operations."""
    size = max(len(best.todo) // 2, 1)
    while size:
        at = len(best.todo)
        while at > 0:
            at = min(at, len(best.todo))
            start = max(at - size, 0)
            best.take(best.todo[:start] + best.todo[at:])
            at = start
        size //= 2


def _settle_instead(best: _Shrinking) -> None:
    """Replace several pending events by a single operation where that is enough."""
    for at in range(len(best.todo) - 1, -1, -1):
        if at < len(best.todo) and best.todo[at][0] == "proceeds":
            start = at
            while start > 0 and best.todo[start - 1][0] == "proceeds":
                start -= 1
            if at > start:
                best.take([*best.todo[:start], ("settles", 0), *best.todo[at + 1 :]])


def _choose_smaller(best: _Shrinking) -> None:
    """Replace numbers by small ones, which make simple choices."""
    for at in range(len(best.todo)):
        for number in range(3):
            if at < len(best.todo) and best.todo[at][1] > 2:
                name = best.todo[at][0]
                best.take([*best.todo[:at], (name, number), *best.todo[at + 1 :]])


def scenario(todo: list[Operation]) -> str:
    """Describe the story, one sentence a step, and the failure."""
    failure = play(todo, tells=True)
    if failure is None:
        return "It does not fail."
    return "\n".join([*_numbered(failure.story), f"!! {type(failure.error).__name__}: {failure.error}"])


def _numbered(story: list[str]) -> list[str]:
    number = 0
    lines = []
    for line in story:
        number += not line.startswith((" ", "--"))
        lines.append(line if line.startswith((" ", "--")) else f"{number:>3}. {line}")
    return lines
