"""Components that log by GELF: their messages are stored, and the level decides who may read them."""

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from e2e import people
from e2e.conftest import needs_root
from e2e.harness import Daemon, python
from e2e.people import ANNA, OPERATORS, Person, used_by_groups
from e2e.signs import Ear, Gate
from e2e.wire import Message, Wire, of, put_component

SECRET = "s3cr3t-Ω-of-gelf"
LOG = """
import json, logging, os, pathlib, subprocess, sys
import logging_gelf.formatters, logging_gelf.handlers, pygelf
kinds = {
    "pygelf tcp": pygelf.GelfTcpHandler,
    "pygelf udp": pygelf.GelfUdpHandler,
    "pygelf http": pygelf.GelfHttpHandler,
    "logging_gelf tcp": logging_gelf.handlers.GELFTCPSocketHandler,
    "logging_gelf udp": logging_gelf.handlers.GELFUDPSocketHandler,
}
kind, *meanwhile = sys.argv[1:]
config = json.loads((pathlib.Path(os.environ["KBC_DATADIR"]) / "config.json").read_text())
secret = config["parameters"]["#password"]
handler = kinds[kind](host=os.environ["KBC_LOGGER_ADDR"], port=int(os.environ["KBC_LOGGER_PORT"]))
if "logging_gelf" in kind:
    handler.setFormatter(logging_gelf.formatters.GELFFormatter())
log = logging.getLogger("loader")
log.setLevel(logging.DEBUG)
log.addHandler(handler)
for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
    log.log(level, f"{logging.getLevelName(level).lower()} with {secret}" + " and much more" * 300)
    if level == logging.WARNING and meanwhile:
        subprocess.run(["sh", "-c", meanwhile[0]], check=True)
"""
"""The long text makes pygelf split a datagram into several chunks."""
SENDERS = ["pygelf tcp", "pygelf udp", "pygelf http", "logging_gelf tcp", "logging_gelf udp"]
LEVELS = [(6, "info with"), (4, "warning with"), (3, "error with"), (2, "critical with")]
CAMOUFLAGED = "Application error."


def put(wire: Wire, *command: str, **logging: Any) -> None:
    libraries = {"PYTHONPATH": sysconfig.get_path("purelib")}
    spoken = {"type": "gelf", **logging}
    put_component(wire, "acme.gelf", command=[*command], logging=spoken, environment=libraries)


def request_of(**parameters: Any) -> Message:
    return {"component": "acme.gelf", "configData": {"parameters": parameters}}


def heard(frames: list[Message]) -> list[tuple[int, str]]:
    return [(one["level"], one["text"]) for one in frames if one["stream"] == "gelf"]


def sending(text: str) -> list[str]:
    """Return the command of a component that sends lines by TCP, then does what its last lines say."""
    connect = (
        "import json, os, socket, sys\n"
        "address = (os.environ['KBC_LOGGER_ADDR'], int(os.environ['KBC_LOGGER_PORT']))\n"
        "link = socket.create_connection(address)\n"
        "def log(level, text, **more):\n"
        "    link.sendall(json.dumps({'level': level, 'short_message': text, **more}).encode() + b'\\n')\n"
    )
    return python(connect + text)


@needs_root
def test_messages_of_gelf_libraries_are_stored_even_while_no_daemon_runs(place: Path) -> None:
    ear, gate = Ear(place), Gate(place)
    place.chmod(0o755)
    with used_by_groups(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(len(SENDERS))) as daemon:
        anna, jobs = Person(daemon, ANNA, OPERATORS), []
        for sender in SENDERS:
            with Wire(daemon.socket) as wire:
                meanwhile = f"echo here > {ear.path}; {gate.text}"
                command = [people.python(), "-c", LOG, sender, meanwhile]
                put(wire, *command, transport=sender.split()[1])
            jobs.append(anna.call("job.create", **request_of(**{"#password": SECRET})))
        assert [ear.hear() for _ in jobs] == ["here"] * len(jobs)
        daemon.kill()
        gate.open()
        daemon.restart()
        daemon.socket.chmod(0o666)
        for sender, job in zip(SENDERS, jobs, strict=True):
            with Wire(daemon.socket) as wire:
                assert wire.done(job)["status"] == "success"
                for_admins = wire.call("job.log", id=job["id"], stream="gelf")["frames"]
            for_owner = anna.call("job.log", id=job["id"])["frames"]
            more = " [hidden]" + " and much more" * 300
            assert heard(for_admins) == [(level, words + more) for level, words in LEVELS], sender
            assert heard(for_owner) == [*heard(for_admins)[:3], (2, CAMOUFLAGED)], sender
            assert [one["fields"] for one in for_owner] == [{}] * 4, sender
    ear.close()


