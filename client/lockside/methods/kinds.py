"""The calls that kinds of stored objects with an id of their own have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from lockside.protocol.kindmethods import Diff
from lockside.protocol.types import stored as t
from lockside.requests import Group, Mode, Request, act, ask, call


class KindCalls(Group[Mode]):
    """The versions of a kind's objects; `word` begins the names of its methods."""

    word: ClassVar[str]
    answer: ClassVar[Any]

    @call
    def versions(self, id: str) -> Request[t.ConfigVersions]:  # noqa: A002
        """List what changed, and who did it, the newest first. Raises NotFound."""
        return ask(f"{self.word}.versions", t.ConfigVersions, id=id)

    @call
    def rollback(self, id: str, version: int) -> Request[Any]:  # noqa: A002
        """Make an old version the newest. Raises NotFound."""
        return act(f"{self.word}.rollback", self.answer, id=id, version=version)

    @call
    def diff(self, id: str, version: int, to: int | None = None) -> Request[Diff]:  # noqa: A002
        """Compare a version with another, the current one by default. Raises NotFound."""
        return ask(f"{self.word}.diff", Diff, id=id, version=version, to=to)


class CopiedCalls(KindCalls[Mode]):
    """The same for a kind whose objects can be copied."""

    @call
    def copy(self, id: str, to_id: str, version: int | None = None) -> Request[Any]:  # noqa: A002
        """Copy an object, of any version. Raises NotFound, Conflict."""
        return act(f"{self.word}.copy", self.answer, id=id, to_id=to_id, version=version)
