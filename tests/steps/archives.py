"""Orders of the step that archives."""

from pathlib import Path
from typing import Any


def order_of(place: Path, url: str, **more: Any) -> dict[str, Any]:
    """An order to archive the files in `data` of a folder to a system of that URL."""
    return {
        "job": "17",
        "uuid": "uuid-of-17",
        "path": "runs/17",
        "system": "archive",
        "systems": {"archive": {"url": url, "options": more.pop("options", {})}},
        "include": ["files", "artifacts"],
        "onFailure": "error",
        "rows": [],
        "folders": {"data": str(place / "data"), "rows": str(place / "rows")},
        "stateFolder": str(place / "state"),
        "attempts": 3,
        "maxBytes": 0,
        "fileRoots": ["/"],
        "networks": "any",
        "allowHosts": [],
        "denyHosts": [],
        **more,
    }
