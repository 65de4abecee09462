"""A run from its order to its outcome."""

import errno
import json
import os
import pwd
import resource
import signal
import sys
from pathlib import Path

import pytest

from keeper.kit import PATH, Keeper, Peer, is_alive, needs_root, running_keeper
from locksided.keeper.log.format import STDERR, STDOUT
from locksided.keeper.main import score_for_children
from locksided.keeper.tree import proc

FDS = "import os, sys; print(sorted(int(n) for n in os.listdir('/proc/self/fd')))"


def test_a_run_is_started_ended_and_forgotten_after_the_acknowledgement(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sh", "-c", "echo out; echo err >&2; exit 3"))
    started = daemon.expect("started", "1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert started["pid"] == outcome["pid"]
    assert (outcome["exitCode"], outcome["signal"], outcome["exits"]) == (
        3,
        None,
        [{"exitCode": 3, "signal": None}],
    )
    assert (outcome["stdoutTail"], outcome["stderrTail"]) == ("out\n", "err\n")
    assert outcome["log"]["nextSeq"] == 2
    assert outcome["spawnTime"] <= outcome["exitTime"]
    assert outcome["maxRssBytes"] > 0
    assert outcome["killReport"] is None
    assert json.loads((keeper.folder() / "outcome.json").read_text()) == outcome
    assert [run["outcome"] for run in daemon.hello()["runs"]] == [outcome]
    daemon.send(op="ack", token="1-1-0")
    assert daemon.hello()["runs"] == []
    assert (keeper.text(STDOUT), keeper.text(STDERR)) == (b"out\n", b"err\n")


def test_a_run_without_output_leaves_no_log(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("true"))
    assert daemon.outcome("1-1-0")["exitCode"] == 0
    assert not (keeper.folder() / "log").exists()
    assert sorted(path.name for path in keeper.folder().iterdir()) == ["claim", "cwd", "outcome.json"]


def test_the_control_folder_identifies_the_process_of_a_run(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", "600"))
    started = daemon.expect("started", "1-1-0")
    noted = json.loads((keeper.folder() / "run.json").read_text())
    assert (noted["pid"], noted["startTicks"]) == (started["pid"], proc.start_ticks(started["pid"]))
    assert noted["keeperPid"] == keeper.pid
    assert noted["bootId"] == keeper.first_hello["bootId"]
    assert os.readlink(keeper.folder() / "claim") == "started"
    assert (noted["cgroup"] is not None) == keeper.first_hello["cgroups"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_death_by_a_signal_is_reported_as_that_signal(keeper: Keeper, daemon: Peer, number: int) -> None:
    daemon.send(**keeper.order("sh", "-c", f"ulimit -c 0; kill -{number} $$"))
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], outcome["signal"], outcome["stopped"]) == (None, number, None)


@pytest.mark.parametrize("behind", [[], [["cat"]]], ids=["started directly", "forked"])
def test_a_job_gets_the_environment_of_its_order_and_nothing_of_the_keeper(
    keeper: Keeper, daemon: Peer, behind: list[list[str]]
) -> None:
    code = (
        "import json, os, signal, sys\n"
        "ignored = [n for n in range(1, 32) if n not in (9, 19) and signal.getsignal(n) == signal.SIG_IGN]\n"
        "print(json.dumps({'env': dict(os.environ), 'cwd': os.getcwd(), 'stdin': sys.stdin.read(),\n"
        "  'fds': sorted(int(n) for n in os.listdir('/proc/self/fd')), 'ignored': ignored,\n"
        "  'umask': os.umask(0), 'session': os.getsid(0) == os.getpid(),\n"
        "  'mask': len(signal.pthread_sigmask(0, [])),\n"
        "  'oom': open('/proc/self/oom_score_adj').read()}))"
    )
    program = [sys.executable, "-I", "-S", "-c", code]
    daemon.send(**keeper.order(pipeline=[program, *behind], env={"PATH": PATH, "A": "é=\n"}))
    said = json.loads(daemon.outcome("1-1-0")["stdoutTail"])
    assert said["env"] == {
        "PATH": PATH,
        "A": "é=\n",
        "LOCKSIDE_PROGRESS_FD": "3",
        "LOCKSIDE_START_TOKEN": "1-1-0",
        "LOCKSIDE_START_FOLDER": str(keeper.folder()),
        **{name: value for name, value in said["env"].items() if name.startswith("LC_")},
    }
    assert said["cwd"] == str(keeper.folder() / "cwd")
    assert said["stdin"] == ""
    assert said["fds"][:4] == [0, 1, 2, 3]
    assert len(said["fds"]) == 5, "the fifth is the listing itself"
    assert set(said["ignored"]) <= {signal.SIGPIPE, signal.SIGXFSZ}, "Python ignores these two by itself"
    umask = os.umask(0o022)
    os.umask(umask)
    assert said["umask"] == umask
    assert said["session"]
    assert said["mask"] == 0
    assert said["oom"] == Path("/proc/self/oom_score_adj").read_text()


@pytest.mark.parametrize("behind", [[], [["cat"]]], ids=["started directly", "forked"])
def test_a_job_has_the_umask_of_its_order(keeper: Keeper, daemon: Peer, behind: list[list[str]]) -> None:
    daemon.send(**keeper.order(pipeline=[["sh", "-c", "umask"], *behind], umask=0o027))
    assert daemon.outcome("1-1-0")["stdoutTail"] == "0027\n"


@pytest.mark.parametrize(("found", "handed_on"), [(b"-900", b"0"), (b"0", b"0"), (b"300", b"300")])
def test_jobs_do_not_inherit_the_protection_of_the_keeper_against_the_oom_killer(
    found: bytes, handed_on: bytes
) -> None:
    assert score_for_children(found) == handed_on


def test_a_broken_pipe_kills_a_job_as_usual(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order(pipeline=[["yes"], ["head", "-n", "1"]]))
    outcome = daemon.outcome("1-1-0")
    assert outcome["exits"] == [{"exitCode": None, "signal": 13}, {"exitCode": 0, "signal": None}]
    assert (outcome["exitCode"], outcome["signal"]) == (0, None)
    assert outcome["stdoutTail"] == "y\n"


def test_a_failing_tap_fails_the_pipeline(keeper: Keeper, daemon: Peer) -> None:
    pipeline = [["sh", "-c", "echo data; echo tap >&2; exit 4"], ["sh", "-c", "cat; echo target >&2"]]
    daemon.send(**keeper.order(pipeline=pipeline))
    outcome = daemon.outcome("1-1-0")
    assert [one["exitCode"] for one in outcome["exits"]] == [4, 0]
    assert outcome["exitCode"] == 4
    assert outcome["stdoutTail"] == "data\n"
    assert sorted(outcome["stderrTail"].split()) == ["tap", "target"]


def test_three_stages_pass_their_data_on(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order(pipeline=[["seq", "100000"], ["sort", "-n"], ["tail", "-n", "1"]]))
    assert daemon.outcome("1-1-0")["stdoutTail"] == "100000\n"


def test_a_shell_string_is_run_by_the_shell(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order(pipeline=[["echo $((6*7)) | cat"]], shell=True))
    assert daemon.outcome("1-1-0")["stdoutTail"] == "42\n"


def test_a_missing_program_is_refused_by_name_and_remembered(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("no-such-program"))
    refused = daemon.expect("refused", "1-1-0")
    assert (refused["kind"], refused["errno"]) == ("program", 2)
    assert "no-such-program" in refused["message"]
    recorded = json.loads((keeper.folder() / "outcome.json").read_text())
    assert recorded["refused"] == {"kind": "program", "errno": 2, "message": refused["message"]}
    assert daemon.hello()["runs"][0]["outcome"] == recorded
    daemon.send(op="ack", token="1-1-0")
    assert daemon.hello()["runs"] == []


def test_a_file_that_is_not_a_program_is_refused(keeper: Keeper, daemon: Peer, tmp_path: Path) -> None:
    plain, garbage = tmp_path / "plain", tmp_path / "garbage"
    plain.write_text("hello")
    garbage.write_bytes(b"\x00garbage")
    garbage.chmod(0o755)
    for place, (path, number) in enumerate([(plain, 13), (garbage, 8), (tmp_path, 13)]):
        daemon.send(**keeper.order(str(path), token=f"{place}-1-0"))
        refused = daemon.expect("refused", f"{place}-1-0")
        assert (refused["kind"], refused["errno"]) == ("program", number)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"#!/bin/sh\r\necho hi\r\n", "its lines end in CR LF"),
        (b"#!/no/such/interpreter -x\n", "its interpreter /no/such/interpreter does not exist"),
        (b"echo hi\n", "has no #! line"),
        (b"\x7fELF", "it is not a program for this machine"),
    ],
)
@pytest.mark.parametrize("is_piped", [False, True])
def test_a_program_that_cannot_be_executed_is_reported_with_what_it_lacks(
    keeper: Keeper, daemon: Peer, tmp_path: Path, content: bytes, told: str, is_piped: bool
) -> None:
    program = tmp_path / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    piped = {"pipeline": [["true"], [str(program)]]} if is_piped else {}
    daemon.send(**keeper.order(str(program), **piped))
    refused = daemon.expect("refused", "1-1-0")
    assert refused["kind"] == "program"
    assert refused["message"].startswith(f"{program}: ")
    assert told in refused["message"]


