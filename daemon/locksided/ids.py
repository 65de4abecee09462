"""Ids on the wire: decimal strings, and UUIDs computed from them, so that neither needs an index.

A job's uuid is a UUIDv8 (RFC 9562): 60 bits of the store's identity and 62 bits of the job's id.
"""

import uuid

from locksided.core.errors import NotFound

ID_BITS = 62
LARGEST_ID = 2**ID_BITS - 1


def job_uuid(identity: int, job_id: int) -> str:
    """Return the uuid of a job of that store."""
    value = (identity >> 12) << 80 | 0x8 << 76 | (identity & 0xFFF) << 64 | 0b10 << 62 | job_id
    return str(uuid.UUID(int=value))


def parse_job_id(identity: int, text: str, path: str = "$.id") -> int:
    """Return the id for a decimal id, a run id's last part or a uuid; NotFound if it cannot be a job here."""
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID:
        return int(text)
    try:
        value: int = uuid.UUID(text).int
    except ValueError:
        raise NotFound(
            f"There is no job '{text[:80]}': an id is a decimal number or a uuid.", path=path
        ) from None
    job_id: int = value & LARGEST_ID
    if job_uuid(identity, job_id) != str(uuid.UUID(text)):
        raise NotFound(f"There is no job '{text}' here: that uuid is not of this daemon.", path=path)
    return job_id
