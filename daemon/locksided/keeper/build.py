"""A fingerprint of this package's sources, which identifies the code of a keeper.

The keeper computes it at its start and sends it in its hello; the daemon computes that of the installed code.
If they differ, the keeper was started before an upgrade, even if the protocol is the same.
"""

import os
import zlib

PACKAGE = os.path.dirname(os.path.abspath(__file__))


def fingerprint(root: str = PACKAGE) -> str:
    """Return eight hexadecimal digits over the sources of a package on disk. Raises OSError.

    A checksum is enough, and needs no library of several megabytes in a process that should be small.
    """
    found = 0
    for path in sorted(_sources(root)):
        with open(path, "rb") as file:
            text = file.read()
        name = os.path.relpath(path, root)
        found = zlib.crc32(text, zlib.crc32(f"{name} {len(text)}\n".encode(), found))
    return f"{found:08x}"


def _sources(root: str) -> list[str]:
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(root)
        for name in names
        if name.endswith(".py")
    ]
