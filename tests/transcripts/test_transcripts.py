"""Whole sessions at the command line match the .txt files beside this module.

To record them again, and then review the changes: LOCKSIDE_RECORD=1 sh tests/run tests/transcripts
"""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

from transcripts.recording import alike, record, terminal
from transcripts.sessions import SESSIONS, prepare

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_matches_its_transcript(name: str) -> None:
    file = HERE / f"{name}.txt"
    with terminal() as at:
        prepare(name, at.home)
        seen = record(SESSIONS[name], at)
    if os.environ.get("LOCKSIDE_RECORD"):
        file.write_text(seen)
    kept = file.read_text()
    difference = unified_diff(alike(kept).splitlines(), alike(seen).splitlines(), "kept", "seen", lineterm="")
    assert "\n".join(difference) == ""


def test_a_transcript_contains_nothing_of_the_machine_on_which_it_was_recorded() -> None:
    for name in SESSIONS:
        text = (HERE / f"{name}.txt").read_text()
        assert "/tmp/" not in text
        assert str(Path(__file__).parents[2]) not in text
