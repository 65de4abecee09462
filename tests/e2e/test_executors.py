"""Pools whose jobs run on other machines: from a request to a result, through an engine that is bad."""

from collections.abc import Iterator

import pytest

from e2e.engines import Cluster, a_cluster
from e2e.wire import of


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with a_cluster() as made:
        yield made


def test_a_job_runs_where_the_engine_says_and_its_result_and_log_are_here(cluster: Cluster) -> None:
    wire = cluster.daemon.wire()
    cluster.put_pool(wire)
    job = wire.shell("echo hello; echo oops >&2; exit 3", pool="far")
    ended = wire.done(job)
    assert of(ended, "status", "starts", "pool") == ("error", 1, "far")
    assert ended["result"]["error"]["exitCode"] == 3
    assert ended["workPath"].startswith(f"{cluster.root}/")
    assert wire.text(job) == "hello\noops\n"
