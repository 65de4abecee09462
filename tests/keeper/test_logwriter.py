"""The log on disk: whole frames, bounded size, no frame hidden by a fault."""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keeper.kit import read_frames
from locksided.keeper.log import format as logformat
from locksided.keeper.log import segments
from locksided.keeper.log.format import DROPPED, PARTIAL, STDERR, STDOUT
from locksided.keeper.log.writer import LogWriter

BIG = 64 * 1024 * 1024


@contextmanager
def full_disk(limit_bytes: int) -> Iterator[None]:
    """Limit the size of files: a write beyond the limit fails with EFBIG; partial writes are possible."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def covered(folder: Path) -> list[int]:
    """Return every sequence number that the log accounts for, in order."""
    numbers: list[int] = []
    for frame in read_frames(folder):
        numbers += range(frame.seq, logformat.last_seq(frame) + 1)
    return numbers


def test_no_file_is_created_before_there_is_output(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path / "log"), BIG)
    assert writer.next_seq == 0
    writer.close()
    assert not (tmp_path / "log").exists()


def test_frames_are_read_as_they_were_written(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path / "log"), BIG)
    writer.append(STDOUT, [b"one\n", b"two"])
    writer.append(STDERR, [b"three\n"])
    writer.close()
    assert [(f.seq, f.stream, f.flags, f.payload) for f in read_frames(tmp_path / "log")] == [
        (0, STDOUT, 0, b"one\n"),
        (1, STDOUT, PARTIAL, b"two"),
        (2, STDERR, 0, b"three\n"),
    ]
    assert (writer.next_seq, writer.written_bytes) == (3, 13)


def test_the_next_writer_continues_the_numbering(tmp_path: Path) -> None:
    for _ in range(3):
        writer = LogWriter(str(tmp_path), BIG)
        writer.append(STDOUT, [b"x\n"])
        writer.close()
    assert covered(tmp_path) == [0, 1, 2]
    assert LogWriter(str(tmp_path), BIG).next_seq == 3


@pytest.mark.parametrize("cut", [1, 10, 27, 28, 30])
def test_a_torn_last_frame_is_cut_off_and_hides_nothing(tmp_path: Path, cut: int) -> None:
    writer = LogWriter(str(tmp_path), BIG)
    writer.append(STDOUT, [b"good\n", b"torn\n"])
    writer.close()
    (segment,) = tmp_path.glob("*.seg")
    os.truncate(segment, segment.stat().st_size - cut)
    writer = LogWriter(str(tmp_path), BIG)
    writer.append(STDOUT, [b"after\n"])
    writer.close()
    assert [(f.seq, f.payload) for f in read_frames(tmp_path)] == [(0, b"good\n"), (1, b"after\n")]


def test_zeros_left_by_a_power_failure_are_cut_off(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), BIG)
    writer.append(STDOUT, [b"good\n"])
    writer.close()
    (segment,) = tmp_path.glob("*.seg")
    with segment.open("ab") as file:
        file.write(bytes(4096))
    writer = LogWriter(str(tmp_path), BIG)
    writer.append(STDOUT, [b"after\n"])
    writer.close()
    assert [frame.payload for frame in read_frames(tmp_path)] == [b"good\n", b"after\n"]


def test_a_broken_frame_in_the_middle_does_not_hide_the_later_ones(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), BIG)
    writer.append(STDOUT, [b"one\n", b"two\n", b"three\n"])
    writer.close()
    (segment,) = tmp_path.glob("*.seg")
    segment.write_bytes(segment.read_bytes().replace(b"two\n", b"tw0\n"))
    assert [frame.payload for frame in read_frames(tmp_path)] == [b"one\n", b"three\n"]
    assert LogWriter(str(tmp_path), BIG).next_seq == 3


def test_the_head_and_the_end_stay_and_the_part_dropped_between_is_marked(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), 64 * 1024)
    lines = [b"%04d %s\n" % (n, b"x" * 500) for n in range(1000)]
    for line in lines:
        writer.append(STDOUT, [line])
    writer.close()
    frames = read_frames(tmp_path)
    assert covered(tmp_path) == list(range(1000))
    assert frames[0].payload == lines[0]
    assert frames[-1].payload == lines[-1]
    markers = [frame for frame in frames if frame.stream == DROPPED]
    assert len(markers) == 1
    dropped = logformat.read_dropped(markers[0].payload)
    lost = lines[dropped.from_seq : dropped.to_seq + 1]
    assert dropped.size_bytes == sum(map(len, lost)) == writer.dropped_bytes
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 64 * 1024 + 200


def test_a_new_writer_continues_the_ring(tmp_path: Path) -> None:
    for start in range(0, 1000, 100):
        writer = LogWriter(str(tmp_path), 64 * 1024)
        for n in range(start, start + 100):
            writer.append(STDOUT, [b"%04d %s\n" % (n, b"x" * 500)])
        writer.close()
    assert covered(tmp_path) == list(range(1000))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 64 * 1024 + 200


def test_a_reader_meets_no_gap_while_a_segment_is_being_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[list[int]] = []
    for name in ("rename", "unlink"):
        real = getattr(os, name)

        def spied(*arguments: str, real: object = real) -> None:
            real(*arguments)  # type: ignore[operator]
            states.append(covered(tmp_path))

        monkeypatch.setattr(os, name, spied)
    writer = LogWriter(str(tmp_path), 64 * 1024)
    for n in range(600):
        writer.append(STDOUT, [b"%04d %s\n" % (n, b"x" * 500)])
    writer.close()
    assert len(states) > 10
    for numbers in states:
        assert sorted(set(numbers)) == list(range(max(numbers) + 1))


def test_output_lost_to_a_full_disk_is_marked_once_the_disk_is_writable_again(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), BIG)
    writer.append(STDOUT, [b"before\n"])
    with full_disk(100):
        writer.append(STDOUT, [b"x" * 99 + b"\n"])
        writer.append(STDOUT, [b"y" * 49 + b"\n"])
    assert writer.failure is not None
    assert writer.failure.errno == errno.EFBIG
    writer.append(STDOUT, [b"after\n"])
    writer.close()
    frames = read_frames(tmp_path)
    assert [frame.seq for frame in frames] == [0, 1, 3]
    assert logformat.read_dropped(frames[1].payload) == logformat.Dropped(150, 1, 2)
    assert frames[2].payload == b"after\n"
    assert writer.dropped_bytes == 150


def test_a_disk_that_stays_full_leaves_whole_frames_only(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), BIG)
    with full_disk(1000):
        for n in range(100):
            writer.append(STDOUT, [b"%098d\n" % n])
        writer.close()
    (segment,) = tmp_path.glob("*.seg")
    data = segment.read_bytes()
    ends = [end for _, end in logformat.scan(data)]
    assert ends[-1] == len(data)
    assert writer.written_bytes + writer.dropped_bytes == 100 * 99


def test_a_folder_that_cannot_be_read_at_first_does_not_cause_duplicate_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = LogWriter(str(tmp_path), BIG)
    first.append(STDOUT, [b"a\n", b"b\n"])
    first.close()
    writer = LogWriter(str(tmp_path), BIG)

    def fails(folder: str) -> list[segments.Segment]:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(segments, "list_segments", fails)
        writer.append(STDOUT, [b"lost\n"])
    writer.append(STDOUT, [b"c\n"])
    writer.close()
    frames = read_frames(tmp_path)
    assert [frame.seq for frame in frames] == [0, 1, 2, 3]
    assert logformat.read_dropped(frames[2].payload) == logformat.Dropped(5, 2, 2)
