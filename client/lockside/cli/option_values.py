"""What people write on a command line, made into numbers, by the kind of the option or argument."""

from __future__ import annotations

from lockside.documents import quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


MOST = 2**53 - 1


def integer(text: str) -> int:
    """Read a whole number from 0 that the wire can carry."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= MOST:
        raise ValueError(f"{text[:60]!r} is not a whole number from 0 to {MOST}.")
    return number


def priority(text: str) -> int:
    """Read a priority; a misspelt word is answered with the nearest."""
    try:
        return quantities.priority(text)
    except ValueError as error:
        from lockside.cli.grammar import suggestion

        raise ValueError(f"{error}.{suggestion(text, list(quantities.PRIORITY_WORDS))}") from None


def _sentence(read: Callable[[str], object]) -> Callable[[str], object]:
    def with_period(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise ValueError(f"{error}.") from None

    return with_period


KINDS: dict[str, Callable[[str], object]] = {
    "integer": integer,
    "duration": _sentence(quantities.duration),
    "size": _sentence(quantities.size),
    "priority": priority,
    "slots": _sentence(quantities.count),
}
