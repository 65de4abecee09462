"""How a browser's user is identified, and that no other site can act for that user."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.wire import Message, Wire
from web.webserver import Web, serving

pytestmark = needs_root

USER = "daemon"
"""A user that exists on every machine."""
OURS = {"Sec-Fetch-Site": "same-origin"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(LOCKSIDE_ACCESS__DELEGATES=str(os.geteuid())) as one:
        yield one


def with_token(client: httpx.Client, secret: str, **headers: str) -> httpx.Response:
    return client.post("/sign-in", data={"token": secret}, headers=OURS | headers)


def csrf(client: httpx.Client) -> str:
    word: str = client.get("/session").json()["csrf"]
    return word


# -- who the user is


def test_the_user_who_runs_the_server_signs_in_once_with_its_url(daemon: Daemon) -> None:
    with serving(daemon, KEBOOLA="") as web, web.client() as browser, web.client() as other:
        assert browser.get("/session").status_code == 401
        answer = browser.get(web.invitation)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("lockside=")
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Max-Age=43200", "Path=/"))
        who = browser.get("/session").json()
        assert who["principal"]["user"] == pwd.getpwuid(os.geteuid()).pw_name
        assert other.get(web.invitation).status_code == 401, "the URL is used up"
        assert other.get("/sign-in?token=guessed").status_code == 401


def test_a_token_signs_its_user_in(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        made = wire.call("token.create", name="browser", user=USER, role="viewer")
        with serving(daemon, AUTH="token", KEBOOLA="") as web, web.client() as browser:
            assert "<form" in browser.get("/sign-in").text
            assert with_token(browser, "nonsense").status_code == 401
            form = {"token": "lsk_nonsense", "next": "/jobs"}
            page = browser.post("/sign-in", data=form, headers={**OURS, "Accept": "text/html"})
            assert page.status_code == 401
            assert 'value="/jobs"' in page.text, (
                "the form is shown again and still leads to the requested page"
            )
            assert "lockside web" not in page.text, "that would not help here"
            assert with_token(browser, made["secret"]).status_code == 303
            who = browser.get("/session").json()
            assert (who["principal"]["user"], who["role"]) == (USER, "viewer")
            assert who["principal"]["via"] == pwd.getpwuid(os.geteuid()).pw_name
            wire.call("token.revoke", id=made["id"])
            assert browser.get("/session").status_code == 401


def test_signing_out_ends_the_session(daemon: Daemon) -> None:
    with serving(daemon, KEBOOLA="") as web, web.client() as browser:
        browser.get(web.invitation)
        kept = dict(browser.cookies)
        assert browser.post("/sign-out", data={"csrf": csrf(browser)}, headers=OURS).status_code == 303
        with web.client(cookies=kept) as thief:
            assert thief.get("/session").status_code == 401


def test_a_trusted_proxy_names_the_user(daemon: Daemon) -> None:
    settings = {"AUTH": "proxy", "TRUST": "127.0.0.1", "KEBOOLA": ""}
    with serving(daemon, **settings) as web, web.client(headers={"X-Remote-User": USER}) as browser:
        who = browser.get("/session").json()
        assert (who["principal"]["user"], who["role"]) == (USER, "operator")
        assert browser.post("/sign-out", headers={**OURS, "X-CSRF": csrf(browser)}).status_code == 303
        other = browser.get("/session", headers={"X-Remote-User": "bin"}).json()
        assert other["principal"]["user"] == "bin", "the cookie of one user is not valid for another"
        assert browser.get("/metrics").status_code == 401, "everybody comes through the proxy"


def test_over_a_unix_socket_a_proxy_is_trusted_by_its_uid(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    for trust, status in ((str(os.geteuid()), 200), ("64009", 401)):
        settings = {"AUTH": "proxy", "TRUST": trust, "LISTEN": str(path), "KEBOOLA": ""}
        with (
            serving(daemon, **settings),
            httpx.Client(
                transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost"
            ) as browser,
        ):
            assert browser.get("/session", headers={"X-Remote-User": USER}).status_code == status


def test_without_delegation_no_user_can_act_as_another(daemon: Daemon) -> None:
    with running() as other:
        settings = {"AUTH": "proxy", "TRUST": "127.0.0.1", "KEBOOLA": ""}
        with serving(other, **settings) as web, web.client() as browser:
            assert browser.get("/session", headers={"X-Remote-User": USER}).status_code == 403
    del daemon


# -- requests forged by other sites


CROSS: list[Message] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:1"},
    {"Referer": "http://127.0.0.1/"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
    {},
]


def forged(web: Web, browser: httpx.Client, word: str) -> Iterator[tuple[str, httpx.Response, int]]:
    """Requests that must not be served, with the status that each must get."""
    own = f"http://{web.listen}"
    for headers in CROSS:
        sent = {name: text.replace("OWN", own) for name, text in headers.items()}
        yield f"{headers}", browser.post("/sign-out", headers={**sent, "X-CSRF": word}), 403
    for wrong in ("", "x", word[:-1], word + "x", word.swapcase()):
        yield f"token {wrong}", browser.post("/sign-out", headers={**OURS, "X-CSRF": wrong}), 403
        yield f"form {wrong}", browser.post("/sign-out", headers=OURS, data={"csrf": wrong}), 403
    yield "the token in the address", browser.post(f"/sign-out?csrf={word}", headers=OURS), 403
    for verb in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        yield verb, browser.request(verb, f"/sign-out?csrf={word}", headers={**OURS, "X-CSRF": word}), 405
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost"):
        rebound = {**OURS, "X-CSRF": word, "Host": host}
        yield f"host {host}", browser.post("/sign-out", headers=rebound), 421


def test_no_forged_request_changes_anything(daemon: Daemon) -> None:
    with serving(daemon, KEBOOLA="") as web, web.client() as browser:
        browser.get(web.invitation)
        cookies = dict(browser.cookies)
        count = 0
        for what, answer, status in forged(web, browser, csrf(browser)):
            assert answer.status_code == status, what
            assert "access-control-allow-origin" not in answer.headers
            count += 1
        assert count >= 30
        assert dict(browser.cookies) == cookies
        assert browser.get("/session").status_code == 200, "the session continues"
        logged = web.refusals
        assert sum(line.startswith("403 POST /sign-out of 127.0.0.1") for line in logged) == len(CROSS) + 11


def test_the_origin_alone_decides_when_a_browser_sends_nothing_else(daemon: Daemon) -> None:
    with serving(daemon, KEBOOLA="") as web, web.client() as browser:
        browser.get(web.invitation)
        headers = {"Origin": f"http://{web.listen}", "X-CSRF": csrf(browser)}
        assert browser.post("/sign-out", headers=headers).status_code == 303


def test_nobody_is_signed_in_by_another_site(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        secret = wire.call("token.create", name="t")["secret"]
    with serving(daemon, AUTH="token", KEBOOLA="") as web, web.client() as browser:
        assert with_token(browser, secret, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert not browser.cookies


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Remote-User", USER), ("X-Remote-User", "root")],
        [("X-Remote-User", "")],
        [("X-Remote-User", "no-such-user")],
        [("X-Forwarded-User", USER)],
    ],
)
def test_a_header_that_names_no_user_or_two_is_refused_and_logged(
    daemon: Daemon, headers: list[tuple[str, str]]
) -> None:
    settings = {"AUTH": "proxy", "TRUST": "127.0.0.1", "KEBOOLA": ""}
    with serving(daemon, **settings) as web, web.client() as browser:
        assert browser.get("/session", headers=headers).status_code == 401
        assert [line[:3] for line in web.refusals] == ["401"]


def test_the_header_of_an_untrusted_client_is_refused_whatever_else_it_sends(daemon: Daemon) -> None:
    settings = {"AUTH": "proxy", "TRUST": "10.1.2.3", "KEBOOLA": ""}
    with serving(daemon, **settings) as web, web.client() as browser:
        said: dict[str, Any] = {"X-Remote-User": USER, "X-Forwarded-For": "10.1.2.3", "X-Real-IP": "10.1.2.3"}
        assert browser.get("/session", headers=said).status_code == 401
        assert web.refusals[0].startswith("401 GET /session of 127.0.0.1")


def test_a_token_in_its_header_needs_no_csrf_token_and_creates_no_session(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        secret = wire.call("token.create", name="t")["secret"]
    with (
        serving(daemon, KEBOOLA="") as web,
        web.client(headers={"Authorization": f"Bearer {secret}"}) as client,
    ):
        answer = client.get("/session")
        assert answer.json()["token"]["name"] == "t"
        assert "set-cookie" not in answer.headers
        assert client.post("/sign-out").status_code == 303


def test_every_answer_forbids_browsers_to_run_foreign_scripts(daemon: Daemon) -> None:
    with serving(daemon, KEBOOLA="") as web, web.client() as client:
        for path in ("/health/live", "/session", "/no/such", "/metrics"):
            headers = client.get(path).headers
            assert headers["content-security-policy"] == POLICY
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
