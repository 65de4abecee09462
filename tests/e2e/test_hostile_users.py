"""Attacks of a user of the machine on another user, or on the daemon of root that both use."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.people import BERT, OPERATORS, Person, used_by_groups
from e2e.signs import Gate
from e2e.wire import Wire, of, put_component, put_config, until_running

pytestmark = needs_root

SECRET = "a-secret-that-nobody-else-may-see"
COMMAND = "lockside.command"
ID = {"configuration": {"parameters": {"command": ["id", "-u"]}}}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with used_by_groups() as one:
        yield one


# Commands of other users


def test_no_users_command_is_filled_with_values_of_another_user(anna: Person, bert: Person) -> None:
    shell = {"parameters": {"shell": "echo {{ word }}"}}
    assert anna.kind("config.put", component=COMMAND, config="says", configuration=shell) == "fine"
    evil = {"id": "words", "values": [{"name": "word", "value": "x; touch /tmp/by-bert"}]}
    assert bert.kind("variables.put", variables=evil) == "fine"
    asked = {"component": COMMAND, "config": "says", "variableValuesId": "words"}
    (answer,) = anna.ask(("job.create", asked))
    assert of(answer["error"]["data"], "kind", "path") == ("forbidden", "$.variableValuesId")
    assert bert.kind("job.create", **asked) == "forbidden", "the command is hers"
    own = {"id": "own", "values": [{"name": "word", "value": "mine"}]}
    assert anna.kind("variables.put", variables=own) == "fine"
    assert anna.kind("job.create", **{**asked, "variableValuesId": "own"}) == "fine"


@pytest.mark.parametrize("how", ["values", "set", "text", "inherited", "inherited-set"])
def test_no_users_command_is_filled_by_the_orchestration_of_another_user(
    anna: Person, bert: Person, how: str
) -> None:
    shell = {"parameters": {"shell": "echo {{ word }}"}, "variables": {"word": "default"}}
    assert anna.kind("config.put", component=COMMAND, config="task", configuration=shell) == "fine"
    values = {"values": [{"name": "word", "value": "x; touch /tmp/by-bert"}]}
    task: dict[str, Any] = {"component": COMMAND, "config": "task"}
    given: dict[str, Any] = {}
    if how == "inherited":
        pass
    elif how == "inherited-set":
        assert bert.kind("variables.put", variables={"id": "berts", **values}) == "fine"
        given["variableValuesId"] = "berts"
    elif how == "values":
        task["variableValuesData"] = values
    elif how == "set":
        assert anna.kind("variables.put", variables={"id": "annas", **values}) == "fine"
        task["variableValuesId"] = "annas"
    else:
        task = {"component": COMMAND, "configData": {"parameters": {"shell": "touch /tmp/by-bert"}}}
    orchestration: dict[str, Any] = {"phases": [{"id": 1}], "tasks": [{"id": 1, "phase": 1, "task": task}]}
    if how == "inherited":
        orchestration["variables"] = {"word": "x; touch /tmp/by-bert"}
    name = {"component": "lockside.orchestrator", "config": f"berts-{how}"}
    writer = anna if how == "inherited-set" else bert
    assert writer.kind("config.put", **name, configuration=orchestration) == "fine"
    assert anna.kind("job.create", **name, **given) == "forbidden"
    assert bert.kind("job.create", **name) == ("forbidden" if how != "text" else "fine")


@pytest.mark.parametrize("how", ["config.rollback", "config.copy"])
def test_a_restored_or_copied_version_belongs_to_the_user_who_made_it(
    anna: Person, bert: Person, how: str
) -> None:
    name = {"component": COMMAND, "config": f"old-{how}"}
    assert bert.kind("config.put", **name, **ID) == "fine"
    other = {"parameters": {"command": ["true"]}}
    assert anna.kind("config.put", **name, configuration=other) == "fine"
    if how == "config.rollback":
        assert bert.kind(how, **name, version=1) == "fine"
        ran = name
    else:
        assert bert.kind(how, **name, version=2, toConfig=f"copy-{how}") == "fine"
        ran = {**name, "config": f"copy-{how}"}
    assert anna.kind("job.create", **ran) == "forbidden"
    assert anna.kind("job.create", **name, configVersion=1) == "forbidden"
    assert anna.kind("job.create", **name, configVersion=2) == "fine"


@pytest.mark.parametrize("how", ["config.rollback", "config.copy"])
def test_a_user_cannot_copy_or_restore_values_that_are_hidden_from_them(
    anna: Person, bert: Person, how: str
) -> None:
    name = {"component": COMMAND, "config": f"hidden-{how}"}
    secret = {"parameters": {"command": ["true"], "environment": {"TOKEN": "annas"}}}
    assert anna.kind("config.put", **name, configuration=secret) == "fine"
    assert anna.kind("config.put", **name, configuration={"parameters": {"command": ["true"]}}) == "fine"
    more = {"toConfig": f"taken-{how}"} if how == "config.copy" else {}
    assert bert.kind(how, **name, version=1, **more) == "forbidden"
    assert anna.kind(how, **name, version=1, **more) == "fine"


def test_a_repeated_job_does_not_run_a_command_swapped_in_by_another_user(
    wire: Wire, anna: Person, bert: Person
) -> None:
    name = {"component": COMMAND, "config": "swapped"}
    anna.call("config.put", **name, configuration={"parameters": {"command": ["false"]}})
    job = wire.done(anna.call("job.create", **name))
    bert.call("config.put", **name, **ID)
    for again in ("job.retry", "job.resubmit"):
        assert anna.kind(again, id=job["id"]) == "forbidden"
        assert wire.refused(again, id=job["id"]).kind == "forbidden", "even for an admin, in her name"
    assert wire.refused("job.resubmit", id=job["id"], **{"with": name}).kind == "forbidden"


def test_a_wait_in_the_name_of_another_users_job_has_no_effect(
    daemon: Daemon, wire: Wire, anna: Person, gate: Gate
) -> None:
    body = {"component": COMMAND, "configData": {"parameters": {"shell": gate.text}}}
    first, second = anna.call("job.create", **body), anna.call("job.create", **body)
    for job in (first, second):
        until_running(wire, job)
    params = {"id": first["id"], "waiterRunId": second["runId"], "timeoutSeconds": 60}
    with socket.socket(socket.AF_UNIX) as theirs:
        connect_as_bert(theirs, daemon.socket)
        request = {"jsonrpc": "2.0", "id": 1, "method": "job.wait", "params": params}
        theirs.sendall(json.dumps(request).encode() + b"\n")
        answer = anna.call("job.wait", id=second["id"], waiterRunId=first["runId"], timeoutSeconds=0)
    assert answer["id"] == second["id"], "her own wait is not a cycle"
    gate.open()
    for job in (first, second):
        wire.done(job)


def connect_as_bert(connecting: socket.socket, path: Path) -> None:
    """Connect as the other operator: the kernel records the credentials at the time of connecting."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(OPERATORS)
    os.seteuid(BERT)
    try:
        connecting.connect(str(path))
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


