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

Key = tuple[bytes, TreePosition, Defaults]


_OUTERMOST = frozenset(
    {
        *("description", "labels", "parent_run_id"),
        *("delay", "delayed_start_time", "hold", "depends_on"),
    }
)
"""What belongs to the outermost job of a tree alone."""

_meaning = attrgetter(*(name for name in JobRequest.__struct_fields__ if name not in _OUTERMOST))


def meaning_key(request: JobRequest) -> bytes:
    """The same bytes for all requests that mean the same tree of jobs."""
    return msgspec.json.encode(_meaning(request))


class ResolvedTree(NamedTuple):
    """What a request means and the jobs that it makes."""

    resolved: Resolved
    tree: Draft


class ResolutionCache:
    """The last requests whose meaning rests on nothing but themselves, with what they came to."""

    def __init__(self) -> None:
        self._works: OrderedDict[Key, ResolvedTree] = OrderedDict()

    def key(self, request: JobRequest, place: TreePosition, defaults: Defaults) -> Key | None:
        """What the meaning rests on; None for a request that is not to be remembered."""
        text = meaning_key(request)
        if len(text) > MOST_BYTES or _MARK_OF_SECRETS in text:
            return None
        return text, place, defaults

    def find(self, key: Key | None) -> ResolvedTree | None:
        """What it came to the last time, if that is remembered."""
        if key is None or key not in self._works:
            return None
        self._works.move_to_end(key)
        return self._works[key]

    def keep(self, key: Key | None, work: ResolvedTree) -> None:
        """Remember it in place of the one that was asked for longest ago."""
        if key is None:
            return
        self._works[key] = work
        if len(self._works) > MOST:
            self._works.popitem(last=False)
