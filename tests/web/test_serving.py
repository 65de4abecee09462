"""The web server as a process: where it listens, whom it serves, and what monitors read of it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e.harness import Daemon, running
from e2e.processes import PLAIN
from e2e.wire import Wire, connected
from web.webserver import Web, refused, serving


def test_the_server_is_live_and_ready_while_the_daemon_is(daemon: Daemon, web: Web, wire: Wire) -> None:
    connected(wire)
    with web.client() as client:
        assert client.get("/health/live").json() == {"status": "live"}
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "causes": []})


def test_ready_reports_that_the_daemon_is_gone_and_back(web: Web, daemon: Daemon) -> None:
    with web.client() as client:
        assert client.get("/health/ready").status_code in (200, 503)
        daemon.kill()
        try:
            gone = client.get("/health/ready")
            assert (gone.status_code, gone.json()["status"]) == (503, "unavailable")
            assert gone.json()["causes"]
            assert "retry-after" in gone.headers
            assert client.get("/health/live").status_code == 200
        finally:
            daemon.start()
        daemon.keeper_pid()
        assert client.get("/health/ready").status_code == 200


def test_metrics_can_be_read_without_a_token_from_this_machine(web: Web) -> None:
    with web.client() as client:
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert "lockside_uptime_seconds" in names


def test_metrics_can_require_a_token_or_be_off(daemon: Daemon, wire: Wire) -> None:
    secret = wire.call("token.create", name="prometheus", role="viewer")["secret"]
    with serving(daemon, METRICS="token", KEBOOLA="") as one, one.client() as client:
        assert client.get("/metrics").status_code == 401
        bad = {"Authorization": "Bearer lsk_1_" + "a" * 43}
        assert client.get("/metrics", headers=bad).status_code == 401
        assert client.get("/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    with serving(daemon, METRICS="off", KEBOOLA="") as one, one.client() as client:
        assert client.get("/metrics").status_code == 404


def test_requests_under_other_host_names_are_not_served(web: Web, daemon: Daemon) -> None:
    with web.client() as client:
        for host in ("evil.example", "evil.example:8765", ""):
            assert client.get("/metrics", headers={"Host": host}).status_code == 421, host
        port = web.listen.rpartition(":")[2]
        assert client.get("/health/live", headers={"Host": f"localhost:{port}"}).status_code == 200
    with serving(daemon, HOSTS="jobs.example", KEBOOLA="") as one, one.client() as client:
        assert client.get("/health/live").status_code == 421
        assert client.get("/health/live", headers={"Host": "Jobs.example"}).status_code == 200


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"LISTEN": "0.0.0.0:0"}, "is reached from other machines"),
        ({"KEBOOLA": "0.0.0.0:0", "LISTEN": "127.0.0.1:0"}, "web.keboola"),
        ({"LISTEN": "nowhere"}, "neither an address with a port"),
        ({"LISTEN": "127.0.0.1:70000"}, "neither an address with a port"),
        ({"AUTH": "proxy"}, "trust"),
    ],
)
def test_a_server_with_insecure_settings_does_not_start(settings: dict[str, str], says: str) -> None:
    assert says in refused(**settings)


def test_a_port_in_use_is_reported_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = refused(LISTEN=address)
    assert told == (
        f"lockside-web: {address} is in use by another program: "
        "name another address, in the setting web.listen or `lockside web --listen ADDRESS`\n"
    )


def test_a_public_address_is_served_when_tokens_are_required(daemon: Daemon) -> None:
    with serving(daemon, LISTEN="0.0.0.0:0", AUTH="token", KEBOOLA="") as one:
        port = one.listen.rpartition(":")[2]
        answer = httpx.get(f"http://127.0.0.1:{port}/health/live", headers={"Host": one.listen})
        assert answer.status_code == 200


def test_a_unix_socket_has_its_mode_from_its_first_moment(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with serving(daemon, LISTEN=str(path), KEBOOLA=""):
        assert oct(os.stat(path).st_mode & 0o777) == "0o660"
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            assert client.get("http://localhost/health/live").status_code == 200


def test_a_body_that_is_too_large_is_refused_and_the_server_continues(web: Web, token: str) -> None:
    with web.queue(token) as client:
        large = client.post("/jobs", content=b"x" * (2**20 + 1))
        assert (large.status_code, large.headers["retry-after"]) == (503, "5")
        assert large.json()["context"] == {"errorCode": "limit", "path": None}
        assert client.get("/stats/project").status_code == 200


def test_the_server_ends_on_a_signal_whatever_is_connected(daemon: Daemon) -> None:
    with serving(daemon) as one:
        host, _, port = one.listen.rpartition(":")
        with socket.create_connection((host, int(port))):
            one.process.send_signal(signal.SIGTERM)
            assert one.process.wait(timeout=20) == 0


def test_one_command_serves_the_page_for_its_user(daemon: Daemon) -> None:
    words = [sys.executable, "-m", "lockside.cli.main", "web", "--listen", "127.0.0.1:0"]
    environment = {**PLAIN, "LOCKSIDE_SOCKET": str(daemon.socket)}
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = process.stderr.readline() + process.stderr.readline()
        try:
            url = next(word for word in told.split() if "sign-in" in word)
            page = httpx.get(url, follow_redirects=True)
            assert "<h1>Overview</h1>" in page.text
            assert page.text.index("what waits and why") < page.text.index("<h2")
        finally:
            process.terminate()


def test_the_page_can_be_off(daemon: Daemon) -> None:
    with serving(daemon, PAGE="false", KEBOOLA="") as web, web.client() as client:
        assert client.get(web.invitation).headers["location"] == "/session"
        assert client.get("/").status_code == 404


def test_jobs_have_links_when_the_settings_give_the_url() -> None:
    addresses = {"URL": "https://jobs.example/", "KEBOOLA_URL": "https://queue.example"}
    settings = {f"LOCKSIDE_WEB__{name}": value for name, value in addresses.items()}
    with running(**settings) as daemon, Wire(daemon.socket) as wire:
        key = {"component": "lockside.command", "config": "daily"}
        wire.call("config.put", **key, configuration={"parameters": {"shell": "true"}})
        job = wire.call("job.create", **key)
        page = f"https://jobs.example/jobs/{job['id']}"
        assert job["url"] == page
        assert job["links"] == {
            "page": page,
            "log": f"{page}/log",
            "config": "https://jobs.example/configs/lockside.command/daily",
            "api": f"https://queue.example/jobs/{job['id']}",
        }
        shell = {"parameters": {"shell": "true"}}
        other = wire.call("job.create", component="lockside.command", project="etl", configData=shell)
        assert other["url"].endswith("?project=etl")


def test_the_head_and_body_of_an_answer_are_sent_together(web: Web) -> None:
    host, _, port = web.listen.rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        for _ in range(2):
            client.sendall(f"GET /health/live HTTP/1.1\r\nHost: {web.listen}\r\n\r\n".encode())
            head, _, body = client.recv(65_536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert body


def streams(web: Web, secret: str, count: int) -> list[socket.socket]:
    """Request streams, all at once."""
    host, _, port = web.listen.rpartition(":")
    opened = [socket.create_connection((host, int(port)), timeout=20) for _ in range(count)]
    head = f"GET /live?topics=job HTTP/1.1\r\nHost: {web.listen}\r\nAuthorization: Bearer {secret}\r\n\r\n"
    for client in opened:
        client.sendall(head.encode())
    return opened


def test_four_of_many_streams_requested_at_once_are_served(web: Web, token: str, wire: Wire) -> None:
    opened = streams(web, token, 8)
    try:
        answers = sorted(client.recv(65_536)[9:12] for client in opened)
        assert answers == [b"200"] * 4 + [b"204"] * 4
        opened += streams(web, wire.call("token.create", name="other", role="viewer")["secret"], 1)
        assert opened[-1].recv(65_536)[9:12] == b"200", "streams of one token do not count for another"
    finally:
        for client in opened:
            client.close()


def test_a_stream_ends_when_its_user_signs_out(daemon: Daemon, wire: Wire) -> None:
    with serving(daemon, KEBOOLA="") as web, web.client() as browser:
        browser.get(web.invitation)
        csrf = browser.get("/session").json()["csrf"]
        with browser.stream("GET", "/live?topics=job") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith(": a stream")
            ours = {"Sec-Fetch-Site": "same-origin", "X-CSRF": csrf}
            assert browser.post("/sign-out", headers=ours).status_code == 303
            wire.shell("true")
            assert "event: changed" not in list(lines)


def test_the_streams_of_a_token_end_when_it_is_revoked(web: Web, wire: Wire) -> None:
    made = wire.call("token.create", name="gone", role="viewer")
    (client,) = streams(web, made["secret"], 1)
    with client, client.makefile("rb") as stream:
        assert stream.readline().startswith(b"HTTP/1.1 200")
        while b"a stream" not in stream.readline():
            pass
        wire.call("token.revoke", id=made["id"])
        assert stream.read().endswith(b"0\r\n\r\n"), "it ends as a complete answer does"
