"""Every fault in a folder is found by `validate`, with its file, line and field and the correct form.

No fault remains for `apply` or a run to find.
"""

import json
from pathlib import Path

import pytest

from client.conftest import Run
from client.spoilt_files import SOUND, SPOILT, TASK, A


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(("file", "text", "line", "field", "says"), SPOILT)
def test_a_broken_file_is_reported_with_line_field_and_the_correct_form(
    run: Run, tmp_path: Path, file: str, text: str, line: int, field: str, says: str
) -> None:
    write(tmp_path, SOUND | {file: text})
    ran = run("validate", str(tmp_path), "--json")
    assert ran.code == 2
    found = json.loads(ran.out)["faults"][0]
    assert (found["file"], found["line"], found["field"]) == (str(tmp_path / file), line, field)
    assert found["message"].startswith(says)


def test_the_folder_without_the_broken_files_is_valid(run: Run, tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    ran = run("validate", str(tmp_path))
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            'command = ["true"]\ncwd = "/gone/away"\n',
            "2: cwd: There is no folder '/gone/away' on this machine",
        ),
        ('command = ["true"]\nuser = "no-such"\n', "2: user: There is no user 'no-such' on this machine"),
        ('command = ["no-such"]\n', "1: command: There is no program 'no-such' on this machine"),
    ],
)
def test_a_program_that_another_machine_may_have_is_a_warning(
    run: Run, tmp_path: Path, text: str, note: str
) -> None:
    write(tmp_path, SOUND | {A: text})
    ran = run("validate", str(tmp_path))
    assert ran.code == 0
    assert f"{A}:{note}" in ran.err


def test_orchestrations_that_contain_each_other_are_found(run: Run, tmp_path: Path) -> None:
    def of(config: str) -> str:
        return TASK + f'task = {{ component = "lockside.orchestrator", config = "{config}" }}\n'

    flows = {
        f"configs/lockside.orchestrator/{one}.toml": of(other) for one, other in ("ab", "bc", "ca", "dc")
    }
    write(tmp_path, SOUND | flows)
    faults = json.loads(run("validate", str(tmp_path), "--json").out)["faults"]
    told = {one["message"] for one in faults}
    assert told == {
        f"Orchestration {w[0]} contains itself: {' -> '.join(w)}." for w in ("abca", "bcab", "cabc")
    }
