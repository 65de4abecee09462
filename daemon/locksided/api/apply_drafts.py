"""Drafts: objects sent in parts for one `catalog.apply`, kept for the connection in bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from lockside.protocol.methods import catalog as p
from locksided.api.apply_plan import Wanted, wanted_of
from locksided.core.errors import Conflict, Limit, NotFound
from locksided.server.calls import Call
from locksided.server.connection import ClientConnection


@dataclass(slots=True)
class ApplyDraft:
    """The objects of a draft so far, and their project and branch."""

    place: tuple[str, str]
    wanted: Wanted = field(default_factory=dict)
    size_bytes: int = 0

    def digest(self) -> str:
        """Return a digest of exactly these objects."""
        found = sha256()
        for kind, bodies in sorted(self.wanted.items()):
            found.update(kind.encode())
            for text in bodies.texts.values():
                found.update(text)
        return found.hexdigest()


class Drafts:
    """The drafts of all connections, of at most `max_bytes()` together."""

    def __init__(self, max_bytes: Callable[[], int]) -> None:
        self._max_bytes = max_bytes
        self._drafts: dict[ClientConnection, dict[str, ApplyDraft]] = {}

    def add(self, call: Call, params: p.CatalogStage) -> ApplyDraft:
        """Add a part to a draft; the first part creates it. Raises Limit, or Invalid for a repetition."""
        draft = self._drafts.get(call.connection, {}).get(params.draft)
        draft = draft or ApplyDraft(_place(params))
        _check_place(draft, params)
        wanted = wanted_of(params, draft.wanted)
        size_bytes = _size_of(wanted)
        self._check(size_bytes - draft.size_bytes)
        draft.wanted, draft.size_bytes = wanted, size_bytes
        if call.connection not in self._drafts:
            self._drafts[call.connection] = {}
            call.connection.start_soon(self._forget_at_end, call.connection)
        self._drafts[call.connection][params.draft] = draft
        return draft

    def take(self, call: Call, params: p.CatalogApply) -> ApplyDraft:
        """Remove and return a draft, or an empty one if none is named. Raises NotFound."""
        if params.draft is None:
            return ApplyDraft(_place(params))
        draft = self._drafts.get(call.connection, {}).pop(params.draft, None)
        if draft is None:
            text = f"This connection has no draft {params.draft!r}: send its parts again with catalog.stage."
            raise NotFound(text, path="$.draft")
        _check_place(draft, params)
        return draft

    def _check(self, more_bytes: int) -> None:
        kept = sum(draft.size_bytes for drafts in self._drafts.values() for draft in drafts.values())
        most = self._max_bytes()
        if kept + more_bytes > most:
            raise Limit(
                f"What clients have staged would have {kept + more_bytes} bytes, more than the {most} of "
                "`staged_bytes` in the section [limits] of the settings: apply less at once, or raise it."
            )

    async def _forget_at_end(self, connection: ClientConnection) -> None:
        try:
            await connection.closed.wait()
        finally:
            self._drafts.pop(connection, None)


def _place(params: p.CatalogContents) -> tuple[str, str]:
    return params.project, params.branch_id


def _check_place(draft: ApplyDraft, params: p.CatalogContents) -> None:
    if draft.place != _place(params):
        project, branch = draft.place
        text = f"The draft is for branch {branch} of project {project}: begin another for this one."
        raise Conflict(text, path="$.draft")


def _size_of(wanted: Wanted) -> int:
    return sum(len(text) for bodies in wanted.values() for text in bodies.texts.values())
