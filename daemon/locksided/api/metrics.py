"""The daemon's figures in the Prometheus text format, computed when asked."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lockside.documents.enums import CheckOutcome
from locksided import clock
from locksided.api.service import Service
from locksided.api.tally import Outcomes
from locksided.store.endings import Configuration

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

_LABELS = Configuration._fields


def metrics_text(
    service: Service,
    counts: Mapping[str, int],
    pools: list[dict[str, Any]],
    outcomes: Mapping[Configuration, Outcomes],
    deliveries: Iterable[tuple[str, int, int | None]],
    conditions: int,
) -> str:
    """The text that a scraper reads."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(name, text, registry=registry).set(value)

    jobs = Gauge("lockside_jobs", "Jobs by status", ["status"], registry=registry)
    for status, count in counts.items():
        jobs.labels(status).set(count)
    _add_pools(registry, pools)
    _add_deliveries(registry, deliveries)
    gauge("lockside_recovery_conditions", "What blocked jobs wait for", conditions)
    gauge("lockside_uptime_seconds", "Since the daemon's start", service.uptime_seconds)
    gauge("lockside_store_writable", "Whether the store can be written", service.scheduler.trouble is None)
    gauge("lockside_keeper_connected", "Whether the keeper answers", service.backend.is_up)
    registry.register(_Tests(service.checks.outcomes))
    registry.register(_Configurations(outcomes))
    return generate_latest(registry).decode()


def _add_pools(registry: "CollectorRegistry", pools: list[dict[str, Any]]) -> None:
    from prometheus_client import Gauge

    figures = {
        "slots": Gauge("lockside_pool_slots", "Slots of a pool", ["pool"], registry=registry),
        "running": Gauge("lockside_pool_running", "Jobs that take a slot", ["pool"], registry=registry),
        "queued": Gauge("lockside_pool_queued", "Jobs that have not started", ["pool"], registry=registry),
    }
    for pool in pools:
        for name, figure in figures.items():
            figure.labels(pool["id"]).set(float("inf") if pool[name] == "infinity" else pool[name])


def _add_deliveries(registry: "CollectorRegistry", deliveries: Iterable[tuple[str, int, int | None]]) -> None:
    from prometheus_client import Gauge

    by_status = Gauge(
        "lockside_deliveries", "Notifications that are kept", ["channel", "status"], registry=registry
    )
    age = Gauge(
        "lockside_delivery_oldest_pending_seconds",
        "Since the oldest notification was written that is not delivered yet",
        registry=registry,
    )
    for status, count, oldest_us in deliveries:
        by_status.labels("webhook", status).set(count)
        if oldest_us is not None:
            age.set((clock.now_us() - oldest_us) / clock.SECOND_US)


class _Tests:
    """How many tests of conditions came to what; a collector, as below."""

    def __init__(self, outcomes: Mapping[CheckOutcome, int]) -> None:
        self._outcomes = outcomes

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import CounterMetricFamily

        made = CounterMetricFamily(
            "lockside_recovery_checks",
            "Tests of conditions since the daemon's start, by outcome",
            labels=["outcome"],
        )
        for outcome in CheckOutcome:
            made.add_metric([outcome.value], self._outcomes.get(outcome, 0))
        return [made]


class _Configurations:
    """The figures of configurations; a collector, because a counter of the library cannot be set."""

    def __init__(self, outcomes: Mapping[Configuration, Outcomes]) -> None:
        self._outcomes = outcomes

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        ended = CounterMetricFamily(
            "lockside_configuration_jobs_ended",
            "Jobs of a configuration that ended, by status",
            labels=[*_LABELS, "status"],
        )
        success = GaugeMetricFamily(
            "lockside_configuration_last_success_timestamp_seconds",
            "When a job of a configuration last ended with success or warning",
            labels=_LABELS,
        )
        duration = GaugeMetricFamily(
            "lockside_configuration_last_duration_seconds",
            "How long the job of a configuration ran that ended last, pauses left out",
            labels=_LABELS,
        )
        for configuration, outcome in self._outcomes.items():
            for status, count in outcome.counts.items():
                ended.add_metric([*configuration, status], count)
            if outcome.success_us is not None:
                success.add_metric(configuration, outcome.success_us / 1e6)
            if outcome.end_us is not None:
                duration.add_metric(configuration, outcome.duration_us / 1e6)
        return [ended, success, duration]
