"""Whole sessions at the command line read as they are kept in the .txt files beside this.

To record them anew, and then to look at what changed: LOCKSIDE_RECORD=1 sh tests/run tests/transcripts
"""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

from transcripts.recording import alike, record, terminal
from transcripts.sessions import SESSIONS, prepare

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_reads_as_it_is_kept(name: str) -> None:
    file = HERE / f"{name}.txt"
    with terminal() as at:
        prepare(name, at.home)
        seen = record(SESSIONS[name], at)
    if os.environ.get("LOCKSIDE_RECORD"):
        file.write_text(seen)
    kept = file.read_text()
    difference = unified_diff(alike(kept).splitlines(), alike(seen).splitlines(), "kept", "seen", lineterm="")
    assert "\n".join(difference) == ""


def test_a_transcript_has_nothing_of_the_machine_that_it_was_made_on() -> None:
    for name in SESSIONS:
        text = (HERE / f"{name}.txt").read_text()
        assert "/tmp/" not in text
        assert str(Path(__file__).parents[2]) not in text
