"""Branches as they are answered."""

from lockside.documents.base import ListPage
from lockside.protocol.types.stored import StoredBranch


class Branch(StoredBranch, frozen=True, kw_only=True):
    """A stored branch."""


class Branches(ListPage, frozen=True, kw_only=True):
    """Several branches."""

    branches: list[Branch]