def test_a_missing_working_folder_is_refused(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("true", cwd="/no/such/folder"))
    refused = daemon.expect("refused", "1-1-0")
    assert (refused["kind"], refused["errno"]) == ("program", 2)
    assert "/no/such/folder" in refused["message"]


def test_a_pipeline_with_a_missing_target_runs_nothing(keeper: Keeper, daemon: Peer, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    daemon.send(**keeper.order(pipeline=[["touch", str(trace)], ["no-such-program"]]))
    assert daemon.expect("refused", "1-1-0")["kind"] == "program"
    assert not trace.exists()


def test_a_stage_that_fails_only_at_exec_stops_the_others(
    keeper: Keeper, daemon: Peer, tmp_path: Path
) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00garbage")
    garbage.chmod(0o755)
    daemon.send(**keeper.order(pipeline=[["sleep", "600"], [str(garbage)]]))
    assert daemon.expect("refused", "1-1-0")["errno"] == 8


def test_a_burnt_token_is_not_started(keeper: Keeper, daemon: Peer, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    order = keeper.order("touch", str(trace))
    os.symlink("burnt", keeper.folder() / "claim")
    daemon.send(**order)
    assert daemon.expect("refused", "1-1-0")["kind"] == "burnt"
    assert not trace.exists()
    assert not (keeper.folder() / "outcome.json").exists()
    assert daemon.hello()["runs"] == []


def test_a_token_that_another_keeper_started_is_not_started_again(keeper: Keeper, daemon: Peer) -> None:
    order = keeper.order("true")
    os.symlink("started", keeper.folder() / "claim")
    daemon.send(**order)
    assert daemon.expect("refused", "1-1-0")["kind"] == "claimed"


def test_the_same_start_sent_twice_starts_once(keeper: Keeper, daemon: Peer, tmp_path: Path) -> None:
    order = keeper.order("sh", "-c", f"echo x >> {tmp_path}/trace")
    daemon.send(**order)
    daemon.send(**order)
    first = daemon.outcome("1-1-0")
    daemon.send(**order)
    assert daemon.outcome("1-1-0") == first
    assert (tmp_path / "trace").read_text() == "x\n"


def test_a_missing_control_folder_is_created_for_the_claim(keeper: Keeper, daemon: Peer) -> None:
    folder = keeper.base / "nowhere" / "yet"
    daemon.send(**{**keeper.order("true"), "folder": str(folder)})
    assert daemon.outcome("1-1-0")["exitCode"] == 0
    assert os.readlink(folder / "claim") == "started"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_control_folder_that_cannot_be_created_is_a_system_fault(keeper: Keeper, daemon: Peer) -> None:
    (keeper.base / "file").touch()
    daemon.send(**{**keeper.order("true"), "folder": str(keeper.base / "file" / "nowhere")})
    refused = daemon.expect("refused", "1-1-0")
    assert (refused["kind"], refused["errno"]) == ("system", errno.ENOTDIR)
    assert daemon.hello()["runs"] == []


def test_empty_folders_are_made_for_a_run_and_removed_after_it(keeper: Keeper, daemon: Peer) -> None:
    folders = [str(keeper.base / name) for name in ("work", "spare")]
    script = f"stat -c %a:%h {' '.join(folders)}"
    daemon.send(**keeper.order("sh", "-c", script, cwd=folders[0], emptyFolders=folders))
    outcome = daemon.outcome("1-1-0")
    assert (outcome["stdoutTail"], outcome["keptFolders"]) == ("700:2\n700:2\n", [])
    assert not any(os.path.exists(folder) for folder in folders)


def test_a_folder_in_which_a_run_left_something_is_kept_and_named(keeper: Keeper, daemon: Peer) -> None:
    folders = [str(keeper.base / name) for name in ("work", "spare")]
    daemon.send(**keeper.order("touch", "left", cwd=folders[0], emptyFolders=folders))
    assert daemon.outcome("1-1-0")["keptFolders"] == [folders[0]]
    assert os.listdir(folders[0]) == ["left"]


def test_an_empty_folder_that_already_exists_is_a_system_fault(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("true", emptyFolders=[str(keeper.base)]))
    refused = daemon.expect("refused", "1-1-0")
    assert (refused["kind"], refused["errno"]) == ("system", errno.EEXIST)


def test_an_order_that_cannot_be_understood_is_refused(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**{**keeper.order("true"), "env": {"A": 1}})
    refused = daemon.expect("refused", "1-1-0")
    assert (refused["kind"], refused["errno"]) == ("program", 22)


def test_lines_that_make_no_sense_are_ignored(keeper: Keeper, daemon: Peer) -> None:
    for line in (
        b"garbage\n",
        b"[1]\n",
        b'{"op":"dance"}\n',
        b'{"op":"stop"}\n',
        b'{"op":"stop","token":3}\n',
        b'{"op":[]}\n',
        b'{"op":"watch","token":"1-1-0","seq":"x"}\n',
    ):
        daemon._socket.sendall(line)
    daemon.send(op="stop", token="unknown-1-0")
    daemon.send(op="ack", token="unknown-1-0")
    daemon.send(**keeper.order("true"))
    assert daemon.outcome("1-1-0")["exitCode"] == 0


@needs_root
def test_a_job_of_another_user_has_that_users_rights(keeper: Keeper, daemon: Peer) -> None:
    nobody = pwd.getpwnam("nobody")
    user = {"uid": nobody.pw_uid, "gid": nobody.pw_gid, "groups": [nobody.pw_gid]}
    script = "id -u; id -g; id -G; echo again > /dev/stdout; echo x > /proc/self/oom_score_adj 2>&1 || true"
    daemon.send(**keeper.order("sh", "-c", script, user=user, cwd="/"))
    outcome = daemon.outcome("1-1-0")
    uid, gid = nobody.pw_uid, nobody.pw_gid
    assert outcome["stdoutTail"].split()[:4] == [str(uid), str(gid), str(gid), "again"]


@needs_root
def test_a_program_that_the_user_may_not_run_is_refused(keeper: Keeper, daemon: Peer, tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    user = {"uid": nobody.pw_uid, "gid": nobody.pw_gid, "groups": []}
    daemon.send(**keeper.order(str(program), user=user, cwd="/"))
    refused = daemon.expect("refused", "1-1-0")
    assert (refused["kind"], refused["errno"]) == ("program", 13)


@needs_root
def test_a_working_folder_that_the_user_may_not_enter_is_refused(keeper: Keeper, daemon: Peer) -> None:
    nobody = pwd.getpwnam("nobody")
    order = keeper.order("true", user={"uid": nobody.pw_uid, "gid": nobody.pw_gid, "groups": []})
    (keeper.folder() / "cwd").chmod(0o700)
    daemon.send(**order)
    refused = daemon.expect("refused", "1-1-0")
    assert (refused["kind"], refused["errno"]) == ("program", 13)


def test_an_outcome_that_cannot_be_recorded_is_reported_and_recorded_at_the_next_hello(
    keeper: Keeper, daemon: Peer
) -> None:
    order = keeper.order("sh", "-c", 'mv "$LOCKSIDE_START_FOLDER" "$LOCKSIDE_START_FOLDER.away"', cwd="/")
    daemon.send(**order)
    outcome = daemon.outcome("1-1-0")
    assert not keeper.folder().exists()
    os.rename(f"{keeper.folder()}.away", keeper.folder())
    assert daemon.hello()["runs"][0]["outcome"] == outcome
    assert json.loads((keeper.folder() / "outcome.json").read_text()) == outcome


def test_no_leader_is_left_as_a_zombie(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("true"))
    pid = daemon.expect("started")["pid"]
    daemon.outcome("1-1-0")
    assert not is_alive(pid)
    assert proc.read(pid) is None


def test_many_runs_at_once_are_all_kept_apart(keeper: Keeper, daemon: Peer) -> None:
    for n in range(40):
        daemon.send(**keeper.order("sh", "-c", f"echo {n}; exit {n}", token=f"{n}-1-0"))
    for n in range(40):
        outcome = daemon.outcome(f"{n}-1-0")
        assert (outcome["exitCode"], outcome["stdoutTail"]) == (n, f"{n}\n")


def test_a_keeper_short_of_descriptors_refuses_a_start_and_continues(tmp_path: Path) -> None:
    limit = (96, 96)
    with running_keeper(
        tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    ) as keeper:
        peer = keeper.connect()
        tokens = [f"{n}-1-0" for n in range(30)]
        for token in tokens:
            peer.send(**keeper.order("sh", "-c", "echo x; sleep 600", token=token))
        refused = peer.expect("refused")
        assert (refused["kind"], refused["errno"]) == ("system", errno.EMFILE)
        running = [run["token"] for run in peer.hello()["runs"] if run["outcome"] is None]
        assert running
        for token in running:
            peer.send(op="stop", token=token)
        for token in running:
            outcome = peer.outcome(token)
            assert (outcome["stopped"], outcome["log"]["droppedBytes"]) == ("terminate", 0)
