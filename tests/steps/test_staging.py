"""The step that fetches inputs, with real servers that disconnect, change and lie."""

import hashlib
import os
import random
import re
from collections.abc import Callable, Iterator
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from lockside.documents.staging import shown_source
from locksided.steps.program import ApplicationFault, UserFault
from locksided.steps.staging import fetching, retries
from steps.fileserver import (
    SFTP_SERVER,
    SSHD,
    FileServer,
    SftpServer,
    ftp_serving,
    moto_serving,
    serving,
    sftp_serving,
)

CONTENT = random.Random(1).randbytes(3_000_000)
SHA = "sha256:" + hashlib.sha256(CONTENT).hexdigest()

Stage = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def stage(tmp_path: Path, pauses: list[float]) -> Stage:
    """Fetch inputs into a folder; `settings` override those of the daemon."""

    def stage_all(*inputs: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
        order = {
            "inputs": [{"target": "in/files/a.csv", **one} for one in inputs],
            "data": str(tmp_path / "data"),
            "stateFolder": str(tmp_path / "state"),
            "attempts": 5,
            "maxBytes": 0,
            "fileRoots": ["/"],
            "networks": "any",
            "allowHosts": [],
            "denyHosts": [],
            **settings,
        }
        files: list[dict[str, Any]] = fetching.stage(order)["result"]["input"]["files"]
        return files

    return stage_all


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving(FileServer(CONTENT)) as files:
        yield files


def fetched(tmp_path: Path, target: str = "in/files/a.csv") -> bytes:
    assert not list((tmp_path / "data").rglob(".*.part"))
    return (tmp_path / "data" / target).read_bytes()


def test_a_file_is_fetched_completely_with_its_checksum(
    stage: Stage, web: FileServer, tmp_path: Path
) -> None:
    (one,) = stage({"source": web.url(), "checksum": SHA, "sizeBytes": len(CONTENT)})
    assert fetched(tmp_path) == CONTENT
    assert one == {
        "source": web.url(),
        "target": "in/files/a.csv",
        "sizeBytes": len(CONTENT),
        "checksum": SHA,
        "etag": '"one"',
        "modifiedTime": None,
        "attempts": 1,
        "resumedBytes": 0,
    }


def test_a_transfer_interrupted_repeatedly_continues_where_it_stopped(
    stage: Stage, web: FileServer, tmp_path: Path
) -> None:
    web.cut_bytes = 400_000
    (one,) = stage({"source": web.url(), "checksum": SHA}, attempts=2)
    assert fetched(tmp_path) == CONTENT
    assert one["attempts"] == 8
    assert web.sent_bytes == len(CONTENT)


@pytest.mark.parametrize(
    ("etags", "has_ranges"),
    [
        pytest.param(['"one"', '"two"'], True, id="the content changed meanwhile"),
        pytest.param(['W/"one"'], True, id="the tag is weak"),
        pytest.param([""], True, id="there is no tag"),
        pytest.param(['"one"'], False, id="the server knows no ranges"),
    ],
)
def test_a_transfer_that_cannot_be_continued_starts_over(
    stage: Stage, web: FileServer, tmp_path: Path, etags: list[str], has_ranges: bool, pauses: list[float]
) -> None:
    web.cut_bytes, web.etags, web.has_ranges = 400_000, etags, has_ranges
    web_waits = retries.wait

    def heal(seconds: float) -> None:
        web.cut_bytes = 0
        web_waits(seconds)

    retries.wait = heal
    (one,) = stage({"source": web.url(), "checksum": SHA})
    assert fetched(tmp_path) == CONTENT
    assert (one["attempts"], one["resumedBytes"]) == (2, 0)
    assert pauses == [1]


def test_retry_after_is_respected_and_other_pauses_double(
    stage: Stage, web: FileServer, pauses: list[float]
) -> None:
    web.statuses, web.headers = [503, 429, 500], {"Retry_After": "7"}
    stage({"source": web.url()})
    assert pauses == [7, 7, 7]
    web.statuses, web.headers = [503, 408, 500], {}
    stage({"source": web.url()})
    assert pauses[3:] == [1, 2, 4]


def test_a_server_that_stays_unavailable_is_given_up(stage: Stage, web: FileServer) -> None:
    web.statuses = [503] * 9
    with pytest.raises(ApplicationFault, match="after 3 attempts: the server answered 503"):
        stage({"source": web.url()}, attempts=3)
    assert len(web.asked) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_permanent_errors_are_not_retried(stage: Stage, web: FileServer, status: int) -> None:
    web.statuses = [status]
    with pytest.raises(UserFault, match=f"the server answered {status}"):
        stage({"source": web.url()})
    assert len(web.asked) == 1


def test_an_optional_file_can_be_missing_but_not_forbidden(stage: Stage, web: FileServer) -> None:
    web.statuses = [404, 403]
    (one,) = stage({"source": web.url(), "optional": True})
    assert one == {"source": web.url(), "target": "in/files/a.csv", "missing": True}
    with pytest.raises(UserFault, match="403"):
        stage({"source": web.url(), "optional": True})


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"sizeBytes": 5}, "it has 3000000 bytes, not 5"),
        ({"checksum": "sha256:" + "0" * 64}, f"its checksum is {SHA}, not sha256:000"),
        ({"checksum": "md5:" + "0" * 32}, "its checksum is md5:"),
    ],
)
def test_content_that_differs_from_the_declared_size_or_checksum_is_refused(
    stage: Stage, web: FileServer, tmp_path: Path, promised: dict[str, Any], told: str
) -> None:
    with pytest.raises(UserFault, match=told):
        stage({"source": web.url(), **promised})
    assert not (tmp_path / "data/in/files/a.csv").exists()


