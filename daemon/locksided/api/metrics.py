"""The daemon's figures in the Prometheus text format, computed when asked."""

from collections.abc import Mapping
from typing import Any

from locksided.api.service import Service


def metrics_text(service: Service, counts: Mapping[str, int], pools: list[dict[str, Any]]) -> str:
    """The text that a scraper reads."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(name, text, registry=registry).set(value)

    jobs = Gauge("lockside_jobs", "Jobs by status", ["status"], registry=registry)
    for status, count in counts.items():
        jobs.labels(status).set(count)
    figures = {
        "slots": Gauge("lockside_pool_slots", "Slots of a pool", ["pool"], registry=registry),
        "running": Gauge("lockside_pool_running", "Jobs that take a slot", ["pool"], registry=registry),
        "queued": Gauge("lockside_pool_queued", "Jobs that have not started", ["pool"], registry=registry),
    }
    for pool in pools:
        for name, figure in figures.items():
            figure.labels(pool["id"]).set(float("inf") if pool[name] == "infinity" else pool[name])
    gauge("lockside_uptime_seconds", "Since the daemon's start", service.uptime_seconds)
    gauge("lockside_store_writable", "Whether the store can be written", service.scheduler.trouble is None)
    gauge("lockside_keeper_connected", "Whether the keeper answers", service.backend.is_up)
    return generate_latest(registry).decode()
