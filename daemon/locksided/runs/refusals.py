"""Faults of documents as refusals of a request."""

from collections.abc import Iterable

from lockside.documents.reading import Fault
from locksided.core.errors import Invalid


def invalid(fault: Fault) -> Invalid:
    """The refusal of a document with that fault."""
    return Invalid(f"{fault.path}: {fault.message}.", path=fault.path)


def refuse_first(faults: Iterable[Fault]) -> None:
    """Raises `Invalid` for the first of the faults, if there is one."""
    for fault in faults:
        raise invalid(fault)
