"""Whatever jobs and users leave in files is read, or refused with a sentence; nothing else happens."""

import itertools
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from fuzz.budget import dice, rounds
from fuzz.mutations import spoilt_bytes, spoilt_line, spoilt_value
from lockside.cli.files.folder import read_folder
from lockside.documents.settings_files import SettingsError
from locksided import settings
from locksided.api.logs import wire_frame
from locksided.joblog.reader import Gap, read_page, stream_bytes, tail
from locksided.keeper import outcome, wire
from locksided.keeper.log import format as logformat
from locksided.keeper.log import segments
from locksided.keeper.log.format import DROPPED, GELF, STDERR, STDOUT, Dropped, Frame
from locksided.keeper.progress import parse as parse_progress
from locksided.keeper.start import order
from locksided.runs.data_folder import OutFile
from locksided.runs.out_files import BadOutFile, read_state, read_usage
from locksided.runs.outputs import file_of, table_of
from project.test_documents import ROOT

SHARE = 0.03
LONGEST_PROGRESS_BYTES = 200_000


def sound_log() -> dict[str, bytes]:
    """Return the segments of a log by name, with a marker of dropped frames."""
    frames = [Frame(STDOUT + n % 2, 0, n, 1_700_000_000_000_000 + n, b"line %d\n" % n) for n in range(6)]
    marker = Frame(DROPPED, 0, 6, 1_700_000_000_000_006, logformat.dropped_payload(Dropped(100, 6, 9)))
    later = [Frame(STDERR, 0, n, 1_700_000_000_000_000 + n, b"later\n" * 3) for n in range(10, 14)]
    head = logformat.gelf_head(3, {"_a": [1]}, for_admins=True)
    last = [Frame(GELF, 0, n, 1_700_000_000_000_000 + n, head + b"last\n") for n in range(14, 17)]
    runs = (frames, [marker], later, last)
    return {logformat.segment_name(run[0].seq): b"".join(map(logformat.encode, run)) for run in runs}


def forged_frame(chance: Any) -> bytes:
    """Return a frame with a correct checksum and invalid numbers or words."""
    numbers = (0, 1, 5, 2**31, 2**53, 2**62, 2**63, 2**64 - 1)
    said = {"bytes": 1, "fromSeq": chance.choice(numbers), "toSeq": chance.choice(numbers)}
    message = {"level": chance.choice((0, 7, *numbers)), "fields": {"_a": 1e300}, "forAdmins": True}
    heads = (json.dumps(message).encode(), spoilt_line(chance, message))
    messages = [head + b"\nsaid\n" for head in heads]
    payload = chance.choice(
        (b"", b"x\n", b"\xff\n", spoilt_line(chance, said), b"[]", json.dumps(said).encode(), *messages)
    )
    stream = chance.choice((0, 1, 2, 3, GELF, GELF, 9, 255))
    frame = Frame(stream, 0, chance.choice(numbers), chance.choice(numbers), payload)
    return logformat.encode(frame) if len(payload) <= logformat.MAX_PAYLOAD_BYTES else b""


def test_the_daemon_reads_a_damaged_log_to_its_end_and_the_keeper_continues_it(
    tmp_path: Path,
) -> None:
    chance = dice("log")
    for number in rounds(SHARE, 200):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in sound_log().items():
            if chance.random() < 0.5:
                cut = chance.randrange(len(data) + 1)
                data = data[:cut] + forged_frame(chance) + data[cut if chance.random() < 0.5 else 0 :]
            (folder / name).write_bytes(data if chance.random() < 0.3 else spoilt_bytes(chance, data))
        _read_to_the_end(str(folder), limit=chance.choice((1, 3, 1000)), stream=chance.choice((None, STDOUT)))
        found = segments.list_segments(str(folder))
        assert segments.peek_next_seq(str(folder)) >= 0
        with suppress(OSError):
            os.close(segments.open_end(str(folder), found[-1]).fd)
            if len(found) > 3:
                segments.drop_oldest(str(folder), found[1:])
        _read_to_the_end(str(folder), limit=1000, stream=None)


def _read_to_the_end(folder: str, *, limit: int, stream: int | None) -> None:
    offset = 0
    for _ in range(1000):
        page = read_page(folder, offset, limit=limit, stream=stream)
        for item in page.items:
            frame = wire_frame(item, raw=False)
            msgspec.json.encode(frame)
            assert not isinstance(item, Gap) or item.from_seq <= item.to_seq
        assert page.next_offset >= offset
        msgspec.json.encode(page.next_offset)
        if page.at_end:
            break
        assert page.next_offset > offset, "a page that is not the last advances"
        offset = page.next_offset
    else:
        raise AssertionError("the log has no end")
    tail(folder, 5)
    stream_bytes(folder, STDOUT, 1000)


PROGRESS = {"progress": 0.4, "message": "400 of 1000", "counts": {"success": 10}, "outputs": [{"name": "a"}]}


def test_a_progress_line_is_valid_or_ignored() -> None:
    chance = dice("progress")
    for _ in rounds(SHARE, 500):
        said, problem = parse_progress(spoilt_line(chance, PROGRESS))
        assert problem is None or problem.isprintable()
        assert said.keys() <= PROGRESS.keys()
        assert 0 <= said.get("progress", 0) <= 1
        assert len(msgspec.json.encode(said)) < LONGEST_PROGRESS_BYTES


