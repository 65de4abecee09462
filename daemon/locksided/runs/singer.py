"""The state of a Singer target: the last JSON object on a line of its stdout, read from the job's log.

Synchronous; called in threads.
"""

from locksided.joblog import reader
from locksided.keeper import strictjson
from locksided.keeper.log.format import STDOUT
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, BadJson
from locksided.runs.data_folder import OutFile
from locksided.runs.folder import RunFolder
from locksided.runs.folder_operations import MAX_STATE_BYTES
from locksided.runs.log_ranges import log_range

_LINES = 1000


def printed_state(folder: RunFolder, step: int) -> OutFile | None:
    """Returns the state that a step printed; None when it printed none, which keeps the one before."""
    frames = log_range(folder, step, step)
    lines = reader.tail(
        folder.log,
        _LINES,
        stream=STDOUT,
        max_bytes=2 * MAX_STATE_BYTES,
        from_seq=0 if frames is None else frames.begin,
    )
    for line in reversed(lines):
        content = line.strip().encode()
        if len(content) > MAX_STATE_BYTES:
            return OutFile(problem="The state that the target printed is longer than 1 MiB.")
        if _is_object(content):
            return OutFile(content)
    return None


def _is_object(content: bytes) -> bool:
    if not content.startswith(b"{"):
        return False
    try:
        return isinstance(strictjson.read(content, MAX_DOCUMENT_DEPTH), dict)
    except BadJson:
        return False
