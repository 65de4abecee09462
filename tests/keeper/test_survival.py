"""The daemon or the keeper may die at any moment: no outcome is lost and no process is left."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from keeper.kit import COMMAND, PATIENCE_SECONDS, Keeper, Peer, is_alive, running_keeper, wait_until_gone
from keeper.test_stops import SLEEP, nasty, pids
from locksided.keeper import outcome
from locksided.keeper.log.format import STDOUT


def reap(peer: Peer, keeper: Keeper, token: str = "1-1-0", grace: float = 0.2) -> None:
    folder = str(keeper.folder(token))
    peer.send(op="reap", token=token, folder=folder, graceSeconds=grace, stopSignal=15)


def test_a_new_connection_replaces_the_old_one_and_finds_all_runs(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    started = daemon.expect("started")
    daemon.send(**keeper.order("sh", "-c", "exit 3", token="2-1-0"))
    ended = daemon.outcome("2-1-0")
    second = keeper.connect()
    assert daemon.is_hung_up()
    runs = {run["token"]: run for run in keeper.first_hello["runs"]}
    assert {**started, "op": None} == {
        "op": None,
        **{name: runs["1-1-0"][name] for name in ("token", "pid", "spawnTime")},
    }
    assert (runs["1-1-0"]["state"], runs["1-1-0"]["outcome"]) == ("running", None)
    assert (runs["2-1-0"]["state"], runs["2-1-0"]["outcome"]) == ("ended", ended)
    second.send(op="stop", token="1-1-0")
    assert second.outcome("1-1-0")["stopped"] == "terminate"


def test_a_run_that_ends_without_a_daemon_is_logged_recorded_and_reported_to_the_next(keeper: Keeper) -> None:
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    first = keeper.connect()
    order = keeper.order("sh", "-c", f"read x < {fifo}; echo alone; exit 7")
    first.send(**order)
    pid = first.expect("started")["pid"]
    first.close()
    fifo.write_text("go\n")
    wait_until_gone(pid)
    second = keeper.connect()
    (run,) = keeper.first_hello["runs"]
    result = run["outcome"] or second.outcome("1-1-0")
    assert result["exitCode"] == 7
    assert json.loads((keeper.folder() / "outcome.json").read_text()) == result
    assert keeper.text(STDOUT) == b"alone\n"


def test_limits_are_enforced_without_a_daemon(keeper: Keeper) -> None:
    first = keeper.connect()
    first.send(**keeper.order("sleep", SLEEP, timeoutSeconds=0.3))
    pid = first.expect("started")["pid"]
    first.close()
    wait_until_gone(pid)
    second = keeper.connect()
    result = keeper.first_hello["runs"][0]["outcome"] or second.outcome("1-1-0")
    assert result["stopped"] == "timeout"


def test_an_outcome_is_reported_again_until_it_is_acknowledged(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("true"))
    result = daemon.outcome("1-1-0")
    for _ in range(3):
        peer = keeper.connect()
        assert [run["outcome"] for run in keeper.first_hello["runs"]] == [result]
    peer.send(op="ack", token="1-1-0")
    keeper.connect()
    assert keeper.first_hello["runs"] == []


def test_nothing_is_sent_before_the_hello(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    daemon.expect("started")
    second = Peer(keeper.socket)
    second.send(op="stop", token="1-1-0")
    second.send(op="hello", version=1)
    hello = second.read() or {}
    assert hello["op"] == "hello"
    (run,) = hello["runs"]
    outcome = run["outcome"] or second.outcome("1-1-0")  # it may have ended before the hello was read
    assert outcome["stopped"] == "terminate"
    second.close()


@pytest.mark.parametrize("mode", ["stay", "leave"])
def test_a_run_whose_keeper_was_killed_is_stopped_and_reported_as_lost(
    keeper: Keeper, daemon: Peer, tmp_path: Path, mode: str
) -> None:
    report = tmp_path / "report"
    # Without cgroups nothing shows that a process with a new environment and session belonged to the job.
    known = 4 if mode == "stay" else 3
    daemon.send(**keeper.order(*nasty(keeper, mode, report), graceSeconds=0.2, leftovers="wait"))
    daemon.expect("started")
    found = pids(report, known)
    keeper.kill()
    if not keeper.first_hello["cgroups"]:
        os.kill(found.pop("unmarked"), signal.SIGKILL)
    assert all(map(is_alive, found.values()))
    keeper.restart()
    peer = keeper.connect()
    reap(peer, keeper)
    result = peer.outcome("1-1-0")
    assert result["lost"]
    assert result["exitCode"] is None
    assert not any(map(is_alive, found.values()))
    assert {(pid, 9) for pid in found.values()} <= {
        (hit["pid"], hit["signal"]) for hit in result["killReport"]["processes"]
    }
    assert json.loads((keeper.folder() / "outcome.json").read_text()) == result
    peer.send(op="ack", token="1-1-0")
    assert peer.hello()["runs"] == []


def test_a_run_that_ended_with_its_keeper_is_lost_without_a_kill(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    pid = daemon.expect("started")["pid"]
    keeper.kill()
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    keeper.restart()
    peer = keeper.connect()
    reap(peer, keeper)
    result = peer.outcome("1-1-0")
    assert (result["lost"], result["killReport"], result["pid"]) == (True, None, pid)


def test_an_outcome_that_the_dead_keeper_recorded_is_reported_unchanged(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sh", "-c", "echo x; exit 9"))
    result = daemon.outcome("1-1-0")
    keeper.kill()
    keeper.restart()
    peer = keeper.connect()
    reap(peer, keeper)
    assert peer.outcome("1-1-0") == result


def test_a_run_that_was_never_claimed_is_burnt_by_the_reaper(keeper: Keeper, daemon: Peer) -> None:
    order = keeper.order("true")
    reap(daemon, keeper)
    assert daemon.expect("refused", "1-1-0")["kind"] == "burnt"
    assert os.readlink(keeper.folder() / "claim") == "burnt"
    daemon.send(**order)
    assert daemon.expect("refused", "1-1-0")["kind"] == "burnt"


def test_a_run_that_was_claimed_but_left_no_note_is_still_found(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    pid = daemon.expect("started")["pid"]
    keeper.kill()
    (keeper.folder() / "run.json").unlink()
    keeper.restart()
    peer = keeper.connect()
    reap(peer, keeper)
    assert peer.outcome("1-1-0")["lost"]
    assert not is_alive(pid)


def test_a_run_of_another_boot_is_lost_and_no_process_is_signalled(keeper: Keeper, daemon: Peer) -> None:
    bystander = subprocess.Popen(["sleep", SLEEP])
    try:
        keeper.order("true")
        os.symlink("started", keeper.folder() / "claim")
        note = {
            "pid": bystander.pid,
            "startTicks": 1,
            "bootId": "another",
            "cgroup": "/sys/fs/cgroup/nowhere",
        }
        outcome.write_run(str(keeper.folder()), note)
        reap(daemon, keeper)
        assert daemon.outcome("1-1-0")["lost"]
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_pid_reused_by_another_process_is_not_taken_for_the_run(keeper: Keeper, daemon: Peer) -> None:
    bystander = subprocess.Popen(["sleep", SLEEP])
    try:
        keeper.order("true")
        os.symlink("started", keeper.folder() / "claim")
        note = {"pid": bystander.pid, "startTicks": 1, "bootId": keeper.first_hello["bootId"]}
        outcome.write_run(str(keeper.folder()), note)
        reap(daemon, keeper)
        assert daemon.outcome("1-1-0")["killReport"] is None
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_living_run_of_this_keeper_is_not_reaped(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    pid = daemon.expect("started")["pid"]
    reap(daemon, keeper)
    assert daemon.expect("started")["pid"] == pid
    assert is_alive(pid)


def test_a_second_keeper_on_the_same_socket_refuses(scanning: Keeper) -> None:
    scanning.connect()
    second = subprocess.run(
        [*COMMAND, "--socket", str(scanning.socket)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert second.returncode == 75
    assert "another keeper lives" in second.stderr
    assert scanning.connect().hello()["pid"] == scanning.pid


def test_a_connection_without_a_hello_does_not_replace_the_daemon(keeper: Keeper, daemon: Peer) -> None:
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as strange:
        silent.connect(str(keeper.socket))
        strange.connect(str(keeper.socket))
        strange.sendall(b"GET / HTTP/1.0\r\n\r\n")
        daemon.send(**keeper.order("true"))
        assert daemon.outcome("1-1-0")["exitCode"] == 0


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "k.sock"))
    stale.close()
    with running_keeper(tmp_path) as keeper:
        assert keeper.connect().hello()["pid"] == keeper.pid


def test_the_socket_is_accessible_to_its_user_alone_even_under_a_long_path(tmp_path: Path) -> None:
    base = tmp_path / ("long" * 20) / ("path" * 20)
    base.mkdir(parents=True)
    with running_keeper(base) as keeper:
        peer = keeper.connect()
        assert len(str(keeper.socket)) > 107
        assert keeper.socket.stat().st_mode & 0o077 == 0
        peer.send(**keeper.order("true"))
        assert peer.outcome("1-1-0")["exitCode"] == 0


def test_a_keeper_without_runs_and_without_a_daemon_exits(tmp_path: Path) -> None:
    with running_keeper(tmp_path, linger=0.1) as keeper:
        peer = keeper.connect()
        peer.send(**keeper.order("true"))
        peer.outcome("1-1-0")
        peer.send(op="ack", token="1-1-0")
        peer.hello()
        peer.close()
        assert keeper.process.wait(PATIENCE_SECONDS) == 0
        assert not keeper.socket.exists()


def end_without_a_daemon(keeper: Keeper, *, in_the_way: bool) -> None:
    """Let a run exit with 3 after its daemon is gone; a folder may prevent its note."""
    gate = keeper.base / "gate"
    os.mkfifo(gate)
    peer = keeper.connect()
    peer.send(**keeper.order("sh", "-c", f"read x < {gate}; exit 3"))
    peer.expect("started")
    peer.close()
    if in_the_way:
        (keeper.folder() / outcome.RUN_FILE).unlink(missing_ok=True)
        (keeper.folder() / outcome.RUN_FILE).mkdir()
    gate.write_text("go\n")


def test_a_keeper_exits_when_all_outcomes_are_recorded_and_no_daemon_returns(tmp_path: Path) -> None:
    with running_keeper(tmp_path, linger=0.1) as keeper:
        end_without_a_daemon(keeper, in_the_way=False)
        assert keeper.process.wait(PATIENCE_SECONDS) == 0
        assert json.loads((keeper.folder() / outcome.FILE).read_text())["exitCode"] == 3


def test_a_keeper_that_could_not_record_an_outcome_stays_to_report_it(tmp_path: Path) -> None:
    with running_keeper(tmp_path, linger=0.1) as keeper:
        end_without_a_daemon(keeper, in_the_way=True)
        with pytest.raises(subprocess.TimeoutExpired):
            keeper.process.wait(1.0)
        keeper.connect()
        assert keeper.first_hello["runs"][0]["outcome"]["exitCode"] == 3


@pytest.mark.parametrize("arguments", [[], ["--socket"], ["--what", "x"], ["--socket", "x", "--linger", "y"]])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    result = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "usage" in result.stderr


def test_a_socket_passed_by_systemd_is_used(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "passed.sock"))
    listening.listen()
    command = [*COMMAND, "--socket", str(tmp_path / "k.sock"), "--linger", "60"]
    pid = os.fork()
    if pid == 0:
        os.dup2(listening.fileno(), 3)
        os.execve(command[0], command, {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "PATH": "/bin"})
    try:
        peer = Peer(tmp_path / "passed.sock")
        assert peer.hello()["pid"] == pid
        peer.close()
        assert not (tmp_path / "k.sock").exists()
    finally:
        os.kill(pid, signal.SIGTERM)
        assert os.waitpid(pid, 0)[1] == 0
        listening.close()
    assert (tmp_path / "passed.sock").exists()
