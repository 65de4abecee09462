"""A program on the library's types that a test checks with mypy; each `ignore` marks a deliberate mistake."""

from typing import assert_type

from lockside import AsyncClient, Client
from lockside.documents.component import Manifest
from lockside.protocol.types.jobs import Job, TerminationPlan, WaitedJobs
from lockside.protocol.types.stored import Component, Pool, Variables


def blocking(client: Client) -> None:
    job = client.job.create("acme.orders", "daily", priority="high", labels={"team": "a"})
    assert_type(job, Job)
    assert_type(client.job.hold(job.id, fields=["id"]), Job)
    assert_type(client.job.wait_many([job.id], 60, until="any"), WaitedJobs)
    assert_type(client.job.preview_terminate(job.id), TerminationPlan)
    assert_type(client.pool.put("heavy", 2), Pool)
    assert_type(client.pool.put({"id": "heavy"}), Pool)
    assert_type(client.component.put(Manifest(id="a")), Component)
    assert_type(client.variables.put("eu", {"region": "eu", "limit": 3}), Variables)
    client.job.hold()  # type: ignore[call-arg]
    client.job.hold(17)  # type: ignore[arg-type]
    client.job.hold("17", feilds=["id"])  # type: ignore[call-arg]
    client.event.subscribe()  # type: ignore[attr-defined]


async def asynchronous(client: AsyncClient) -> None:
    assert_type(await client.job.hold("17"), Job)
    assert_type(await client.pool.put("heavy", 2), Pool)
    print(client.job.hold("17").status)  # type: ignore[attr-defined]
