"""Third-party programs, each run as its own user and stopped: no process of that user is left.

Remaining processes are searched in /proc by user, which no stop uses: by the next job that gets the lock, at
the moment it does, and by the test. One daemon uses cgroups, the other does not.
"""

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.people import Person, python
from e2e.signs import Ear
from e2e.wire import Message, Wire, connected, of, put_component

pytestmark = needs_root

FIRST_UID = 64200
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), Path("/none/initdb")).parent
HOPS = "import os\nos.setsid()\nwhile True:\n    if os.fork(): os._exit(0)"
SCAN = """
import os, sys
for entry in os.listdir("/proc"):
    if entry.isdecimal():
        try:
            status = dict(line.split(":", 1) for line in open(f"/proc/{entry}/status") if ":" in line)
        except OSError:
            continue
        if status["Uid"].split()[0] == sys.argv[1] and status["State"].split()[0] not in "ZX":
            print(entry, status["Name"].strip())
"""


@dataclass(frozen=True)
class Body:
    """A shell text that reports `up` when ready; `program` is what it requires."""

    text: str
    program: str = "sh"


BODIES = {
    "stress-ng computing": Body("exec stress-ng --quiet --cpu 1 --cpu-load 10 --timeout 600s", "stress-ng"),
    "stress-ng forking": Body("exec stress-ng --quiet --fork 1 --timeout 600s", "stress-ng"),
    "stress-ng making daemons": Body("exec stress-ng --quiet --daemon 1 --timeout 600s", "stress-ng"),
    "stress-ng making zombies": Body(
        "exec stress-ng --quiet --zombie 1 --zombie-max 50 --timeout 600s", "stress-ng"
    ),
    "stress-ng holding memory": Body(
        "exec stress-ng --quiet --vm 2 --vm-bytes 40M --vm-hang 0 --timeout 600s", "stress-ng"
    ),
    "make": Body(
        "printf 'all: a b c\\na b c:\\n\\tsleep 61$@ || sleep 600\\n' > Makefile; exec make -j3", "make"
    ),
    "parallel": Body("exec parallel --will-cite -j3 sleep ::: 621 622 623", "parallel"),
    "a shell that ignores": Body("trap '' TERM HUP INT; while :; do sleep 1; done"),
    "nohup": Body("nohup sleep 602 >/dev/null 2>&1 & setsid sleep 601 & wait"),
    "setsid -f": Body("setsid -f sleep 603; setsid -f setsid -f sleep 604; sleep 605"),
    "daemons of daemons": Body(
        "( (setsid sh -c 'trap \"\" TERM; sleep 606 & sleep 607' &) & ); exec sleep 608"
    ),
    "one that hops": Body(f"{python()} -I -S -c '{HOPS}'; exec sleep 609"),
    "yes into a pipe that nobody reads": Body("yes | sleep 610"),
}
USERS = {name: FIRST_UID + number for number, name in enumerate(BODIES)}


def missing(name: str) -> bool:
    return shutil.which(BODIES[name].program) is None


def processes_of_user(uid: int) -> dict[int, str]:
    """Return the living processes of a user, by pid."""
    found = {}
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            lines = Path(f"/proc/{entry}/status").read_text().splitlines()
            status = dict(line.split(":", 1) for line in lines if ":" in line)
            if int(status["Uid"].split()[0]) == uid and status["State"].split()[0] not in "ZX":
                found[int(entry)] = status["Name"].strip()
    return found


