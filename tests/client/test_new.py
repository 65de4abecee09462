"""`new` writes files that are valid without edits, explain themselves, and never overwrite anything."""

from pathlib import Path

import pytest

from client.conftest import Run
from lockside.cli.files.folder import read_folder

Words = tuple[str, ...]


def made(run: Run, folder: Path, *words: str) -> str:
    ran = run("new", *words, str(folder))
    assert (ran.code, ran.err) == (0, ""), ran.err
    return ran.out


def test_a_new_file_is_valid_without_edits(run: Run, tmp_path: Path) -> None:
    assert made(run, tmp_path, "component", "shop.orders") == (
        f"+ {tmp_path}/components/shop.orders.toml\n+ {tmp_path}/scripts/shop_orders.py\n"
    )
    made(run, tmp_path, "config", "shop.orders/daily")
    made(run, tmp_path, "config", "lockside.command/hello")
    made(run, tmp_path, "orchestration", "nightly")
    found = read_folder(str(tmp_path))
    assert [str(fault) for fault in found.faults + found.notes] == []
    tasks = found.kinds["configs"]["lockside.orchestrator", "nightly"].body["configuration"]["tasks"]
    assert [(task["task"]["component"], task["task"]["config"]) for task in tasks] == [
        ("lockside.command", "hello"),
        ("shop.orders", "daily"),
    ]
    assert run("validate", str(tmp_path)).code == 0


def test_every_commented_line_can_be_uncommented(run: Run, tmp_path: Path) -> None:
    made(run, tmp_path, "component", "a")
    file = tmp_path / "components" / "a.toml"
    text = file.read_text()
    for line in (
        'lock = "shared:4"',
        'pool = "default"',
        "[environment]",
        "[retry]",
        "maxAttempts",
        "memoryBytes",
    ):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    text = text.replace("# LANG", "LANG").replace("# delaySeconds", "delaySeconds")
    file.write_text(text)
    assert [str(fault) for fault in read_folder(str(tmp_path)).faults] == []


def test_a_new_configuration_has_the_parameters_of_its_component(run: Run, tmp_path: Path) -> None:
    schema = (
        'command = ["a"]\n[schema]\nrequired = ["since", "n"]\n[schema.properties]\n'
        'since = { type = "string", description = "from\\nwhen", examples = ["2026-01-31"] }\n'
        'n = { type = ["integer", "null"] }\nmode = { enum = ["full", "delta"] }\n'
        '"odd key" = { type = "array" }\n'
    )
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "a.toml").write_text(schema)
    made(run, tmp_path, "config", "a/b")
    text = (tmp_path / "configs" / "a" / "b.toml").read_text()
    assert 'since = "2026-01-31"  # from when\nn = 0\n# mode = "full"\n# "odd key" = []\n' in text


@pytest.mark.parametrize(
    ("words", "there"),
    [
        (("component", "a"), "components/a.toml"),
        (("component", "a"), "components/a.json"),
        (("component", "a"), "scripts/a.py"),
        (("config", "a/b"), "configs/a/b.json"),
        (("orchestration", "o"), "configs/lockside.orchestrator/o.toml"),
    ],
)
def test_nothing_is_overwritten(run: Run, tmp_path: Path, words: Words, there: str) -> None:
    file = tmp_path / there
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    ran = run("new", *words, str(tmp_path))
    assert ran.code == 1
    assert f"{there} exists already" in ran.err
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]


@pytest.mark.parametrize(
    "words", [("component", "../x"), ("config", "a"), ("config", "a/../b"), ("orchestration", "-")]
)
def test_a_name_that_is_not_an_id_is_refused(run: Run, tmp_path: Path, words: Words) -> None:
    assert run("new", *words, str(tmp_path)).code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["lockside.sock"]
