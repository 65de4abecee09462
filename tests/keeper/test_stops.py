"""Whatever processes a job consists of, it can reliably be stopped, paused and limited."""

import os
import sys
from pathlib import Path

import pytest

from keeper.kit import Keeper, Peer, is_alive, needs_root, wait_until_gone

SLEEP = "600.123"

NASTY = r"""
import os, signal, sys, time
report = open(sys.argv[1], "a", buffering=1)
def be(name):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    report.write(f"{name} {os.getpid()}\n")
    while True:
        time.sleep(600)
def daemonise(name, clear):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            for fd in range(3):
                os.close(fd)
            if clear:
                os.execve(sys.executable, [sys.executable, "-I", "-S", "-c",
                    "import os, signal, time\n"
                    "signal.signal(15, signal.SIG_IGN)\n"
                    f"open({sys.argv[1]!r}, 'a').write('{name} ' + str(os.getpid()) + chr(10))\n"
                    "time.sleep(600)"], {})
            be(name)
        os._exit(0)
    os.wait()
daemonise("daemon", False)
daemonise("unmarked", True)
if os.fork() == 0:
    be("child")
be("leader") if sys.argv[2] == "stay" else os._exit(0)
"""


def nasty(keeper: Keeper, mode: str, report: Path) -> list[str]:
    os.mkfifo(report)
    return [sys.executable, "-I", "-S", "-c", NASTY, str(report), mode]


def pids(report: Path, count: int) -> dict[str, int]:
    """Wait until this number of processes of the nasty job have reported themselves."""
    found: dict[str, int] = {}
    with report.open() as lines:
        while len(found) < count:
            name, pid = lines.readline().split()
            found[name] = int(pid)
    return found


def test_a_stop_is_a_signal_and_an_end(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    pid = daemon.expect("started")["pid"]
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["stopped"], outcome["signal"]) == ("terminate", 15)
    proof = "cgroup" if keeper.first_hello["cgroups"] else "scan"
    assert outcome["killReport"]["proof"] == proof
    assert [(hit["pid"], hit["signal"]) for hit in outcome["killReport"]["processes"]] == [(pid, 15)]


def test_another_stop_signal_can_be_chosen(keeper: Keeper, daemon: Peer) -> None:
    script = "trap 'echo interrupted; exit 7' INT; echo ready; while :; do sleep 0.01; done"
    daemon.send(**keeper.order("sh", "-c", script, stopSignal=2))
    daemon.send(op="watch", token="1-1-0", seq=0)
    daemon.expect("log", "1-1-0")
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["stopped"], outcome["exitCode"]) == ("terminate", 7)


def test_a_stop_that_follows_the_start_at_once_is_obeyed(keeper: Keeper, daemon: Peer) -> None:
    for n in range(10):
        daemon.send(**keeper.order("sleep", SLEEP, token=f"{n}-1-0"))
        daemon.send(op="stop", token=f"{n}-1-0")
    for n in range(10):
        assert daemon.outcome(f"{n}-1-0")["stopped"] == "terminate"


@pytest.mark.parametrize("mode", ["stay", "leave"])
def test_a_tree_that_forks_daemonises_and_ignores_signals_is_stopped_to_the_last(
    keeper: Keeper, daemon: Peer, tmp_path: Path, mode: str
) -> None:
    report = tmp_path / "report"
    order = keeper.order(*nasty(keeper, mode, report), graceSeconds=0.2, leftovers="wait")
    daemon.send(**order)
    found = pids(report, 4 if mode == "stay" else 3)
    if mode == "leave":
        assert daemon.expect("leftovers")["processes"]
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert not any(map(is_alive, found.values()))
    hits = {(hit["pid"], hit["signal"]) for hit in outcome["killReport"]["processes"]}
    assert {(pid, 9) for pid in found.values()} <= hits
    assert outcome["stopped"] == "terminate"


def test_two_nasty_trees_are_told_apart(keeper: Keeper, daemon: Peer, tmp_path: Path) -> None:
    one = tmp_path / "one"
    daemon.send(**keeper.order(*nasty(keeper, "leave", one), graceSeconds=0.1, leftovers="wait"))
    first = pids(one, 3)
    daemon.expect("leftovers", "1-1-0")
    daemon.send(**keeper.order("sleep", SLEEP, token="2-1-0"))
    sleeper = daemon.expect("started", "2-1-0")["pid"]
    daemon.send(op="stop", token="1-1-0")
    daemon.outcome("1-1-0")
    assert not any(map(is_alive, first.values()))
    assert is_alive(sleeper)


def test_processes_that_appear_all_the_time_do_not_escape(keeper: Keeper, daemon: Peer) -> None:
    body = "trap '' TERM; setsid sleep 0.05 & setsid sleep 0.02"
    script = f"trap '' TERM; echo ready; while :; do sh -c \"{body}\"; done"
    daemon.send(**keeper.order("bash", "-c", script, graceSeconds=0.2))
    daemon.send(op="watch", token="1-1-0", seq=0)
    daemon.expect("log", "1-1-0")
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["signal"], outcome["stopped"]) == (9, "terminate")