# Secrets


def test_viewers_see_no_secret_in_any_stored_object(
    wire: Wire, anna: Person, bert: Person, viewer: Person
) -> None:
    put_component(wire, "acme.secret", command=["true"], imageParameters={"#image": SECRET})
    stored = {"parameters": {"#key": SECRET, "plain": "seen"}}
    put_config(wire, "acme.secret", "c", configuration=stored, rows=[{"id": "r", "configuration": stored}])
    wire.call("variables.put", variables={"id": "v", "values": [{"name": "#word", "value": SECRET}]})
    job = anna.call(
        "job.create",
        component="acme.secret",
        configData=stored,
        variableValuesData={"values": [{"name": "#word", "value": SECRET}]},
    )
    looks = (
        ("component.get", {"id": "acme.secret"}),
        ("component.list", {}),
        ("config.get", {"component": "acme.secret", "config": "c"}),
        ("config.list", {"component": "acme.secret"}),
        ("config.versions", {"component": "acme.secret", "config": "c"}),
        ("variables.get", {"id": "v"}),
        ("variables.list", {}),
        ("event.list", {}),
    )
    answers = viewer.ask(*looks)
    assert all("result" in answer for answer in answers)
    assert SECRET not in json.dumps(answers)
    assert "seen" in json.dumps(answers)
    assert SECRET not in json.dumps(wire.get(job["id"])), "root is not its owner"
    (value,) = wire.get(job["id"])["variableValuesData"]["values"]
    assert value["value"].startswith("lockside:v1:project:"), "an admin sees it encrypted"
    (value,) = bert.call("job.get", id=job["id"])["variableValuesData"]["values"]
    assert value["value"] == "[hidden]"
    assert viewer.kind("secret.encrypt", component="acme.secret", value="x") == "forbidden"
    for method in ("secret.keys", "secret.rotate", "secret.reencrypt"):
        assert anna.kind(method) == "forbidden"
    assert SECRET not in json.dumps(anna.ask(("component.get", {"id": "acme.secret"})))
    shown = anna.call("config.get", component="acme.secret", config="c")["configuration"]["parameters"]
    assert shown["#key"].startswith("lockside:v1:config:"), "users who may store it see it encrypted"


