"""How the store fails: by the disk, by us, by another program. A caller's faults are core.errors.Refused."""

from locksided.clock import ClockKind


class StoreError(Exception):
    """The store cannot be used as it is."""


class StoreUnavailable(StoreError):
    """The database could not be read or written; nothing of it was done. `probe` tells when to try again."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"the store cannot be used: {cause or type(cause).__name__}")
        self.cause = cause
        self.remedy: str = getattr(cause, "remedy", "")


class StoreContradiction(StoreUnavailable):
    """What was asked to be saved breaks a rule of the schema: the asker's fault. Nothing was done."""


class StoreTooNew(StoreError):
    """The database was written by a newer release; this one leaves it alone."""

    def __init__(self, path: str, found: int, known: int) -> None:
        super().__init__(
            f"{path} has schema {found}, this release knows up to {known}: "
            "install the newer release again, or restore the backup made before the upgrade"
        )
        self.found = found
        self.known = known


class OtherClock(StoreError):
    """The times in the database are of another kind of clock, and would contradict this one's."""

    def __init__(self, path: str, begun: str) -> None:
        if begun == ClockKind.TEST:
            what = "was begun with a test clock: start locksided with --test-clock"
        else:
            what = "was begun with the system's clock: start locksided without --test-clock"
        super().__init__(f"{path} {what}, or name another state folder")


class NotAStore(StoreError):
    """The file is a database of some other program, or none."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not a lockside database: move it away or name another state folder")
