"""Inputs and archives through fsspec packages, with a real WebDAV server."""

import base64
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from locksided.steps.archiving.archive import archive
from locksided.steps.program import ApplicationFault, UserFault
from locksided.steps.staging import fetching, retries
from steps.archives import order_of
from steps.davserver import DavServer, dav_serving

CONTENT = random.Random(1).randbytes(12_000_000)
SHA = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
SOURCE = "webdav://files/a%20b.csv"


@pytest.fixture
def dav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DavServer]:
    monkeypatch.setattr(retries, "wait", lambda _: None)
    (tmp_path / "there/files").mkdir(parents=True)
    (tmp_path / "there/files/a b.csv").write_bytes(CONTENT)
    with dav_serving(tmp_path / "there", user="ann", password="s3cret") as server:
        yield server


def options_of(dav: DavServer) -> dict[str, Any]:
    pair = base64.b64encode(f"ann:{dav.password}".encode()).decode()
    return {"base_url": dav.url, "headers": {"#Authorization": f"Basic {pair}"}}


def staged(place: Path, dav: DavServer, source: str = SOURCE, **more: Any) -> dict[str, Any]:
    order = order_of(place, "webdav://files", options=(options := options_of(dav)))
    one = {"source": source, "target": "in/files/a.csv", "options": options, **more.pop("one", {})}
    files = fetching.stage({**order, "data": str(place / "data"), "inputs": [one], **more})
    return files["result"]["input"]["files"][0]  # type: ignore[no-any-return]


def test_a_file_is_fetched_with_its_version_stamp(dav: DavServer, tmp_path: Path) -> None:
    one = staged(tmp_path, dav)
    assert (tmp_path / "data/in/files/a.csv").read_bytes() == CONTENT
    assert (one["source"], one["checksum"], one["attempts"]) == (SOURCE, SHA, 1)
    assert one["etag"]
    assert one["modifiedTime"].endswith("Z")


def test_an_interrupted_transfer_continues_where_it_stopped(dav: DavServer, tmp_path: Path) -> None:
    dav.cut_bytes = 6_000_000
    one = staged(tmp_path, dav)
    assert (one["checksum"], one["attempts"]) == (SHA, 3)
    assert one["resumedBytes"] > 0
    assert dav.starts[-1] == f"bytes={2 * 5 * 2**20}-"


def test_a_system_can_be_read_from_and_archived_to(dav: DavServer, tmp_path: Path) -> None:
    assert staged(tmp_path, dav, "system://archive/a%20b.csv", one={"options": {}})["checksum"] == SHA
    (tmp_path / "data/out/files").mkdir(parents=True)
    (tmp_path / "data/out/files/x").write_text("made")
    told = archive(order_of(tmp_path, "webdav://files", options=options_of(dav)))
    assert told["result"]["artifacts"]["archive"]["files"] == 1, told
    kept = tmp_path / "there/files/runs/17"
    assert (kept / "out/files/x").read_text() == "made"
    assert json.loads((kept / "lockside-archive.json").read_bytes())["job"] == "17"
    assert not list(kept.rglob(".*"))


@pytest.mark.parametrize(
    ("settings", "may"),
    [
        ({"networks": "public"}, False),
        ({"networks": "public", "allowHosts": ["127.0.0.0/8"]}, True),
        ({"denyHosts": ["127.0.0.1"]}, False),
    ],
)
def test_the_address_of_each_connection_is_checked(
    dav: DavServer, tmp_path: Path, settings: dict[str, Any], may: bool
) -> None:
    if may:
        assert staged(tmp_path, dav, **settings)["checksum"] == SHA
        return
    with pytest.raises(UserFault, match="is not in what"):
        staged(tmp_path, dav, **settings)
    assert not dav.starts


def test_a_name_that_is_denied_is_not_looked_up(dav: DavServer, tmp_path: Path) -> None:
    dav.url = dav.url.replace("127.0.0.1", "localhost")
    with pytest.raises(UserFault, match="localhost is not in what"):
        staged(tmp_path, dav, denyHosts=["localhost"])


def test_faults_name_who_is_responsible_without_secrets(dav: DavServer, tmp_path: Path) -> None:
    assert staged(tmp_path, dav, "webdav://files/none", one={"optional": True})["missing"]
    with pytest.raises(UserFault, match="there is no such file"):
        staged(tmp_path, dav, "webdav://files/none")
    with pytest.raises(UserFault, match="not a regular file"):
        staged(tmp_path, dav, "webdav://files")
    with pytest.raises(UserFault, match="TypeError"):
        staged(tmp_path, dav, one={"options": {}})
    dav.status = "503 Later"
    with pytest.raises(ApplicationFault, match="after 3 attempts"):
        staged(tmp_path, dav)
    dav.status, dav.password = "", "wr0ng"
    with pytest.raises(UserFault, match="401") as refused:
        staged(tmp_path, dav)
    assert options_of(dav)["headers"]["#Authorization"] not in str(refused.value)
