"""Which code a keeper runs: a fingerprint of this package's sources.

The keeper takes it at its start and tells it in its hello; the daemon takes it of what is installed now.
Two that differ tell a keeper that was started before an upgrade, also when the protocol is the same.
"""

import os
import zlib


def fingerprint() -> str:
    """Eight hexadecimal digits over the sources beside this file, as they are on disk. Raises OSError.

    A checksum is enough, and needs no library of several megabytes in a process that should be small.
    """
    folder = os.path.dirname(os.path.abspath(__file__))
    found = 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as file:
                text = file.read()
            found = zlib.crc32(text, zlib.crc32(f"{name} {len(text)}\n".encode(), found))
    return f"{found:08x}"
