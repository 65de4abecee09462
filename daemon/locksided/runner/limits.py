"""The limits of a job: what is asked for by precedence, under the component's ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from locksided.runner.fields import Fields, as_integer, as_number
from locksided.runner.levels import first_named
from locksided.runner.quantities import duration_seconds, size_bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may use; None is no limit."""

    timeout_seconds: float | None = None
    memory_bytes: int | None = None
    cpus: float | None = None
    nodes: int | None = None

    def to_wire(self) -> dict[str, Any]:
        """The limits under their names on the wire."""
        return {
            "timeoutSeconds": self.timeout_seconds,
            "memoryBytes": self.memory_bytes,
            "cpus": self.cpus,
            "nodes": self.nodes,
        }


def parse_limits(levels: Sequence[Fields]) -> Limits:
    """Each limit from the first level that names it; all levels are checked. Raises `Invalid`."""
    for level in levels:
        _read([level])
    return _read(levels)


def _read(levels: Sequence[Fields]) -> Limits:
    timeout, memory = first_named(levels, "timeoutSeconds"), first_named(levels, "memoryBytes")
    cpus, nodes = first_named(levels, "cpus"), first_named(levels, "nodes")
    return Limits(
        timeout_seconds=duration_seconds(timeout.value, timeout.path) if timeout else None,
        memory_bytes=size_bytes(memory.value, memory.path) if memory else None,
        cpus=as_number(cpus.value, cpus.path, above=0) if cpus else None,
        nodes=as_integer(nodes.value, nodes.path, least=1, most=100_000) if nodes else None,
    )


def effective_limits(asked: Limits, ceiling: Limits, default_timeout_seconds: float | None) -> Limits:
    """What was asked for, never above the component's; the default is for a time limit nobody named."""
    timeout = _lower(asked.timeout_seconds, ceiling.timeout_seconds)
    memory = _lower(asked.memory_bytes, ceiling.memory_bytes)
    return Limits(
        timeout_seconds=default_timeout_seconds if timeout is None else timeout,
        memory_bytes=None if memory is None else int(memory),
        cpus=_lower(asked.cpus, ceiling.cpus),
        nodes=asked.nodes,
    )


def _lower(asked: float | None, ceiling: float | None) -> float | None:
    if asked is None or ceiling is None:
        return asked if ceiling is None else ceiling
    return min(asked, ceiling)
