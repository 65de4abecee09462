"""Typical tasks with the page, in a real Chromium, with scripts and without.

A test fails if the browser complains about anything in its tab (an error in a script, a violation of the
content security policy).
"""

import json
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon, running
from e2e.signs import Gate
from e2e.wire import Wire
from web.browser import Visit, browser, needs_chromium, signed_in, visiting
from web.night import command, ended, made, store
from web.webserver import Web, serving

pytestmark = [needs_chromium, pytest.mark.real_processes]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(**LAKE) as one:
        with Wire(one.socket) as wire:
            store(wire)
        yield one


@pytest.fixture(scope="module")
def opened(web: Web) -> Iterator[Any]:
    with browser() as one:
        yield one, signed_in(one, web)


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def visit(request: Any, opened: Any, web: Web) -> Iterator[Visit]:
    with visiting(opened[0], web, opened[1], java_script_enabled=request.param) as one:
        yield one


def job_in(visit: Visit) -> str:
    """Return the id of the job whose page is shown."""
    return str(visit.page.url).rpartition("/")[2]


def test_the_printed_url_leads_to_the_overview(visit: Visit) -> None:
    visit.go("/")
    visit.sees("See what is red, what waits and why, and what runs now.")
    assert visit.page.title() == "Overview · lockside" or "failed" in visit.page.title()


def test_a_job_can_be_run_with_parameters(visit: Visit, wire: Wire) -> None:
    visit.go("/configs")
    visit.click("Run a job", "link")
    visit.click("lockside.command", "link")
    visit.fill("Command, for a shell", "echo from $PLACE")
    visit.fill("Environment", "{not json")
    visit.click("Run")
    visit.sees("Environment: '{not json' is not JSON")
    visit.complaints.clear()  # a browser logs an answer with status 400
    visit.fill("Environment", json.dumps({"PLACE": "the page"}))
    visit.click("Check only")
    visit.sees("It can be made: it runs in pool default")
    visit.click("Run")
    job = job_in(visit)
    wire.call("job.wait", id=job, timeoutSeconds=60)
    visit.go(f"/jobs/{job}")
    visit.sees("from the page", "#log")
    visit.sees("success after")


def test_a_configuration_can_be_run_with_another_parameter_from_its_schema(visit: Visit, wire: Wire) -> None:
    stored = wire.call("config.get", component="acme.orders", config="daily")["configuration"]
    wire.call("pool.pause", id="night")
    visit.go("/configs/acme.orders/daily")
    visit.click("Run", "link")
    assert visit.page.get_by_label("Since").input_value() == stored["parameters"]["since"]
    visit.fill("Since", "the beginning")
    visit.fill("Rows at most", "many")
    visit.page.get_by_text("More", exact=True).click()
    visit.fill("Pool", "night")
    visit.click("Run")
    visit.sees("'many' is not a number")
    visit.complaints.clear()
    visit.fill("Rows at most", "5")
    visit.click("Run")
    job = wire.call("job.get", id=job_in(visit))
    assert job["configData"]["parameters"] == {"since": "the beginning", "limit": 5}
    assert job["configData"]["storage"] == stored["storage"], "members that the form does not show are kept"
    wire.call("job.terminate", id=job["id"])
    wire.call("pool.resume", id="night")


def test_a_double_click_counts_once(visit: Visit, wire: Wire) -> None:
    name = token_hex(8)
    visit.go("/run?component=lockside.command&name=" + name)
    visit.fill("Command, for a shell", "true")
    visit.page.get_by_role("button", name="Run", exact=True).dblclick()
    visit.page.wait_for_url("**/jobs/*")
    assert len(wire.call("job.list", name=name)["jobs"]) == 1


