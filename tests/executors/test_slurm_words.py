"""The meaning of Slurm's output, and which element of an array is which order."""

from pathlib import Path

import pytest

from locksided.executors.engine import State
from locksided.executors.slurm import words
from locksided.executors.slurm.arrays import Arrays


@pytest.mark.parametrize(
    ("state", "is_up"),
    [("IDLE", True), ("MIXED", True), ("DOWN*", False), ("IDLE*", False), ("DOWN+DRAIN", False)],
)
def test_the_state_and_the_boot_time_of_a_node_are_read(state: str, is_up: bool) -> None:
    line = f"NodeName=n1 Arch=x86_64 State={state} BootTime=2026-11-30T03:15:00 LastBusyTime=Unknown"
    (found,) = words.nodes(line).items()
    assert found[0] == "n1"
    assert found[1][0] is is_up
    assert found[1][1] is not None
    assert words.nodes("NodeName=n2 State=IDLE BootTime=None")["n2"] == (True, None)


def test_a_line_of_squeue_is_a_status() -> None:
    text = "m|7_3|0|ls-a|SUSPENDED|None|N/A|main|n2\njunk\n"
    text += "m|8|1000|ls-b|PENDING|BadConstraints|2026-11-30T03:15:00|main|\n"
    found = words.statuses(text, "m")
    assert found["7_3"].state is State.RUNNING
    assert (found["7_3"].uid, found["8"].uid) == (0, 1000)
    assert (found["7_3"].is_suspended, found["7_3"].node, found["7_3"].queue) == (True, "n2", "main")
    assert (found["8"].is_hopeless, found["8"].node) == (True, None)
    assert (found["8"].start_estimate or "").endswith(".000Z")


def test_the_name_of_a_job_cannot_forge_the_status_of_another() -> None:
    name = "x\n7|0|ls-a|FAILED|None|N/A|main|n1\nm|7|0|ls-a|FAILED|None|N/A|main|n1\n"
    text = f"guess|9|0|{name}|PENDING|None|N/A|main|\nguess|8|0|a|b|FAILED|None|N/A|main|n1\n"
    assert words.statuses(text, "guess") == {}
    assert words.accounted("9guessFAILEDguessn1guessx\n7|FAILED|n1|ls-a\n", "guess").keys() == {"9"}


def test_the_accounting_record_of_an_ended_job_is_a_status_with_the_user_who_ended_it() -> None:
    text = "7_3|CANCELLED by 1000|n2|ls-a\n8|RUNNING|n1|ls-b\n9|OUT_OF_MEMORY|None assigned|ls-c\n\n"
    found = words.accounted(text.replace("|", "-m-"), "-m-")
    assert {id_: (one.state, one.node, one.name, one.by) for id_, one in found.items()} == {
        "7_3": (State.CANCELLED, "n2", "ls-a", "1000"),
        "9": (State.OUT_OF_MEMORY, None, "ls-c", None),
    }


def test_the_elements_of_an_array_are_known_to_later_executors(tmp_path: Path) -> None:
    controls = ["/w/1/control", "/w/2/control"]
    path = Arrays().write(str(tmp_path), "ls-x.1", controls)
    later = Arrays()
    assert [later.control([str(tmp_path)], "ls-x.1", f"5_{place}") for place in range(3)] == [*controls, None]
    assert later.control([str(tmp_path)], "ls-y", "5_0") is None
    assert later.control([str(tmp_path)], "ls-x.1", "5") is None
    later.tidy(())
    assert Path(path).exists()