def test_a_file_above_the_limit_is_refused(stage: Stage, web: FileServer) -> None:
    with pytest.raises(UserFault, match="more than the 1000000 bytes of"):
        stage({"source": web.url()}, maxBytes=1_000_000)


# -- redirects and networks -------------------------------------------------------------------------------


def test_credentials_are_sent_only_to_the_first_host(stage: Stage, web: FileServer) -> None:
    with serving(FileServer(CONTENT)) as other:
        web.redirects["/a.csv"] = other.url("/b.csv")
        secret = {"options": {"user": "ann", "#password": "s3cret"}, "headers": {"#X-Key": "k"}}
        stage({"source": web.url(), **secret})
    ((_, first),) = web.asked
    assert (first["Authorization"], first["X-Key"]) == ("Basic YW5uOnMzY3JldA==", "k")
    ((_, second),) = other.asked
    assert not {"Authorization", "X-Key"} & set(second)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://169.254.169.254/latest/meta-data", "http to 169.254.169.254 is not in what"),
        ("file:///etc/passwd", "redirected to file:///etc/passwd, which is not http"),
        ("/a.csv", "redirected more than 5 times"),
    ],
)
def test_each_redirect_is_checked(stage: Stage, web: FileServer, location: str, told: str) -> None:
    web.redirects["/a.csv"] = location
    with pytest.raises(UserFault, match=told):
        stage({"source": web.url()})


@pytest.mark.parametrize(
    ("settings", "may"),
    [
        ({}, True),
        ({"networks": "public"}, False),
        ({"networks": "public", "allowHosts": ["127.0.0.1"]}, True),
        ({"networks": "public", "allowHosts": ["127.0.0.0/8"], "denyHosts": ["127.0.0.1"]}, False),
        ({"denyHosts": ["127.0.0.0/8"]}, False),
    ],
)
def test_networks_are_checked_by_deny_then_allow_then_kind(
    stage: Stage, web: FileServer, settings: dict[str, Any], may: bool
) -> None:
    if may:
        assert len(stage({"source": web.url()}, **settings)) == 1
        return
    with pytest.raises(UserFault, match="is not in what"):
        stage({"source": web.url()}, **settings)
    assert not web.asked


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[::ffff:169.254.169.254]", "224.0.0.1"])
def test_some_addresses_are_refused_whatever_the_settings_allow(stage: Stage, host: str) -> None:
    with pytest.raises(UserFault, match="is not in what"):
        stage({"source": f"http://{host}/a"}, allowHosts=[host.strip("[]")])


def test_a_query_is_shown_nowhere(stage: Stage, web: FileServer, capfd: pytest.CaptureFixture[str]) -> None:
    web.statuses = [503]
    (one,) = stage({"source": web.url("/a.csv?token=s3cret#x")})
    assert one["source"] == web.url()
    assert "s3cret" not in capfd.readouterr().out
    assert shown_source("ftp://ann@h:2121/x?y") == "ftp://h:2121/x"


def test_characters_not_allowed_in_urls_are_encoded(stage: Stage, web: FileServer) -> None:
    stage({"source": web.url("/größe 1.csv?a=b%20c")})
    assert [path for path, _ in web.asked] == ["/gr%C3%B6%C3%9Fe%201.csv?a=b%20c"]


@pytest.mark.parametrize(
    "wrong", [{"headers": {"#X-Key": "s3cret\r\nX: y"}}, {"headers": {"X-Kéy\n": "s3cret"}}]
)
def test_a_header_that_cannot_be_sent_is_refused_without_showing_its_value(
    stage: Stage, web: FileServer, wrong: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserFault) as refused:
        stage({"source": web.url(), **wrong})
    assert "cannot be sent" in str(refused.value)
    assert "s3cret" not in f"{refused.value}{capfd.readouterr()}"
    assert not web.asked


@pytest.mark.parametrize("location", ["http://h:port/x", "http://[::1/x"])
def test_a_redirect_to_an_invalid_url_is_refused(stage: Stage, web: FileServer, location: str) -> None:
    web.redirects["/a.csv"] = location
    with pytest.raises(UserFault, match="redirected to an invalid URL"):
        stage({"source": web.url()})


