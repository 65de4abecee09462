"""Lock keys: what keeps two jobs of one configuration apart. Who holds a lock is decided elsewhere."""

from typing import overload


def config_lock_key(branch: str, component: str, config: str) -> str:
    """The key of a stored configuration; no free text can equal it."""
    return f"c:{branch}/{component}/{config}"


def free_lock_key(text: str) -> str:
    """The key made of a caller's own text."""
    return f"t:{text}"


@overload
def wire_lock_key(key: str) -> str: ...
@overload
def wire_lock_key(key: str | None) -> str | None: ...
def wire_lock_key(key: str | None) -> str | None:
    """The key as callers see it: `branch/component/config`, or their own text."""
    return None if key is None else key.partition(":")[2]
