"""Messages are found in the same way however the bytes arrive, and no input causes a failure."""

import json

from hypothesis import given
from hypothesis import strategies as st

from locksided.keeper import strictjson
from locksided.keeper.gelf.framing import CHUNK_SECONDS, MAX_BEGUN, Datagrams, Found, Lines, Requests
from locksided.keeper.gelf.messages import MAX_DEPTH, MAX_MESSAGE_BYTES, Record, record_of

ALL = "vvvvvvvv"


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {len(data)})
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def found_by(reading: Lines | Requests, pieces: list[bytes]) -> list[Found]:
    return [found for piece in pieces for found in reading.feed(piece)] + reading.finish()


@given(st.lists(st.sampled_from([b"a", b"{}", b"\0", b"\n", b"\r\n", b"\xff"])), st.lists(st.integers(0, 60)))
def test_messages_by_tcp_do_not_depend_on_how_they_are_cut(words: list[bytes], places: list[int]) -> None:
    data = b"".join(words)
    messages = data.replace(b"\0", b"\n").split(b"\n")
    whole = [one for message in messages if (one := message.removesuffix(b"\r")).strip()]
    assert found_by(Lines(), cut(data, places)) == whole


@given(st.lists(st.integers(0, 300), max_size=9))
def test_posts_do_not_depend_on_how_they_are_cut(places: list[int]) -> None:
    data = b"".join(
        b"POST / HTTP/1.1\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n%b" % (len(body), body)
        for body in (b"one", b"", b"three")
    )
    assert found_by(Requests(), cut(data, places)) == [b"one", b"three"]


@given(st.lists(st.binary(max_size=40)))
def test_junk_by_http_is_answered_or_treated_as_incomplete(pieces: list[bytes]) -> None:
    reading = Requests()
    found = found_by(reading, pieces)
    assert all(isinstance(one, int) for one in found)
    assert not reading.is_over or reading.answer.startswith(b"HTTP/1.1 4")


@given(st.lists(st.binary(max_size=30).map(lambda rest: b"\x1e\x0f" + rest)))
def test_junk_in_chunks_is_discarded_by_the_end(datagrams: list[bytes]) -> None:
    reading = Datagrams()
    for data in datagrams:
        reading.feed(data, "sender", 0.0)
    reading.finish()
    assert reading.finish() == []


def chunk(name: int, place: int, total: int) -> bytes:
    return b"\x1e\x0f" + name.to_bytes(8) + bytes([place, total]) + b"xy"


def test_chunks_are_joined_in_any_order_separately_for_each_sender_and_in_time() -> None:
    reading = Datagrams()
    assert reading.feed(chunk(1, 1, 2), "ann", 0) == []
    assert reading.feed(chunk(1, 0, 2), "bob", 0) == []
    assert reading.feed(chunk(1, 1, 2), "ann", 1) == [], "the same again"
    assert reading.feed(chunk(1, 0, 2), "ann", CHUNK_SECONDS - 0.1) == [b"xyxy"]
    assert reading.feed(chunk(1, 1, 2), "bob", CHUNK_SECONDS) == [2], "too late, and a message of its own"
    assert reading.feed(chunk(1, 0, 3), "bob", CHUNK_SECONDS) == [4], "it has two chunks"
    assert reading.finish() == []


def test_the_oldest_of_too_many_incomplete_messages_is_lost() -> None:
    reading = Datagrams()
    found = [reading.feed(chunk(name, 0, 2), "ann", 0) for name in range(MAX_BEGUN + 1)]
    assert found == [[]] * MAX_BEGUN + [[2]]


def test_a_message_that_is_too_long_becomes_its_length_however_it_is_cut() -> None:
    long = b"x" * (MAX_MESSAGE_BYTES + 1)
    pieces = [b"before\n", *[long[at : at + 50_000] for at in range(0, len(long), 50_000)], b"\nafter"]
    assert found_by(Lines(), pieces) == [b"before", len(long), b"after"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["short_message", "full_message", "level", "_a", "_b"]), JSON))
def test_any_content_of_a_message_can_be_sent_to_the_keeper(document: dict[str, object]) -> None:
    record = record_of(json.dumps(document).encode(), ALL)
    assert record is not None
    text = json.dumps(record._asdict(), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    assert strictjson.read(text, MAX_DEPTH)["level"] in range(8)


def test_levels_are_numbers_from_0_to_7_or_else_the_default_of_gelf() -> None:
    def level(value: object) -> int:
        record = record_of(json.dumps({"short_message": "x", "level": value}).encode(), ALL)
        assert record is not None
        return record.level

    assert [level(value) for value in (0, 7, "3", 8, -1, "x", None, True, 3.0)] == [0, 7, 3, 1, 1, 1, 1, 1, 1]


def test_a_message_that_is_nested_too_deep_is_text() -> None:
    deep = b'{"short_message": "x", "_d": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"
    assert record_of(deep, ALL) == Record(6, deep.decode(), {})
