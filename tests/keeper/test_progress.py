"""Only valid progress is accepted from a job, and invalid progress is reported to it."""

import json
import time

import pytest

from keeper.kit import Keeper
from locksided.keeper.log.format import STDERR
from locksided.keeper.progress import MAX_LINE_BYTES, parse

DEEP = b'{"outputs": ' + b"[" * 980 + b"]" * 980 + b"}"


def test_the_known_fields_are_accepted() -> None:
    line = b'{"progress": 0.4, "message": "m", "counts": {"success": 10}, "outputs": [{"a": 1}]}'
    assert parse(line) == (
        {"progress": 0.4, "message": "m", "counts": {"success": 10}, "outputs": [{"a": 1}]},
        None,
    )


def test_a_report_that_a_program_is_blocked_is_accepted() -> None:
    assert parse(b'{"blocked": {"retryAfterSeconds": 120, "message": "m", "more": 1}}') == (
        {"blocked": {"retryAfterSeconds": 120, "message": "m"}},
        None,
    )
    assert parse(b'{"blocked": {}}')[0] == {"blocked": {"retryAfterSeconds": None, "message": None}}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"hello", "is not valid JSON"),
        (b"[1]", "is not a JSON object"),
        (b"", "is not valid JSON"),
        (b'{"progress": NaN}', "has NaN"),
        (b'{"outputs": [{"rows": 1e400}]}', "has a number that is too large"),
        (b'{"outputs": [-Infinity]}', "has -Infinity"),
        (b'{"progress": 1.5}', "has no number from 0 to 1 in 'progress'"),
        (b'{"progress": true}', "has no number from 0 to 1 in 'progress'"),
        (b'{"message": "\\ud800"}', "has half of a surrogate pair"),
        (DEEP, "is nested deeper than 32 levels"),
        (b'{"outputs": [' + b"[" * 50_000, "is nested deeper than 32 levels"),
        (b'{"counts": {"success": 100000000000000000000}}', "has an integer that does not fit into 64 bits"),
        (b'{"outputs": [' + b"9" * 5000 + b"]}", "has an integer that does not fit into 64 bits"),
        (b'{"message": "a\0b"}', "is not valid JSON"),
        (b'{"blocked": true}', "has no object with 'retryAfterSeconds' and 'message' in 'blocked'"),
        (b'{"blocked": {"retryAfterSeconds": -1}}', "has no object with 'retryAfterSeconds'"),
        (b'{"blocked": {"retryAfterSeconds": "1m"}}', "has no object with 'retryAfterSeconds'"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b'{"message": "' + b"x" * MAX_LINE_BYTES + b'"}', "is longer than 65536 bytes"),
    ],
)
def test_an_invalid_line_yields_nothing_and_the_reason(line: bytes, problem: str) -> None:
    news, reason = parse(line)
    assert news == {}
    assert reason is not None
    assert reason.startswith(problem)


def test_a_field_of_the_wrong_type_does_not_hide_the_others() -> None:
    line = b'{"progress": "half", "message": "m", "counts": 3}'
    assert parse(line) == ({"message": "m"}, "has no number from 0 to 1 in 'progress'")


def test_unknown_fields_and_counts_are_ignored() -> None:
    assert parse(b'{"status": "success", "counts": {"error": 1, "x": -1}}') == (
        {"counts": {"error": 1}},
        None,
    )


def test_a_line_of_unterminated_quotes_takes_no_longer_than_another() -> None:
    begun = time.process_time()
    parse(b"[" * 33 + b'"' + b'\\"' * 30_000)
    assert time.process_time() - begun < 0.5


def report_command(line: bytes) -> str:
    """Return the shell command that reports this as progress."""
    text = line.decode("latin-1").replace("\\", "\\\\").replace("%", "%%")
    return f"printf '{text}\\n' >&$LOCKSIDE_PROGRESS_FD"


@pytest.mark.parametrize("line", [DEEP, b'{"outputs": [{"rows": 1e400}]}', b'{"message": "\\udcff"}'])
def test_a_refused_progress_line_is_harmless_and_is_reported_once(scanning: Keeper, line: bytes) -> None:
    peer = scanning.connect()
    peer.send(**scanning.order("sleep", "1000", token="bystander"))
    peer.expect("started", "bystander")
    script = [report_command(line), report_command(line), report_command(b'{"progress": 1}'), "exit 3"]
    peer.send(**scanning.order("sh", "-c", "; ".join(script), token="1-1-0"))
    ended = peer.outcome("1-1-0")
    assert (ended["exitCode"], ended["progress"], ended["stderrTail"]) == (3, {"progress": 1.0}, "")
    written = scanning.text(STDERR)
    assert written.startswith(b"lockside: A line written to LOCKSIDE_PROGRESS_FD ")
    assert written.count(b"\n") == 1
    again = scanning.connect()
    states = {run["token"]: run["state"] for run in scanning.first_hello["runs"]}
    assert states == {"bystander": "running", "1-1-0": "ended"}
    again.send(op="ack", token="1-1-0")


def test_counts_under_names_that_a_job_invents_do_not_pile_up(scanning: Keeper) -> None:
    peer = scanning.connect()
    script = (
        "import json, os\n"
        "fd = int(os.environ['LOCKSIDE_PROGRESS_FD'])\n"
        "for n in range(40): os.write(fd, json.dumps("
        "{'counts': {f'{n}-{i}': i for i in range(3000)} | {'error': n}}).encode() + b'\\n')\n"
    )
    peer.send(**scanning.order("python3", "-c", script))
    assert peer.outcome("1-1-0")["progress"] == {"counts": {"error": 39}}


def test_outcomes_that_do_not_fit_in_a_hello_are_sent_as_others_are_acknowledged(scanning: Keeper) -> None:
    """Each is as large as a job can make it; together they exceed the line that a daemon reads."""
    names = [f"{number}-1-0" for number in range(1, 121)]
    output = json.dumps({"outputs": ["é" * 32_000]}, ensure_ascii=False)
    (scanning.base / "line").write_text(output + "\n")
    script = f"cat {scanning.base}/line >&$LOCKSIDE_PROGRESS_FD"
    peer = scanning.connect()
    for name in names:
        peer.send(**scanning.order("sh", "-c", script, token=name))
        peer.outcome(name)
    again = scanning.connect()
    runs = {run["token"]: run for run in scanning.first_hello["runs"]}
    assert list(runs) == names
    first = [name for name in names if runs[name]["state"] == "ended"]
    later = [name for name in names if runs[name]["state"] == "stopping"]
    assert [*first, *later] == names
    assert len(later) > 20
    for acknowledged, name in zip(names, later, strict=False):
        again.send(op="ack", token=acknowledged)
        assert again.outcome(name)["exitCode"] == 0
