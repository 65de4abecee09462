"""Output is cut where a reader expects a cut."""

from locksided.keeper.log.framing import Cutter


def test_whole_lines_go_out_at_once_and_the_beginning_of_a_line_waits() -> None:
    cutter = Cutter()
    assert cutter.feed(b"one\ntwo\nthr") == [b"one\ntwo\n"]
    assert cutter.is_waiting
    assert cutter.feed(b"ee\n") == [b"three\n"]
    assert not cutter.is_waiting


def test_a_frame_ends_at_the_last_line_end_within_the_limit() -> None:
    assert Cutter(limit=8).feed(b"aa\nbb\ncccc\n") == [b"aa\nbb\n", b"cccc\n"]


def test_a_line_that_is_too_long_is_cut_at_a_character_boundary() -> None:
    text = "€" * 5 + "\n"
    payloads = Cutter(limit=8).feed(text.encode())
    assert [payload.decode() for payload in payloads] == ["€€", "€€", "€\n"]


def test_bytes_that_are_not_utf8_are_cut_at_the_limit() -> None:
    assert Cutter(limit=8).feed(b"\xbf" * 20) == [b"\xbf" * 8, b"\xbf" * 8]


def test_a_flush_retains_an_incomplete_character() -> None:
    cutter = Cutter()
    assert cutter.feed("ab€".encode()[:-1]) == []
    assert cutter.flush() == [b"ab"]
    assert cutter.feed("€".encode()[-1:] + b"\n") == ["€\n".encode()]


def test_the_end_of_the_stream_releases_everything() -> None:
    cutter = Cutter()
    cutter.feed("ab€".encode()[:-1])
    assert cutter.finish() == ["ab€".encode()[:-1]]
    assert cutter.finish() == []


def test_nothing_is_lost_or_doubled_however_the_stream_is_split() -> None:
    data = "".join(f"line {n} é€𝄞 {'x' * (n % 50)}\n" for n in range(300)).encode()
    for size in (1, 2, 3, 7, 64, 1000):
        cutter = Cutter(limit=40)
        out = [p for at in range(0, len(data), size) for p in cutter.feed(data[at : at + size])]
        out += cutter.finish()
        assert b"".join(out) == data
        assert all(len(payload) <= 40 for payload in out)
        for payload in out:
            payload.decode()
