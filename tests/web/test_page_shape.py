"""Each page, light and dark, wide and on a small phone: readable by everybody, and nothing scrolls sideways.

Pictures of all of them are in the folder that LOCKSIDE_TEST_PICTURES names.
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import LAKE, running
from e2e.signs import Gate
from e2e.wire import Wire
from web.browser import NARROW, WIDE, browser, needs_chromium, signed_in, visiting
from web.night import happen
from web.webserver import serving

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

pytestmark = [needs_chromium, pytest.mark.real_processes]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SHAPES = list(product((WIDE, NARROW), ("light", "dark")))
LONG = os.environ.get("LOCKSIDE_TEST_LONG")
PAGES = {
    "overview": "/",
    "jobs": "/jobs",
    "failures": "/jobs?status=error&component=lockside.command",
    "no_jobs": "/jobs?text=no-such",
    "success": "/jobs/{orders}",
    "failed": "/jobs/{failed}",
    "long_name": "/jobs/{long}",
    "tree": "/jobs/{all}",
    "running": "/jobs/{running}",
    "waiting": "/jobs/{waiting}",
    "held": "/jobs/{held}",
    "log": "/jobs/{failed}/log",
    "no_log": "/jobs/{waiting}/log",
    "kill": "/jobs/{running}/do/terminate",
    "acknowledge": "/jobs/{failed}/do/acknowledge",
    "run": "/run?component=acme.orders&config=daily&rows=1",
    "configs": "/configs",
    "config": "/configs/acme.orders/daily?version=2&to=1",
    "edit": "/configs/acme.orders/daily/edit",
    "components": "/components",
    "schedules": "/schedules",
    "schedule": "/schedules/nightly",
    "pools": "/pools",
    "pause": "/pools/default/do/pause",
    "tables": "/tables",
    "table": "/tables/in.c-shop.orders?rows=1",
    "events": "/events",
    "status": "/status",
    "no_page": "/no/such",
    "no_job": "/jobs/999999",
}
EMPTY = ("overview", "jobs", "configs", "schedules", "tables", "events", "status", "pools")


@pytest.fixture(scope="module")
def shown() -> Iterator[Any]:
    """A browser, servers of a night and of a new daemon, and the jobs of the night."""
    with (
        running(**LAKE) as daemon,
        running(**LAKE) as new,
        serving(daemon, KEBOOLA="") as web,
        serving(new, KEBOOLA="") as other,
        browser() as opened,
        Wire(daemon.socket) as wire,
    ):
        gate = Gate(daemon.folder)
        jobs = happen(wire, gate.text)
        servers = ((web, signed_in(opened, web), ""), (other, signed_in(opened, other), "empty-"))
        yield opened, servers, jobs
        gate.open()


def check(visit: Any, name: str) -> list[str]:
    """What is wrong with a page in any of its shapes."""
    wrong = []
    for size, scheme in SHAPES if LONG else SHAPES[::3]:
        visit.page.set_viewport_size(size)
        visit.page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(visit.page, options=RULES).response["violations"]
        shape = f"{name}-{scheme}-{size['width']}"
        wrong += [f"{shape}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
        wide = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        wrong += [f"{shape}: it is {wide} pixels too wide"] if wide > 0 else []
        if folder := os.environ.get("LOCKSIDE_TEST_PICTURES"):
            visit.page.screenshot(path=Path(folder, f"{shape}.png"), full_page=True)
    return wrong


def test_nobody_is_left_out_by_any_page(shown: Any) -> None:
    opened, servers, jobs = shown
    wrong: list[str] = []
    for server, state, place in servers:
        with visiting(opened, server, state) as visit:
            for name in EMPTY if place else list(PAGES):
                visit.go(PAGES[name].format(**jobs))
                wrong += check(visit, place + name)
            wrong += [one for one in visit.complaints if "404" not in one]
            visit.complaints.clear()
    assert not wrong, "\n".join(wrong)
