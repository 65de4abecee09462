"""Each page, light and dark, wide and on a small phone: accessible, and nothing scrolls sideways.

Screenshots of all pages are stored in the folder that LOCKSIDE_TEST_PICTURES names.
"""

import os
from collections.abc import Iterator, Sequence
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
BETWEEN = {"width": 800, "height": 600}
"""The width at which tables have the least room: slightly narrower windows show cards."""
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
    "found": "/jobs/{failed}/log?search=route&since=2h",
    "no_time": "/jobs/{failed}/log?since=nonsense",
    "timeline": "/jobs/{all}/timeline",
    "zoomed": "/jobs/{orders}/timeline?from=0.01&to=0.05",
    "bulk": "/jobs/do?action=terminate&ids={running}&ids={waiting}&ids={failed}",
    "view": "/jobs?text=l&order=asc",
    "kill": "/jobs/{running}/do/terminate",
    "acknowledge": "/jobs/{failed}/do/acknowledge",
    "run": "/run?component=acme.orders&config=daily&rows=1",
    "configs": "/configs",
    "config": "/configs/acme.orders/daily?from=1&to=2",
    "edit": "/configs/acme.orders/daily/edit",
    "command": "/run?component=lockside.command",
    "components": "/components",
    "component": "/components/acme.orders",
    "backfill": "/schedules/nightly/backfill",
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
ALIKE = {
    "failures",
    "no_jobs",
    "view",
    "success",
    "waiting",
    "held",
    "found",
    "no_time",
    "zoomed",
    "acknowledge",
    "command",
}
"""Pages built from the same template as others: only the long form checks them."""
SHOWN = [name for name in PAGES if LONG or name not in ALIKE]
EMPTY = ("overview", "jobs", "configs", "schedules", "tables", "events", "status", "pools")


@pytest.fixture(scope="module")
def shown() -> Iterator[Any]:
    """A browser, the servers of a busy and of a new daemon, and the jobs of the night."""
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


def check(visit: Any, name: str, turn: int) -> list[str]:
    """Return the problems of a page in any of its shapes; the short form runs axe on every other shape."""
    wrong = []
    for place, (size, scheme) in enumerate(SHAPES if LONG else SHAPES[::3]):
        visit.page.set_viewport_size(size)
        visit.page.emulate_media(color_scheme=scheme)
        shape = f"{name}-{scheme}-{size['width']}"
        if LONG or place == turn % 2:
            found = axe.Axe().run(visit.page, options=RULES).response["violations"]
            wrong += [f"{shape}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
        wrong += too_wide(visit, shape)
        if folder := os.environ.get("LOCKSIDE_TEST_PICTURES"):
            visit.page.screenshot(path=Path(folder, f"{shape}.png"), full_page=True)
    visit.page.set_viewport_size(BETWEEN)
    return wrong + too_wide(visit, f"{name}-{BETWEEN['width']}")


def too_wide(visit: Any, shape: str) -> list[str]:
    """Return by how much the page scrolls sideways."""
    wide = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{shape}: it is {wide} pixels too wide"] if wide > 0 else []


@pytest.mark.parametrize(
    ("server", "names"),
    [(0, SHOWN[::2]), (0, SHOWN[1::2]), (1, EMPTY)],
    ids=["some", "others", "empty"],
)
def test_every_page_is_accessible_in_every_shape(shown: Any, server: int, names: Sequence[str]) -> None:
    opened, servers, jobs = shown
    web, state, place = servers[server]
    wrong: list[str] = []
    with visiting(opened, web, state) as visit:
        for turn, name in enumerate(names):
            visit.go(PAGES[name].format(**jobs))
            wrong += check(visit, place + name, turn)
        wrong += [one for one in visit.complaints if "404" not in one and "400" not in one]
        visit.complaints.clear()
    assert not wrong, "\n".join(wrong)