def test_a_job_is_stopped_after_the_effect_was_shown(visit: Visit, wire: Wire, gate: Gate) -> None:
    job = made(wire, **command(gate.text, name="export", lockKey="stop"))
    waiting = made(wire, **command(gate.text, name="import", lockKey="stop"))
    visit.go(f"/jobs/{waiting}")
    visit.sees(f"Job {job} holds the lock.", "#why")
    visit.page.locator("#why a").first.click()
    visit.click("Stop", "link")
    read = visit.text()
    assert "stopped export" in read
    assert "started then import" in read
    visit.click("Stop")
    wire.call("job.wait", id=job, timeoutSeconds=60)
    visit.go(f"/jobs/{job}")
    visit.sees("terminated after")
    visit.sees("root asked to stop it", "#story")
    wire.call("job.terminate", id=waiting)


def test_a_failure_can_be_retried_from_the_overview(visit: Visit, wire: Wire) -> None:
    job = ended(wire, **command("echo no route to host >&2; exit 3", name="load"))
    visit.go("/")
    visit.sees("no route to host", "#failed")
    visit.page.locator(f"#job-{job} a.name").click()
    visit.sees("error after", ".verdict")
    visit.sees("no route to host", "#log")
    visit.click("Retry", "link")
    visit.click("Retry")
    again = job_in(visit)
    assert wire.call("job.get", id=again)["retryOfJobId"] == job
    wire.call("job.wait", id=again, timeoutSeconds=60)


def test_an_acknowledged_failure_is_no_longer_open(visit: Visit, wire: Wire) -> None:
    job = ended(wire, **command("exit 9", name="old"))
    visit.go(f"/jobs/{job}/do/acknowledge")
    visit.fill("Why nothing more is to be done", "the source is gone")
    visit.click("Acknowledge")
    visit.sees("the source is gone", ".verdict")
    visit.go("/")
    assert not visit.page.locator(f"#failed #job-{job}").count()


def test_a_job_can_be_held_and_released(visit: Visit, wire: Wire) -> None:
    wire.call("pool.pause", id="night")
    job = made(wire, **command("true", pool="night"))
    visit.go(f"/jobs/{job}")
    visit.click("Hold", "link")
    visit.click("Hold")
    visit.sees("holds it back", "#why")
    visit.click("Release", "link")
    visit.click("Release")
    visit.page.get_by_role("link", name="Hold", exact=True).wait_for()
    wire.call("job.terminate", id=job)
    wire.call("pool.resume", id="night")


def test_a_pool_can_be_paused_with_a_comment_and_resumed(visit: Visit, wire: Wire) -> None:
    visit.go("/pools")
    visit.page.locator("#pool-night").get_by_role("link", name="Pause").click()
    visit.fill("Why, for whoever waits", "maintenance")
    visit.click("Pause")
    visit.sees("maintenance", "#pool-night")
    assert wire.call("pool.get", id="night")["comment"] == "maintenance"
    visit.page.locator("#pool-night").get_by_role("link", name="Resume").click()
    visit.click("Resume")
    visit.sees("open", "#pool-night")


def test_a_schedule_can_be_run_now_and_paused(visit: Visit, wire: Wire) -> None:
    visit.go("/schedules/nightly")
    visit.sees("At 02:30 every day")
    visit.click("Run now", "link")
    visit.click("Run now")
    wire.call("job.wait", id=job_in(visit), timeoutSeconds=60)
    visit.page.locator("#facts").get_by_role("link", name="nightly").click()
    visit.click("Pause", "link")
    visit.click("Pause")
    visit.sees("paused", "#schedule-nightly")
    wire.call("schedule.resume", id="nightly")


def test_a_configuration_can_be_edited_and_rolled_back_unless_it_has_changed_meanwhile(
    visit: Visit, wire: Wire
) -> None:
    key = {"component": "acme.orders", "config": "daily"}
    before = wire.call("config.get", **key)["version"]
    visit.go("/configs/acme.orders/daily/edit")
    text = visit.page.get_by_label("The configuration, as JSON").input_value()
    visit.fill("The configuration, as JSON", text.replace("2 days ago", "3 days ago"))
    visit.fill("Why it is changed", "late orders")
    visit.click("Save")
    visit.sees("late orders")
    assert wire.call("config.get", **key)["configuration"]["parameters"] == {"since": "3 days ago"}
    visit.click(f"compare version {before}", "link")
    visit.sees('"3 days ago"', ".diff")
    visit.click(f"roll back to version {before}")
    visit.sees(f"Version {before + 2}")
    assert wire.call("config.get", **key)["configuration"]["parameters"] == {"since": "2 days ago"}

    visit.go("/configs/acme.orders/daily/edit")
    body = wire.call("config.get", **key)["configuration"] | {"changed": token_hex(4)}
    wire.call("config.put", **key, configuration=body)
    visit.click("Save")
    visit.page.locator(".verdict.error").wait_for()
    visit.complaints.clear()


