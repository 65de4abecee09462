"""The answer of a list fits a line, has at least one entry, and says where the next page begins."""

import msgspec
import pytest

from locksided.api.paging import AROUND_BYTES, in_lines, listed
from locksided.store.paging import Slice


def cut(sizes: list[int], room_bytes: int, *, has_more: bool = False) -> tuple[list[int], str | None]:
    """Return the sizes of the returned entries, and the cursor."""
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
def test_entries_are_added_while_they_fit(
    sizes: list[int], room_bytes: int, expected: tuple[list[int], str | None]
) -> None:
    assert cut(sizes, room_bytes) == expected


def test_a_list_with_more_entries_says_so_although_all_given_ones_fit() -> None:
    assert cut([40, 60], 100, has_more=True) == ([40, 60], "1")


def test_members_outside_the_entries_count_towards_the_page() -> None:
    found = Slice([1, 2], False, str)
    answer = listed("list", found, int, AROUND_BYTES + 1, always=[{"id": "default"}])
    assert (len(answer["list"]), answer["nextCursor"]) == (2, "1")


def test_all_entries_are_sent_in_order_in_pages_that_fit_a_line() -> None:
    parts = list(in_lines([40, 40, 500, 40], lambda size: "x" * (size - 2), AROUND_BYTES + 100))
    assert [(last, len(texts)) for last, texts in parts] == [(40, 2), (500, 1), (40, 1)]
