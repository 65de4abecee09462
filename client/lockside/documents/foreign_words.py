"""What Keboola's words and values mean here, and where a word belongs that stands in the wrong place.

Only for warnings: what is unknown in a configuration is kept as it is.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from lockside.documents.component import Manifest
from lockside.documents.paths import Steps
from lockside.documents.runtime import Limits, Retry, Runtime

_CIPHER: Final = re.compile(r"KBC::\w+::")
_SHARED_CODE: Final = "shared code is not inserted here: put the code itself into the parameters"
_VARIABLES: Final = (
    "give values in `variables`, or name the set in a task or with the job as `variableValuesId`"
)
_MEANINGS: Final = {
    "image_tag": "the tag of the component is `runtime.tag`",
    "imageTag": "the tag of the component is `runtime.tag`",
    "shared_code_id": _SHARED_CODE,
    "shared_code_row_ids": _SHARED_CODE,
    "variables_id": _VARIABLES,
    "variables_values_id": _VARIABLES,
    "input": "put it under `storage`",
    "output": "put it under `storage`",
    "before": "put it under `processors`",
    "after": "put it under `processors`",
}
_PLACES: Final = {
    "`runtime`": Runtime,
    "`runtime.limits`": Limits,
    "`runtime.retry`": Retry,
    "the component": Manifest,
}


def remedy(key: Steps) -> str:
    """What to do about a key that is unknown where it stands; empty when nobody can tell."""
    name = str(key[-1])
    if name in _MEANINGS:
        return _MEANINGS[name]
    own = re.sub("_([a-z])", lambda found: found[1].upper(), name)
    for place, kind in _PLACES.items():
        if own in kind.__struct_encode_fields__:
            called = f" as `{own}`" if own != name else ""
            return f"put it {'into' if kind is Manifest else 'under'} {place}{called}"
    return ""


def effect(key: Steps) -> str:
    """What becomes of a key that is unknown where it stands, and what to do about it."""
    known = remedy(key)
    return "it is kept and has no effect" + (f": {known}" if known else "")


def foreign_values(document: Any) -> Iterator[tuple[Steps, str]]:
    """The values that only another system can read, and a sentence about each."""
    left: list[tuple[Steps, Any]] = [((), document)]
    while left:
        steps, value = left.pop()
        if isinstance(value, str) and _CIPHER.match(value):
            yield steps, "It is encrypted by Keboola and cannot be decrypted here: put the value itself here"
        members = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else ()
        left += reversed([((*steps, step), inner) for step, inner in (*members, *items)])