def test_jobs_can_be_found_by_filters_and_pages(visit: Visit, wire: Wire) -> None:
    word = token_hex(4)
    some = [command("true", name=f"{word} {number}", hold=True) for number in range(120)]
    jobs = wire.call("job.createMany", jobs=some, fields=["id"])["jobs"]
    visit.go("/jobs")
    visit.page.get_by_placeholder("Find a job").fill(word)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(f"**/jobs?text={word}")
    assert visit.page.locator("tbody tr").count() == 100
    visit.click("Next page", "link")
    visit.sees("This is the last page.")
    assert visit.page.locator("tbody tr").count() == 20
    for job in jobs:
        wire.call("job.terminate", id=job["id"], fields=["id"])
    visit.go(f"/jobs?text={word}&status=created")
    visit.sees("No job matches.")


def test_selected_jobs_are_stopped_together_and_no_others(visit: Visit, wire: Wire) -> None:
    word = token_hex(4)
    some = [command("true", name=f"{word} {number}", hold=True) for number in range(3)]
    jobs = [job["id"] for job in wire.call("job.createMany", jobs=some, fields=["id"])["jobs"]]
    done = ended(wire, **command("exit 1", name=f"{word} done"))
    visit.go(f"/jobs?text={word}")
    for job in (jobs[0], jobs[2], done):
        visit.page.get_by_label(f"Select job {job}").check()
    visit.click("Stop …")
    visit.sees("Stop: 2 jobs")
    assert visit.page.get_by_role("region", name="What will happen").locator("li").count() == 2
    visit.sees("this cannot be done with it now")
    visit.click("Stop 2")
    visit.sees("done with 2 of 2")
    found = wire.call("job.list", ids=jobs, order="asc", fields=["status"])["jobs"]
    assert [job["status"] for job in found] == ["cancelled", "created", "cancelled"]
    visit.click("Watch these jobs", "link")
    visit.page.locator("tbody tr").nth(1).wait_for()
    assert visit.page.locator("tbody tr").count() == 2
    wire.call("job.terminate", id=jobs[1])


def test_a_view_of_the_list_can_be_saved_and_removed(visit: Visit) -> None:
    visit.go("/jobs?component=acme.orders&status=error")
    visit.fill("Save this view as", "Red orders <b>")
    visit.click("Save")
    visit.go("/jobs")
    visit.click("Red orders <b>", "link")
    visit.page.wait_for_url("**/jobs?component=acme.orders&status=error")
    assert visit.page.get_by_label("Component").input_value() == "acme.orders"
    visit.click("Remove the view “Red orders <b>”")
    visit.page.get_by_role("link", name="Red orders").wait_for(state="detached")


def test_a_backfill_creates_its_jobs_after_the_moments_were_shown(visit: Visit, wire: Wire) -> None:
    wire.call("pool.pause", id="night")
    visit.go("/schedules/nightly")
    visit.click("Backfill …", "link")
    visit.fill("From", "2026-01-30")
    visit.fill("To", "soon")
    visit.fill("Pool", "night")
    visit.click("Check only")
    visit.page.locator(".verdict.error").wait_for()
    visit.complaints.clear()
    visit.fill("To", "2026-01-31")
    visit.click("Check only")
    visit.sees("2 jobs would be made")
    visit.click("Make the jobs")
    visit.sees("2 jobs were made")
    job = visit.page.locator("main .lines a").first.inner_text().split()[1]
    assert wire.call("job.get", id=job)["pool"] == "night"
    visit.page.get_by_role("button", name="Stop those of backfill").click()
    visit.sees("Past moments")
    assert wire.call("job.get", id=job)["status"] == "cancelled"
    wire.call("pool.resume", id="night")


