"""Whatever a job writes for the daemon or the keeper to read, it becomes final and no other job is harmed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.harness import Daemon
from e2e.wire import Wire, put_component, put_config
from fuzz.budget import dice, rounds
from fuzz.campaign import complaints
from fuzz.mutations import spoilt_bytes, spoilt_line

PROGRESS = {
    "progress": 0.4,
    "message": "m",
    "counts": {"success": 1},
    "outputs": [{"name": "t.csv", "sizeBytes": 5}],
}
SOUND: dict[str, Any] = {
    "out/state.json": {"cursor": 5, "a": {"b": []}},
    "out/usage.json": [{"metric": "rows", "value": 5}],
    "out/tables/t.csv.manifest": {"destination": "a.b", "columns": ["x"], "primary_key": ["x"]},
    "out/files/f.manifest": {"tags": ["x"], "is_permanent": True},
}
BODY = """
cp -r $WORDS/data/. $KBC_DATADIR
touch $KBC_DATADIR/out/tables/t.csv $KBC_DATADIR/out/files/f
cat $WORDS/progress >&$LOCKSIDE_PROGRESS_FD
cat $WORDS/output; cat $WORDS/output >&2
exit $(cat $WORDS/code)
"""


def sound_words() -> dict[str, bytes]:
    """Return the valid files and messages of a job, by file."""
    files = {f"data/{name}": json.dumps(sound).encode() for name, sound in SOUND.items()}
    return files | {"progress": json.dumps(PROGRESS).encode() + b"\n", "output": b"words\n", "code": b"0"}


def spoilt_words(chance: Any) -> dict[str, bytes]:
    lines = [spoilt_line(chance, PROGRESS) for _ in range(chance.randrange(1, 30))]
    files = {f"data/{name}": spoilt_line(chance, sound) for name, sound in SOUND.items()}
    files |= {"progress": b"\n".join(lines) + b"\n", "output": spoilt_bytes(chance, b"some words\n" * 20)}
    return files | {"code": chance.choice((b"0", b"0", b"1"))}


def write(folder: Path, words: dict[str, bytes]) -> None:
    for name, content in words.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_a_job_becomes_final_whatever_it_reports_and_the_job_beside_it_succeeds(
    fresh: Callable[..., Daemon], place: Path
) -> None:
    chance = dice("job words")
    daemon = fresh()
    with Wire(daemon.socket) as wire:
        put_component(wire, "acme.says", shell=BODY, environment={"WORDS": str(place)})
        put_config(wire, "acme.says", "one")
        beside = wire.shell("sleep 600")
        for _ in rounds(0.1, 15):
            write(place, spoilt_words(chance))
            hostile = wire.create("acme.says", config="one")
            assert wire.done(wire.shell("echo fine"))["status"] == "success"
            ended = wire.done(hostile)
            error = ended["result"]["error"]
            assert error is None or error["kind"] == "exit" or error["message"][:4] == "out/", error
            wire.text(hostile)
        write(place, sound_words())
        assert wire.done(wire.create("acme.says", config="one"))["status"] == "success"
        assert wire.get(beside["id"])["status"] == "processing"
        keeper = daemon.keeper_pid()
        daemon.kill()
        daemon.start()
        assert daemon.keeper_pid() == keeper
    with Wire(daemon.socket) as wire:
        assert wire.done(wire.shell("echo fine"))["status"] == "success"
        assert wire.get(beside["id"])["status"] == "processing"
        assert wire.call("daemon.check")["problems"] == []
    assert not complaints(daemon.stderr())
