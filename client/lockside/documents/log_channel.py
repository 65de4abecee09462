"""How a component logs beside its output: by GELF, and what is kept of a message of each level."""

from typing import Final, Literal, TypeAlias

from lockside.documents.base import In
from lockside.documents.enums import LogType, Transport, Visibility

Level: TypeAlias = Literal["100", "200", "250", "300", "400", "500", "550", "600"]

SYSLOG_LEVELS: Final[dict[Level, int]] = {
    "100": 7,
    "200": 6,
    "250": 5,
    "300": 4,
    "400": 3,
    "500": 2,
    "550": 1,
    "600": 0,
}
_DEFAULTS: Final[dict[Level, Visibility]] = {
    "100": Visibility.NONE,
    "500": Visibility.CAMOUFLAGE,
    "550": Visibility.CAMOUFLAGE,
    "600": Visibility.CAMOUFLAGE,
}


class Logging(In, frozen=True, kw_only=True):
    """How a component logs beside stdout and stderr, which are logged in any case.

    Attributes:
        type: `gelf` gives it a listener for GELF messages, whose address is in `KBC_LOGGER_ADDR` and
            `KBC_LOGGER_PORT`.
        transport: How it sends them.
        verbosity: What is kept of the messages of a level: `none`, the short text (`normal`), all
            (`verbose`), or all for admins and "Application error." for everybody else (`camouflage`). The
            levels are 100 debug, 200 info, 250 notice, 300 warning, 400 error, 500 critical, 550 alert and
            600 emergency.
    """

    type: LogType = LogType.STANDARD
    transport: Transport = Transport.TCP
    verbosity: dict[Level, Visibility] = {}

    def visibility(self, level: Level) -> Visibility:
        """What is kept of a message of that level."""
        return self.verbosity.get(level, _DEFAULTS.get(level, Visibility.NORMAL))
