"""The retry policy of a job, validated. Making the attempts is somebody else's work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockside.documents.enums import Backoff, FailureClass
from lockside.protocol import texts
from locksided.core.errors import Invalid
from locksided.runner.fields import Fields, as_choice, as_integer, as_number, join, wrong_type

FIELDS = ("maxAttempts", "delaySeconds", "backoff", "maxDelaySeconds", "jitter", "on", "releaseLock")
_MAX_ATTEMPTS = 1_000
_MAX_DELAY_SECONDS = 366 * 86_400
_DEFAULT_ON = (FailureClass.APPLICATION, FailureClass.TIMEOUT, FailureClass.LOST)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon a failed run is tried again; `max_attempts` counts the first run too."""

    max_attempts: int
    delay_seconds: float = 0.0
    backoff: Backoff = Backoff.FIXED
    max_delay_seconds: float | None = None
    jitter: float = 0.0
    on: tuple[FailureClass, ...] = _DEFAULT_ON
    release_lock: bool = False

    def to_wire(self) -> dict[str, Any]:
        """The policy under its names on the wire."""
        return {
            "maxAttempts": self.max_attempts,
            "delaySeconds": self.delay_seconds,
            "backoff": self.backoff.value,
            "maxDelaySeconds": self.max_delay_seconds,
            "jitter": self.jitter,
            "on": [kind.value for kind in self.on],
            "releaseLock": self.release_lock,
        }


def parse_retry(value: Mapping[str, Any], path: str) -> RetryPolicy | None:
    """The policy, or None for an empty object. Raises `Invalid`."""
    fields = Fields.read(value, path)
    if all(fields.get(name) is None for name in FIELDS):
        return None
    delay, most = fields.get("delaySeconds"), fields.get("maxDelaySeconds")
    return RetryPolicy(
        max_attempts=_max_attempts(fields),
        delay_seconds=0.0 if delay is None else _delay(delay, fields.at("delaySeconds")),
        backoff=Backoff(fields.choice("backoff", Backoff) or Backoff.FIXED),
        max_delay_seconds=None if most is None else _delay(most, fields.at("maxDelaySeconds")),
        jitter=_jitter(fields.get("jitter"), fields.at("jitter")),
        on=_on(fields),
        release_lock=bool(fields.flag("releaseLock")),
    )


def _max_attempts(fields: Fields) -> int:
    value, path = fields.get("maxAttempts"), fields.at("maxAttempts")
    if value is None:
        raise Invalid(f"{path} is missing: say how many runs there may be in all.", path=path)
    return as_integer(value, path, least=1, most=_MAX_ATTEMPTS)


def _delay(value: object, path: str) -> float:
    try:
        seconds = texts.duration_seconds(value) if isinstance(value, str) else as_number(value, path, least=0)
    except ValueError as problem:
        raise Invalid(f"{path}: {problem}.", path=path) from None
    if seconds > _MAX_DELAY_SECONDS:
        raise Invalid(f"{path} must be at most {_MAX_DELAY_SECONDS} seconds.", path=path)
    return float(seconds)


def _jitter(value: object, path: str) -> float:
    match value:
        case None:
            return 0.0
        case bool():
            return float(value)
        case int() | float():
            if as_number(value, path, least=0) > 1:
                raise Invalid(f"{path} is {value}; it is a part of the delay, from 0 to 1.", path=path)
            return float(value)
        case _:
            raise wrong_type("a number from 0 to 1", value, path)


def _on(fields: Fields) -> tuple[FailureClass, ...]:
    if fields.get("on") is None:
        return _DEFAULT_ON
    path = fields.at("on")
    named = [as_choice(kind, FailureClass, join(path, index)) for index, kind in enumerate(fields.list("on"))]
    return tuple(kind for kind in FailureClass if kind.value in named)
