"""Figures for people: they are printed, and have generous bounds where there is a promise."""

import time
from pathlib import Path

from keeper.kit import Keeper, Peer

LOG_BYTES = 500_000_000


def rss_megabytes(keeper: Keeper) -> float:
    for line in Path(f"/proc/{keeper.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def test_a_keeper_at_rest_is_small(keeper: Keeper, daemon: Peer) -> None:
    daemon.hello()
    rss = rss_megabytes(keeper)
    print(f"\nrss at rest: {rss:.1f} MB")
    assert rss <= 15


def test_a_flood_of_output_goes_through_and_a_start_is_not_delayed(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("head", "-c", str(LOG_BYTES), "/dev/zero"))
    begin = time.monotonic()
    daemon.expect("started", "1-1-0")
    daemon.send(**keeper.order("true", token="2-1-0"))
    daemon.outcome("2-1-0")
    quick = time.monotonic() - begin
    outcome = daemon.outcome("1-1-0")
    seconds = (outcome["exitTime"] - outcome["spawnTime"]) / 1e6
    print(f"\nlog: {LOG_BYTES / 1e6 / seconds:.0f} MB/s; a start and end beside it: {quick * 1000:.0f} ms")
    assert outcome["log"]["bytes"] == LOG_BYTES
    assert sum(path.stat().st_size for path in (keeper.folder() / "log").iterdir()) <= 64 * 1024 * 1024 + 200


def test_starts_per_second(keeper: Keeper, daemon: Peer) -> None:
    count = 200
    orders = [keeper.order("/bin/true", token=f"{n}-1-0") for n in range(count)]
    begin = time.monotonic()
    for place, order in enumerate(orders):
        daemon.send(**order)
        if place >= 4:
            daemon.outcome(f"{place - 4}-1-0")
    for n in range(count - 4, count):
        daemon.outcome(f"{n}-1-0")
    print(f"\n{count / (time.monotonic() - begin):.0f} runs per second, four in flight")