def test_leftovers_are_reported_and_then_stopped(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("bash", "-c", f"setsid sleep {SLEEP} & echo $!", graceSeconds=0.2))
    message = daemon.expect("leftovers", "1-1-0")
    processes = message["processes"]
    outcome = daemon.outcome("1-1-0")
    assert outcome["leftovers"] == processes
    assert (message["pid"], message["exitCode"], message["signal"]) == (outcome["pid"], 0, None)
    assert message["exitTime"] == outcome["exitTime"] < message["stopTime"] <= outcome["endTime"]
    assert [process["pid"] for process in processes] == [int(outcome["stdoutTail"])]
    assert (outcome["exitCode"], outcome["stopped"]) == (0, None)
    assert [hit["signal"] for hit in outcome["killReport"]["processes"]] == [15]


def test_leftovers_that_end_in_time_are_left_alone(keeper: Keeper, daemon: Peer) -> None:
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    daemon.send(**keeper.order("bash", "-c", f"(cat {fifo}; echo late) & echo early", graceSeconds=30))
    daemon.expect("leftovers", "1-1-0")
    fifo.write_text("")
    outcome = daemon.outcome("1-1-0")
    assert outcome["killReport"] is None
    assert outcome["stdoutTail"] == "early\nlate\n"


def test_leftovers_are_waited_for_if_the_order_says_so(keeper: Keeper, daemon: Peer) -> None:
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    order = keeper.order(
        "bash", "-c", f"setsid bash -c 'cat {fifo}; echo late' & exit 5", graceSeconds=0, leftovers="wait"
    )
    daemon.send(**order)
    daemon.expect("leftovers", "1-1-0")
    assert daemon.hello()["runs"][0]["state"] == "running"
    fifo.write_text("")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], outcome["stdoutTail"], outcome["killReport"]) == (5, "late\n", None)


def test_a_time_limit_stops_the_tree(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sh", "-c", f"sleep {SLEEP}; true", timeoutSeconds=0.2))
    outcome = daemon.outcome("1-1-0")
    assert outcome["stopped"] == "timeout"
    assert outcome["exitTime"] - outcome["spawnTime"] >= 200_000


def test_a_time_limit_holds_for_leftovers_too(keeper: Keeper, daemon: Peer) -> None:
    order = keeper.order("setsid", "-f", "sleep", SLEEP, timeoutSeconds=0.3, leftovers="wait")
    daemon.send(**order)
    assert daemon.outcome("1-1-0")["stopped"] == "timeout"


def test_a_job_that_exits_with_0_when_stopped_still_counts_as_stopped(keeper: Keeper, daemon: Peer) -> None:
    script = "trap 'exit 0' TERM; while :; do sleep 0.01; done"
    daemon.send(**keeper.order("sh", "-c", script, timeoutSeconds=0.2))
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], outcome["stopped"]) == (0, "timeout")


def states(pid: int) -> str:
    """Return the state of a process: `frozen` by signal or cgroup, else the letter of its state."""
    text = Path(f"/proc/{pid}/stat").read_text()
    state = text[text.rindex(")") + 2]
    cgroup = Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1].split(":", 2)[2]
    for mount in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        events = Path(f"{mount}{cgroup}/cgroup.events")
        if "/lockside-" in cgroup and events.exists() and "frozen 1" in events.read_text():
            return "frozen"
    return "frozen" if state == "T" else state


def test_a_paused_job_and_its_time_limit_stand_still_and_then_continue(keeper: Keeper, daemon: Peer) -> None:
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    daemon.send(**keeper.order("sh", "-c", f"read line < {fifo}; echo $line; echo done", timeoutSeconds=0.5))
    pid = daemon.expect("started")["pid"]
    daemon.send(op="pause", token="1-1-0")
    daemon.expect("paused", "1-1-0")
    assert daemon.hello()["runs"][0]["paused"]
    daemon.send(**keeper.order("sleep", "0.8", token="2-1-0"))
    daemon.outcome("2-1-0")
    assert states(pid) == "frozen"
    daemon.send(op="resume", token="1-1-0")
    daemon.expect("resumed", "1-1-0")
    fifo.write_text("go\n")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["stopped"], outcome["exitCode"], outcome["stdoutTail"]) == (None, 0, "go\ndone\n")


def test_after_a_pause_the_rest_of_the_limit_counts(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP, timeoutSeconds=0.3))
    daemon.expect("started")
    for _ in range(2):
        daemon.send(op="pause", token="1-1-0")
        daemon.expect("paused", "1-1-0")
        daemon.send(op="resume", token="1-1-0")
        daemon.expect("resumed", "1-1-0")
    assert daemon.outcome("1-1-0")["stopped"] == "timeout"


def test_a_paused_job_can_be_stopped(keeper: Keeper, daemon: Peer) -> None:
    script = "trap 'echo asked; exit 4' TERM; echo ready; while :; do sleep 0.01; done"
    daemon.send(**keeper.order("sh", "-c", script))
    daemon.send(op="watch", token="1-1-0", seq=0)
    daemon.expect("log", "1-1-0")
    daemon.send(op="pause", token="1-1-0")
    daemon.expect("paused", "1-1-0")
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], outcome["stdoutTail"]) == (4, "ready\nasked\n")


