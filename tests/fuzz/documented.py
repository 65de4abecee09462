"""Whether the client's documentation names the errors that its methods were seen to raise."""

import re
from collections.abc import Iterable, Mapping

from lockside import Client, errors

# What every method may raise is named once, at the head of the module.
EVERYWHERE = {
    "invalid",
    "forbidden",
    "unavailable",
    "limit",
    "parse_error",
    "invalid_request",
    "method_not_found",
}
OTHER_NAMES = {
    "event.subscribe": ["events"],
    "event.unsubscribe": [],
    "rpc.discover": ["daemon.discover"],
    "job.wait": ["job.wait", "job.wait_many"],
    "job.terminate": ["job.terminate", "job.preview_terminate"],
}


def documentation(method: str) -> list[str]:
    """The docstrings of the client's methods that make a call."""
    client = Client("/nowhere")
    found = []
    for name in OTHER_NAMES.get(method, [method]):
        group, _, word = name.rpartition(".")
        owner = type(getattr(client, group)) if group else Client
        found.append(getattr(owner, _snake(word)).__doc__ or "")
    return found


def undocumented(seen: Mapping[str, Iterable[str]]) -> list[str]:
    """A sentence for each method and kind of error that was seen and that its docstring does not name."""
    classes = {one.kind: name for name, one in vars(errors).items() if isinstance(one, type)}
    return [
        f"{method} raised {classes[kind]}, which is not documented"
        for method, kinds in sorted(seen.items())
        for kind in sorted(set(kinds) - EVERYWHERE)
        for text in documentation(method)
        if classes[kind] not in text
    ]


def _snake(word: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", word).lower()
