"""A list is read in as many calls as its pages take."""

from typing import Any

from lockside.documents.base import ListPage
from lockside.pages import LISTS, PAGE, Pages
from lockside.protocol.methods import METHODS

Json = dict[str, Any]


def page(first: int, count: int, cursor: str | None = None, member: str = "jobs") -> Json:
    return {member: [{"id": n} for n in range(first, first + count)], "nextCursor": cursor}


def read(pages: Pages, *answers: Any) -> list[Json]:
    """Return the parameters of the calls that were made, each answered with the next answer."""
    asked = []
    for answer in answers:
        assert pages.asked is not None
        asked.append(pages.asked)
        pages.take(answer)
        pages.join(answer)
    assert pages.asked is None
    return asked


def is_page(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, ListPage)


def test_every_list_of_the_wire_is_known() -> None:
    lists = {name for name, method in METHODS.items() if any(map(is_page, method.results))}
    assert set(LISTS) == lists
    for name, (member, default) in LISTS.items():
        method = METHODS[name]
        [kind] = filter(is_page, method.results)
        assert member in kind.__struct_encode_fields__
        assert default is None or method.params(**method.example).limit == default  # type: ignore[attr-defined]


def test_a_method_that_is_not_a_list_is_one_call() -> None:
    pages = Pages("job.get", {"id": "1"})
    assert read(pages, {"id": "1", "nextCursor": "of no meaning"}) == [{"id": "1"}]
    assert pages.answer == {"id": "1", "nextCursor": "of no meaning"}


def test_a_list_is_read_until_it_has_as_many_entries_as_requested() -> None:
    pages = Pages("job.list", {"limit": 5, "count": True, "order": "asc"})
    assert read(pages, page(0, 3, "a") | {"total": 9}, page(3, 2, "b")) == [
        {"limit": 5, "count": True, "order": "asc"},
        {"limit": 2, "order": "asc", "cursor": "a"},
    ]
    assert pages.answer == page(0, 5, "b") | {"total": 9}


def test_more_entries_than_a_page_can_have_are_read_in_several_pages() -> None:
    pages = Pages("job.list", {"limit": PAGE + 500})
    asked = read(pages, page(0, PAGE, "a"), page(PAGE, 500, "b"))
    assert [params["limit"] for params in asked] == [PAGE, 500]
    assert pages.answer["nextCursor"] == "b", "there are more pages"


def test_a_list_without_a_limit_has_as_many_entries_as_the_daemon_gives_or_all_of_them() -> None:
    jobs = Pages("job.list", {})
    asked = read(jobs, page(0, 60, "a"), page(60, 40, "b"))
    assert [params.get("limit") for params in asked] == [None, 40]
    configs = Pages("config.list", {})
    read(
        configs,
        page(0, 1000, "a", "configs"),
        page(1000, 1000, "b", "configs"),
        page(2000, 1, None, "configs"),
    )
    assert len(configs.answer["configs"]) == 2001


def test_reading_a_list_to_its_end_allows_any_number_of_entries() -> None:
    pages = Pages.of_all("job.list", {"order": "asc", "limit": 2})
    assert read(pages, page(0, 2, "a"), page(2, 2, "b"), page(4, 1)) == [
        {"limit": 2, "order": "asc"},
        {"limit": 2, "order": "asc", "cursor": "a"},
        {"limit": 2, "order": "asc", "cursor": "b"},
    ]
    assert Pages.of_all("job.list", {}).asked == {"limit": PAGE}
