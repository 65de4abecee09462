"""A kind of stored object that exists only in tests. Run as a program, it is a daemon or a client with it."""

import sys

from lockside import kinds
from lockside.documents.base import In, PoolId, Text


class NoteSpec(In, frozen=True, kw_only=True):
    """A note.

    Attributes:
        id: The note's id.
        text: What it says.
    """

    id: PoolId
    text: Text = "nothing"


NOTE = kinds.Kind("note", "notes", "newkind:NoteSpec", files="notes/{id}.toml")

if __name__ == "__main__":
    sys.modules["newkind"] = sys.modules["__main__"]
    kinds.KINDS[NOTE.word] = NOTE
    program = sys.argv.pop(1)
    if program == "locksided":
        from locksided.__main__ import main
    else:
        from lockside.cli.main import main
    raise SystemExit(main())
