"""What keeps two jobs of one configuration apart: lock policies and lock keys as texts.

Who holds a lock is decided elsewhere; here a key is only named.
"""

import re

from locksided.core.errors import Invalid
from locksided.runner.fields import as_text

_SHARED = re.compile(r"shared:([1-9][0-9]{0,8})")
_MAX_FREE_KEY = 255


def lock_policy(value: object, path: str) -> str:
    """`exclusive`, `none` or `shared:N`. Raises `Invalid`."""
    text = as_text(value, path)
    if text in ("exclusive", "none") or _SHARED.fullmatch(text):
        return text
    raise Invalid(f'{path} is {text[:60]!r}; use "exclusive", "none" or "shared:N" with N from 1.', path=path)


def config_lock_key(branch: str, component: str, config: str) -> str:
    """The key of a stored configuration; no free text can equal it."""
    return f"c:{branch}/{component}/{config}"


def free_lock_key(text: str, path: str) -> str:
    """The key made of a caller's own text. Raises `Invalid`."""
    if not as_text(text, path, _MAX_FREE_KEY):
        raise Invalid(f"{path} is empty; name a key, or leave it out to run without a lock.", path=path)
    return f"t:{text}"


def wire_lock_key(key: str | None) -> str | None:
    """The key as callers see it: `branch/component/config`, or their own text."""
    return None if key is None else key.partition(":")[2]
