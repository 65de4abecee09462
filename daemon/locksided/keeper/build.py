"""Which code a keeper runs: a fingerprint of this package's sources.

The keeper takes it at its start and tells it in its hello; the daemon takes it of what is installed now.
Two that differ tell a keeper that was started before an upgrade, also when the protocol is the same.
"""

import os
import zlib

PACKAGE = os.path.dirname(os.path.abspath(__file__))


def fingerprint(root: str = PACKAGE) -> str:
    """Eight hexadecimal digits over the sources of a package, as they are on disk. Raises OSError.

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
