"""Failures of the store: of the disk, ours, other programs'. A caller's faults are core.errors.Refused."""

from locksided.clock import ClockKind


class StoreError(Exception):
    """The store cannot be used as it is."""


class StoreUnavailable(StoreError):
    """The database could not be read or written; nothing was done. `probe` finds out when it can be again."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"the store cannot be used: {cause or type(cause).__name__}")
        self.cause = cause
        self.remedy: str = getattr(cause, "remedy", "")


class StoreContradiction(StoreUnavailable):
    """A save violates a rule of the schema: the caller's fault. Nothing was done."""


class StoreTooNew(StoreError):
    """The database was written by a newer release; it is not changed."""

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(
            f"{path} has schema {found}, this release knows up to {known}: "
            "install the newer release again, or restore the backup made before the upgrade"
        )
        self.found = found
        self.known = known


class OtherClock(StoreError):
    """The times in the database come from another kind of clock, and would contradict this one."""

    def __init__(self, path: str, begun: str) -> None:
        if begun == ClockKind.TEST:
            what = "was begun with a test clock: start locksided with --test-clock"
        else:
            what = "was begun with the system's clock: start locksided without --test-clock"
        super().__init__(f"{path} {what}, or name another state folder")


class NotAStore(StoreError):
    """The file is another program's database, or not a database."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not a lockside database: move it away or name another state folder")
