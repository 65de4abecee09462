"""The output of a run: its progress, its log and the ends of its output."""

import os

from keeper.kit import Keeper, Peer
from locksided.keeper.log.format import STDERR, STDOUT


def test_progress_is_merged_redacted_and_in_the_outcome(keeper: Keeper, daemon: Peer) -> None:
    script = (
        'echo \'{"progress": 0.25, "counts": {"success": 1}}\' >&3; echo garbage >&3;'
        'echo \'{"message": "with s3cret", "counts": {"error": 2}}\' >&3; cat'
    )
    daemon.send(**keeper.order("sh", "-c", f"{script} /dev/null", secrets=["s3cret"]))
    merged = {"progress": 0.25, "counts": {"success": 1, "error": 2}, "message": "with [hidden]"}
    assert daemon.outcome("1-1-0")["progress"] == merged


def test_progress_is_reported_while_the_job_runs(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sh", "-c", "echo '{\"progress\": 0.5}' >&3; sleep 600"))
    assert daemon.expect("progress", "1-1-0")["progress"] == {"progress": 0.5}


def test_secrets_are_hidden_in_log_and_tails(keeper: Keeper, daemon: Peer) -> None:
    script = "printf 'a s3c'; printf 'ret b\\n' >&2; printf 'ret c\\n'; printf s3cret | base64"
    daemon.send(**keeper.order("sh", "-c", script, secrets=["s3cret", "abc"]))
    outcome = daemon.outcome("1-1-0")
    assert outcome["stdoutTail"] == "a [hidden] c\n[hidden]\n"
    assert keeper.text(STDOUT) == b"a [hidden] c\n[hidden]\n"
    assert keeper.text(STDERR) == b"ret b\n"


def test_the_end_of_a_long_output_is_reported(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sh", "-c", "yes 0123456789 | head -n 2000; echo end"))
    tail = daemon.outcome("1-1-0")["stdoutTail"]
    assert tail.startswith("… ")
    assert tail.endswith("0123456789\nend\n")
    assert len(tail) == 16 * 1024 + 2


def test_the_log_can_be_followed_while_the_job_runs(keeper: Keeper, daemon: Peer) -> None:
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    daemon.send(**keeper.order("sh", "-c", f"echo one; cat {fifo}; printf two"))
    daemon.send(op="watch", token="1-1-0", seq=0)
    assert daemon.expect("log", "1-1-0") == {"op": "log", "token": "1-1-0", "seq": 1, "complete": False}
    assert [frame.payload for frame in keeper.frames()] == [b"one\n"]
    daemon.send(op="watch", token="1-1-0", seq=1)
    fifo.write_text("more\n")
    assert daemon.expect("log", "1-1-0")["seq"] > 1
    daemon.outcome("1-1-0")
    daemon.send(op="watch", token="1-1-0", seq=99)
    message = daemon.expect("log", "1-1-0")
    assert message["complete"]
    assert keeper.text(STDOUT) == b"one\nmore\ntwo"


def test_an_unfinished_line_is_shown_soon(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sh", "-c", "printf 'Password? '; sleep 600"))
    daemon.send(op="watch", token="1-1-0", seq=0)
    assert daemon.expect("log", "1-1-0")["seq"] == 1
    assert keeper.text(STDOUT) == b"Password? "


def test_watching_an_unknown_run_ends_at_once(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(op="watch", token="7-1-0", seq=5)
    assert daemon.expect("log", "7-1-0")["complete"]


def test_the_steps_of_a_job_share_one_log(keeper: Keeper, daemon: Peer) -> None:
    log = str(keeper.base / "shared")
    for step in range(3):
        daemon.send(**keeper.order("echo", str(step), token=f"1-1-{step}", logFolder=log))
        assert daemon.outcome(f"1-1-{step}")["log"]["nextSeq"] == step + 1


def test_a_log_that_cannot_be_written_does_not_stop_the_job(keeper: Keeper, daemon: Peer) -> None:
    blocked = keeper.base / "blocked"
    blocked.write_text("not a folder")
    daemon.send(
        **keeper.order("sh", "-c", "yes | head -c 5000000; echo end >&2", logFolder=str(blocked / "log"))
    )
    outcome = daemon.outcome("1-1-0")
    assert outcome["exitCode"] == 0
    assert outcome["stdoutTail"].endswith("y\ny\n")
    assert outcome["log"]["droppedBytes"] == 5_000_004
    assert outcome["log"]["bytes"] == 0
