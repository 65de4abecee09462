"""What the keeper is told of a component that logs by GELF. Pure."""

from lockside.documents.enums import LogType, Visibility
from lockside.documents.log_channel import SYSLOG_LEVELS, Logging
from locksided.keeper.gelf import messages
from locksided.keeper.messages import Gelf

_LETTERS = {
    Visibility.NONE: messages.NONE,
    Visibility.NORMAL: messages.NORMAL,
    Visibility.VERBOSE: messages.VERBOSE,
    Visibility.CAMOUFLAGE: messages.CAMOUFLAGE,
}


def gelf_of(logging: Logging) -> Gelf | None:
    """How a listener is started for it; None for a component that needs none."""
    if logging.type is not LogType.GELF:
        return None
    by_level = {number: _LETTERS[logging.visibility(level)] for level, number in SYSLOG_LEVELS.items()}
    return Gelf(logging.transport.value, "".join(by_level[level] for level in sorted(by_level)))