@pytest.fixture(scope="module", params=["cgroup", "scan"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    settings = {
        "LOCKSIDE_ACCESS__DEFAULT_ROLE": "operator",
        "LOCKSIDE_DAEMON__SOCKET_GROUP": "nogroup",
        "LOCKSIDE_POOLS__DEFAULT__SLOTS": "64",
        "LOCKSIDE_KEEPER__CGROUPS": "auto" if request.param == "cgroup" else "off",
    }
    with running(**settings) as one:
        with Wire(one.socket) as wire:
            if connected(wire)["killsBy"] != request.param:
                pytest.skip("no cgroups can be made here")
        one.state_dir.chmod(0o711)
        one.socket.chmod(0o666)
        yield one


@dataclass(frozen=True)
class Stopped:
    """The ended job of a body, its processes, and the job that waited behind it."""

    job: Message
    before: dict[int, str]
    behind: Message


class Starter:
    """Starts bodies, each as its own user."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._ears: list[Ear] = []

    def start(self, uid: int, text: str, **more: object) -> Message:
        self._ears.append(Ear(self._daemon.folder, f"ear-{uid}"))
        up = f"(sleep 1; exec echo up > {self._ears[-1].path}) & {text}"
        parameters = {"shell": up, "environment": {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}}
        request = {"component": "lockside.command", "configData": {"parameters": parameters}, **more}
        made: Message = Person(self._daemon, uid, uid).call("job.create", **request)
        return made

    def until_all_are_up(self) -> None:
        while self._ears:
            ear = self._ears.pop()
            assert ear.hear() == "up"
            ear.close()
            ear.path.unlink()


@pytest.fixture(scope="module")
def starter(daemon: Daemon) -> Starter:
    return Starter(daemon)


@pytest.fixture(scope="module")
def stopped(daemon: Daemon, starter: Starter) -> dict[str, Stopped]:
    """Run all bodies at once, and terminate them at once."""
    names = [name for name in BODIES if not missing(name)]
    with Wire(daemon.socket) as wire:
        jobs = {name: starter.start(USERS[name], BODIES[name].text, lockKey=name) for name in names}
        starter.until_all_are_up()
        before = {name: processes_of_user(USERS[name]) for name in names}
        behind = {
            name: wire.create(
                configData={"parameters": {"command": [python(), "-I", "-c", SCAN, str(USERS[name])]}},
                lockKey=name,
            )
            for name in names
        }
        for job in jobs.values():
            wire.call("job.terminate", id=job["id"])
        ended = {name: wire.done(job) for name, job in jobs.items()}
        after = {name: wire.done(job) for name, job in behind.items()}
    return {name: Stopped(ended[name], before[name], after[name]) for name in names}


@pytest.mark.parametrize("name", BODIES)
def test_no_process_of_a_terminated_job_is_left(wire: Wire, stopped: dict[str, Stopped], name: str) -> None:
    if missing(name):
        pytest.skip(f"there is no {BODIES[name].program}")
    one = stopped[name]
    assert one.before, "there was nothing to stop"
    assert one.job["status"] == "terminated"
    assert one.behind["startTime"] >= one.job["endTime"], "the lock was free before"
    assert wire.text(one.behind) == "", "a process was alive when the lock was free"
    assert processes_of_user(USERS[name]) == {}
    report = one.job["killReport"]
    assert report["proof"] == connected(wire)["killsBy"]
    assert one.job["process"]["pid"] in {process["pid"] for process in report["processes"]}
    assert one.job["durationSeconds"] < 30


WAYS = {
    "time": {"limits": {"timeoutSeconds": 1.5}},
    "memory": {"limits": {"memoryBytes": 60_000_000, "timeoutSeconds": 30}},
}


def test_no_process_is_left_after_the_time_limit(daemon: Daemon, wire: Wire, starter: Starter) -> None:
    bodies = {
        FIRST_UID + 50: "setsid -f sleep 603; trap '' TERM; while :; do sleep 1; done",
        FIRST_UID + 51: f"{python()} -I -S -c '{HOPS}'; exec sleep 609",
    }
    if shutil.which("stress-ng"):
        bodies[FIRST_UID + 52] = BODIES["stress-ng making daemons"].text
    jobs = {uid: starter.start(uid, text, **WAYS["time"]) for uid, text in bodies.items()}
    starter.until_all_are_up()
    for uid, job in jobs.items():
        ended = wire.done(job)
        assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "timeout")
        assert processes_of_user(uid) == {}
        assert ended["killReport"]["processes"]


def test_no_process_is_left_after_the_memory_limit(daemon: Daemon, wire: Wire, starter: Starter) -> None:
    uid = FIRST_UID + 60
    text = "setsid -f sleep 603; sleep 1.2; tail /dev/zero"
    job = starter.start(uid, text, **WAYS["memory"])
    starter.until_all_are_up()
    ended = wire.done(job)
    assert ended["status"] == "error"
    if connected(wire)["killsBy"] == "cgroup":
        assert ended["result"]["error"]["kind"] == "out_of_memory"
    else:
        assert "memory exhausted" in wire.text(ended)
    assert processes_of_user(uid) == {}
    assert "sleep" in [process["name"] for process in ended["killReport"]["processes"]]


@pytest.mark.parametrize("leftovers", ["stop", "wait"])
def test_processes_that_outlive_their_leader_are_stopped_or_waited_for(
    daemon: Daemon, wire: Wire, leftovers: str
) -> None:
    uid = FIRST_UID + 70
    text = "setsid -f sleep 0.7; setsid -f sh -c 'trap \"\" TERM; sleep 1 & wait; sleep 1'; exit 0"
    put_component(wire, f"acme.{leftovers}", shell=text, leftovers=leftovers, graceSeconds=0.2)
    person = Person(daemon, uid, uid)
    ended = wire.done(person.call("job.create", component=f"acme.{leftovers}"))
    assert of(ended, "status") == ("success",)
    assert processes_of_user(uid) == {}
    if leftovers == "stop":
        assert {process["signal"] for process in ended["killReport"]["processes"]} == {15, 9}
        assert ended["durationSeconds"] < 1.9
    else:
        assert ended["killReport"] == {}
        assert ended["durationSeconds"] >= 1.9


@pytest.mark.skipif(not POSTGRES.exists(), reason="there is no PostgreSQL")
def test_no_process_of_a_database_server_with_its_own_sessions_is_left(
    daemon: Daemon, wire: Wire, place: Path
) -> None:
    user = pwd.getpwnam("postgres")
    os.chown(place, user.pw_uid, user.pw_gid)
    text = (
        f"export PATH={POSTGRES}:/usr/bin:/bin; initdb -N -D {place}/d -A trust >/dev/null && "
        f"pg_ctl -w -D {place}/d -o \"-k {place} -c listen_addresses=''\" -l {place}/log start >/dev/null && "
        f"(psql -q -h {place} -c 'select pg_sleep(600)' postgres & psql -h {place} -tc 'select 1' postgres; "
        f"echo up; wait)"
    )
    before = processes_of_user(user.pw_uid).keys()
    put_component(wire, "acme.postgres", shell=text, user="postgres", graceSeconds=5)
    job = wire.create("acme.postgres")
    page = wire.call("job.log", id=job["id"], waitSeconds=60)
    while "up" not in "".join(frame["text"] for frame in page["frames"]):
        assert not page["isComplete"], page
        page = wire.call("job.log", id=job["id"], offset=page["nextOffset"], waitSeconds=60)
    server = {pid: name for pid, name in processes_of_user(user.pw_uid).items() if pid not in before}
    sessions = {os.getsid(pid) for pid, name in server.items() if name.startswith("postgres")}
    assert len(sessions) >= 1
    wire.call("job.terminate", id=job["id"])
    ended = wire.done(job)
    assert ended["status"] == "terminated"
    assert processes_of_user(user.pw_uid).keys() <= before
    assert len(ended["killReport"]["processes"]) >= len(server) // 2
