"""How a job ended and who is at fault: exit codes, signals, limits, programs that cannot be started."""

from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, python
from e2e.wire import Message, Wire, connected, of, put_component, put_config


def error_of(job: Message) -> Message:
    error: Message = job["result"]["error"]
    return error


@pytest.mark.parametrize(
    ("code", "status", "type_"),
    [(0, "success", None), (1, "error", "user"), (2, "error", "application"), (255, "error", "application")],
)
def test_exit_codes_say_whose_fault_it_was(wire: Wire, code: int, status: str, type_: str | None) -> None:
    job = wire.done(wire.shell(f"echo out; echo wrong >&2; exit {code}"))
    assert of(job, "status") == (status,)
    assert of(job["process"], "exitCode", "signal") == (code, None)
    if type_ is None:
        assert error_of(job) is None
    else:
        assert of(error_of(job), "type", "kind", "exitCode", "signal", "message") == (
            type_,
            "exit",
            code,
            None,
            "wrong",
        )
        assert job["message"] == job["result"]["message"] == "wrong"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo on stdout; exit 1", "on stdout"),
        ("exit 1", "exit code 1, no output"),
        ("echo a; echo b >&2; exit 1", "b"),
    ],
)
def test_the_message_is_stderr_or_else_stdout_or_else_a_plain_sentence(
    wire: Wire, text: str, message: str
) -> None:
    assert error_of(wire.done(wire.shell(text)))["message"] == message


def test_a_long_message_is_cut_to_its_last_four_kib(wire: Wire) -> None:
    job = wire.done(wire.shell("seq 1 5000 >&2; echo the end >&2; exit 1"))
    message = error_of(job)["message"]
    assert message.endswith("the end")
    assert len(message.encode()) <= 4200


def test_a_component_can_map_exit_codes_differently(wire: Wire) -> None:
    codes = {"success": [0, 3], "userError": [1, 7]}
    put_component(wire, "acme.codes", shell="exit {datadir}", exitCodes=codes)
    for code, expected in ((3, "success"), (7, "user"), (4, "application")):
        put_component(wire, "acme.codes", shell=f"exit {code}", exitCodes=codes)
        job = wire.done(wire.create("acme.codes"))
        assert expected == (job["status"] if job["status"] == "success" else error_of(job)["type"])


def test_a_death_by_signal_is_distinguished_from_an_exit(wire: Wire) -> None:
    job = wire.done(wire.shell("kill -SEGV $$"))
    assert of(error_of(job), "type", "kind", "exitCode", "signal") == ("application", "signal", None, 11)
    assert "SIGSEGV" in job["message"]


def test_a_time_out_is_distinguished_from_other_deaths(wire: Wire) -> None:
    job = wire.done(wire.shell("echo words; exec sleep 600", limits={"timeoutSeconds": 0.5}))
    assert of(error_of(job), "type", "kind") == ("application", "timeout")
    assert "0.5" in job["message"]
    assert job["limits"]["timeoutSeconds"] == 0.5
    assert 0.4 < job["durationSeconds"] < 10
    assert job["killReport"]["processes"]


def test_the_components_limit_is_a_ceiling(wire: Wire) -> None:
    put_component(wire, "acme.ceiling", command=["sleep", "600"], limits={"timeoutSeconds": 1})
    job = wire.create("acme.ceiling", limits={"timeoutSeconds": 500})
    assert job["limits"]["timeoutSeconds"] == 1
    assert error_of(wire.done(job))["kind"] == "timeout"
    put_component(wire, "acme.unlimited", command=["true"])
    assert wire.done(wire.create("acme.unlimited"))["limits"]["timeoutSeconds"] == 3600
    assert wire.done(wire.shell("true"))["limits"]["timeoutSeconds"] is None
    text = wire.done(wire.shell("true", limits={"timeoutSeconds": "00:02:00", "memoryBytes": "1.5GB"}))
    assert of(text["limits"], "timeoutSeconds", "memoryBytes") == (120, 1_500_000_000)


@needs_root
def test_an_out_of_memory_death_is_distinguished_from_other_deaths(wire: Wire) -> None:
    if connected(wire)["killsBy"] != "cgroup":
        pytest.skip("no cgroups can be made here: an allocation beyond the limit fails in the program")
    text = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    put_component(wire, "acme.hungry", command=python(text), limits={"memoryBytes": "100MB"})
    job = wire.done(wire.create("acme.hungry"))
    error = error_of(job)
    assert of(error, "type", "kind") == ("application", "out_of_memory"), error
    assert job["limits"]["memoryBytes"] == 100_000_000


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        ({"command": ["/no/such/program"]}, "/no/such/program"),
        ({"command": ["no-such-program-on-path"]}, "no-such-program-on-path"),
        ({"command": ["/etc/passwd"]}, "/etc/passwd"),
        ({"pipeline": [["echo", "a"], ["no-such-target"]]}, "no-such-target"),
        ({"command": ["true"], "cwd": "/no/such/folder"}, "/no/such/folder"),
    ],
)
def test_a_program_that_cannot_be_started_is_a_spawn_error_that_names_it(
    wire: Wire, manifest: Message, named: str
) -> None:
    put_component(wire, "acme.spawn", **manifest)
    job = wire.done(wire.create("acme.spawn"))
    assert of(job, "status", "starts") == ("error", 0)
    assert of(error_of(job), "type", "kind") == ("user", "spawn")
    assert named in job["message"]
    assert wire.history(job) == ["created", "error"]


