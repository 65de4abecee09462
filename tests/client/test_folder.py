"""A folder of files is read as intended; every fault is reported with file, line, field and remedy."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon
from lockside.cli.files.folder import read_folder
from lockside.paths import example_folder

Json = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small pipeline."""
    root = tmp_path / "pipeline"
    write(root, "pools.toml", "[loads]\nslots = 2\n")
    write(root, "components/shop.orders.toml", 'command = ["python3", "./orders.py"]\ncwd = "."\n')
    write(root, "configs/shop.orders/daily.toml", 'name = "Daily"\n[parameters]\nday = 1\n')
    write(root, "configs/shop.orders/daily/rows/eu.json", '{"parameters": {"region": "eu"}}')
    write(root, "variables/eu.toml", 'region = "eu"\n')
    return root


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def asked(root: Path) -> Json:
    found = read_folder(str(root))
    assert [str(fault) for fault in found.faults] == []
    return found.asked()


def test_byte_order_marks_are_skipped_in_every_file(folder: Path) -> None:
    expected = asked(folder)
    for path in [*folder.rglob("*.toml"), *folder.rglob("*.json")]:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert asked(folder) == expected


def test_a_folder_becomes_the_request_to_the_daemon(folder: Path) -> None:
    assert asked(folder) == {
        "pools": [{"id": "loads", "slots": 2}],
        "components": [
            {
                "id": "shop.orders",
                "command": ["python3", str(folder / "components" / "orders.py")],
                "cwd": str(folder / "components"),
            }
        ],
        "variables": [{"id": "eu", "values": [{"name": "region", "value": "eu"}]}],
        "configs": [
            {
                "component": "shop.orders",
                "config": "daily",
                "name": "Daily",
                "configuration": {"parameters": {"day": 1}},
                "rows": [{"id": "eu", "configuration": {"parameters": {"region": "eu"}}}],
            }
        ],
    }


def test_a_folder_does_not_manage_kinds_that_it_lacks(tmp_path: Path) -> None:
    write(tmp_path, "configs/a/b.toml", "")
    (tmp_path / "variables").mkdir()
    assert asked(tmp_path) == {"configs": [{"component": "a", "config": "b"}], "variables": []}


def test_a_literal_dot_slash_is_written_with_two_slashes(tmp_path: Path) -> None:
    write(tmp_path, "components/a.toml", 'command = ["x", ".//y", "..//z", "./file", "{datadir}/in"]\n')
    command = asked(tmp_path)["components"][0]["command"]
    assert command == ["x", "./y", "../z", str(tmp_path / "components" / "file"), "{datadir}/in"]


def test_files_of_a_tag_are_relative_to_the_component_too(tmp_path: Path) -> None:
    text = 'command = ["a"]\n[tags.new]\ncommand = ["../b"]\n'
    write(tmp_path, "components/a.toml", text)
    assert asked(tmp_path)["components"][0]["tags"] == {"new": {"command": [str(tmp_path / "b")]}}


