"""Recovery: which failures have an external cause, how it is tested, and how long jobs wait for it."""

from collections.abc import Iterable
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, field

from lockside.documents import quantities
from lockside.documents.base import (
    PATH_PATTERN,
    ActionName,
    Arguments,
    ExitCode,
    FieldError,
    In,
    MemoryBytes,
    Name,
    Seconds,
    TimeoutSeconds,
)
from lockside.documents.enums import Backoff, ErrorType, FailureKind

LONGEST_TEST_SECONDS = 300.0
SHORTEST_INTERVAL_SECONDS = 1.0

Path = Annotated[str, Meta(pattern=PATH_PATTERN, max_length=4096, examples=["/data/ready"])]
Url = Annotated[str, Meta(max_length=1024, examples=["https://api.example.com/health"])]
HOST_PATTERN: Final = r"^[^\s/@]+$"
METHOD_PATTERN: Final = r"^[A-Z]{1,16}$"
Host = Annotated[str, Meta(min_length=1, max_length=255, pattern=HOST_PATTERN, examples=["db.example.com"])]
Port = Annotated[int, Meta(ge=1, le=65_535)]
StatusCode = Annotated[int, Meta(ge=100, le=599)]
Phrase = Annotated[str, Meta(min_length=1, max_length=1024)]


class RecoveryMatch(In, frozen=True, kw_only=True):
    """Which failures a policy applies to: all members must match, of a list one entry is enough.

    Attributes:
        types: The types of the error.
        kinds: The kinds of failure.
        exit_codes: The exit codes.
        contains: Texts in `result.error.message`; case is ignored.
        reported: Whether the program wrote a progress line with `blocked`.
    """

    types: list[ErrorType] = []
    kinds: list[FailureKind] = []
    exit_codes: Annotated[list[ExitCode], Meta(max_length=256)] = []
    contains: Annotated[list[Phrase], Meta(max_length=100)] = []
    reported: bool | None = None


class HttpTest(In, frozen=True, kw_only=True):
    """A request over HTTP.

    Attributes:
        url: The address, with `http` or `https`.
        method: The method of the request.
        status: The status codes that mean success; by default 200 to 299.
    """

    url: Url
    method: Annotated[str, Meta(pattern=METHOD_PATTERN)] = "GET"
    status: Annotated[list[StatusCode], Meta(max_length=100)] = []

    def check(self) -> None:
        """Raises FieldError for an invalid address."""
        try:
            parts = urlsplit(self.url)
            is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_sound = False
        if not is_sound:
            raise FieldError('Give an address with http or https, as in "https://api.example.com"', "url")


class TcpTest(In, frozen=True, kw_only=True):
    """A connection over TCP.

    Attributes:
        host: The name or address of the host.
        port: The port.
    """

    host: Host
    port: Port


class FileTest(In, frozen=True, kw_only=True):
    """A file or folder that must exist, or must not.

    Attributes:
        path: The absolute path.
        absent: Whether it must not exist.
    """

    path: Path
    absent: bool = False


class DiskTest(In, frozen=True, kw_only=True):
    """Free space on a disk.

    Attributes:
        path: The absolute path of a folder on the disk.
        free_bytes: The space that must be free for the job's user, in bytes or as in "10GB".
    """

    reads = {"free_bytes": quantities.size}

    path: Path
    free_bytes: MemoryBytes


TESTS = ("http", "tcp", "file", "disk", "command", "action", "wait")


class Tester(In, frozen=True, kw_only=True):
    """The test of whether an external system is ready; exactly one test is given.

    Attributes:
        http: A request is answered with an expected status code.
        tcp: A connection is accepted.
        file: A file exists, or does not.
        disk: A disk has enough free space.
        command: A program exits with 0; 1 means not yet, anything above means never.
        action: A synchronous action of the component, with the job's configuration, succeeds.
        wait: No test: the job continues when the pause is over.
        timeout_seconds: The time limit of a test, at most 300 s.
    """

    reads = {"timeout_seconds": quantities.time_limit}

    http: HttpTest | None = None
    tcp: TcpTest | None = None
    file: FileTest | None = None
    disk: DiskTest | None = None
    command: Arguments | None = None
    action: ActionName | None = None
    wait: bool | None = None
    timeout_seconds: TimeoutSeconds = 30.0

    def check(self) -> None:
        """Raises FieldError unless exactly one test is given, with a valid time limit."""
        given = [name for name in TESTS if getattr(self, name) is not None]
        if len(given) != 1:
            raise FieldError(f"Give exactly one of {', '.join(TESTS)}", given[1] if given else "wait")
        if self.wait is False:
            raise FieldError("Give `wait: true`, or a test", "wait")
        if self.timeout_seconds > LONGEST_TEST_SECONDS:
            raise FieldError(f"A test takes at most {LONGEST_TEST_SECONDS:g} seconds", "timeoutSeconds")


class RecoveryPolicy(In, frozen=True, kw_only=True):
    """What happens to a job that failed because an external system was not ready.

    Attributes:
        id: The policy's name, unique in the list.
        match: Which failures it applies to; by default all.
        tester: The test of whether the job can continue.
        interval_seconds: The pause before the first test, at least 1 s.
        backoff: How the pause grows after a failed test: `exponential` doubles it, `fixed` keeps it.
        max_interval_seconds: The longest pause.
        expiry_seconds: The time after the first block at which the job ends with its last error.
        max_blocks: The maximum number of times that a job is blocked, by all policies together.
        hold_lock: Whether a blocked job keeps its lock.
        release: How many jobs a successful test releases; the others follow after the next test.
    """

    reads = {
        "interval_seconds": quantities.duration,
        "max_interval_seconds": quantities.duration,
        "expiry_seconds": quantities.duration,
    }

    id: Name
    match: RecoveryMatch = field(default_factory=RecoveryMatch)
    tester: Tester
    interval_seconds: Seconds = 30.0
    backoff: Backoff = Backoff.EXPONENTIAL
    max_interval_seconds: Seconds = 600.0
    expiry_seconds: Seconds = 86_400.0
    max_blocks: Annotated[int, Meta(ge=1, le=1000)] = 5
    hold_lock: bool = False
    release: Annotated[int, Meta(ge=1, le=10_000)] = 10

    def check(self) -> None:
        """Raises FieldError for a pause that is too short."""
        if self.interval_seconds < SHORTEST_INTERVAL_SECONDS:
            raise FieldError("The shortest pause is 1 second", "intervalSeconds")


RecoveryPolicies = Annotated[list[RecoveryPolicy], Meta(max_length=100)]


def check_policies(policies: Iterable[RecoveryPolicy] | None) -> None:
    """Raises FieldError if two policies have the same id."""
    known: set[str] = set()
    for place, policy in enumerate(policies or ()):
        if policy.id in known:
            raise FieldError(f"Two policies are called {policy.id!r}", f"recovery[{place}].id")
        known.add(policy.id)
