"""Faults of documents, turned into refusals of a request."""

from collections.abc import Iterable

from lockside.documents.reading import Fault
from lockside.documents.sentences import ended
from lockside.documents.staging import pip_line
from locksided.core.errors import Disabled, Invalid


def invalid(fault: Fault) -> Invalid:
    """Return the refusal of a document with that fault."""
    return Invalid(ended(f"{fault.path}: {fault.message}"), path=fault.path)


def refuse_first(faults: Iterable[Fault]) -> None:
    """Raise `Invalid` for the first of the faults, if there is one."""
    for fault in faults:
        raise invalid(fault)


def without_extra(scheme: str, path: str) -> Disabled:
    """Return the refusal of a feature whose package is not installed."""
    return Disabled(f"{scheme}: needs `{pip_line(scheme)}` where the daemon is installed.", path=path)
