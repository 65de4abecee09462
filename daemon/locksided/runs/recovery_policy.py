"""Selects the recovery policy that matches a failure, and its terms for the core. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lockside.documents.recovery import HttpTest, RecoveryMatch, RecoveryPolicy, Tester
from locksided.core.recoveries import RecoveryTerms
from locksided.runs.canonical import freeze
from locksided.runs.message_text import cut
from locksided.runs.plan import Step
from locksided.runs.specification import StepKind
from locksided.runs.verdict import Failure
from locksided.secrets.keys import Hasher

ID_DIGITS = 16
MOST_WORDS = 200
LONGEST_PAUSE_SECONDS = 366 * 86_400.0
_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


@dataclass(frozen=True, slots=True)
class Whose:
    """The user and project for which a job's tests are made."""

    project: str
    uid: int | None
    user: str | None


def first_match(
    policies: Iterable[RecoveryPolicy] | None, failure: Failure | None, progress: Mapping[str, Any] | None
) -> RecoveryPolicy | None:
    """Return the first policy that a failure matches; None if it matches none, or nothing failed."""
    if failure is None:
        return None
    reported = (progress or {}).get("blocked") is not None
    return next((one for one in policies or () if matches(one.match, failure, reported=reported)), None)


def matches(match: RecoveryMatch, failure: Failure, *, reported: bool) -> bool:
    """Return whether all given criteria hold. The output is not searched with patterns."""
    message = failure.message.casefold()
    return (
        (not match.types or failure.type in match.types)
        and (not match.kinds or failure.kind in match.kinds)
        and (not match.exit_codes or failure.exit_code in match.exit_codes)
        and (not match.contains or any(text.casefold() in message for text in match.contains))
        and (match.reported is None or match.reported is reported)
    )


def terms_of(
    policy: RecoveryPolicy,
    steps: Sequence[Step],
    whose: Whose,
    hasher: Hasher,
    progress: Mapping[str, Any] | None = None,
) -> RecoveryTerms:
    """Return the terms of a policy for a job of these steps."""
    asked = ((progress or {}).get("blocked") or {}).get("retryAfterSeconds") or 0.0
    return RecoveryTerms(
        policy=policy.id,
        condition=condition_id(policy.tester, steps, whose, hasher),
        tester=in_words(policy.tester),
        asks=policy.tester.wait is None,
        interval_us=_us(policy.interval_seconds),
        max_interval_us=_us(policy.max_interval_seconds),
        expiry_us=_us(policy.expiry_seconds),
        max_blocks=policy.max_blocks,
        release=policy.release,
        backoff=policy.backoff,
        hold_lock=policy.hold_lock,
        retry_after_us=_us(min(asked, LONGEST_PAUSE_SECONDS)),
    )


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def condition_id(tester: Tester, steps: Sequence[Step], whose: Whose, hasher: Hasher) -> str:
    """Return the id of a condition: equal for the same test with the same parameters, as the same user."""
    step = main_step(steps)
    parameters: dict[str, Any] = {"tester": msgspec.to_builtins(tester)}
    if step is not None and tester.action is not None:
        parameters |= {"component": msgspec.to_builtins(step.execution), "config": step.config_file}
    if step is not None and tester.command is not None:
        parameters |= {"environment": step.execution.environment, "image": step.execution.image_reference}
    user = [whose.project, whose.uid, whose.user]
    digest = sha256(freeze({"as": user, **parameters}).body).hexdigest()
    return hasher.of(digest)[:ID_DIGITS]


def main_step(steps: Sequence[Step]) -> Step | None:
    """Return the component's own step, that of the first row if there are several; None without one."""
    return next((step for step in steps if step.kind in (StepKind.COMPONENT, StepKind.COMMAND)), None)


def in_words(tester: Tester) -> str:
    """Describe the condition so that it can follow "until", without passwords and queries."""
    match tester:
        case Tester(http=HttpTest() as http):
            wanted = ", ".join(map(str, http.status)) or "200 to 299"
            return cut(f"{http.method} {_plain_url(http.url)} answers {wanted}", MOST_WORDS)
        case Tester(tcp=tcp) if tcp is not None:
            return f"{tcp.host} accepts connections on port {tcp.port}"
        case Tester(file=file) if file is not None:
            return cut(f"{file.path} {'is gone' if file.absent else 'exists'}", MOST_WORDS)
        case Tester(disk=disk) if disk is not None:
            return cut(f"{_size(disk.free_bytes)} are free at {disk.path}", MOST_WORDS)
        case Tester(command=command) if command is not None:
            return cut(f"the command {' '.join(command)} succeeds", MOST_WORDS)
        case Tester(action=action) if action is not None:
            return f"its action {action} succeeds"
        case _:
            return "the pause is over"


def _plain_url(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _size(size_bytes: int) -> str:
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{size_bytes / unit:.3g} {name}"
    return f"{size_bytes} bytes"