FAULTS = [
    ("pools.toml", "[loads]\nslots = -1\n", 2, "loads.slots", "It must be at least 0."),
    ("pools.toml", "[loads\n", 1, None, "Expected ']'"),
    ("pools.toml", "a = 1\n", 1, "a", "It must be a table."),
    ("components/a.toml", 'name = "x"\n\ncommand = "ls"\n', 3, "command", "It must be a list, not a text."),
    ("components/a.toml", 'command = ["ls"]\ncomand = ["ls"]\n', 2, "comand", "did you mean `command`?"),
    ("components/a.toml", 'command = ["ls"]\nid = "b"\n', 2, "id", "Its id is 'a', by its name"),
    ("components/a.toml", "name = bad\n", 1, None, "a text needs quotes"),
    ("components/a.toml", 'name = "x"\n', 1, "command", "exactly one of `command`, `pipeline` and `shell`"),
    (
        "components/a.toml",
        'command = ["a"]\n[limits]\n# x\ntimeoutSeconds = "soon"\n',
        4,
        "limits.timeoutSeconds",
        '"90s", "1h30m" or "02:30:00"',
    ),
    ("configs/a/b.toml", "[configuration]\n[parameters]\n", 2, "parameters", "there is a [configuration]"),
    ("configs/a/b.toml", "\n[paramters]\n", 2, "paramters", "did you mean `parameters`?"),
    (
        "configs/a/b.toml",
        "[runtime]\nparalelism = 1\n",
        2,
        "runtime.paralelism",
        "did you mean `parallelism`?",
    ),
    ("configs/a/b.json", '{"name": NaN}', 1, "name", "not a finite number"),
    ("configs/a/b.json", '{\n"name": "x"\n"a": 1}', 3, None, "Expecting ',' delimiter"),
    ("configs/a/b.json", "[]", 1, None, "the top must be an object"),
    ("configs/a/b.toml", '[runtime]\nparallelism = "many"\n', 2, "runtime.parallelism", 'or "infinity"'),
    (
        "configs/a/b.toml",
        '[[rows]]\nid = "a"\n[[rows]]\nid = "a"\n',
        4,
        "rows[1].id",
        "Two rows have the id 'a'",
    ),
    ("configs/a/b.toml", '[[rows]]\nid = "a"\nstorage = 3\n', 3, "rows[0].storage", "It must be an object"),
    (
        "configs/shop.orders/daily/rows/us.toml",
        "[runtime]\npool = 3\n",
        2,
        "runtime.pool",
        "It must be a text",
    ),
    ("configs/a/b.toml", "[parameters]\nx = 1\ny = nan\n", 3, "parameters.y", "not a finite number"),
    ("configs/a/b.json", '{\n"parameters": {"x": [1e400]}}', 2, "parameters.x[0]", "not a finite number"),
    ("configs/a/b.json", '{"parameters": {}, "parameters": {}}', 1, "parameters", "This key appears twice"),
    ("components/a.toml", 'command = ["a"]\nstopSignal = "SIGFOO"\n', 2, "stopSignal", "not a signal"),
    (
        "components/a.toml",
        'command = ["a"]\n[limits]\ntimeoutSeconds = "24:00"\n',
        3,
        "limits.timeoutSeconds",
        '"24:00:00" or "00:24:00"',
    ),
    (
        "components/a.toml",
        'command = ["a"]\n[tags.v2]\n[tags.v2.limits]\ncpus = 0\n',
        4,
        "tags.v2.limits.cpus",
        "It must be above 0",
    ),
    (
        "configs/lockside.orchestrator/o.toml",
        (
            '[[phases]]\nid = "a"\n[[tasks]]\nid = "t"\nphase = "a"\n'
            'task = { component = "shop.orders", config = "daily", retrys = { maxAttempts = 2 } }\n'
        ),
        6,
        "tasks[0].task.retrys",
        "did you mean `retry`?",
    ),
    (
        "configs/lockside.command/c.toml",
        '[parameters]\ncommand = ["make"]\nstdin = "x"\n',
        3,
        "parameters.stdin",
        "Unknown field `stdin`",
    ),
    ("configs/c.toml", "", None, None, "configs/COMPONENT/CONFIG.toml"),
    ("configs/a/lost/rows/r.toml", "", None, None, "belong to no configuration"),
    ("config/a/b.toml", "", None, None, "nothing of that name is read. Did you mean 'configs'?"),
    ("variables/eu.json", '{"a": 1}', None, None, "eu.json has the same id"),
    ("variables/x.toml", "a = 1\nb = [1]\n", 2, "b", "It must be"),
    (
        "configs/lockside.orchestrator/o.toml",
        '[[phases]]\nid = "a"\n[[tasks]]\nid = "t"\nphase = "b"\n[tasks.task]\ncomponent = "shop.orders"\n',
        5,
        "tasks[0].phase",
        "There is no phase 'b'",
    ),
    (
        "configs/lockside.orchestrator/o.toml",
        '[[phases]]\nid = "a"\ndependsOn = ["a"]\n',
        3,
        "phases[0].dependsOn",
        "a -> a",
    ),
    (
        "configs/lockside.orchestrator/o.toml",
        (
            '[[phases]]\nid = "a"\n[[tasks]]\nid = "t"\nphase = "a"\n'
            'task = { component = "shop.orders", config = "dayly" }\n'
        ),
        6,
        "tasks[0].task.config",
        "Did you mean 'shop.orders/daily'?",
    ),
]


