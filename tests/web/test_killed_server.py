"""`lockside-web` has no state: when it is killed at any time, viewers and polling clients continue."""

import os
import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.signs import Gate
from e2e.wire import Wire
from web.browser import browser, needs_chromium, visiting
from web.night import command, made
from web.webserver import Web, serving


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(LOCKSIDE_ACCESS__DELEGATES=str(os.geteuid())) as one:
        yield one


@pytest.fixture
def addresses() -> dict[str, str]:
    """Two free addresses, for one server after the other."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [taken.getsockname()[1] for taken in (one, other)]
    return {"LISTEN": f"127.0.0.1:{ports[0]}", "KEBOOLA": f"127.0.0.1:{ports[1]}"}


def kill(web: Web) -> None:
    web.process.kill()
    web.process.wait(timeout=20)


def test_a_polling_client_of_the_queue_continues(
    daemon: Daemon, wire: Wire, gate: Gate, addresses: dict[str, str]
) -> None:
    token = wire.call("token.create", name="poller", role="operator")["secret"]
    with serving(daemon, **addresses) as first, first.queue(token) as client:
        asked = {"component": "lockside.command", "configData": {"parameters": {"shell": gate.text}}}
        job = client.post("/jobs", json={**asked, "deduplicationId": "once"}).json()
        kill(first)
        with pytest.raises(httpx.TransportError):
            client.get(f"/jobs/{job['id']}")
        with serving(daemon, **addresses):
            again = client.post("/jobs", json={**asked, "deduplicationId": "once"}).json()
            assert again["id"] == job["id"], "it is done once, whichever server answers"
            gate.open()
            wire.done(job["id"])
            assert client.get(f"/jobs/{job['id']}").json()["status"] == "success"


@needs_root
@needs_chromium
@pytest.mark.real_processes
def test_an_open_page_misses_nothing_and_shows_nothing_twice(
    daemon: Daemon, wire: Wire, gate: Gate, addresses: dict[str, str]
) -> None:
    settings = {**addresses, "AUTH": "proxy", "TRUST": "127.0.0.1"}
    job = made(wire, **command(f"for i in 1 2 3; do echo line $i; done; {gate.text}; echo line 4"))
    with (
        serving(daemon, **settings) as first,
        browser() as opened,
        visiting(opened, first, None, extra_http_headers={"X-Remote-User": "root"}) as visit,
    ):
        with visit.page.expect_response(re.compile(r"/live\?")):
            visit.go(f"/jobs/{job}")
        visit.sees("line 3", "#tail")
        kill(first)
        visit.page.locator("#banner:visible").wait_for()
        assert "line 3" in visit.text("#tail"), "shown content stays"
        with serving(daemon, **settings):
            gate.open()
            visit.page.locator(".verdict.success").wait_for()
            visit.page.locator("#banner:visible").wait_for(state="detached")
            assert re.findall(r"line \d", visit.text("#tail")) == [f"line {n}" for n in range(1, 5)]
            visit.complaints.clear()  # because the server was down
