"""The daemon's metrics in the Prometheus text format, computed on request.

No label contains a job id, and the number of named components is bounded (see `event_counts`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockside.documents.enums import CheckOutcome
from locksided import clock
from locksided.api.event_counts import Outcomes, Totals
from locksided.api.service import Service
from locksided.histograms import Histogram, Timings
from locksided.store.decisions import Decided, Maker
from locksided.store.endings import Configuration

if TYPE_CHECKING:
    from prometheus_client.core import Metric
from collections import Counter
from typing import Final, TypeAlias

from locksided.core.explanation import explain
from locksided.core.scheduler import Scheduler

LOOKED_AT: Final = 1000
"""The number of oldest jobs per pool that are explained: later ones wait for the same reasons."""

Waiting: TypeAlias = dict[tuple[str, str], int]
"""The earliest start of a reason, in microseconds, by pool and kind of reason."""


def startable(core: Scheduler, *, is_up: bool) -> dict[str, bool]:
    """Return for each pool whether processes can be started in it, given that its executor `is_up`."""
    return {name: is_up and not pool.is_troubled for name, pool in sorted(core.state.pools.items())}


def engine_queues(core: Scheduler) -> Counter[tuple[str, str]]:
    """Return how many jobs wait for an engine to find a machine, by pool and the engine's own state."""
    runs = ((job.pool.id, job.run.engine) for job in core.state.jobs.values() if job.run is not None)
    return Counter((pool, wait.get("remoteState") or "queued") for pool, wait in runs if wait is not None)


def oldest_waiting(core: Scheduler) -> Waiting:
    """Return the earliest start of the current reasons, by pool and reason."""
    state, seen, found = core.state, Counter[str](), Waiting()
    for job in state.jobs.values():
        pool = job.pool.id
        if job.has_started or seen[pool] == LOOKED_AT:
            continue
        seen[pool] += 1
        for reason in explain(state, job).reasons:
            key = pool, reason.kind.value
            found[key] = min(found.get(key, reason.since_us), reason.since_us)
    return found


_CONFIGURATION = Configuration._fields

Samples = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Figures:
    """The reported values, read at one moment."""

    counts: Mapping[str, int]
    pools: list[dict[str, Any]]
    up: Mapping[str, bool]
    waiting: Waiting
    engine_queues: Mapping[tuple[str, str], int]
    conditions: int
    outcomes: Mapping[Configuration, Outcomes]
    totals: Totals
    deliveries: list[tuple[str, str, int, int | None]]
    decisions: Mapping[Maker, Mapping[str, Decided]]


def metrics_text(service: Service, figures: Figures) -> str:
    """Return the text for a scraper."""
    from prometheus_client import CollectorRegistry, generate_latest

    class All:
        def collect(self) -> "Iterator[Metric]":
            yield from _of_daemon(service, figures)
            yield from _of_pools(figures)
            yield from _of_recovery(service, figures)
            yield from _of_deliveries(figures.deliveries)
            yield from _of_configurations(figures.outcomes)
            yield from _of_jobs(figures.totals)
            yield from _of_decisions(figures.decisions)
            yield from _of_timings(service.timings)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(All())
    return generate_latest(registry).decode()


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"lockside_{name}", text, labels=labels)
    for values, figure in samples:
        family.add_metric(values, figure)
    return family


def _counter(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"lockside_{name}", text, labels=labels)
    for values, figure in samples:
        family.add_metric(values, figure)
    return family


def _histogram(
    name: str, text: str, labels: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], Histogram]]
) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(f"lockside_{name}_seconds", text, labels=labels)
    for values, histogram in samples:
        family.add_metric(values, histogram.buckets, histogram.sum_seconds)
    return family


def _of_daemon(service: Service, figures: Figures) -> "Iterator[Metric]":
    counts = (((status,), count) for status, count in figures.counts.items())
    yield _gauge("jobs", "Jobs by status", ("status",), counts)
    is_writable, is_up = service.scheduler.trouble is None, service.backend.is_up
    yield _gauge("uptime_seconds", "Since the daemon's start", (), [((), service.uptime_seconds)])
    yield _gauge("store_writable", "Whether the store can be written", (), [((), is_writable)])
    yield _gauge("keeper_connected", "Whether the keeper answers", (), [((), is_up)])