@pytest.mark.parametrize(("file", "text", "line", "field", "says"), FAULTS)
def test_a_fault_is_named_with_its_file_line_field_and_remedy(
    run: Run, folder: Path, file: str, text: str, line: int | None, field: str | None, says: str
) -> None:
    write(folder, file, text)
    ran = run("validate", str(folder), "--json")
    assert ran.code == 2
    faults = json.loads(ran.out)["faults"]
    assert len(faults) == 1
    found = faults[0]
    assert (found["line"], found["field"]) == (line, field), found
    assert says in found["message"]
    assert found["file"].startswith(str(folder))


def test_all_faults_of_a_file_are_found_at_once(run: Run, folder: Path) -> None:
    text = 'comand = ["x"]\nshell = "a"\ngraceSeconds = -1\n[limits]\ncpus = "x"\n'
    write(folder, "components/a.toml", text)
    faults = json.loads(run("validate", str(folder), "--json").out)["faults"]
    assert sorted(fault["line"] for fault in faults) == [1, 3, 5]


def test_a_schema_is_checked_without_a_daemon(run: Run, folder: Path) -> None:
    schema = (
        'command = ["a"]\n[schema]\nadditionalProperties = false\n'
        '[schema.properties]\nn = { type = "integer" }\nt = { enum = ["x"] }\n'
    )
    write(folder, "components/a.toml", schema)
    write(folder, "configs/a/b.toml", '[parameters]\nn = "x"\nm = 1\nt = "{{ later }}"\n')
    ran = run("validate", str(folder))
    assert ran.code == 2
    lines = sorted(line.partition("configs/")[2] for line in ran.err.splitlines() if "warning:" not in line)
    assert lines[0].startswith('a/b.toml:2: parameters.n: The value is not of type "integer"')
    assert lines[1].startswith("a/b.toml:3: parameters.m: Additional properties are not allowed")
    assert len(lines) == 2


def test_rows_are_checked_against_the_schema_too(run: Run, folder: Path) -> None:
    schema = 'command = ["true"]\n[schema]\nrequired = ["table"]\n'
    write(folder, "components/a.toml", schema)
    rows = '[[rows]]\nid = "one"\nparameters = { table = "t" }\n'
    rows += '[[rows]]\nid = "two"\nparameters = { x = 1 }\n'
    write(folder, "configs/a/b.toml", rows)
    (found,) = json.loads(run("validate", str(folder), "--json").out)["faults"]
    assert (found["line"], found["field"]) == (6, "rows[1].parameters")
    assert '"table" is a required property' in found["message"]


def test_a_relative_folder_of_a_plain_command_is_relative_to_its_file(tmp_path: Path) -> None:
    write(tmp_path, "configs/lockside.command/c.toml", '[parameters]\ncommand = ["./x"]\ncwd = "../here"\n')
    (config,) = asked(tmp_path)["configs"]
    parameters = {"command": ["./x"], "cwd": str(tmp_path / "configs" / "here")}
    assert config["configuration"] == {"parameters": parameters}


def test_a_processor_on_the_wrong_side_is_named(run: Run, folder: Path) -> None:
    write(folder, "components/p.toml", 'command = ["true"]\nallowedProcessorPosition = "after"\n')
    write(folder, "configs/p/c.toml", '[[processors.before]]\ndefinition = { component = "p" }\n')
    (found,) = json.loads(run("validate", str(folder), "--json").out)["faults"]
    assert (found["line"], found["message"]) == (2, "Processor p can only run after a component.")


def test_objects_that_a_run_may_lack_are_warned_about(run: Run, folder: Path) -> None:
    write(folder, "components/a.toml", 'command = ["surely-no-program"]\n')
    write(folder, "configs/a/b.toml", '[parameters]\npace = "{{ pase }}"\n[variables]\npace = "1"\n')
    ran = run("validate", str(folder))
    assert ran.code == 0
    assert "a.toml:1: command: There is no program 'surely-no-program'" in ran.err
    assert "{{ pase }} has no value by default: give it with --set pase=VALUE" in ran.err


