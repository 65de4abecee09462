"""The log reader, checked against logs of the keeper's writer and against a plain list as the model."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locksided.api.logs import wire_frame
from locksided.joblog.reader import Gap, Page, length, read_page, segments_of, stream_bytes, tail
from locksided.keeper.log import format as logformat
from locksided.keeper.log import segments
from locksided.keeper.log.format import DROPPED, STDERR, STDOUT, Dropped, Frame
from locksided.keeper.log.writer import LogWriter


def frame(seq: int, payload: bytes = b"x\n", stream: int = STDOUT) -> Frame:
    return Frame(stream, 0, seq, 1_000_000 * seq, payload)


def segment(folder: Path, frames: list[Frame], rest: bytes = b"") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / logformat.segment_name(frames[0].seq)
    path.write_bytes(b"".join(logformat.encode(one) for one in frames) + rest)
    return path


def seqs(page: Page) -> list[int | tuple[int, int]]:
    return [(item.from_seq, item.to_seq) if isinstance(item, Gap) else item.seq for item in page.items]


def test_a_log_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read_page(str(tmp_path / "log"), 5) == Page((), 5, at_end=True)
    assert tail(str(tmp_path / "log"), 3) == []


def test_frames_are_read_from_any_number_across_segments(tmp_path: Path) -> None:
    segment(tmp_path, [frame(0), frame(1), frame(2)])
    segment(tmp_path, [frame(3), frame(4)])
    for offset in range(6):
        assert read_page(str(tmp_path), offset) == Page(
            tuple(frame(seq) for seq in range(offset, 5)), max(5, offset), at_end=True
        )


def test_a_page_ends_at_its_limits_and_the_next_page_continues(tmp_path: Path) -> None:
    segment(tmp_path, [frame(seq, b"0123456789") for seq in range(5)])
    page = read_page(str(tmp_path), 0, limit=2)
    assert (seqs(page), page.next_offset, page.at_end) == ([0, 1], 2, False)
    assert seqs(read_page(str(tmp_path), 2, max_bytes=25)) == [2, 3]
    assert seqs(read_page(str(tmp_path), 2, max_bytes=1)) == [2]


def test_one_stream_alone_can_be_read(tmp_path: Path) -> None:
    segment(tmp_path, [frame(0), frame(1, stream=STDERR), frame(2)])
    page = read_page(str(tmp_path), 0, stream=STDERR)
    assert (seqs(page), page.next_offset) == ([1], 3)
    assert stream_bytes(str(tmp_path), STDOUT, 100) == b"x\nx\n"
    assert stream_bytes(str(tmp_path), STDOUT, 3) == b"x\nx"


def test_the_length_of_a_log_includes_lost_frames_but_no_torn_frame(tmp_path: Path) -> None:
    assert length(str(tmp_path / "log")) == 0
    segment(tmp_path, [frame(0), frame(1)])
    assert length(str(tmp_path)) == 2
    whole = logformat.encode(frame(4))
    last = segment(tmp_path, [frame(2), frame(3)], whole[:-1])
    assert length(str(tmp_path)) == 4
    last.write_bytes(last.read_bytes()[: 1 - len(whole)])
    lost = Frame(DROPPED, 0, 4, 0, logformat.dropped_payload(Dropped(100, 4, 9)))
    segment(tmp_path, [lost])
    assert length(str(tmp_path)) == 10


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_torn_last_frame_is_left_out_until_it_is_whole(tmp_path: Path, cut: int) -> None:
    whole = logformat.encode(frame(2))
    path = segment(tmp_path, [frame(0), frame(1)], whole[:cut])
    assert seqs(read_page(str(tmp_path))) == ([0, 1, 2] if cut == len(whole) else [0, 1])
    path.write_bytes(path.read_bytes()[:-cut] + whole)
    assert seqs(read_page(str(tmp_path), 2)) == [2]


def test_a_torn_end_of_an_earlier_segment_never_hides_the_rest(tmp_path: Path) -> None:
    segment(tmp_path, [frame(0)], logformat.encode(frame(1))[:-1])
    segment(tmp_path, [frame(2)])
    assert seqs(read_page(str(tmp_path))) == [0, (1, 1), 2]


def test_a_damaged_frame_is_a_gap_and_all_others_are_read(tmp_path: Path) -> None:
    path = segment(tmp_path, [frame(seq) for seq in range(4)])
    data = bytearray(path.read_bytes())
    size = len(logformat.encode(frame(0)))
    data[size + 28] ^= 0xFF
    path.write_bytes(data)
    assert seqs(read_page(str(tmp_path))) == [0, (1, 1), 2, 3]
    data[2 * size : 2 * size + 2] = b"??"
    path.write_bytes(data)
    assert seqs(read_page(str(tmp_path))) == [0, (1, 2), 3]


def test_a_marker_represents_dropped_frames(tmp_path: Path) -> None:
    marker = Frame(DROPPED, 0, 1, 7, logformat.dropped_payload(Dropped(500, 1, 8)))
    segment(tmp_path, [frame(0), marker, frame(9)])
    page = read_page(str(tmp_path))
    assert page.items[1] == Gap(1, 8, 500, 7)
    assert page.next_offset == 10
    assert seqs(read_page(str(tmp_path), 5)) == [(1, 8), 9]
    assert seqs(read_page(str(tmp_path), 9)) == [9]


def test_a_missing_segment_is_a_gap(tmp_path: Path) -> None:
    segment(tmp_path, [frame(0)])
    segment(tmp_path, [frame(5)])
    assert seqs(read_page(str(tmp_path))) == [0, (1, 4), 5]
    assert seqs(read_page(str(tmp_path), 3)) == [(3, 4), 5]


def test_a_ring_that_wrapped_around_reads_as_head_marker_and_rest(tmp_path: Path) -> None:
    folder = str(tmp_path / "log")
    writer = LogWriter(folder, 64_000)
    for number in range(400):
        writer.append(STDOUT, [f"{number:0999d}\n".encode()])
    writer.close()
    page = read_page(folder)
    gaps = [item for item in page.items if isinstance(item, Gap)]
    assert len(gaps) == 1
    assert (page.next_offset, page.at_end) == (400, True)
    kept = sum(1 for item in page.items if not isinstance(item, Gap))
    assert kept + gaps[0].to_seq - gaps[0].from_seq + 1 == 400
    assert gaps[0].size_bytes == 1000 * (400 - kept)
    assert tail(folder, 2) == [f"{398:0999d}", f"{399:0999d}"]


def test_a_follower_sees_frames_written_after_it_began(tmp_path: Path) -> None:
    folder = str(tmp_path / "log")
    writer = LogWriter(folder, 1_000_000)
    seen: list[bytes] = []
    offset = 0
    for number in range(50):
        writer.append(STDOUT, [b"%d\n" % number, b"%d\n" % -number])
        page = read_page(folder, offset)
        seen += [item.payload for item in page.items if isinstance(item, Frame)]
        offset = page.next_offset
    writer.close()
    assert b"".join(seen) == stream_bytes(folder, STDOUT, 10**6)
    assert len(seen) == 100


def test_seeking_far_into_a_large_segment_finds_the_frame(tmp_path: Path) -> None:
    segment(tmp_path, [frame(seq, b"%07d" % seq * 20) for seq in range(20_000)])
    for offset in (19_999, 10_000, 3, 15_000, 0, 19_000):
        page = read_page(str(tmp_path), offset, limit=2)
        assert seqs(page)[0] == offset
    assert tail(str(tmp_path), 1)[0].endswith("0019999")


def test_a_new_log_under_the_same_name_is_read_without_stale_positions(tmp_path: Path) -> None:
    for text in (b"first\n", b"second, longer\n", b"3\n"):
        path = segment(tmp_path, [frame(seq, text) for seq in range(5000)])
        assert read_page(str(tmp_path), 4999).items == (frame(4999, text),)
        path.unlink()


def test_the_tail_joins_lines_over_frames_and_keeps_streams_apart(tmp_path: Path) -> None:
    segment(
        tmp_path,
        [
            frame(0, b"one\ntw"),
            frame(1, b"warn", STDERR),
            frame(2, b"o\nthree"),
            frame(3, b"ing\n", STDERR),
        ],
    )
    assert tail(str(tmp_path), 10) == ["one", "two", "warning", "three"]
    assert tail(str(tmp_path), 2) == ["warning", "three"]
    assert tail(str(tmp_path), 5, stream=STDERR) == ["warning"]
    assert tail(str(tmp_path), 0) == []


def test_the_tail_of_a_log_of_tiny_frames_is_joined_in_one_pass(tmp_path: Path) -> None:
    frames = (Frame(STDOUT, 0, seq, 1, b"x") for seq in range(200_000))
    (tmp_path / logformat.segment_name(0)).write_bytes(b"".join(map(logformat.encode, frames)))
    assert tail(str(tmp_path), 1) == ["x" * 200_000]


def test_other_files_in_the_folder_are_not_segments(tmp_path: Path) -> None:
    segment(tmp_path, [frame(0)])
    (tmp_path / "notes.seg").write_text("x")
    (tmp_path / (logformat.segment_name(1) + ".new")).write_text("x")
    assert segments_of(str(tmp_path)) == [0]


def test_a_link_in_place_of_a_segment_is_not_followed(tmp_path: Path) -> None:
    os.symlink("/etc/passwd", tmp_path / logformat.segment_name(0))
    with pytest.raises(OSError, match="symbolic"):
        read_page(str(tmp_path))


def test_what_a_job_made_of_its_log_bounds_the_work_of_readers(tmp_path: Path) -> None:
    os.truncate(segment(tmp_path, [frame(seq) for seq in range(3)]), 2**43)
    assert seqs(read_page(str(tmp_path), 1)) == [1, 2]
    assert length(str(tmp_path)) == 3
    assert segments.peek_next_seq(str(tmp_path), 2**18) == 0, "nothing is at its end"
    for seq in range(3, 3 + 2 * logformat.MAX_FILES):
        (tmp_path / logformat.segment_name(seq)).touch()
    assert len(segments_of(str(tmp_path))) == logformat.MAX_FILES
    assert len(segments.list_segments(str(tmp_path))) == logformat.MAX_FILES


def test_the_next_number_is_found_at_the_end_of_a_large_segment(tmp_path: Path) -> None:
    segment(tmp_path, [frame(seq, b"x" * 60_000) for seq in range(30)])
    assert segments.peek_next_seq(str(tmp_path), 2**18) == segments.peek_next_seq(str(tmp_path)) == 30


def test_the_wire_form_of_a_frame_is_text_or_base64_or_a_gap() -> None:
    assert wire_frame(frame(1, b"a\xffb"), raw=False) == {
        "seq": 1,
        "time": "1970-01-01T00:00:01.000000Z",
        "stream": "stdout",
        "text": "a\ufffdb",
    }
    assert wire_frame(frame(1, b"\xff", STDERR), raw=True)["data"] == "/w=="
    assert wire_frame(Gap(3, 9, 77, 0), raw=False)["dropped"] == {"bytes": 77, "fromSeq": 3, "toSeq": 9}


PAYLOADS = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=40)), max_size=40)


@given(
    PAYLOADS,
    st.sets(st.integers(1, 39)),
    st.sets(st.integers(0, 39)),
    st.integers(0, 45),
    st.integers(1, 10),
    st.sampled_from([None, STDOUT, STDERR]),
)
@settings(max_examples=150)
def test_all_pages_together_equal_the_model(
    tmp_path_factory: pytest.TempPathFactory,
    payloads: list[tuple[int, bytes]],
    borders: set[int],
    lost: set[int],
    offset: int,
    limit: int,
    stream: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("log")
    frames = [frame(seq, payload, kind) for seq, (kind, payload) in enumerate(payloads) if seq not in lost]
    part: list[Frame] = []
    for one in frames:
        if part and one.seq in borders:
            segment(folder, part)
            part = []
        part.append(one)
    if part:
        segment(folder, part)
    found: list[Frame] = []
    missing: set[int] = set()
    at, done = offset, False
    while not done:
        page = read_page(str(folder), at, limit=limit, stream=stream)
        assert len(page.items) <= limit
        for item in page.items:
            if isinstance(item, Gap):
                missing |= set(range(item.from_seq, item.to_seq + 1))
            else:
                found.append(item)
        at, done = page.next_offset, page.at_end
    assert found == [one for one in frames if one.seq >= offset and stream in (None, one.stream)]
    last = frames[-1].seq if frames else -1
    assert missing == {seq for seq in lost if offset <= seq < last and seq < len(payloads)}
