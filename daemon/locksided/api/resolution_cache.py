"""A cache of recently resolved requests: scripts often repeat the same request.

Only requests that do not refer to stored objects are cached: those objects may change at any time.
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
"""The size limit of a request; longer ones are rarely sent twice."""

_MARK_OF_SECRETS = b'"#'

Key = tuple[bytes, TreePosition]

_APART = frozenset(
    {
        *("description", "labels", "parent_run_id"),
        *("delay", "delayed_start_time", "hold", "depends_on"),
        "lock_key",
    }
)
"""Members for the outermost job of a tree alone, and those that are compared separately."""

_meaning = attrgetter(*(name for name in JobRequest.__struct_fields__ if name not in _APART))


def meaning_key(request: JobRequest, lock_key: str | None) -> bytes:
    """Return bytes that are equal for all requests with the same tree of jobs and this lock key."""
    return msgspec.json.encode((lock_key, _meaning(request)))


class ResolvedTree(NamedTuple):
    """A resolved request and the jobs that it creates."""

    resolved: Resolved
    tree: Draft


class ResolutionCache:
    """The last requests that depend on nothing stored, with their resolutions."""

    def __init__(self) -> None:
        self._works: OrderedDict[Key, tuple[Defaults, ResolvedTree]] = OrderedDict()

    def key(self, request: JobRequest, place: TreePosition) -> Key | None:
        """Return the cache key, which excludes the defaults; None for a request that is not cached."""
        text = meaning_key(request, request.lock_key)
        if len(text) > MOST_BYTES or _MARK_OF_SECRETS in text:
            return None
        return text, place

    def find(self, key: Key | None, defaults: Defaults) -> ResolvedTree | None:
        """Return the cached resolution with the same defaults, or None."""
        if key is None:
            return None
        of_then, work = self._works.get(key, (None, None))
        if of_then != defaults:
            return None
        self._works.move_to_end(key)
        return work

    def keep(self, key: Key | None, defaults: Defaults, work: ResolvedTree) -> None:
        """Add a resolution; the least recently used one is dropped when the cache is full."""
        if key is None:
            return
        self._works[key] = defaults, work
        if len(self._works) > MOST:
            self._works.popitem(last=False)
