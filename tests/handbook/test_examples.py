"""Every example of the README and of the handbook runs, and prints what the page shows.

To write their current output into the pages, and then review the changes:
LOCKSIDE_RECORD=1 sh tests/run tests/handbook
"""

import os
from difflib import unified_diff

import pytest

from handbook.examples import PAGES, examples, recorded
from transcripts.recording import terminal

RUN = {"console", "sh", "python", "toml", "json"}
WITH_EXAMPLES = [
    name
    for name, path in PAGES.items()
    if any(one.language in RUN and not one.skipped for one in examples(path.read_text("utf-8")))
]


@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_the_examples_of_a_page_print_what_it_shows(page: str) -> None:
    with terminal() as at:
        at.type("locksided &> daemon.log &")
        at.until("ready")
        seen = recorded(page, at)
    if os.environ.get("LOCKSIDE_RECORD"):
        PAGES[page].write_text(seen, "utf-8")
    kept = PAGES[page].read_text("utf-8")
    difference = unified_diff(kept.splitlines(), seen.splitlines(), "shown", "printed", lineterm="")
    assert "\n".join(difference) == ""


@pytest.mark.parametrize("page", PAGES)
def test_every_example_names_its_language_and_a_skipped_one_the_reason(page: str) -> None:
    for one in examples(PAGES[page].read_text("utf-8")):
        assert one.language, f"{page}: a fence without a language: {one.text[:60]}"
        if one.skipped.startswith("see tests/"):
            assert (PAGES["README"].parent / one.skipped.removeprefix("see ")).exists(), one.skipped


def test_pages_contain_nothing_of_the_machine_on_which_they_were_recorded() -> None:
    for page, path in PAGES.items():
        text = path.read_text("utf-8")
        assert str(PAGES["README"].parent) not in text, page
        assert "/tmp/ls-" not in text, page
