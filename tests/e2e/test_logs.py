"""What a job writes: separate streams, in order, framed, redacted, followed live, and bounded."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.harness import Daemon, python
from e2e.signs import Gate
from e2e.wire import Message, Wire, put_component, put_config


def frames(wire: Wire, job: Message, **more: Any) -> list[Message]:
    page: list[Message] = wire.call("job.log", id=job["id"], limit=10_000, **more)["frames"]
    return page


def test_both_streams_are_kept_separate_and_in_order(wire: Wire) -> None:
    text = "import sys\nfor n in range(5):\n"
    text += " print('out', n, flush=True); print('err', n, file=sys.stderr, flush=True)"
    put_component(wire, "acme.talks", command=python(text))
    job = wire.done(wire.create("acme.talks"))
    page = wire.call("job.log", id=job["id"])
    assert page["isComplete"] is True
    assert [frame["seq"] for frame in page["frames"]] == list(range(len(page["frames"])))
    assert page["nextOffset"] == len(page["frames"])
    times = [frame["time"] for frame in page["frames"]]
    assert times == sorted(times)
    out = "".join(frame["text"] for frame in page["frames"] if frame["stream"] == "stdout")
    assert out == "".join(f"out {n}\n" for n in range(5))
    only = frames(wire, job, stream="stderr")
    assert {frame["stream"] for frame in only} == {"stderr"}
    assert "".join(frame["text"] for frame in only) == "".join(f"err {n}\n" for n in range(5))


def test_a_log_can_be_paged_from_any_frame(wire: Wire) -> None:
    text = "import sys\nfor n in range(20):\n"
    text += " (sys.stdout, sys.stderr)[n % 2].write(f'{n}\\n'); sys.stdout.flush()"
    put_component(wire, "acme.pages", command=python(text))
    job = wire.done(wire.create("acme.pages"))
    whole = frames(wire, job)
    offset, seen = 0, []
    while True:
        page = wire.call("job.log", id=job["id"], offset=offset, limit=3)
        seen += page["frames"]
        offset = page["nextOffset"]
        if page["isComplete"]:
            break
        assert page["frames"]
    assert seen == whole


def test_the_end_of_a_log_can_be_read_alone(wire: Wire) -> None:
    text = "import sys\nfor n in range(20):\n"
    text += " (sys.stdout, sys.stderr)[n % 2].write(f'{n}\\n'); sys.stdout.flush()"
    put_component(wire, "acme.ends", command=python(text))
    job = wire.done(wire.create("acme.ends"))
    whole = frames(wire, job)
    assert frames(wire, job, tail=3) == whole[-3:]
    assert frames(wire, job, tail=3, offset=len(whole) - 2) == whole[-2:]
    assert frames(wire, job, tail=10_000) == whole


def test_any_number_of_readers_can_follow_a_job_live(
    wire: Wire, daemon: Daemon, gates: Callable[[str], Gate]
) -> None:
    a, b = gates("a"), gates("b")
    job = wire.shell(f"echo one; {a.text}; echo two; {b.text}; echo three")
    readers = [Wire(daemon.socket) for _ in range(5)]

    def follow(offset: int) -> list[Message]:
        sent = [one.ask("job.log", id=job["id"], offset=offset, waitSeconds=60) for one in readers]
        if offset:
            (a if offset == 1 else b).open()
        return [one.answer(request) for one, request in zip(readers, sent, strict=True)]

    for offset, word in enumerate(("one\n", "two\n", "three\n")):
        pages = follow(offset)
        assert {page["frames"][0]["text"] for page in pages} == {word}
        assert {page["nextOffset"] for page in pages} == {offset + 1}
    last = [one.call("job.log", id=job["id"], offset=3, waitSeconds=60) for one in readers]
    assert {page["isComplete"] for page in last} == {True}
    for one in readers:
        one.close()


def test_a_follow_ends_at_its_time_out_or_with_the_job(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    page = wire.call("job.log", id=job["id"], waitSeconds=0.3)
    assert page == {"frames": [], "nextOffset": 0, "isComplete": False}
    waiting = wire.ask("job.log", id=job["id"], waitSeconds=60)
    gate.open()
    assert wire.answer(waiting)["isComplete"] is True
    never = wire.call("job.terminate", id=wire.shell("true", hold=True)["id"])
    assert wire.call("job.log", id=never["id"], waitSeconds=60)["isComplete"] is True


def test_bytes_that_are_not_text_are_replaced_or_sent_as_base64(wire: Wire) -> None:
    data = bytes(range(256)) * 4 + "ä€\U0001f600".encode()
    put_component(wire, "acme.bytes", command=python(f"import sys; sys.stdout.buffer.write({data!r})"))
    job = wire.done(wire.create("acme.bytes"))
    raw = b"".join(base64.b64decode(frame["data"]) for frame in frames(wire, job, raw=True))
    assert raw == data
    text = wire.text(job)
    assert "\ufffd" in text
    assert text.endswith("ä€\U0001f600")
    json.dumps(text).encode("utf-8")


def test_a_large_output_is_cut_into_frames_at_line_ends(wire: Wire) -> None:
    job = wire.done(wire.shell("seq 1 60000"))
    page = frames(wire, job)
    assert len(page) > 3
    assert all(len(frame["text"].encode()) <= 65536 for frame in page)
    assert all(frame["text"].endswith("\n") for frame in page)
    assert "".join(frame["text"] for frame in page) == "".join(f"{n}\n" for n in range(1, 60001))


def test_secrets_are_hidden_even_across_chunks_in_base64_in_json_and_in_messages(wire: Wire) -> None:
    secret = 'pass"word\\1234'
    text = f"""
