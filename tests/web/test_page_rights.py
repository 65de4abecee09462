"""The page allows nobody more than the socket does, and no text or other site can act through it."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.wire import Wire
from web.browser import browser, needs_chromium, signed_in, visiting
from web.night import command, ended, made
from web.test_sign_in import CROSS, OURS, USER, csrf, with_token
from web.webserver import Web, serving

pytestmark = [needs_root, pytest.mark.real_processes]

AT_ONCE = 5
"""How many of the texts are on the page of one job: the lists show all of them as names."""
_RUN = "<script>window.pwned = 1</script>"
TEXTS = [
    _RUN,
    "<img src=x onerror='window.pwned=1'>",
    "<svg/onload=window.pwned=1>",
    '"><script>window.pwned=1</script>',
    "' autofocus onfocus='window.pwned=1",
    '" onmouseover="window.pwned=1',
    "javascript:window.pwned=1",
    "</pre></code></main><script>window.pwned=1</script>",
    "</textarea><script>window.pwned=1</script>",
    "</title><script>window.pwned=1</script>",
    "<!--<script>window.pwned=1</script>",
    "<iframe src=javascript:window.parent.pwned=1>",
    "<a href=javascript:window.pwned=1>click</a>",
    "<form action=/sign-out><button>here</button></form>",
    "<meta http-equiv=refresh content=0;url=http://evil.example>",
    "<base href=http://evil.example/>",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<details open ontoggle=window.pwned=1>",
    "{{ 7 * 7 }}{% raw %}",
    "${window.pwned=1}",
    "\u202egnp.exe",
    "\u2066abc\u2069",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "tab\tand\vvertical",
    "&lt;b&gt; &amp;amp;",
    "%3Cscript%3Ewindow.pwned=1%3C/script%3E",
    "\ufeff\u200b",
    "e\u0301\u0301\u0301\u0301\u0301",
    "\U0001f512" * 20,
    "a" * 64,
    "job 1 job 2 jobs 3",
    "' OR 1=1 --",
    "../../../../etc/passwd",
    "//evil.example/",
    "\\x3cscript\\x3e",
    "<ScRiPt>window.pwned=1</sCrIpT>",
    "2026-99-99 99:99:99 UTC",
    "<b>bold",
]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(LOCKSIDE_ACCESS__DELEGATES=str(os.geteuid())) as one:
        yield one


@needs_chromium
def test_no_text_of_users_or_jobs_runs_or_breaks_anything(daemon: Daemon, web: Web, wire: Wire) -> None:
    jobs = wire.call("job.createMany", jobs=[hostile(TEXTS, place) for place in range(len(TEXTS))])["jobs"]
    ids = [job["id"] for job in jobs]
    wire.call("job.wait", ids=ids, timeoutSeconds=120)
    shown = ids if os.environ.get("LOCKSIDE_TEST_LONG") else ids[::AT_ONCE]
    wire.call("pool.put", pool={"id": "odd", "slots": 1, "description": _RUN})
    wire.call("pool.pause", id="odd", comment=TEXTS[3])
    body = {"parameters": {text: text for text in TEXTS}}
    key = {"component": "lockside.command", "config": "odd"}
    wire.call(
        "config.put", **key, name=TEXTS[1], description=_RUN, configuration=body, changeDescription=_RUN
    )
    paths = ["/", "/jobs", "/pools", "/status", "/events", "/configs", "/configs/lockside.command/odd"]
    paths += [f"/jobs/{job}{page}" for job in shown for page in ("", "/log")]
    paths += ["/configs/lockside.command/odd/edit", "/jobs?text=%3Cscript%3E", f"/jobs/{ids[0]}/do/retry"]
    with browser() as opened, visiting(opened, web, signed_in(opened, web)) as visit:
        for path in paths:
            visit.go(path)
            assert visit.page.evaluate("window.pwned") is None, path
            assert visit.page.locator("footer").is_visible(), path
            assert visit.page.locator("h1").count() == 1, path
            assert "evil.example" not in visit.page.url
            hidden = visit.page.evaluate(
                "/[\\u202a-\\u202e\\u2066-\\u2069\\x1b]/.test(document.body.innerText)"
            )
            assert not hidden, path


def hostile(texts: list[str], place: int) -> dict[str, Any]:
    """A job that fails: its name is one of the texts; this and the next ones are labels and in the log."""
    some = texts[place : place + AT_ONCE]
    lines = [text.encode("unicode_escape").decode().replace("'", "").replace("%", "%%") for text in some]
    shell = "; ".join(f"printf '%b\\n' '{line}'; printf '%b\\n' '{line}' >&2" for line in lines)
    name = "".join(one for one in some[0] if one.isprintable())[:64] or None
    labels = {f"text{number}": text[:64] for number, text in enumerate(some)}
    return {**command(f"{shell}; exit 1"), "name": name, "labels": labels}


def actions(job: str, word: str) -> list[tuple[str, dict[str, str]]]:
    """Return everything that the page can do, with a form."""
    form = {"csrf": word, "once": "1", "component": "lockside.command", "document": "{}", "version": "1"}
    paths = [f"/jobs/{job}/do/{one}" for one in ("terminate", "hold", "rerun", "acknowledge")]
    paths += ["/pools/default/do/pause", "/run", "/configs/a.b/c/edit", "/configs/a.b/c/rollback"]
    return [(path, form) for path in paths]


def test_no_forged_request_reaches_the_daemon(daemon: Daemon, wire: Wire) -> None:
    job = made(wire, **command("true", hold=True))
    before = last_event(wire)
    with serving(daemon, KEBOOLA="") as web, web.client() as browser_like:
        browser_like.get(web.invitation)
        word = csrf(browser_like)
        own = f"http://{web.listen}"
        count = 0
        for path, form in actions(job, word):
            for headers in CROSS[:4] + CROSS[5:8]:
                sent = {name: text.replace("OWN", own) for name, text in headers.items()}
                assert browser_like.post(path, data=form, headers=sent).status_code == 403, (path, headers)
                count += 1
            wrong = form | {"csrf": "x"}
            assert browser_like.post(path, data=wrong, headers=OURS).status_code == 403
            assert browser_like.get(path, params=form).status_code in {200, 404, 405}
            rebound = browser_like.post(path, data=form, headers={**OURS, "Host": "evil.example"})
            assert rebound.status_code == 421
        assert count >= 30
    with httpx.Client() as stranger, serving(daemon, KEBOOLA="") as web:
        for path, form in actions(job, "x"):
            assert stranger.post(f"http://{web.listen}{path}", data=form, headers=OURS).status_code == 401
    assert last_event(wire) == before, "nothing was changed"


def last_event(wire: Wire) -> int:
    seq: int = wire.call("event.subscribe")["cursor"]
    return seq


def test_a_viewer_sees_no_buttons_and_their_actions_are_refused(daemon: Daemon, wire: Wire) -> None:
    job = made(wire, **command("true", hold=True))
    secret = wire.call("token.create", name="look", user=USER, role="viewer")["secret"]
    with serving(daemon, AUTH="token", KEBOOLA="") as web, web.client() as viewer:
        assert viewer.get("/").status_code == 303, "to the page that takes a token"
        with_token(viewer, secret)
        page = viewer.get(f"/jobs/{job}").text
        assert "Your role does not allow stopping and retrying jobs: operators may do it." in page
        assert "/do/" not in page
        word = csrf(viewer)
        for path, form in actions(job, word):
            assert viewer.post(path, data=form, headers=OURS).status_code in {400, 403, 404}, path
    assert wire.call("job.get", id=job)["status"] == "created"


def test_actions_through_the_page_record_the_delegate(daemon: Daemon, wire: Wire) -> None:
    secret = wire.call("token.create", name="act", user=USER, role="operator")["secret"]
    with serving(daemon, AUTH="token", KEBOOLA="") as web, web.client() as operator:
        with_token(operator, secret)
        form = {"csrf": csrf(operator), "component": "lockside.command", "parameters": '{"shell": "true"}'}
        made_job = operator.post("/run", data=form, headers=OURS).headers["location"].rpartition("/")[2]
        events = wire.call("event.list", job=made_job, kinds=["job.created"])["events"]
        assert (events[0]["principal"]["user"], events[0]["principal"]["via"]) == (USER, "root")
        others = made(wire, **command("true", hold=True))
        refused = operator.post(f"/jobs/{others}/do/terminate", data={"csrf": csrf(operator)}, headers=OURS)
        assert refused.status_code == 403, "another user's job"
        for path in (f"/jobs/{others}", "/pools"):
            assert "/do/" not in operator.get(path).text, "refused actions have no button"
        assert "only its owner or an admin can do that" in operator.get(f"/jobs/{others}").text


def test_a_file_is_never_shown_as_a_page(web: Web, wire: Wire, daemon: Daemon) -> None:
    job = ended(wire, **command(f"echo '{_RUN}'"))
    token: dict[str, Any] = wire.call("token.create", name="t")
    with web.client(headers={"Authorization": f"Bearer {token['secret']}"}) as client:
        answer = client.get(f"/jobs/{job}/log.txt")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.text == f"{_RUN}\n"
