"""What a check of `doctor` found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lockside.cli.session import Json


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, warning or error; `repair` mends it from outside, raising OSError when it cannot."""

    level: str
    check: str
    message: str
    remedy: str = ""
    since: str | None = None
    can_fix: bool = False
    is_fixed: bool = False
    repair: Callable[[], None] | None = None

    def view(self) -> Json:
        """The form of `--json`."""
        return {
            "level": self.level,
            "check": self.check,
            "message": self.message,
            "remedy": self.remedy,
            "since": self.since,
            "canFix": self.can_fix,
            "isFixed": self.is_fixed,
        }


def mend(finding: Finding) -> Finding:
    """Do its repair, if there is one; what did not work is said in place of the remedy."""
    if finding.repair is None:
        return finding
    try:
        finding.repair()
    except OSError as error:
        return replace(finding, remedy=f"{finding.remedy} It did not work: {error}.", can_fix=False)
    return replace(finding, is_fixed=True)