import base64, json, os, sys, time
s = json.load(open(os.environ["KBC_DATADIR"] + "config.json"))["parameters"]["#password"]
assert s == {secret!r}
for c in s:
    sys.stdout.write(c); sys.stdout.flush()
print()
print(base64.b64encode(s.encode()).decode(), json.dumps(s), "short", "abc")
print("tail", s, file=sys.stderr)
sys.exit(1)
"""
    put_component(wire, "acme.secret", command=python(text), imageParameters={"#image": "image-secret"})
    put_config(wire, "acme.secret", "a", configuration={"parameters": {"#password": secret, "#short": "abc"}})
    job = wire.done(wire.create("acme.secret", config="a"))
    written = wire.text(job)
    for hidden in (secret, base64.b64encode(secret.encode()).decode(), json.dumps(secret)[1:-1]):
        assert hidden not in written
        assert hidden not in json.dumps(job)
    assert written.count("[hidden]") >= 4
    assert "short abc" in written, "values shorter than 4 characters are not hidden"
    assert job["message"] == "tail [hidden]"
    on_disk = b"".join(path.read_bytes() for path in Path(job["workPath"]).rglob("*") if path.is_file())
    assert secret.encode() not in on_disk


def test_a_full_log_keeps_its_head_and_its_tail_and_says_what_is_missing(
    fresh: Callable[..., Daemon],
) -> None:
    wire = fresh(LOCKSIDE_JOBS__MAX_LOG_BYTES="65536").wire()
    job = wire.done(wire.shell("seq 1 100000"))
    assert job["status"] == "success"
    page = frames(wire, job)
    dropped = [frame["dropped"] for frame in page if "dropped" in frame]
    assert dropped, "no marker says what is missing"
    assert dropped[0].keys() >= {"bytes", "fromSeq", "toSeq"}
    assert page[0]["text"].startswith("1\n2\n")
    assert page[-1]["text"].endswith("\n100000\n")
    kept = sum(len(frame["text"]) for frame in page if "text" in frame)
    assert kept < 140_000
    written = sum(len(f"{n}\n") for n in range(1, 100_001))
    assert kept + sum(one["bytes"] for one in dropped) == written
    seqs = [frame["seq"] for frame in page if "text" in frame]
    assert seqs == sorted(set(seqs))


def test_the_last_stdout_and_every_stderr_of_a_pipeline_are_logged(wire: Wire) -> None:
    put_component(
        wire,
        "acme.pipe",
        pipeline=[["sh", "-c", "echo data; echo tap >&2"], ["sh", "-c", "tr d D; echo target >&2"]],
    )
    job = wire.done(wire.create("acme.pipe"))
    assert "".join(frame["text"] for frame in frames(wire, job, stream="stdout")) == "Data\n"
    errors = "".join(frame["text"] for frame in frames(wire, job, stream="stderr"))
    assert sorted(errors.split()) == ["tap", "target"]


def test_a_torn_last_frame_does_not_hide_the_rest(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.done(wire.shell("echo one; echo two >&2"))
    (segment,) = list((daemon.state_dir / "runs/0" / job["id"] / "log").iterdir())
    whole = wire.text(job)
    with open(segment, "ab") as file:
        file.write(segment.read_bytes()[:17])
    assert wire.text(job) == whole
    assert wire.call("job.log", id=job["id"])["isComplete"] is True


def test_the_log_is_written_while_the_daemon_is_down(
    fresh: Callable[..., Daemon], gates: Callable[[str], Gate]
) -> None:
    a, b = gates("a"), gates("b")
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(f"echo one; {a.text}; echo two; {b.text}; echo three")
    assert wire.call("job.log", id=job["id"], waitSeconds=60)["frames"][0]["text"] == "one\n"
    daemon.kill()
    a.open()
    wire = daemon.start().wire()
    page = wire.call("job.log", id=job["id"], offset=1, waitSeconds=60)
    assert page["frames"][0]["text"] == "two\n"
    b.open()
    wire.done(job)
    assert wire.text(job) == "one\ntwo\nthree\n"