def test_messages_are_filtered_by_stream_and_level(wire: Wire) -> None:
    put(wire, *sending("print('out')\nfor level in range(8): log(level, f'l{level}', _n=level)"))
    job = wire.done(wire.create(**request_of()))
    gelf = wire.call("job.log", id=job["id"], stream="gelf")["frames"]
    assert heard(gelf) == [(level, f"l{level}") for level in range(7)], "the test's own user is an admin"
    assert [one["fields"] for one in gelf] == [{"_n": 0}, {"_n": 1}, {"_n": 2}, {}, {}, {}, {}]
    assert heard(wire.call("job.log", id=job["id"], level=3)["frames"]) == heard(gelf)[:4]
    assert [one["text"] for one in wire.call("job.log", id=job["id"], stream="stdout")["frames"]] == ["out\n"]
    raw = wire.call("job.log", id=job["id"], level=0, raw=True)["frames"]
    assert [of(one, "level", "data", "fields") for one in raw] == [(0, "bDA=", {"_n": 0})]
    refusal = wire.refused("job.log", id=job["id"], stream="stdout", level=3)
    assert refusal.data["path"] == "$.level"
    assert wire.refused("job.log", id=job["id"], level=8).data["path"] == "$.level"


def test_the_verbosity_in_the_manifest_decides_what_is_stored(wire: Wire) -> None:
    verbosity = {"100": "normal", "200": "none", "400": "verbose", "500": "normal"}
    code = "for level in (7, 6, 3, 2): log(level, f's{level}', full_message=f'f{level}', _n=level)"
    put(wire, *sending(code), verbosity=verbosity)
    job = wire.done(wire.create(**request_of()))
    frames = wire.call("job.log", id=job["id"])["frames"]
    assert [of(one, "level", "text", "fields") for one in frames] == [
        (7, "s7", {}),
        (3, "f3", {"_n": 3}),
        (2, "s2", {}),
    ]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("log(3, 'no such table'); log(6, 'bye'); print('out'); sys.exit(1)", "no such table"),
        ("log(3, 'no such table'); log(2, 'NullPointer'); sys.exit(2)", CAMOUFLAGED),
        ("log(3, 'no such table'); sys.exit('bad password')", "bad password"),
        ("log(4, 'careful'); print('out'); sys.exit(1)", "out"),
    ],
)
def test_the_message_of_a_failed_run_is_its_stderr_or_else_its_log(
    wire: Wire, code: str, message: str
) -> None:
    put(wire, *sending(code))
    job = wire.done(wire.create(**request_of()))
    assert (job["status"], job["result"]["message"]) == ("error", message)


def test_an_action_can_log_and_only_its_stdout_is_the_answer(wire: Wire) -> None:
    put(wire, *sending("log(6, 'asked'); print(json.dumps({'answer': 42}))"))
    assert wire.call("action.run", component="acme.gelf", action="any") == {"answer": 42}
    put(wire, *sending("log(3, 'no such table'); sys.exit(1)"))
    assert "no such table" in str(wire.refused("action.run", component="acme.gelf", action="any"))


def test_a_component_in_its_own_network_cannot_reach_the_listener(wire: Wire) -> None:
    manifest = {"id": "acme.own", "image": "x", "logging": {"type": "gelf"}}
    for network in ("none", "private"):
        refusal = wire.refused("component.put", component={**manifest, "imageOptions": {"network": network}})
        assert refusal.data["path"] == "$.component.imageOptions.network"
    wrong = {"type": "gelf", "verbosity": {"150": "none"}}
    refusal = wire.refused("component.put", component={**manifest, "logging": wrong})
    assert refusal.data["path"] == "$.component.logging.verbosity"


def test_the_command_line_shows_messages_with_their_level(daemon: Daemon, wire: Wire) -> None:
    put(wire, *sending("print('out', flush=True); log(4, 'low on disk'); log(2, 'gone', _rows=5, _t='a')"))
    job = wire.done(wire.create(**request_of()))

    def logs(*options: str) -> tuple[str, str]:
        command = [
            f"{sysconfig.get_path('scripts')}/lockside",
            "--socket",
            str(daemon.socket),
            "logs",
            *options,
            job["id"],
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        return ended.stdout, ended.stderr

    told = "warning: low on disk\ncritical: gone  _rows=5  _t=a\n"
    assert logs() == ("out\n", told)
    assert logs("--gelf") == ("", told)
    assert logs("--level", "error") == ("", told.splitlines(keepends=True)[1])
    assert logs("--level", "error", "--grep", "rows") == ("", told.splitlines(keepends=True)[1])
    (line,) = logs("--json", "--grep", "disk")[0].splitlines()
    assert of(json.loads(line), "stream", "level", "text", "fields") == ("gelf", 4, "low on disk", {})
