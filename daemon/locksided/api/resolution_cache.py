"""Jobs that were worked out a moment ago: scripts ask for the same again and again.

Only what a request says itself is remembered. One that names anything stored is worked out anew every time,
for that may have changed.
"""

from collections import OrderedDict
from operator import attrgetter
from typing import NamedTuple

import msgspec

from lockside.documents.request import JobRequest
from locksided.core.model import Draft
from locksided.runs.draft_tree import TreePosition
from locksided.runs.resolved import Defaults, Resolved

MOST = 256
MOST_BYTES = 4096
"""Of a request; longer ones are rarely sent twice."""

_MARK_OF_SECRETS = b'"#'

Key = tuple[bytes, TreePosition]

_APART = frozenset(
    {
        *("description", "labels", "parent_run_id"),
        *("delay", "delayed_start_time", "hold", "depends_on"),
        "lock_key",
    }
)
"""What belongs to the outermost job of a tree alone, and what is told apart."""

_meaning = attrgetter(*(name for name in JobRequest.__struct_fields__ if name not in _APART))


def meaning_key(request: JobRequest, lock_key: str | None) -> bytes:
    """The same bytes for all requests that mean the same tree of jobs with that lock key."""
    return msgspec.json.encode((lock_key, _meaning(request)))


class ResolvedTree(NamedTuple):
    """What a request means and the jobs that it makes."""

    resolved: Resolved
    tree: Draft


class ResolutionCache:
    """The last requests whose meaning rests on nothing but themselves, with what they came to."""

    def __init__(self) -> None:
        self._works: OrderedDict[Key, tuple[Defaults, ResolvedTree]] = OrderedDict()

    def key(self, request: JobRequest, place: TreePosition) -> Key | None:
        """What the meaning rests on beside the defaults; None for a request that is not to be remembered."""
        text = meaning_key(request, request.lock_key)
        if len(text) > MOST_BYTES or _MARK_OF_SECRETS in text:
            return None
        return text, place

    def find(self, key: Key | None, defaults: Defaults) -> ResolvedTree | None:
        """What it came to the last time with the same defaults, if that is remembered."""
        if key is None:
            return None
        of_then, work = self._works.get(key, (None, None))
        if of_then != defaults:
            return None
        self._works.move_to_end(key)
        return work

    def keep(self, key: Key | None, defaults: Defaults, work: ResolvedTree) -> None:
        """Remember it in place of the one that was asked for longest ago."""
        if key is None:
            return
        self._works[key] = defaults, work
        if len(self._works) > MOST:
            self._works.popitem(last=False)
