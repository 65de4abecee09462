"""Secrets do not reach the disk, however they are encoded and split."""

import base64
import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from locksided.keeper.log.redact import HIDDEN, Redactor


def redact(secrets: list[str], *portions: bytes) -> bytes:
    redactor = Redactor(secrets)
    return b"".join(redactor.feed(portion) for portion in portions) + redactor.finish()


def test_a_secret_is_hidden() -> None:
    assert redact(["s3cret"], b"the s3cret is s3cret\n") == b"the [hidden] is [hidden]\n"


def test_a_secret_across_portions_is_hidden_byte_by_byte() -> None:
    text = b"a s3cret b"
    assert redact(["s3cret"], *(text[at : at + 1] for at in range(len(text)))) == b"a [hidden] b"


def test_text_that_only_begins_like_a_secret_is_unchanged() -> None:
    redactor = Redactor(["s3cret"])
    assert redactor.feed(b"a s3cr") == b"a "
    assert redactor.feed(b"uel") == b"s3cruel"


def test_a_retained_end_is_released_when_the_stream_ends() -> None:
    assert redact(["s3cret"], b"s3cre") == b"s3cre"


def test_base64_of_a_secret_is_hidden_alone_and_inside_a_longer_text() -> None:
    secret = "correct horse battery"
    assert redact([secret], base64.b64encode(secret.encode())) == HIDDEN
    for before in ("", "u", "us", "user:"):
        encoded = base64.b64encode(f"{before}{secret}@host".encode())
        shown = redact([secret], encoded)
        assert HIDDEN in shown
        assert len(shown) <= len(before) * 2 + len("@host") * 2 + 8 + len(HIDDEN)


def test_the_json_form_of_a_secret_is_hidden() -> None:
    secret = 'pa"ss/wörd\n!'
    assert redact([secret], json.dumps({"p": secret}).encode()) == b'{"p": "[hidden]"}'
    assert redact([secret], json.dumps({"p": secret}, ensure_ascii=False).encode()) == b'{"p": "[hidden]"}'
    assert redact([secret], json.dumps({"p": secret}).replace("/", "\\/").encode()) == b'{"p": "[hidden]"}'


def test_a_secret_of_three_characters_is_left_alone() -> None:
    assert redact(["abc"], b"abcabc") == b"abcabc"


def test_the_longer_of_two_secrets_wins_even_when_its_end_comes_later() -> None:
    assert redact(["pass", "password"], b"my pass", b"word!") == b"my [hidden]!"
    assert redact(["pass", "password"], b"my pass", b"port") == b"my [hidden]port"


def test_a_secret_that_overlaps_the_beginning_of_another_is_hidden() -> None:
    assert redact(["xxab", "abyy"], b"xxab", b"zz") == b"[hidden]zz"


def test_a_secret_is_not_searched_for_in_its_replacement() -> None:
    assert redact(["hidden"], b"hidden") == HIDDEN


@given(
    secrets=st.lists(st.text("ab", min_size=4, max_size=7), min_size=1, max_size=3),
    text=st.text("ab-", max_size=60).map(str.encode),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_no_way_of_cutting_lets_a_secret_through(secrets: list[str], text: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    portions = [text[start:end] for start, end in pairwise(places)]
    shown = redact(secrets, *portions)
    assert not any(secret.encode() in shown for secret in secrets)
    assert shown == Redactor(secrets).hide(text)
