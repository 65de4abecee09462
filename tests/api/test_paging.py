"""The answer of a list fits into a line, has an entry at least, and says where the next page begins."""

import msgspec
import pytest

from locksided.api.paging import AROUND_BYTES, in_lines, listed
from locksided.store.paging import Slice


def cut(sizes: list[int], room_bytes: int, *, has_more: bool = False) -> tuple[list[int], str | None]:
    """The sizes of the entries that are answered, and the cursor."""
    found = Slice(list(enumerate(sizes)), has_more, lambda entry: str(entry[0]))
    answer = listed("list", found, lambda entry: "x" * (entry[1] - 2), AROUND_BYTES + room_bytes)
    sent = msgspec.json.decode(msgspec.json.encode(answer))
    return [len(text) + 2 for text in sent["list"]], sent["nextCursor"]


@pytest.mark.parametrize(
    ("sizes", "room_bytes", "expected"),
    [
        ([], 100, ([], None)),
        ([40, 60], 100, ([40, 60], None)),
        ([40, 60, 2], 100, ([40, 60], "1")),
        ([500, 2], 100, ([500], "0")),
        ([500], 100, ([500], None)),
    ],
)
def test_entries_are_taken_while_they_fit(
    sizes: list[int], room_bytes: int, expected: tuple[list[int], str | None]
) -> None:
    assert cut(sizes, room_bytes) == expected


def test_a_list_that_has_more_says_so_though_all_its_entries_fit() -> None:
    assert cut([40, 60], 100, has_more=True) == ([40, 60], "1")


def test_what_always_stands_first_is_on_the_page_beside_the_entries() -> None:
    found = Slice([1, 2], False, str)
    answer = listed("list", found, int, AROUND_BYTES + 1, always=[{"id": "default"}])
    assert (len(answer["list"]), answer["nextCursor"]) == (2, "1")


def test_everything_is_sent_in_lines_and_in_order() -> None:
    parts = list(in_lines([40, 40, 500, 40], lambda size: "x" * (size - 2), AROUND_BYTES + 100))
    assert [(last, len(texts)) for last, texts in parts] == [(40, 2), (500, 1), (40, 1)]