def test_the_environment_of_a_stored_command_is_shown_only_to_its_writer(
    anna: Person, bert: Person, wire: Wire
) -> None:
    stored = {"parameters": {"command": ["true"], "environment": {"TOKEN": SECRET}}}
    name = {"component": COMMAND, "config": "with-environment"}
    anna.call("config.put", **name, configuration=stored)
    assert anna.call("config.get", **name)["configuration"] == stored
    assert SECRET not in json.dumps(bert.ask(("config.get", name), ("config.list", {"component": COMMAND})))
    job = anna.call("job.create", **name)
    assert SECRET not in json.dumps(bert.ask(("job.get", {"id": job["id"]}), ("job.list", {})))
    wire.done(job)


def test_purged_data_is_erased_from_the_database(wire: Wire, daemon: Daemon) -> None:
    word = "purged-4a1e-secret"
    parameters = {"command": ["true"], "environment": {"TOKEN": word * 500}, "cwd": "/"}
    job = wire.done(wire.create(configData={"parameters": parameters, "#key": word}))
    wire.call("job.purge", id=job["id"])
    held = b"".join(path.read_bytes() for path in daemon.state_dir.glob("lockside.db*"))
    assert word.encode() not in held


def test_no_secret_is_in_the_arguments_of_a_process_or_in_a_record(
    wire: Wire, anna: Person, daemon: Daemon, gate: Gate
) -> None:
    put_component(wire, "acme.runs", shell=f"echo $KBC_DATADIR; {gate.text}")
    job = anna.call("job.create", component="acme.runs", configData={"parameters": {"#key": SECRET}})
    until_running(wire, job)
    arguments = b""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                arguments += (entry / "cmdline").read_bytes()
            except OSError:
                continue
    assert SECRET.encode() not in arguments
    gate.open()
    ended = wire.done(job)
    records = [path for path in Path(ended["workPath"]).rglob("*") if path.is_file()]
    assert records
    assert not [path for path in records if SECRET.encode() in path.read_bytes()]
    logs = (daemon.folder / "stderr").read_bytes() + (daemon.state_dir / "keeper/log").read_bytes()
    assert SECRET.encode() not in logs


# Ids and accounts


BAD_IDS = (
    "-rf",
    "--help",
    "..",
    "a/../b",
    "/etc",
    "a\n",
    "a\0b",
    "a b",
    ".x",
    "~",
    "*",
    "$(id)",
    "é",
    "",
)


@pytest.mark.parametrize("bad", BAD_IDS)
def test_an_invalid_id_is_refused_wherever_an_id_is_required(wire: Wire, bad: str) -> None:
    put_component(wire, "acme.ids", command=["true"])
    row = {"id": bad, "configuration": {}}
    for method, params in (
        ("component.put", {"component": {"id": bad, "command": ["true"]}}),
        ("component.put", {"component": {"id": "acme.tagged", "command": ["true"], "tag": bad}}),
        ("config.put", {"component": "acme.ids", "config": bad}),
        ("config.put", {"component": "acme.ids", "config": "x", "rows": [row]}),
        ("config.put", {"component": "acme.ids", "config": "x", "branchId": bad}),
        ("branch.create", {"branch": {"id": bad}}),
        ("variables.put", {"variables": {"id": bad, "values": []}}),
        ("pool.put", {"pool": {"id": bad, "slots": 1}}),
        ("job.create", {"component": bad}),
        ("job.create", {"component": "acme.ids", "config": bad}),
        ("job.create", {"component": "acme.ids", "project": bad}),
        ("action.run", {"component": "acme.ids", "action": bad}),
        ("state.get", {"component": "acme.ids", "config": "x", "row": bad}),
    ):
        refusal = wire.refused(method, **params)
        assert refusal.code in (-32602, -32001), (method, params)


def test_a_uid_without_an_account_gets_no_additional_group_by_its_number(wire: Wire, daemon: Daemon) -> None:
    stranger = Person(daemon, 42042, OPERATORS)
    job = stranger.call(
        "job.create", component=COMMAND, configData={"parameters": {"shell": "id -u; id -g; id -G"}}
    )
    assert wire.text(wire.done(job)).split() == ["42042", str(OPERATORS), str(OPERATORS)]


