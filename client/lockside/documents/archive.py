"""Archives: where the files of a job are stored after its component has ended."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Annotated

from msgspec import Meta

from lockside.documents.base import FieldError, In, SystemId

DEFAULT_SYSTEM = "archive"
PLACES = ("JOB_ID", "RUN_ID", "CONFIG", "DATE")
_PLACE = re.compile(r"\$\{([^}]*)\}")


class Part(Enum):
    """A part of a job's output."""

    FILES = "files"
    TABLES = "tables"
    ARTIFACTS = "artifacts"
    LOG = "log"


DEFAULT_PARTS = [Part.FILES, Part.ARTIFACTS, Part.LOG]


class OnFailure(Enum):
    """The status of a job that cannot be archived."""

    ERROR = "error"
    WARNING = "warning"


class Archive(In, frozen=True, kw_only=True):
    """Where the files of a job are stored; without any member they are not archived.

    Attributes:
        path: The folder in the system; by default, and if empty, the job's id. `${JOB_ID}`, `${RUN_ID}`,
            `${CONFIG}` and `${DATE}`, the day on which the job was created, are replaced.
        system: The system, `archive` by default; jobs must be able to write to it.
        on_error: Whether files are also archived if the component failed.
        include: What is archived: `files`, `tables`, `artifacts`, `log`; all but tables by default.
        on_failure: The status of a job that cannot be archived: `error`, which does not store tables either,
            or `warning`.
    """

    path: Annotated[str, Meta(max_length=1024)] | None = None
    system: SystemId | None = None
    on_error: bool | None = None
    include: Annotated[list[Part], Meta(min_length=1)] | None = None
    on_failure: OnFailure | None = None

    def check(self) -> None:
        """Raises FieldError for a path that leaves the system, or with an unknown placeholder."""
        path = self.path or ""
        for name in _PLACE.findall(path):
            if name not in PLACES:
                known = ", ".join(f"${{{one}}}" for one in PLACES)
                raise FieldError(f"${{{name}}} is not a placeholder; the placeholders are {known}", "path")
        if ".." in path.split("/") or "\0" in path:
            raise FieldError(f"{path!r} must not leave its system", "path")

    @property
    def is_asked(self) -> bool:
        """Whether any member is given."""
        return self != Archive()

    @property
    def decided(self) -> "Archive":
        """The same with its defaults."""
        return Archive(
            path=self.path or "",
            system=self.system or DEFAULT_SYSTEM,
            on_error=bool(self.on_error),
            include=list(dict.fromkeys(self.include or DEFAULT_PARTS)),
            on_failure=self.on_failure or OnFailure.ERROR,
        )


def folder_of(path: str, values: Mapping[str, str]) -> str:
    """Return the folder below a system's root; `values` has the values of all placeholders."""
    filled = _PLACE.sub(lambda found: values[found[1]], path or "${JOB_ID}")
    return "/".join(part for part in filled.split("/") if part not in ("", "."))