def _of_pools(figures: Figures) -> "Iterator[Metric]":
    for name, text in (
        ("slots", "Slots of a pool"),
        ("running", "Jobs that take a slot"),
        ("queued", "Jobs that have not started"),
    ):
        samples = (((pool["id"],), float(pool[name])) for pool in figures.pools)
        yield _gauge(f"pool_{name}", text, ("pool",), samples)
    up = (((pool,), is_up) for pool, is_up in figures.up.items())
    yield _gauge("executor_up", "Whether jobs of a pool can be started", ("pool",), up)
    queues = figures.engine_queues.items()
    yield _gauge("engine_queue", "Jobs for which an engine looks for a machine", ("pool", "state"), queues)
    now_us = clock.now_us()
    oldest = ((key, max(now_us - since_us, 0) / 1e6) for key, since_us in figures.waiting.items())
    text = "For how long the reason has held that has kept a job of a pool back for longest"
    yield _gauge("oldest_waiting_seconds", text, ("pool", "reason"), oldest)


def _of_recovery(service: Service, figures: Figures) -> "Iterator[Metric]":
    yield _gauge("recovery_conditions", "What blocked jobs wait for", (), [((), figures.conditions)])
    made = (((outcome.value,), service.checks.outcomes[outcome]) for outcome in CheckOutcome)
    yield _counter("recovery_checks", "Tests of conditions since the daemon's start", ("outcome",), made)


def _of_deliveries(deliveries: list[tuple[str, str, int, int | None]]) -> "Iterator[Metric]":
    samples = (((channel, status), count) for channel, status, count, _ in deliveries)
    yield _gauge("deliveries", "Notifications that are kept", ("channel", "status"), samples)
    now_us = clock.now_us()
    ages = [(now_us - oldest_us) / clock.SECOND_US for *_, oldest_us in deliveries if oldest_us is not None]
    text = "Since the oldest notification was written that is not delivered yet"
    yield _gauge("delivery_oldest_pending_seconds", text, (), [((), max(ages, default=0.0))])


def _of_configurations(outcomes: Mapping[Configuration, Outcomes]) -> "Iterator[Metric]":
    ended = (
        ((*configuration, status), count)
        for configuration, one in outcomes.items()
        for status, count in one.counts.items()
    )
    text = "Jobs of a configuration that ended, by status"
    yield _counter("configuration_jobs_ended", text, (*_CONFIGURATION, "status"), ended)
    good = ((name, one.success_us / 1e6) for name, one in outcomes.items() if one.success_us is not None)
    text = "When a job of a configuration last ended with success or warning"
    yield _gauge("configuration_last_success_timestamp_seconds", text, _CONFIGURATION, good)
    last = ((name, one.duration_us / 1e6) for name, one in outcomes.items() if one.end_us is not None)
    text = "How long the job of a configuration ran that ended last, pauses left out"
    yield _gauge("configuration_last_duration_seconds", text, _CONFIGURATION, last)


def _of_jobs(totals: Totals) -> "Iterator[Metric]":
    labels = ("status", "pool", "component")
    yield _counter(
        "jobs_ended", "Jobs that ended; rows and attempts are parts", labels, totals.counts.items()
    )
    durations = totals.durations.items()
    yield _histogram("job", "How long jobs ran, pauses left out", ("pool", "component"), durations)
    queues = (((pool,), histogram) for pool, histogram in totals.queues.items())
    yield _histogram("queue", "How long jobs waited before they started", ("pool",), queues)


def _of_decisions(decisions: Mapping[Maker, Mapping[str, Decided]]) -> "Iterator[Metric]":
    known = [
        (maker.word, (maker.project, maker.id), outcome, decided)
        for maker, outcomes in decisions.items()
        for outcome, decided in outcomes.items()
    ]
    moments = (((*name, outcome), one.moments) for word, name, outcome, one in known if word == "schedule")
    text = "Moments of a schedule that were decided since the daemon's start, by outcome"
    yield _counter("schedule_moments", text, ("project", "schedule", "outcome"), moments)
    fired = (one for one in known if one[0] == "schedule" and one[2] == "fired")
    late = ((name, decided.lateness_seconds) for _, name, _, decided in fired)
    text = "How late the last job of a schedule was created"
    yield _gauge("schedule_lateness_seconds", text, ("project", "schedule"), late)
    firings = (((*name, outcome), one.times) for word, name, outcome, one in known if word == "trigger")
    text = "Firings of a trigger since the daemon's start, by outcome"
    yield _counter("trigger_firings", text, ("project", "trigger", "outcome"), firings)


def _of_timings(timings: Timings) -> "Iterator[Metric]":
    calls = (((method,), histogram) for method, histogram in timings.calls.items())
    text = "How long calls took, those included that wait for something"
    yield _histogram("rpc", text, ("method",), calls)
    text = "Calls that were answered with an error, by its kind"
    yield _counter("rpc_errors", text, ("method", "kind"), timings.refusals.items())
    text = "How long the scheduler took to decide on what it had in hand"
    yield _histogram("decision", text, (), [((), timings.decision)])
    text = "How long it took until what was decided was on disk"
    yield _histogram("commit", text, (), [((), timings.commit)])
