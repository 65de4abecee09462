"""Where links lead: they stay in the project, large trees are paged, and signing in returns to the page."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from e2e.harness import Daemon, running
from e2e.wire import Message, Wire
from web.browser import browser, needs_chromium, signed_in, visiting
from web.night import command, ended, made
from web.test_sign_in import OURS
from web.webserver import Web, serving

pytestmark = pytest.mark.real_processes

FIRST_VIEW_BYTES = 150_000
ROWS = 205


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running() as one:
        yield one


@pytest.fixture
def client(daemon: Daemon, wire: Wire) -> Iterator[httpx.Client]:
    with serving(daemon, KEBOOLA="") as web, web.client() as one:
        one.get(web.invitation)
        yield one


def links(page: str) -> list[str]:
    """Return all addresses in a page, including those of its forms."""
    found = re.findall(r'(?:href|action)="([^"#]+)', page)
    return [link.replace("&amp;", "&") for link in found if not link.startswith("/static/")]


def test_links_stay_in_the_project_of_the_url(client: httpx.Client, wire: Wire) -> None:
    etl: Message = {"project": "etl"}
    key = etl | {"component": "lockside.command", "config": "daily"}
    for shell in ("exit 1", "exit 2"):
        wire.call("config.put", **key, configuration={"parameters": {"shell": shell}})
    job = ended(wire, **key)
    held = made(wire, **key, hold=True)
    schedule = {"id": "hourly", "every": "1h", "job": {"component": "lockside.command", "config": "daily"}}
    wire.call("schedule.put", **etl, schedule=schedule)
    paths = ["/", "/jobs", f"/jobs/{job}", f"/jobs/{held}", f"/jobs/{job}/log", f"/jobs/{job}/timeline"]
    paths += ["/configs", "/configs/lockside.command/daily", "/schedules", "/schedules/hourly", "/events"]
    paths += ["/schedules/hourly/backfill", "/run", f"/jobs/{job}/do/retry", "/pools", "/status"]
    for path in paths:
        page = client.get(path, params={"project": "etl"})
        assert page.status_code == 200, path
        for link in links(page.text):
            is_form_field = 'name="project" value="etl"' in page.text and f'action="{link}' in page.text
            assert (
                parse_qs(urlsplit(link).query).get("project") == ["etl"]
                or is_form_field
                or (link == "/sign-out")
            ), (path, link)


def test_ten_thousand_children_would_be_sent_in_parts(client: httpx.Client, wire: Wire) -> None:
    wire.call("pool.put", pool={"id": "shut", "slots": 1})
    wire.call("pool.pause", id="shut")
    rows = [{"id": f"r{number}"} for number in range(ROWS)]
    key = {"component": "lockside.command", "config": "rows"}
    wire.call("config.put", **key, configuration={"parameters": {"shell": "true"}}, rows=rows)
    job = made(wire, **key, parallelism=2, pool="shut")
    first = client.get(f"/jobs/{job}")
    assert first.text.count('<tr id="job-') == 200
    assert len(first.content) < FIRST_VIEW_BYTES
    more = next(link for link in links(first.text) if "after=" in link)
    assert client.get(f"/jobs/{job}{more}").text.count('<tr id="job-') == ROWS - 200
    timeline = client.get(f"/jobs/{job}/timeline")
    assert timeline.text.count('<tr id="bar-') == 150
    assert "56 more began later" in timeline.text
    assert len(timeline.content) < FIRST_VIEW_BYTES
    wire.call("job.terminate", id=job)


def test_the_list_of_schedules_shows_how_their_last_jobs_ended(client: httpx.Client, wire: Wire) -> None:
    body = {"configData": command("exit 4")["configData"], "component": "lockside.command"}
    wire.call("schedule.put", schedule={"id": "fails", "every": "1h", "job": body})
    job = wire.call("schedule.run", id="fails")["id"]
    wire.call("job.wait", id=job, timeoutSeconds=60)
    shown = client.get("/schedules").text.partition('id="schedule-fails"')[2].partition("</tr>")[0]
    assert f'job {job}</a> <span class="status error">' in shown


def test_long_messages_do_not_make_a_long_list(client: httpx.Client, wire: Wire) -> None:
    long = command(f"echo {'long message ' * 300} >&2; exit 1", name="talks much")
    jobs = [job["id"] for job in wire.call("job.createMany", jobs=[long] * 45)["jobs"]]
    wire.call("job.wait", ids=jobs, timeoutSeconds=60)
    page = client.get("/jobs?name=talks+much")
    assert page.text.count("long message") >= len(jobs)
    assert len(page.content) < FIRST_VIEW_BYTES


def test_the_store_is_checked_only_on_request(client: httpx.Client) -> None:
    page = client.get("/status").text
    assert "The check found" not in page
    assert "check=1" in next(link for link in links(page) if link.startswith("?"))
    assert "The check found no problem." in client.get("/status?check=1").text


def test_times_in_sentences_are_times_for_the_browser(client: httpx.Client, wire: Wire) -> None:
    wire.call("pool.put", pool={"id": "closed", "slots": 1})
    since = wire.call("pool.pause", id="closed")["pausedTime"]
    late = made(wire, **command("true", delay="5h"))
    made(wire, **command("true", pool="closed"))
    assert re.search(
        rf'is paused, since <time datetime="{since[:19]}Z">[^<]+ UTC</time>', client.get("/").text
    )
    assert re.search(r'It starts at <time datetime="[\dT:-]+Z">', client.get(f"/jobs/{late}").text)


def test_a_page_of_a_log_is_small_and_all_pages_together_are_the_whole_log(
    client: httpx.Client, wire: Wire
) -> None:
    job = ended(
        wire,
        **command("seq -f %020.0f 1 6000; for i in 1 2 3; do echo $i >&2; done; seq -f %020.0f 6001 9000"),
    )
    for start, follow in (("", "to="), ("?offset=0", "offset=")):
        seen: list[int] = []
        page = client.get(f"/jobs/{job}/log{start}")
        while True:
            assert page.status_code == 200
            assert len(page.content) < FIRST_VIEW_BYTES
            part = [int(text) for text in re.findall(r"<p(?! class).*?<code>(\d+)</code>", page.text)]
            seen = [*part, *seen] if follow == "to=" else [*seen, *part]
            name = "earlier" if follow == "to=" else "later"
            more = re.search(rf'data-part="{name}"><a href="([^"]+)"', page.text)
            if more is None:
                break
            page = client.get(f"/jobs/{job}/log{more[1].replace('&amp;', '&')}")
        assert sorted(seen) == list(range(1, 9001)), "no line is missing or duplicated"


def test_signing_in_leads_to_the_requested_page(daemon: Daemon, wire: Wire) -> None:
    secret = wire.call("token.create", name="browser")["secret"]
    with serving(daemon, AUTH="token", KEBOOLA="") as web, web.client() as one:
        wanted = one.get("/jobs?status=error&project=default").headers["location"]
        assert wanted == "/sign-in?next=%2Fjobs%3Fstatus%3Derror%26project%3Ddefault"
        assert 'value="/jobs?status=error&amp;project=default"' in one.get(wanted).text
        for given, leads in {
            "/jobs?status=error": "/jobs?status=error",
            "//evil.example/": "/",
            "/\\evil.example": "/",
            "http://evil.example": "/",
            "/jobs\r\nX: y": "/",
            "": "/",
        }.items():
            answer = one.post("/sign-in", data={"token": secret, "next": given}, headers=OURS)
            assert (answer.status_code, answer.headers["location"]) == (303, leads), given


@needs_chromium
def test_a_link_on_another_site_opens_the_page_although_it_is_sent_without_the_cookie(
    daemon: Daemon, web: Web, wire: Wire
) -> None:
    job = ended(wire, **command("exit 3", name="load"))
    mail = f'<a href="http://{web.listen}/jobs/{job}">see job {job}</a>'

    def deliver(route: Any) -> None:
        route.fulfill(content_type="text/html", body=mail)

    with browser() as opened, visiting(opened, web, signed_in(opened, web)) as visit:
        visit.page.context.route("http://mail.example/", deliver)
        visit.page.goto("http://mail.example/")
        visit.page.get_by_role("link").click()
        visit.sees("error after", ".verdict")
        visit.complaints.clear()  # because the first answer was 401