def test_the_first_request_of_a_user_to_a_daemon_of_root_may_be_an_action(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh(LOCKSIDE_DAEMON__SOCKET_GROUP="nogroup")
    with daemon.wire() as wire:
        put_component(wire, "acme.acts", shell='echo \\"$(id -u)\\"; test -w $KBC_DATADIR', actions=["who"])
    path = daemon.folder / "s/lockside.sock"
    with socket.socket(socket.AF_UNIX) as theirs:
        daemon.state_dir.chmod(0o711)
        path.chmod(0o666)
        connect_as_bert(theirs, path)
        daemon.state_dir.chmod(0o700)
        request = {"jsonrpc": "2.0", "id": 1, "method": "action.run"}
        request["params"] = {"component": "acme.acts", "action": "who", "configData": {}}  # type: ignore[assignment]
        theirs.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(theirs.makefile("rb").readline())
    assert answer.get("result") == str(BERT), answer


def test_a_role_that_is_taken_away_is_lost_for_open_connections_too(daemon: Daemon, wire: Wire) -> None:
    with running(LOCKSIDE_DAEMON__SOCKET_GROUP="nogroup") as one:
        config = one.folder / "lockside.toml"
        config.write_text("[access]\ndefault_role = 'operator'\n")
        one.stop()
        one.start("--config", str(config))
        one.state_dir.chmod(0o711)
        one.socket.chmod(0o666)
        admin = one.wire()
        with socket.socket(socket.AF_UNIX) as theirs:
            connect_as_bert(theirs, one.socket)
            lines = theirs.makefile("rb")

            def ask() -> str:
                request = {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": "job.create",
                    "params": {"component": COMMAND, **NOTHING},
                }
                theirs.sendall(json.dumps(request).encode() + b"\n")
                answer = json.loads(lines.readline())
                return "fine" if "result" in answer else answer["error"]["data"]["kind"]

            assert ask() == "fine"
            config.write_text("[access]\ndefault_role = 'viewer'\n")
            assert admin.call("daemon.reload")["changed"] == ["access"]
            assert ask() == "forbidden"
            config.write_text("[access]\ndefault_role = 'none'\n")
            admin.call("daemon.reload")
            assert lines.readline() == b"", "hung up"


NOTHING = {"component": COMMAND, "configData": {"parameters": {"command": ["true"]}}, "hold": True}


def test_the_mode_of_the_socket_is_right_from_its_creation(place: Path) -> None:
    """Observed by another process as soon as the file exists, and in the system calls."""
    trace = place / "trace"
    daemon = Daemon(place, LOCKSIDE_DAEMON__SOCKET_GROUP="nogroup")
    calls = "--trace=bind,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,umask,listen"
    if not Path("/usr/bin/strace").exists():
        pytest.skip("there is no strace")
    daemon.start(before=["strace", "-D", "-f", "-o", str(trace), calls])
    daemon.end()
    calls_of = [line.split(maxsplit=1) for line in trace.read_text().splitlines()]
    is_bind = [call.startswith("bind(") and "lockside.sock" in call for _, call in calls_of]
    thread = calls_of[is_bind.index(True)][0]  # lines of other threads may come between
    lines = [call for who, call in calls_of if who == thread]
    bind = next(n for n, line in enumerate(lines) if line.startswith("bind(") and "lockside.sock" in line)
    assert lines[bind - 1].startswith("fchmod("), lines[bind - 1]
    assert "0600" in lines[bind - 1]
    opened = [line for line in lines[bind:] if line.startswith(("fchmodat", "chmod")) and "0660" in line]
    owned = [line for line in lines[bind:] if "chown" in line.split("(")[0]]
    assert lines.index(owned[0]) < lines.index(opened[0]), "the group is set before its permission"
    assert all("/proc/self/fd/" in line for line in (owned[0], opened[0])), "not by a path, which may change"
    assert "0666" not in "".join(lines)
    assert "0777" not in "".join(lines)


def test_a_file_that_replaces_the_socket_during_the_start_gets_no_permissions(tmp_path: Path) -> None:
    from locksided.server import listeners

    precious = tmp_path / "precious"
    precious.write_text("x")
    precious.chmod(0o600)
    path = tmp_path / "s"
    made = listeners.listen(path)
    path.unlink()
    path.symlink_to(precious)
    assert made.path is not None
    with pytest.raises(OSError, match=r"place|links"):
        listeners._open_to_group(path, 64101, os.stat(precious))
    assert precious.stat().st_mode & 0o777 == 0o600
    made.close()


def test_a_daemon_rejects_a_state_folder_of_another_user(place: Path) -> None:
    daemon = Daemon(place)
    daemon.state_dir.mkdir(mode=0o755)
    os.chown(daemon.state_dir, BERT, BERT)
    refused = daemon.spawn()
    assert refused.wait(60) == 1
    assert "belongs to" in daemon.stderr()