# -- files ------------------------------------------------------------------------------------------------


def test_a_file_of_this_machine_is_copied(stage: Stage, tmp_path: Path) -> None:
    here = tmp_path / "größe 1.csv"
    here.write_bytes(CONTENT)
    (one,) = stage({"source": here.as_uri(), "target": "in/user/deep/er/x"}, fileRoots=[str(tmp_path)])
    assert fetched(tmp_path, "in/user/deep/er/x") == CONTENT
    assert one["checksum"] == SHA


@pytest.mark.parametrize("kind", ["missing", "fifo", "device", "folder", "outside", "link out", "state"])
def test_only_regular_files_below_the_roots_are_accepted(stage: Stage, tmp_path: Path, kind: str) -> None:
    root, state = tmp_path / "root", tmp_path / "state"
    for folder in (root, state, root / "state"):
        folder.mkdir()
    (tmp_path / "outside").write_text("x")
    (state / "secret.key").write_text("x")
    os.mkfifo(root / "fifo")
    (root / "link out").symlink_to(tmp_path / "outside")
    places = {
        "device": Path("/dev/zero"),
        "folder": root / "state",
        "outside": tmp_path / "outside",
        "state": state / "secret.key",
    }
    roots = [str(root), "/dev", str(state)]
    with pytest.raises(UserFault, match="could not be fetched"):
        stage({"source": places.get(kind, root / kind).as_uri()}, fileRoots=roots)


# -- ftp --------------------------------------------------------------------------------------------------


def test_a_file_is_fetched_by_ftp(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a b.csv").write_bytes(CONTENT)
    with ftp_serving(tmp_path / "there", user="ann", password="s3cret") as port:
        source = f"ftp://127.0.0.1:{port}/a%20b.csv"
        (one,) = stage({"source": source, "options": {"user": "ann", "#password": "s3cret"}})
        assert fetched(tmp_path) == CONTENT
        assert (one["checksum"], one["attempts"]) == (SHA, 1)
        with pytest.raises(UserFault, match="could not be fetched: 530"):
            stage({"source": source, "options": {"user": "ann", "#password": "wrong"}})
        with pytest.raises(UserFault, match="could not be fetched: 550"):
            stage({"source": source + "x", "options": {"user": "ann", "#password": "s3cret"}})
        with pytest.raises(UserFault, match="cannot be sent"):
            stage({"source": source + "%0d%0aDELE%20x", "options": {"user": "ann", "#password": "s3cret"}})


# -- sftp and s3 ------------------------------------------------------------------------------------------


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    if SSHD is None or not SFTP_SERVER.exists():
        pytest.skip("needs openssh-server")
    (tmp_path / "ssh").mkdir()
    with sftp_serving(tmp_path / "ssh") as server:
        yield server


def test_a_file_is_fetched_by_sftp_from_a_server_with_a_known_key(
    stage: Stage, sftp: SftpServer, tmp_path: Path
) -> None:
    (tmp_path / "a b.csv").write_bytes(CONTENT)
    source = f"sftp://{getuser()}@127.0.0.1:{sftp.port}{tmp_path}/a%20b.csv"
    options = {"#privateKey": sftp.private_key, "hostKey": sftp.host_key}
    (one,) = stage({"source": source, "options": options, "checksum": SHA})
    assert fetched(tmp_path) == CONTENT
    assert (one["sizeBytes"], one["attempts"]) == (len(CONTENT), 1)
    with pytest.raises(UserFault, match="there is no such file"):
        stage({"source": source + "x", "options": options})


def test_an_sftp_server_with_an_unknown_key_or_that_rejects_our_key_is_an_error(
    stage: Stage, sftp: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    source = f"sftp://{getuser()}@127.0.0.1:{sftp.port}/etc/hostname"
    with pytest.raises(UserFault, match=re.escape(f"if `{sftp.host_key}` is its key")):
        stage({"source": source, "options": {"#privateKey": sftp.private_key}})
    with pytest.raises(UserFault, match=r"Authentication failed|publickey"):
        stage({"source": source, "options": {"#password": "wrong", "hostKey": sftp.host_key}})


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_an_object_is_fetched_from_s3(stage: Stage, tmp_path: Path, scheme: str) -> None:
    with moto_serving() as (client, keys):
        client.create_bucket(Bucket="lake")
        client.put_object(Bucket="lake", Key="in/a b.csv", Body=CONTENT)
        (one,) = stage({"source": f"{scheme}://lake/in/a%20b.csv", "options": keys, "checksum": SHA})
        assert fetched(tmp_path) == CONTENT
        assert one["source"] == f"{scheme}://lake/in/a%20b.csv"
        assert one["etag"]
        with pytest.raises(UserFault, match="the server answered 404"):
            stage({"source": f"{scheme}://lake/in/b.csv", "options": keys})
        with pytest.raises(UserFault, match="is not in what"):
            stage({"source": f"{scheme}://lake/in/a%20b.csv", "options": keys}, networks="public")
