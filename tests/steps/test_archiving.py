"""The step that archives files, with real servers that disconnect, fill up and lie."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from campaign.places import unmountable
from locksided.steps.archiving import archive as archiving
from locksided.steps.archiving import sending
from locksided.steps.program import ApplicationFault, UserFault
from locksided.steps.staging import s3_session
from steps.archives import SERVERS, order_of
from steps.fileserver import ftp_serving, moto_serving

FILES = {
    "out/files/a b.bin": random.Random(1).randbytes(3_000_000),
    "out/files/deep/über.txt": "ü".encode(),
    "artifacts/out/empty": b"",
}
LIST = "lockside-archive.json"

Archive = Callable[..., dict[str, Any]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The files that a job left."""
    for path, content in FILES.items():
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "data/out/files/link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "data/out/files/fifo")
    return tmp_path / "data"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("server", SERVERS)
def test_files_are_archived_with_a_list_of_their_checksums(
    server: str, data: Path, there: Path, tmp_path: Path
) -> None:
    with SERVERS[server](there) as given:
        for _ in range(2):  # files written by an earlier start of the job are overwritten
            done = archiving.archive(order_of(tmp_path, **given))["result"]["artifacts"]["archive"]
        folder = there / "runs/17"
        listed = json.loads((folder / LIST).read_text())
        assert (listed["job"], listed["uuid"]) == ("17", "uuid-of-17")
        assert {one["path"]: one["sha256"] for one in listed["files"]} == {
            path: sha256(content).hexdigest() for path, content in FILES.items()
        }
        found = {str(one.relative_to(folder)): one for one in folder.rglob("*") if one.is_file()}
        assert found.keys() == {LIST, *FILES}
        assert all(found[path].read_bytes() == content for path, content in FILES.items())
        assert (done["files"], done["sizeBytes"]) == (3, sum(map(len, FILES.values())))
        assert done["uri"].endswith("/runs/17")
        assert "@" not in done["uri"]
        with pytest.raises(UserFault, match="is the archive of another job"):
            archiving.archive(order_of(tmp_path, **given, uuid="another"))


