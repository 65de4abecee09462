"""Whatever a job leaves, it becomes final, nothing outside is read or changed, and everything is removed.

Tested with a daemon of root, whose jobs run as another user, and with a daemon of that user.
"""

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running, short_folder
from e2e.people import ANNA, Person, TheirDaemon, python
from e2e.signs import Ear, Gate
from e2e.wire import Message, Wire, put_component

pytestmark = needs_root
SECRET = "what-only-root-may-read-5f1c"
OPEN = {"LOCKSIDE_ACCESS__DEFAULT_ROLE": "operator", "LOCKSIDE_DAEMON__SOCKET_GROUP": "nogroup"}


@pytest.fixture(scope="module", params=["root", "user"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    if request.param == "root":
        with running(**OPEN) as one:
            one.state_dir.chmod(0o711)
            one.socket.chmod(0o666)
            yield one
        return
    with short_folder() as folder:
        theirs = TheirDaemon(folder, ANNA)
        try:
            yield theirs.start()
        finally:
            theirs.end()


@pytest.fixture(scope="module")
def secret() -> Iterator[Path]:
    """A file of root at a path that everybody can name, beside a folder that contains one."""
    with short_folder() as folder:
        (folder / "folder").mkdir(mode=0o700)
        for path in (folder / "file", folder / "folder" / "file"):
            path.write_text(SECRET)
            path.chmod(0o600)
        yield folder


BODIES: dict[str, str] = {
    "no rights to its folder": "os.chmod(data, 0)",
    "no rights to out": "os.chmod('out', 0)",
    "no rights to in": "os.makedirs('in/a/b'); os.chmod('in/a', 0)",
    "no rights to its own cwd": "os.mkdir(cwd + '/x'); os.chmod(cwd + '/x', 0); os.chmod(cwd, 0)",
    "the state is a link": "os.symlink(secret + '/file', 'out/state.json')",
    "the state is a pipe": "os.mkfifo('out/state.json')",
    "the state is a folder": "os.mkdir('out/state.json')",
    "the state is a socket": "socket.socket(socket.AF_UNIX).bind('out/state.json')",
    "the state is huge": "os.truncate(os.open('out/state.json', os.O_CREAT | os.O_RDWR), 2**40)",
    "the state is deep": "open('out/state.json', 'w').write('{\"a\":' * 100000)",
    "the state has half a letter": "open('out/state.json', 'w').write('{\"a\": \"\\\\ud800\"}')",
    "the state has numbers past all numbers": "open('out/state.json', 'w').write('{\"a\": 1e999}')",
    "the state has a large number": "open('out/state.json', 'w').write('{\"a\": ' + '9' * 4000 + '}')",
    "usage is a link": "os.symlink(secret + '/file', 'out/usage.json')",
    "usage is a pipe": "os.mkfifo('out/usage.json')",
    "usage has a large number": (
        "open('out/usage.json', 'w').write('[{\"metric\": \"m\", \"value\": ' + '9' * 400 + '}]')"
    ),
    "a table is a link": "os.symlink(secret + '/file', 'out/tables/t.csv')",
    "tables are a link": "os.rmdir('out/tables'); os.symlink(secret + '/folder', 'out/tables')",
    "out is a link": "shutil.rmtree('out'); os.symlink(secret + '/folder', 'out')",
    "in is a link": "shutil.rmtree('in'); os.symlink(secret + '/folder', 'in')",
    "out is a file": "shutil.rmtree('out'); open('out', 'w')",
    "a manifest is a link": "open('out/files/t', 'w'); os.symlink(secret + '/file', 'out/files/t.manifest')",
    "a manifest is a pipe": "open('out/tables/t', 'w'); os.mkfifo('out/tables/t.manifest')",
    "a manifest is wild": (
        "open('out/tables/t', 'w'); open('out/tables/t.manifest', 'w').write(json.dumps("
        "{'destination': '../../../etc/shadow', 'columns': [1, None, {}], 'primary_key': {}}))"
    ),
    "artifacts are links": (
        "os.chdir('artifacts/out'); [os.symlink(to, str(n)) for n, to in enumerate(('/', secret))]"
    ),
    "the artifacts are a link": "shutil.rmtree('artifacts'); os.symlink(secret + '/folder', 'artifacts')",
    "links in a circle": "os.symlink('.', 'out/files/loop'); os.symlink('loop', 'out/tables/loop')",
    "hard links": "open('out/files/x', 'w'); [os.link('out/files/x', f'out/files/{n}') for n in range(50)]",
    "names that are no names": (
        "[open(b'out/files/' + n, 'w') for n in (b'-rf', b'\\xff\\xfe', b'a\\nb', b'\\x1b[2J', b' ', b'~')]"
    ),
    "a folder deeper than any": "[(os.mkdir('d'), os.chdir('d')) for _ in range(1500)]",
    "its config is a link": "os.remove('config.json'); os.symlink(secret + '/file', 'config.json')",
    "tmp is full of things": "os.makedirs(tmp + '/a/b'); os.mkfifo(tmp + '/f'); os.chmod(tmp + '/a', 0)",
}
PRELUDE = (
    "import json, os, shutil, socket, sys\n"
    "data = os.environ['KBC_DATADIR']; tmp = os.environ['TMPDIR']; cwd = os.getcwd(); secret = sys.argv[1]\n"
    "os.chdir(data)\n"
)


def theirs(text: str, *arguments: str) -> list[str]:
    """Return a Python command that other users can execute."""
    return [python(), "-I", "-c", text, *arguments]


def as_anna(daemon: Daemon, wire: Wire, method: str = "job.create", **request: Any) -> Message:
    """Creates jobs of this user: in the user's own daemon, or in root's."""
    caller = wire if isinstance(daemon, TheirDaemon) else Person(daemon, ANNA, ANNA)
    made: Message = caller.call(method, **request)
    return made


def said_anywhere(daemon: Daemon, wire: Wire, job: Message) -> bytes:
    """Return everything that the daemon reports of a job and stores of it."""
    answers = [wire.get(job["id"]), wire.events(job), wire.text(job)]
    files = [path.read_bytes() for path in daemon.state_dir.glob("lockside.db*")]
    return json.dumps(answers).encode() + b"".join(files)


@pytest.fixture(scope="module")
def hostile(daemon: Daemon, secret: Path) -> dict[str, str]:
    """Start all of these jobs at once; returns them by what they do."""
    requests = []
    with Wire(daemon.socket) as wire:
        for number, (what, body) in enumerate(BODIES.items()):
            component = f"acme.hostile-{number}"
            put_component(wire, component, command=theirs(PRELUDE + body, str(secret)))
            wire.call("config.put", component=component, config="x", configuration={"parameters": {"a": 1}})
            requests.append({"component": component, "config": "x", "name": what})
        made = as_anna(daemon, wire, "job.createMany", jobs=requests)
    return {job["name"]: job["id"] for job in made["jobs"]}


@pytest.mark.parametrize("what", BODIES)
def test_a_job_with_hostile_leftovers_becomes_final_and_nothing_of_it_remains(
    daemon: Daemon, wire: Wire, hostile: dict[str, str], secret: Path, what: str
) -> None:
    job = wire.done(hostile[what])
    assert job["status"] in ("success", "error"), job
    assert job["process"]["exitCode"] == 0, (job["result"]["error"], wire.text(job))
    folder = Path(job["workPath"])
    assert not (folder / "data/config.json").exists()
    assert SECRET.encode() not in said_anywhere(daemon, wire, job)
    assert (secret / "file").read_text() == (secret / "folder/file").read_text() == SECRET
    assert sorted(os.listdir(secret / "folder")) == ["file"]
    wire.call("job.purge", id=job["id"])
    assert not folder.exists()


@pytest.mark.parametrize("where", ["data/in", "data/out/tables", "tmp", "cwd"])
def test_a_job_that_leaves_files_its_user_cannot_remove_becomes_final(
    daemon: Daemon, wire: Wire, ear: Ear, gate: Gate, where: str
) -> None:
    """Containers that write as root into a folder of the job leave it like this."""
    put_component(wire, "acme.waits", shell=f"echo up > {ear.path}; {gate.text}")
    job = as_anna(daemon, wire, component="acme.waits", lockKey="foreign")
    assert ear.hear() == "up"
    foreign = Path(wire.get(job["id"])["workPath"]) / where / "foreign"
    foreign.mkdir(mode=0o700)
    (foreign / "file").write_text("x")
    gate.open()
    ended = wire.done(job)
    assert ended["status"] == "success", ended
    assert wire.done(as_anna(daemon, wire, component="acme.waits", lockKey="foreign"))["status"] == "success"
    wire.call("job.purge", id=job["id"])
    assert ended["workPath"] in [one["details"].get("path") for one in wire.call("daemon.check")["problems"]]


def test_snapshots_of_a_debug_run_contain_no_secret_and_nothing_from_outside(
    daemon: Daemon, wire: Wire, secret: Path
) -> None:
    text = (
        PRELUDE + "os.symlink(secret + '/file', 'out/files/link'); os.mkfifo('out/files/pipe')\n"
        "open('out/files/copy', 'w').write(json.load(open('config.json'))['parameters']['#key'])"
    )
    put_component(wire, "acme.debug", command=theirs(text, str(secret)))
    key = "a-hash-key-for-the-snapshot"
    request = {"component": "acme.debug", "mode": "debug", "configData": {"parameters": {"#key": key}}}
    job = wire.done(as_anna(daemon, wire, **request))
    assert job["status"] == "success", job
    zips = list(Path(job["workPath"]).glob("debug/**/*.zip"))
    assert len(zips) == 2
    for path in zips:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            content = b"".join(archive.read(name) for name in archive.namelist())
        assert key.encode() not in content
        assert SECRET.encode() not in content


def test_other_users_can_neither_read_nor_change_anything_of_a_job(
    daemon: Daemon, wire: Wire, ear: Ear, gate: Gate
) -> None:
    put_component(wire, "acme.private", shell=f"echo said; echo up > {ear.path}; {gate.text}")
    job = as_anna(daemon, wire, component="acme.private", configData={"parameters": {"#key": SECRET}})
    assert ear.hear() == "up"
    root = wire.get(job["id"])["workPath"]
    look = f"find {daemon.state_dir} -writable -o -type f -readable; cat {root}/data/config.json {root}/log/*"
    found = subprocess.run(
        ["setpriv", "--reuid=64009", "--regid=64009", "--clear-groups", "sh", "-c", look],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    gate.open()
    wire.done(job)
    assert found in ("", f"{daemon.socket}\n"), "except the socket, which these tests have opened"
