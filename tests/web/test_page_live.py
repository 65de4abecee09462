"""Events appear on the screen soon, once, and without harm from slow readers; figures are printed."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import quantiles
from threading import Event
from time import monotonic
from typing import Any

import httpx
import pytest

from e2e.harness import Daemon, running
from e2e.signs import Gate
from e2e.wire import Wire
from web.browser import Visit, browser, needs_chromium, signed_in, visiting
from web.night import command, ended, made
from web.webserver import Web, serving

pytestmark = [needs_chromium, pytest.mark.real_processes]

LONG = os.environ.get("LOCKSIDE_TEST_LONG")
SOON_SECONDS = 0.5
CLICK_SECONDS = 0.2
BATCHES_A_SECOND = 10
FLOOD_BYTES = 200_000_000 if LONG else 20_000_000


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running() as one:
        yield one


@pytest.fixture(scope="module")
def opened(web: Web) -> Iterator[Any]:
    with browser() as one:
        yield one, signed_in(one, web)


@pytest.fixture
def visit(opened: Any, web: Web) -> Iterator[Visit]:
    with visiting(opened[0], web, opened[1]) as one:
        yield one


def listening(visit: Visit, path: str) -> None:
    """Open a page and wait until its stream is open."""
    with visit.page.expect_response(re.compile(r"/live\?")):
        visit.go(path)


@contextmanager
def busy(daemon: Daemon, per_second: int) -> Iterator[None]:
    """Run other jobs meanwhile, this many per second."""
    over = Event()

    def create() -> None:
        with Wire(daemon.socket) as wire:
            jobs = [command("true", name="another")] * (per_second // BATCHES_A_SECOND)
            while jobs and not over.wait(1 / BATCHES_A_SECOND):
                wire.call("job.createMany", jobs=jobs)

    with ThreadPoolExecutor(1) as pool:
        made_all = pool.submit(create)
        try:
            yield
        finally:
            over.set()
            made_all.result(timeout=60)


def test_a_failure_appears_on_the_screen_within_half_a_second(
    visit: Visit, wire: Wire, daemon: Daemon
) -> None:
    listening(visit, "/")
    waits = []
    with busy(daemon, 100 if LONG else 20):
        for number in range(100 if LONG else 12):
            job = made(wire, **command("exit 3", name=f"fails {number}", priority=9))
            wire.call("job.wait", id=job, timeoutSeconds=60)
            begun = monotonic()
            visit.page.locator(f"#failed #job-{job}").wait_for()
            waits.append(monotonic() - begun)
    slow = quantiles(waits, n=20)[-1]
    print(f"a failure is on the screen after {slow * 1000:.0f} ms (p95)")
    assert slow < (SOON_SECONDS if LONG else 10 * SOON_SECONDS)


def test_the_output_of_a_job_appears_line_by_line(visit: Visit, wire: Wire, gate: Gate) -> None:
    job = made(wire, **command(f"echo first; printf 'half a line'; {gate.text}; echo; echo last"))
    listening(visit, f"/jobs/{job}")
    visit.sees("half a line", "#tail")
    gate.open()
    visit.page.locator(".verdict.success").wait_for()
    visit.sees("last", "#tail")
    assert visit.text("#tail").split("\n")[:3] == ["first", "half a line", "last"]


@pytest.mark.parametrize(("page", "line"), [("", "#tail > span"), ("/log", "#tail > p")])
def test_a_log_is_followed_and_older_lines_are_loaded_on_scrolling_up(
    visit: Visit, wire: Wire, gate: Gate, page: str, line: str
) -> None:
    job = made(wire, **command(f"seq -f %020.0f 1 3000; {gate.text}; echo after the gate"))
    while f"{3000:020}" not in wire.text({"id": job}):  # opened before, a page shows a gap
        pass
    listening(visit, f"/jobs/{job}{page}")
    visit.sees("00003000", "#tail")
    scrolled_to_the_first(visit, line)
    gate.open()
    visit.sees("after the gate", "#tail")
    redraw_twice(visit)
    assert not visit.page.locator("[data-part=earlier]").count(), "nothing is before the first line"
    numbers = re.findall(r"\d{20}", visit.text("#tail"))
    assert list(map(int, numbers)) == list(range(1, 3001)), "no line is missing or duplicated"


def scrolled_to_the_first(visit: Visit, line: str) -> None:
    oldest = visit.page.locator(line, has_text=re.compile(r"^\d*\b0+1\s*$"))
    assert not oldest.count(), "the first page is only a part"
    deadline = monotonic() + 60
    while not oldest.count():
        assert monotonic() < deadline, "the first line was not loaded"
        visit.page.locator(line).first.scroll_into_view_if_needed()
        visit.page.locator(line).last.scroll_into_view_if_needed()


def redraw_twice(visit: Visit) -> None:
    """Request two redraws of the page: the first is drawn before the second is requested."""
    for _ in range(2):
        with visit.page.expect_request(lambda sent: "x-live" in sent.headers):
            visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_nothing_is_missing_or_duplicated_after_the_death_of_the_daemon(opened: Any) -> None:
    with running() as daemon, serving(daemon, KEBOOLA="") as web:
        state = signed_in(opened[0], web)
        gate = Gate(daemon.folder)
        with visiting(opened[0], web, state) as visit:
            with Wire(daemon.socket) as wire:
                job = made(
                    wire, **command(f"for i in 1 2 3; do echo line $i; done; {gate.text}; echo line 4")
                )
            listening(visit, f"/jobs/{job}")
            visit.sees("line 3", "#tail")
            begun = monotonic()
            daemon.kill()
            visit.page.locator("#banner:visible").wait_for()
            print(f"the banner is there after {monotonic() - begun:.1f} s")
            assert "as of" in visit.text("#banner")
            assert "line 3" in visit.text("#tail"), "shown content stays"
            opened_meanwhile = visit.page.context.new_page()
            opened_meanwhile.goto(visit.page.url)
            visit.page.bring_to_front()
            daemon.start()
            gate.open()
            visit.page.locator(".verdict.success").wait_for()
            visit.page.locator("#banner:visible").wait_for(state="detached")
            visit.sees("line 4", "#tail")
            assert re.findall(r"line \d", visit.text("#tail")) == [f"line {n}" for n in range(1, 5)]
            opened_meanwhile.bring_to_front()
            opened_meanwhile.locator(".verdict.success").wait_for()
            visit.complaints.clear()  # because the daemon was down


def test_a_flood_of_output_leaves_the_page_usable_and_the_server_small(
    visit: Visit, web: Web, wire: Wire, gate: Gate
) -> None:
    lines = FLOOD_BYTES // 100
    job = made(wire, **command(f"{gate.text}; yes {'x' * 99} | head -n {lines}; echo the end"))
    listening(visit, f"/jobs/{job}")
    stalled = [stalled_reader(web, visit, job) for _ in range(50 if LONG else 2)]
    longest = 0.0
    gate.open()
    while not visit.page.locator(".verdict.success").count():
        begun = monotonic()
        visit.page.locator("#log-title").click()
        longest = max(longest, monotonic() - begun)
    visit.page.locator("#tail").get_by_text("the end").wait_for(timeout=60_000)
    assert visit.page.locator("#tail > span").count() <= 5001
    memory = peak_memory(web)
    print(f"a click took at most {longest * 1000:.0f} ms; lockside-web used {memory / 1e6:.0f} MB")
    assert memory < 150e6
    assert 0 < longest < (CLICK_SECONDS if LONG else 100 * CLICK_SECONDS)
    for client in stalled:
        client.close()


def stalled_reader(web: Web, visit: Visit, job: str) -> httpx.Client:
    """A client that requests a log and reads nothing of the answer."""
    cookies = {one["name"]: one["value"] for one in visit.page.context.cookies()}
    client = web.client(cookies=cookies)
    client.send(client.build_request("GET", f"/live?topics=log:{job}:0"), stream=True)
    return client


def peak_memory(web: Web) -> int:
    """Return the peak memory of the server's process, in bytes."""
    with open(f"/proc/{web.process.pid}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not LONG, reason="a long form")
def test_ten_tabs_stay_live_although_a_browser_has_six_connections(visit: Visit, wire: Wire) -> None:
    context = visit.page.context
    tabs = [context.new_page() for _ in range(9)]
    for tab in tabs:
        tab.goto(visit.page.url if "http" in visit.page.url else f"http://{visit.web.listen}/")
    visit.go("/")
    job = ended(wire, **command("exit 7", name="seen by all"))
    for tab in (*tabs, visit.page):
        tab.bring_to_front()
        tab.locator(f"#failed #job-{job}").wait_for()


def test_a_fifth_stream_of_a_session_is_told_to_poll_instead(daemon: Daemon) -> None:
    with serving(daemon, KEBOOLA="") as web, web.client() as client:
        client.get(web.invitation)
        streams = [
            client.send(client.build_request("GET", "/live?topics=job"), stream=True) for _ in range(4)
        ]
        assert {one.headers["x-accel-buffering"] for one in streams} == {"no"}
        assert client.get("/live?topics=job").status_code == 204
        for one in streams:
            one.close()
