"""`apply` and `validate`: what is wrong in a folder, what differs, and nothing changed when nothing does."""

import json
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, Refusal
from lockside.example import example_folder

Json = dict[str, Any]


class Shelf:
    """Stores what is put, as the daemon would: with defaults, versions and times of its own."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.stored: dict[tuple[str, str], Json] = {}
        for kind, wrapper in (
            ("pool", "pool"),
            ("component", "component"),
            ("variables", "variables"),
            ("config", ""),
        ):
            daemon.answers[f"{kind}.get"] = lambda params, kind=kind: self._get(kind, params)
            daemon.answers[f"{kind}.put"] = lambda params, kind=kind, wrapper=wrapper: self._put(
                kind, params[wrapper] if wrapper else params
            )
        daemon.answers["pool.list"] = lambda _: {
            "pools": [pool for (kind, _), pool in self.stored.items() if kind == "pool"]
        }

    def _key(self, kind: str, params: Json) -> tuple[str, str]:
        return kind, f"{params['component']}/{params['config']}" if kind == "config" else params["id"]

    def _get(self, kind: str, params: Json) -> Json:
        found = self.stored.get(self._key(kind, params))
        if found is None:
            raise Refusal(-32001, "It is not there.", kind="not_found")
        return found

    def _put(self, kind: str, given: Json) -> Json:
        about = {
            "version": 1,
            "createdTime": "2026-01-31T08:00:00Z",
            "changedBy": {"uid": 0, "user": "root", "gid": 0},
        }
        self.stored[self._key(kind, given)] = given | about
        return given | about


@pytest.fixture
def shelf(daemon: FakeDaemon) -> Shelf:
    return Shelf(daemon)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small pipeline."""
    root = tmp_path / "pipeline"
    _write(root, "pools.toml", "[loads]\nslots = 2\n")
    _write(root, "components/shop.orders.toml", 'command = ["python3", "./orders.py"]\ncwd = "."\n')
    _write(root, "configs/shop.orders/daily.toml", 'name = "Daily"\n[parameters]\nday = 1\n')
    _write(root, "configs/shop.orders/daily/rows/eu.json", '{"parameters": {"region": "eu"}}')
    _write(root, "variables/eu.toml", 'region = "eu"\n')
    return root


def _write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_folder_is_stored_and_then_nothing_differs(
    shelf: Shelf, run: Run, folder: Path, daemon: FakeDaemon
) -> None:
    first = run("apply", str(folder))
    assert first.code == 0, first.err
    assert "Done: 4 of 4 changed." in first.out
    stored = shelf.stored[("config", "shop.orders/daily")]
    assert stored["configuration"] == {"parameters": {"day": 1}}
    assert stored["rows"] == [{"id": "eu", "configuration": {"parameters": {"region": "eu"}}}]
    assert shelf.stored[("variables", "eu")]["values"] == [{"name": "region", "value": "eu"}]
    daemon.calls.clear()
    assert run("apply", str(folder)).out == "Nothing differs: all 4 are as the folder says.\n"
    assert not [name for name, _ in daemon.calls if name.endswith(".put")]


def test_files_beside_a_component_are_stored_with_their_whole_path(
    shelf: Shelf, run: Run, folder: Path
) -> None:
    run("apply", str(folder))
    component = shelf.stored[("component", "shop.orders")]
    assert component["command"] == ["python3", str(folder / "components" / "orders.py")]
    assert component["cwd"] == str(folder / "components")


def test_a_plan_reads_like_a_difference_and_changes_nothing(
    shelf: Shelf, run: Run, folder: Path, daemon: FakeDaemon
) -> None:
    run("apply", str(folder))
    _write(folder, "configs/shop.orders/daily.toml", 'name = "Daily"\n[parameters]\nday = 2\nnew = true\n')
    _write(folder, "pools.toml", "[loads]\nslots = 3\n[more]\nslots = 1\n")
    daemon.calls.clear()
    ran = run("apply", str(folder), "--plan")
    assert ran.out == (
        "~ pool loads\n"
        "    slots: 2 -> 3\n"
        "+ pool more\n"
        "~ configuration shop.orders/daily\n"
        "    configuration.parameters.day: 1 -> 2\n"
        "    configuration.parameters.new: true is new\n"
    )
    assert not [name for name, _ in daemon.calls if name.endswith(".put")]


def test_only_what_differs_is_stored(shelf: Shelf, run: Run, folder: Path, daemon: FakeDaemon) -> None:
    run("apply", str(folder))
    _write(folder, "pools.toml", "[loads]\nslots = 3\n")
    daemon.calls.clear()
    run("apply", str(folder), "-m", "more room")
    assert [name for name, _ in daemon.calls if name.endswith(".put")] == ["pool.put"]


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("pools.toml", "[loads]\nslots = -1\n", "pools.toml"),
        ("pools.toml", "[loads\n", "line 1"),
        ("components/a.toml", 'command = "ls"\n', "components/a.toml"),
        ("components/a.toml", 'comand = ["ls"]\n', "comand"),
        ("components/a.toml", 'id = "b"\ncommand = ["ls"]\n', "its id is 'a'"),
        ("configs/a/b.toml", "[configuration]\n[parameters]\n", "'parameters' stands at the top"),
        ("configs/a/b.json", '{"name": NaN}', "NaN is no JSON"),
        ("configs/a/b.toml", '[runtime]\nparallelism = "many"\n', "configs/a/b.toml"),
        ("config/a/b.toml", "", "nothing of that name is read. Did you mean 'configs'?"),
    ],
)
def test_a_fault_is_named_with_its_file_and_nothing_is_changed(
    run: Run, folder: Path, daemon: FakeDaemon, file: str, text: str, fault: str
) -> None:
    _write(folder, file, text)
    ran = run("apply", str(folder))
    assert (ran.code, fault in ran.err) == (2, True), ran.err
    assert daemon.calls == []


def test_validate_needs_no_daemon_and_finds_all_faults_at_once(
    run: Run, folder: Path, daemon: FakeDaemon
) -> None:
    daemon.stop()
    assert run("validate", str(folder)).code == 0
    _write(folder, "components/a.toml", "")
    _write(folder, "components/b.toml", "x")
    ran = run("validate", str(folder), "--json")
    assert ran.code == 2
    assert len(json.loads(ran.out)["faults"]) == 2


def test_a_folder_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    assert "there is no such folder" in run("apply", str(tmp_path / "nowhere")).err


def test_the_example_is_without_fault(run: Run) -> None:
    ran = run("validate", example_folder())
    assert (ran.code, ran.err) == (0, "")
    assert "2 pools, 3 components, 4 configurations" in ran.out


def test_one_component_can_be_stored_from_its_file(shelf: Shelf, run: Run, folder: Path) -> None:
    ran = run("component", "put", str(folder / "components" / "shop.orders.toml"))
    assert ran.out == "component shop.orders is stored as version 1\n"
    assert shelf.stored[("component", "shop.orders")]["command"][1].startswith("/")


def test_warnings_of_the_daemon_are_passed_on(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    daemon.answers["config.put"] = {"version": 4, "warnings": ["'paramters' is kept but means nothing here"]}
    ran = run(
        "config", "put", "shop.orders/daily", str(folder / "configs/shop.orders/daily.toml"), "-m", "why"
    )
    assert ran.out == "configuration shop.orders/daily is stored as version 4\n"
    assert "'paramters' is kept" in ran.err
    assert daemon.params_of("config.put")[0]["changeDescription"] == "why"