STOPS_ITSELF = """
import os, signal

def asked(*_):
    os.write(1, b"asked\\n")
    os._exit(0)

child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, asked)
    os.kill(os.getpid(), signal.SIGSTOP)
    signal.pause()
os.waitpid(child, os.WUNTRACED)
signal.signal(signal.SIGTERM, lambda *_: os._exit(os.waitpid(child, 0)[1]))
os.write(1, b"stopped\\n")
signal.pause()
"""


def test_a_process_that_stopped_itself_receives_its_stop_signal(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order(sys.executable, "-I", "-S", "-c", STOPS_ITSELF, graceSeconds=20))
    daemon.send(op="watch", token="1-1-0", seq=0)
    daemon.expect("log", "1-1-0")
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], outcome["stdoutTail"]) == (0, "stopped\nasked\n")
    assert {one["signal"] for one in outcome["killReport"]["processes"]} == {15}


def test_a_paused_tree_that_ignores_the_signal_is_killed(
    keeper: Keeper, daemon: Peer, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    daemon.send(**keeper.order(*nasty(keeper, "stay", report), graceSeconds=0.2))
    found = pids(report, 4)
    daemon.send(op="pause", token="1-1-0")
    daemon.expect("paused", "1-1-0")
    daemon.send(op="stop", token="1-1-0")
    daemon.outcome("1-1-0")
    assert not any(map(is_alive, found.values()))


def test_a_job_that_takes_too_much_memory_is_ended(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("tail", "/dev/zero", memoryBytes=100_000_000))
    outcome = daemon.outcome("1-1-0")
    if outcome["outOfMemory"]:
        assert outcome["signal"] == 9
    else:
        assert outcome["exitCode"] == 1
        assert "memory" in outcome["stderrTail"]


@needs_root
def test_with_cgroups_the_kernel_says_that_memory_ran_out(keeper: Keeper, daemon: Peer) -> None:
    if not keeper.first_hello["cgroups"]:
        pytest.skip("without cgroups nobody counts")
    if not (Path("/sys/fs/cgroup/memory").exists() or Path("/sys/fs/cgroup/memory.max").exists()):
        pytest.skip("no memory controller here")
    daemon.send(**keeper.order("tail", "/dev/zero", memoryBytes=50_000_000))
    outcome = daemon.outcome("1-1-0")
    assert (outcome["outOfMemory"], outcome["signal"]) == (True, 9)
    daemon.send(**keeper.order("true", token="2-1-0", memoryBytes=50_000_000, cpus=0.5))
    assert daemon.outcome("2-1-0")["outOfMemory"] is False


def test_a_keeper_that_receives_sigterm_stops_its_jobs_with_the_reason_machine(
    keeper: Keeper, daemon: Peer, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    daemon.send(**keeper.order(*nasty(keeper, "stay", report), graceSeconds=0.1))
    daemon.send(**keeper.order("sleep", SLEEP, token="2-1-0"))
    daemon.expect("started", "2-1-0")
    found = pids(report, 4)
    keeper.process.terminate()
    assert daemon.outcome("1-1-0")["stopped"] == "machine"
    assert daemon.outcome("2-1-0")["stopped"] == "machine"
    assert daemon.is_hung_up()
    assert keeper.process.wait() == 0
    assert not any(map(is_alive, found.values()))
    assert (keeper.folder("2-1-0") / "outcome.json").exists()
    assert not keeper.socket.exists()


def test_a_shutdown_message_stops_the_jobs_with_the_reason_machine(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    daemon.expect("started")
    daemon.send(op="shutdown")
    assert daemon.outcome("1-1-0")["stopped"] == "machine"
    assert keeper.process.wait() == 0


def test_a_keeper_that_is_stopping_starts_nothing(keeper: Keeper, daemon: Peer) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    daemon.send(**keeper.order("sh", "-c", script, graceSeconds=0.5))
    daemon.send(op="watch", token="1-1-0", seq=0)
    daemon.expect("log", "1-1-0")
    daemon.send(op="shutdown")
    daemon.send(**keeper.order("true", token="2-1-0"))
    assert daemon.expect("refused", "2-1-0")["kind"] == "system"
    assert not (keeper.folder("2-1-0") / "claim").is_symlink()
    assert daemon.outcome("1-1-0")["stopped"] == "machine"


@needs_root
def test_no_cgroup_is_left_when_the_keeper_has_left(keeper: Keeper, daemon: Peer) -> None:
    if not keeper.first_hello["cgroups"]:
        pytest.skip("there were none")
    daemon.send(**keeper.order("true", memoryBytes=50_000_000))
    daemon.outcome("1-1-0")
    keeper.process.terminate()
    keeper.process.wait()
    wait_until_gone(keeper.pid)
    assert list(Path("/sys/fs/cgroup").glob(f"**/lockside-{keeper.pid}")) == []
