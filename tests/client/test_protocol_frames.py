"""Frames are decoded unchanged, however the bytes are split, and never cost more memory than their limit."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockside.protocol.frames import Broken, Frame, Framing, HeaderDecoder, LineDecoder, TooLong, detect

LIMIT = 50
BODIES = st.lists(
    st.binary(max_size=70).filter(lambda body: b"\n" not in body and not body.isspace()), max_size=8
)


def fed(decoder: LineDecoder | HeaderDecoder, data: bytes, cuts: list[int]) -> list[Frame]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    return [frame for piece in pieces for frame in decoder.feed(piece)]


@given(BODIES, st.lists(st.integers(min_value=0)))
def test_lines_are_decoded_unchanged_however_they_are_split(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(Framing.LINES.encode(body) for body in bodies)
    expected = [
        TooLong(LIMIT) if len(body) > LIMIT else body for body in bodies if body and not body.isspace()
    ]
    assert fed(LineDecoder(LIMIT), data, cuts) == expected


@given(BODIES, st.lists(st.integers(min_value=0)))
def test_contents_are_decoded_unchanged_however_they_are_split(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(Framing.HEADERS.encode(body) for body in bodies)
    expected = [TooLong(LIMIT) if len(body) > LIMIT else body for body in bodies]
    assert fed(HeaderDecoder(LIMIT), data, cuts) == expected


@given(st.binary(max_size=300), st.lists(st.integers(min_value=0)))
def test_no_bytes_make_a_decoder_raise_or_hold_more_than_its_limit(data: bytes, cuts: list[int]) -> None:
    for decoder in (LineDecoder(LIMIT), HeaderDecoder(LIMIT)):
        fed(decoder, data, cuts)
        assert decoder.held_bytes <= LIMIT


def test_a_long_line_is_reported_as_soon_as_it_is_too_long_and_then_dropped() -> None:
    decoder = LineDecoder(LIMIT)
    assert decoder.feed(b"x" * (LIMIT + 1)) == [TooLong(LIMIT)]
    assert decoder.held_bytes == 0
    assert decoder.feed(b"x" * 1000) == []
    assert decoder.feed(b"x\nnext\n") == [b"next"]


def test_other_headers_are_accepted_and_names_are_case_insensitive() -> None:
    data = b"content-length: 2\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{}"
    assert HeaderDecoder().feed(data) == [b"{}"]


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: \r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1e3\r\n\r\n",
        b"Content-Length: 9999999999999999\r\n\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"Content-Length 5\r\n\r\n",
        b"Content-Type: x\r\n\r\n",
        b"x" * 5000,
    ],
)
def test_nothing_more_is_read_after_invalid_headers(headers: bytes) -> None:
    decoder = HeaderDecoder()
    before = Framing.HEADERS.encode(b"{}")
    *frames, last = decoder.feed(before + headers + before)
    assert frames == [b"{}"]
    assert isinstance(last, Broken)
    assert decoder.feed(before) == []


@pytest.mark.parametrize(
    ("start", "framing"),
    [
        (b"", None),
        (b"Content", None),
        (b"Content-Length", Framing.HEADERS),
        (b"{", Framing.LINES),
        (b"Contents", Framing.LINES),
        (b"\n", Framing.LINES),
    ],
)
def test_the_first_bytes_decide_the_framing(start: bytes, framing: Framing | None) -> None:
    assert detect(start) is framing