USAGE = [{"metric": "rows", "value": 5}]


def test_state_usage_and_manifests_are_used_or_refused_by_name() -> None:
    chance = dice("out files")
    entry = {"name": "t.csv", "path": "out/t.csv", "isSliced": False, "sizeBytes": 1, "updatedUs": 1}
    refusals: set[str] = set()
    manifest = {"destination": "a.b", "columns": ["x"], "primary_key": ["x"], "schema": [{"name": "x"}]}
    for _ in rounds(SHARE, 500):
        for read, sound in ((read_state, {"cursor": 5, "a": {"b": []}}), (read_usage, USAGE)):
            try:
                msgspec.json.encode(read(OutFile(spoilt_line(chance, sound))))
            except BadOutFile as problem:
                refusals.add(str(problem)[:4])
        text = spoilt_line(chance, manifest).decode("utf-8", "replace")
        for described in (table_of({**entry, "manifest": text}), file_of({**entry, "manifest": text})):
            msgspec.json.encode(described)
    assert refusals == {"out/"}, "a refusal begins with the file's name"


def test_settings_are_valid_or_the_error_names_the_file_or_the_setting(tmp_path: Path) -> None:
    chance = dice("settings")
    sound = (ROOT / "config" / "lockside.toml").read_bytes()
    file = tmp_path / "lockside.toml"
    refusals: set[str] = set()
    names = [
        "DAEMON__ON_STOP",
        "LIMITS__BATCH",
        "POOLS__DEFAULT__SLOTS",
        "POOLS",
        "ACCESS__ADMIN_GROUPS",
        "X__Y",
        "__",
    ]
    for _ in rounds(SHARE, 200):
        file.write_bytes(spoilt_bytes(chance, sound))
        environment = {
            f"LOCKSIDE_{chance.choice(names)}": chance.choice(("", "1", "9" * 5000, "x", "a,b", "\udcff"))
        }
        try:
            settings.load([file], environment if chance.random() < 0.5 else {})
        except SettingsError as error:
            refusals.add(str(error).replace(str(file), "settings")[:8])
    assert refusals <= {"settings", "LOCKSIDE"}, "a refusal begins with the file or the setting"


def test_a_folder_of_pipeline_files_is_read_or_every_fault_names_its_file(tmp_path: Path) -> None:
    chance = dice("apply")
    source = ROOT / "config" / "example"
    kinds = [
        file
        for file in source.rglob("*.toml")
        if spelled(file, source)[0] in ("components", "configs", "pools.toml")
    ]
    for number in rounds(SHARE, 60):
        target = tmp_path / str(number)
        spoilt = chance.sample(kinds, chance.choice((1, 2, len(kinds))))
        for file in kinds:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            data = file.read_bytes()
            copy.write_bytes(spoilt_bytes(chance, data) if file in spoilt else data)
            if chance.random() < 0.05:
                copy.rename(copy.with_suffix(".json"))
        for fault in read_folder(str(target)).faults:
            assert str(target) in str(fault)


def spelled(file: Path, source: Path) -> tuple[str, ...]:
    return file.relative_to(source).parts


ORDER: dict[str, Any] = {
    "op": "start", "token": "1-1-0", "folder": "/tmp/x", "pipeline": [["true", "a"]], "shell": False,
    "cwd": "/",
    "env": {"PATH": "/bin"}, "user": {"uid": 1, "gid": 1, "groups": [1]}, "timeoutSeconds": 5,
    "graceSeconds": 1,
    "stopSignal": 15, "memoryBytes": 10**6, "cpus": 1, "leftovers": "stop", "secrets": ["x"],
    "logFolder": "/tmp/x/log", "maxLogBytes": 65536,
    "gelf": {"transport": "tcp", "visibilities": "cccssssn"},
}  # fmt: skip


def test_an_order_is_carried_out_exactly_or_refused_with_its_field() -> None:
    chance = dice("order")
    for _ in rounds(SHARE, 1000):
        try:
            message = wire.decode(spoilt_line(chance, ORDER))
            found = order.parse(message)
            order.parse_reap(message)
        except (wire.BadLine, order.BadOrder):
            continue
        texts = [found.folder, found.log_folder, *itertools.chain(*found.stages), found.cwd]
        assert not any("\0" in os.fsdecode(text) for text in texts)
        assert found.max_log_bytes > 0


def test_an_invalid_record_is_ignored(tmp_path: Path) -> None:
    chance = dice("record")
    for _ in rounds(SHARE, 300):
        (tmp_path / outcome.FILE).write_bytes(spoilt_line(chance, outcome.blank("1-1-0")))
        read = outcome.read(str(tmp_path), outcome.FILE)
        assert read is None or isinstance(read, dict)


def test_spoiling_depends_only_on_the_random_numbers() -> None:
    first, second = dice("same"), dice("same")
    second.setstate(first.getstate())
    assert [spoilt_value(first, ORDER) for _ in range(20)] == [spoilt_value(second, ORDER) for _ in range(20)]