def test_objects_of_s3_are_verified_by_the_checksum_of_the_server(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moto_serving() as (client, options):
        client.create_bucket(Bucket="attic")
        for _ in range(2):
            archiving.archive(order_of(tmp_path, "s3://attic/kept", options=options))
        keys = {one["Key"] for one in client.list_objects_v2(Bucket="attic")["Contents"]}
        assert keys == {f"kept/runs/17/{name}" for name in (LIST, *FILES)}
        for path, content in FILES.items():
            body = client.get_object(Bucket="attic", Key=f"kept/runs/17/{path}")["Body"].read()
            assert body == content
        with pytest.raises(UserFault, match="is the archive of another job"):
            archiving.archive(order_of(tmp_path, "s3://attic/kept", options=options, uuid="another"))
        with pytest.raises(UserFault, match="the server answered 404"):
            archiving.archive(order_of(tmp_path, "s3://none/kept", options=options))


def test_a_large_object_is_sent_to_s3_in_parts(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_session, "PART_BYTES", 5 * 2**20)
    large = random.Random(2).randbytes(12_000_000)
    (data / "out/files/large").write_bytes(large)
    with moto_serving() as (client, options):
        client.create_bucket(Bucket="parts")
        archiving.archive(order_of(tmp_path, "s3://parts/kept", options=options))
        body = client.get_object(Bucket="parts", Key="kept/runs/17/out/files/large")["Body"].read()
        assert body == large
        assert not client.list_multipart_uploads(Bucket="parts").get("Uploads")


@pytest.mark.parametrize("server", SERVERS)
def test_altered_bytes_are_detected(
    server: str, data: Path, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = sending._verify

    def spoilt(session: Any, whole: str, path: str, sent: Any, done: str) -> None:
        file = there / "runs/17" / path
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
        verify(session, whole, path, sent, done)

    monkeypatch.setattr(sending, "_verify", spoilt)
    with SERVERS[server](there) as given:
        with pytest.raises(ApplicationFault, match="has other content when it is read back"):
            archiving.archive(order_of(tmp_path, **given))
        told = archiving.archive(order_of(tmp_path, **given, onFailure="warning"))
    assert told["warning"]
    assert not (there / "runs/17" / LIST).exists()


@pytest.mark.parametrize("server", ["ftp", "sftp"])
def test_a_lost_connection_is_reestablished(
    server: str, data: Path, there: Path, tmp_path: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = archiving.Shipment._send_file
    broken: list[str] = []

    def once_broken(self: Any, session: Any, one: Any, folders: set[str]) -> None:
        if one.path not in broken:
            broken.append(one.path)
            raise ConnectionResetError("cut")
        sent(self, session, one, folders)

    monkeypatch.setattr(archiving.Shipment, "_send_file", once_broken)
    with SERVERS[server](there) as given:
        archiving.archive(order_of(tmp_path, **given))
    assert len(json.loads((there / "runs/17" / LIST).read_text())["files"]) == len(FILES)
    assert pauses == [1, 1, 1]


def test_a_server_that_stays_unavailable_is_given_up(data: Path, tmp_path: Path, pauses: list[float]) -> None:
    with pytest.raises(ApplicationFault, match="could not be archived after 3 attempts"):
        archiving.archive(order_of(tmp_path, "ftp://127.0.0.1:1"))
    assert pauses == [1, 2]


def test_no_link_leads_out_of_the_root(data: Path, there: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (there / "runs").symlink_to(tmp_path / "elsewhere")
    for server in ("file", "sftp"):
        with SERVERS[server](there) as given, pytest.raises(UserFault, match="outside the root"):
            archiving.archive(order_of(tmp_path, **given))
    assert not [one for one in (tmp_path / "elsewhere").rglob("*") if one.is_file()]


def test_settings_decide_where_files_may_be_archived(data: Path, there: Path, tmp_path: Path) -> None:
    url = there.as_uri()
    with pytest.raises(UserFault, match="file_roots"):
        archiving.archive(order_of(tmp_path, url, fileRoots=["/srv"]))
    with pytest.raises(UserFault, match="state folder"):
        archiving.archive(order_of(tmp_path, url, stateFolder=str(there)))


@pytest.mark.parametrize("refusal", ["452 Insufficient storage space.", "552 Exceeded storage allocation."])
def test_an_ftp_server_without_space_fails_the_step_at_once(
    data: Path, there: Path, tmp_path: Path, pauses: list[float], refusal: str
) -> None:
    with ftp_serving(there, user="ann", password="s3cret", refusal=refusal) as port:
        options = {"user": "ann", "#password": "s3cret"}
        with pytest.raises(UserFault, match=refusal):
            archiving.archive(order_of(tmp_path, f"ftp://127.0.0.1:{port}", options=options))
    assert not pauses


INTO_A_FULL_ONE = """
import sys
from pathlib import Path

from campaign.places import unmountable
from locksided.steps.archiving import archive as archiving
from locksided.steps.archiving import sending
from locksided.steps.program import ApplicationFault
from locksided.steps.staging import retries
from steps.archives import SERVERS, order_of

retries.wait = lambda seconds: None
place, server = Path(sys.argv[1]), sys.argv[2]
with SERVERS[server](place / "there") as given:
    try:
        archiving.archive(order_of(place, **given))
    except ApplicationFault as fault:
        print(fault)
print("left:", [file.name for file in place.joinpath("there").rglob("*") if file.is_file()])
"""


@pytest.mark.skipif(unmountable() is not None, reason=str(unmountable()))
@pytest.mark.parametrize("server", SERVERS)
def test_a_full_target_keeps_no_part_of_an_archive(
    data: Path, there: Path, tmp_path: Path, server: str
) -> None:
    script = 'mount -t tmpfs -o size=2m tmpfs "$1/there" && exec "$2" -c "$3" "$1" "$4"'
    given = [str(tmp_path), sys.executable, INTO_A_FULL_ONE, server]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    said = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *given],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    ).stdout
    assert "could not be archived" in said
    assert "left: []" in said