def test_an_unknown_user_is_an_error_of_a_job_that_never_started(wire: Wire) -> None:
    put_component(wire, "acme.user", command=["true"], user="no-such-user")
    job = wire.done(wire.create("acme.user"))
    assert of(job, "status", "starts") == ("error", 0)
    assert "no-such-user" in job["message"]
    assert of(error_of(job), "type", "kind") == ("user", "spawn")
    assert wire.history(job) == ["created", "error"]


@needs_root
def test_a_component_can_name_the_user_that_it_runs_as(wire: Wire) -> None:
    put_component(
        wire,
        "acme.nobody",
        user="nobody",
        shell="id -un; touch $KBC_DATADIR/out/files/mine; ls -ld $KBC_DATADIR",
    )
    job = wire.done(wire.create("acme.nobody"))
    assert job["status"] == "success", job["result"]
    assert wire.text(job).splitlines()[0] == "nobody"
    assert "drwx------" in wire.text(job)
    assert (Path(job["workPath"]) / "data/out/files/mine").owner() == "nobody"
    wire.call("job.purge", id=job["id"])
    assert not Path(job["workPath"]).exists()


def test_the_resource_usage_of_the_process_is_measured(wire: Wire) -> None:
    text = "x = bytearray(50_000_000)\nfor i in range(3_000_000): pass"
    put_component(wire, "acme.measure", command=python(text))
    process = wire.done(wire.create("acme.measure"))["process"]
    assert process["maxRssBytes"] > 50_000_000
    assert process["userSeconds"] > 0.01
    assert process["systemSeconds"] >= 0


def test_arguments_are_never_split_by_a_shell(wire: Wire) -> None:
    words = ["a b", "$HOME", "; exit 3", "*", "'", '"', "ünïcödé", ""]
    put_component(
        wire, "acme.words", command=python("import sys, json; print(json.dumps(sys.argv[1:]))", *words)
    )
    job = wire.done(wire.create("acme.words"))
    assert job["status"] == "success"
    assert wire.text(job).encode().decode("unicode_escape").count("$HOME") == 1


def test_a_job_is_stopped_with_the_signal_that_its_component_names(wire: Wire) -> None:
    put_component(
        wire,
        "acme.signal",
        shell="trap 'echo by INT; exit 0' INT; while :; do sleep 0.02; done",
        stopSignal="SIGINT",
        limits={"timeoutSeconds": 0.7},
    )
    job = wire.done(wire.create("acme.signal"))
    assert error_of(job)["kind"] == "timeout"
    assert "by INT" in wire.text(job)


def test_rows_after_a_failed_one_do_not_run_and_are_named(wire: Wire, place: Path) -> None:
    put_component(
        wire, "acme.three", shell=f"echo $KBC_CONFIGROWID >> {place}/ran; test $KBC_CONFIGROWID != r2"
    )
    put_config(wire, "acme.three", "a", rows=[{"id": name} for name in ("r1", "r2", "r3")])
    job = wire.done(wire.create("acme.three", config="a"))
    assert job["status"] == "error"
    assert (place / "ran").read_text().split() == ["r1", "r2"]
    assert "r3" in job["message"]


def test_a_configuration_without_anything_to_run_is_a_success(wire: Wire) -> None:
    put_component(wire, "acme.nothing", command=["false"])
    put_config(wire, "acme.nothing", "a", rows=[{"id": "r1", "isDisabled": True}])
    job = wire.done(wire.create("acme.nothing", config="a"))
    assert of(job, "status", "message") == ("success", "No configurations executed.")


def test_processors_run_as_steps_of_the_run(wire: Wire) -> None:
    copy = "mkdir -p $KBC_DATADIR/out/tables; for f in $KBC_DATADIR/in/tables/*; do "
    put_component(wire, "acme.extract", shell="echo 1 > $KBC_DATADIR/out/tables/t.csv")
    put_component(
        wire,
        "acme.double",
        type="processor",
        shell=copy + "cat $f $f > $KBC_DATADIR/out/tables/$(basename $f); done; echo $KBC_COMPONENTID",
    )
    put_config(
        wire,
        "acme.extract",
        "a",
        configuration={"processors": {"after": [{"definition": {"component": "acme.double"}}] * 2}},
    )
    job = wire.done(wire.create("acme.extract", config="a"))
    assert job["status"] == "success", job["result"]
    assert (Path(job["workPath"]) / "data/out/tables/t.csv").read_text() == "1\n" * 4
    assert wire.text(job) == "acme.double\n" * 2
    assert job["starts"] == 1


def test_an_idle_daemon_does_nothing(daemon: Daemon, wire: Wire) -> None:
    assert daemon.process is not None

    def ticks() -> int:
        fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()  # type: ignore[union-attr]
        return int(fields[11]) + int(fields[12])

    slow = wire.shell("exec sleep 2")
    wire.call("daemon.status")
    before = ticks()
    wire.done(slow)
    assert ticks() - before < 50, "an idle daemon used a quarter of a processor"


def test_the_frozen_request_is_what_runs(wire: Wire) -> None:
    put_component(wire, "acme.frozen", shell="echo old")
    job: Any = wire.create("acme.frozen", hold=True)
    put_component(wire, "acme.frozen", shell="echo new")
    wire.call("job.release", id=job["id"])
    job = wire.done(job)
    assert (wire.text(job), job["componentVersion"]) == ("old\n", 1)
    assert wire.text(wire.done(wire.create("acme.frozen"))) == "new\n"