def test_a_timeline_shows_where_time_was_spent_and_can_be_zoomed(visit: Visit, wire: Wire) -> None:
    job = ended(wire, component="lockside.orchestrator", config="all")
    visit.go(f"/jobs/{job}")
    visit.click("Timeline", "link")
    visit.sees("phase load", "tbody")
    assert visit.page.locator("tbody svg rect.ran").count() == 3
    visit.click("Zoom in", "link")
    visit.sees("shown are")
    visit.click("All", "link")
    visit.page.locator("tbody tr").nth(2).wait_for()
    visit.page.get_by_role("link", name="Zoom to phase load").click()
    visit.page.wait_for_url("**/timeline?*to=*")


def test_a_log_can_be_read_searched_linked_to_and_downloaded(visit: Visit, wire: Wire) -> None:
    job = ended(wire, **command("for i in 1 2 3; do echo line $i; echo odd >&2; done"))
    visit.go(f"/jobs/{job}")
    visit.click("Whole log", "link")
    visit.page.get_by_label("Output").select_option("stderr")
    visit.click("Show")
    assert "line" not in visit.text(".log")
    visit.page.get_by_label("Output").select_option("")
    visit.fill("Lines with the text", "LINE 2")
    visit.fill("Since", "1h")
    visit.click("Show")
    assert visit.text(".log").split()[-2:] == ["line", "2"]
    visit.page.locator(".log a").first.click()
    visit.sees("line 3", ".log")
    with visit.page.expect_download() as download:
        visit.click("Download all", "link")
    assert download.value.suggested_filename == f"job-{job}.log"
    assert download.value.path().read_bytes().count(b"\n") == 6


def test_a_table_can_be_viewed(visit: Visit, wire: Wire) -> None:
    job = ended(wire, component="acme.orders", config="daily")
    visit.go(f"/jobs/{job}")
    visit.page.locator("#result").get_by_role("link", name="in.c-shop.orders").click()
    visit.click("Show the first rows", "link")
    visit.sees("bob")
    visit.sees(f"job {job}")


def test_signing_out_ends_the_session(opened: Any, daemon: Daemon) -> None:
    with serving(daemon, KEBOOLA="") as other:
        state = signed_in(opened[0], other)
        with visiting(opened[0], other, state) as visit:
            visit.go("/")
            visit.click("Sign out")
            visit.go("/")
            visit.sees("Sign in first.")
            visit.complaints.clear()


def test_everything_can_be_done_with_the_keyboard(opened: Any, web: Web, wire: Wire) -> None:
    job = ended(wire, **command("exit 5", name="by keys"))
    with visiting(opened[0], web, opened[1]) as visit:
        keys = visit.page.keyboard
        visit.go("/")
        keys.press("/")
        keys.type("by keys")
        keys.press("Enter")
        visit.page.wait_for_url("**/jobs?text=by+keys")
        visit.page.locator(f"#job-{job}").wait_for()
        for key in ("j", "Enter"):
            while key == "j" and not visit.page.evaluate("document.activeElement.closest('tr')"):
                keys.press("j")
            if key == "Enter":
                keys.press(key)
        visit.page.wait_for_url(f"**/jobs/{job}")
        while visit.page.evaluate("document.activeElement.textContent") != "Retry":
            keys.press("Tab")
        keys.press("Enter")
        visit.page.wait_for_url("**/do/retry")
        while visit.page.evaluate("document.activeElement.textContent") != "Retry":
            keys.press("Tab")
        keys.press("Enter")
        visit.page.wait_for_url(lambda url: "/do/" not in url)
        assert wire.call("job.get", id=job_in(visit))["retryOfJobId"] == job