def test_a_pipe_whose_first_side_can_fail_unnoticed_is_warned_about(run: Run, folder: Path) -> None:
    write(folder, "components/a.toml", 'shell = "false | cat"\n')
    write(folder, "components/b.toml", "shell = \"echo '|' || true\"\n")
    write(
        folder,
        "components/c.toml",
        'shell = "false | cat"\nshellProgram = ["bash", "-o", "pipefail", "-c"]\n',
    )
    ran = run("validate", str(folder))
    assert ran.code == 0
    assert (
        "a.toml:1: shell: Of a pipe in `shell` only the exit code of the last command counts: use `pipeline`"
        in ran.err
    )
    assert "b.toml" not in ran.err
    assert "c.toml" not in ran.err


def test_the_program_of_a_stored_command_is_looked_up_too(run: Run, folder: Path) -> None:
    write(folder, "configs/lockside.command/c.toml", '[parameters]\ncommand = ["surely-no-program"]\n')
    ran = run("validate", str(folder))
    assert "c.toml:2: parameters.command: There is no program 'surely-no-program'" in ran.err


DAILY = "configs/shop.orders/daily"


@pytest.mark.parametrize("name", [".#a.toml", "._a.toml", "a.toml~", "#a.toml#", ".a.toml.swp", "a.toml.bak"])
def test_files_of_editors_are_ignored(run: Run, folder: Path, name: str) -> None:
    write(folder, f"components/{name}", "x")
    write(folder, f"configs/shop.orders/{name}", "x")
    assert run("validate", str(folder)).code == 0


@pytest.mark.parametrize("place", ["pools", "components/a", "configs/a/b", DAILY + "/rows/r"])
def test_a_file_that_is_not_regular_is_refused_and_not_waited_for(run: Run, folder: Path, place: str) -> None:
    pipe = folder / f"{place}.toml"
    pipe.parent.mkdir(parents=True, exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    ran = run("validate", str(folder))
    assert ran.code == 2
    assert f"{pipe}: it is not a regular file: move it out of this folder." in ran.err


@pytest.mark.parametrize(
    "place",
    ["pools.yaml", "components/a.yaml", "configs/a/b.yml", "components/a.TOML", DAILY + "/rows/r.yaml"],
)
def test_documents_of_unknown_formats_are_not_ignored(run: Run, folder: Path, place: str) -> None:
    write(folder, place, "x: 1\n")
    (found,) = json.loads(run("validate", str(folder), "--json").out)["faults"]
    assert found["file"] == str(folder / place)
    assert "TOML" in found["message"] or "pools.toml" in found["message"]


def test_other_files_beside_the_pipeline_are_ignored(run: Run, folder: Path) -> None:
    for name in ("README.md", "docker-compose.yml", "scripts/x.yaml", "components/script.py"):
        write(folder, name, "x")
    assert run("validate", str(folder)).code == 0


def test_references_to_possibly_stored_objects_are_only_warnings(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "configs/shop.elsewhere/daily.toml", '[runtime]\npool = "far"\n')
    ran = run("validate", str(tmp_path))
    assert ran.code == 0
    assert "daily.toml:2: runtime.pool: The pool 'far' is not in this folder" in ran.err
    assert "component 'shop.elsewhere' is not in this folder" in ran.err


def test_validate_needs_no_daemon(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    daemon.stop()
    ran = run("validate", str(folder))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (f"{folder} is fine: 1 pool, 1 component, 1 set of variables, 1 configuration\n")


def test_a_missing_folder_is_named(run: Run, tmp_path: Path) -> None:
    assert "there is no such folder" in run("validate", str(tmp_path / "nowhere")).err


def test_the_example_has_no_faults(run: Run) -> None:
    ran = run("validate", example_folder())
    assert (ran.code, ran.err) == (0, "")
    assert "2 pools, 3 components, 4 configurations" in ran.out


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('"10m"', 600),
        ('"1h30m"', 5400),
        ('"02:30:00"', 9000),
        ("90", 90),
        ('"1.5h"', 5400),
        ('"2d"', 172_800),
    ],
)
def test_durations_and_sizes_can_be_written_with_units(tmp_path: Path, text: str, seconds: float) -> None:
    import msgspec

    from lockside.documents.component import Manifest

    text = f'command = ["a"]\n[limits]\ntimeoutSeconds = {text}\nmemoryBytes = "1.5GB"\n'
    write(tmp_path, "components/a.toml", text)
    manifest = msgspec.convert(asked(tmp_path)["components"][0], Manifest)
    assert (manifest.limits.timeout_seconds, manifest.limits.memory_bytes) == (seconds, 1_500_000_000)
