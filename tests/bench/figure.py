"""A figure: a measured value beside a bare one of the same run, and whether its target is reached."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """A bound of the value, or of its ratio to the bare measurement."""

    bound: float
    of: str = "ratio"
    is_floor: bool = False

    def holds(self, value: float, ratio: float | None) -> bool:
        seen = value if self.of == "value" else ratio
        assert seen is not None, "a target of a ratio needs a bare measurement"
        return seen >= self.bound if self.is_floor else seen <= self.bound

    def __str__(self) -> str:
        unit = "x" if self.of == "ratio" else ""
        return f"{'>=' if self.is_floor else '<='} {self.bound:g}{unit}"


@dataclass(frozen=True)
class Figure:
    """One line of the table. `about` holds further observations for the JSON."""

    name: str
    value: float
    unit: str
    bare: float | None = None
    bare_name: str = ""
    target: Target | None = None
    about: dict[str, Any] = field(default_factory=dict)
    group: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.bare if self.bare else None

    @property
    def is_reached(self) -> bool | None:
        return None if self.target is None else self.target.holds(self.value, self.ratio)

    def as_json(self) -> dict[str, Any]:
        target = None if self.target is None else str(self.target)
        return {**asdict(self), "target": target, "ratio": self.ratio, "isReached": self.is_reached}


def at_least(bound: float, of: str = "ratio") -> Target:
    return Target(bound, of, is_floor=True)


def at_most(bound: float, of: str = "ratio") -> Target:
    return Target(bound, of)


def rounds(count: int, *measurements: Callable[[], float]) -> list[float]:
    """Return the median of each measurement; they alternate, so that all see the same load of the machine."""
    seen: list[list[float]] = [[] for _ in measurements]
    for _ in range(count):
        for values, measure in zip(seen, measurements, strict=True):
            values.append(measure())
    return [statistics.median(values) for values in seen]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
