"""Counts what a simulation went through."""

from dataclasses import asdict, dataclass


@dataclass
class Figures:
    """Counts of events; they can be added."""

    worlds: int = 0
    events: int = 0
    steps: int = 0
    commits: int = 0
    failed_saves: int = 0
    crashes: int = 0
    keeper_deaths: int = 0
    reboots: int = 0
    jobs: int = 0
    processes: int = 0
    blocks: int = 0
    tests: int = 0
    reloads_compared: int = 0
    moments: int = 0

    def add(self, other: "Figures") -> None:
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + number)

    def as_data(self) -> dict[str, int]:
        return asdict(self)

    def text(self) -> str:
        return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in asdict(self).items())
