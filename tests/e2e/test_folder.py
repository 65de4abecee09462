"""A folder of files with a real daemon: it is applied, exported and run; a second apply changes nothing."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client.test_file_text import bodies, ids, names, texts, texts_in
from client.test_foreign_files import EXTRACTOR, OAUTH, ORCHESTRATION, TRANSFORMATION
from e2e.harness import Daemon, running
from e2e.wire import Message, Wire, of, put_component
from lockside.cli.main import main
from lockside.documents.enums import ComponentType
from lockside.paths import example_folder

Cli = Callable[..., str]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running() as one:
        yield one


@pytest.fixture
def cli(daemon: Daemon, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line that must succeed; returns its output."""

    def run(*words: str, code: int = 0) -> str:
        capfd.readouterr()
        ended = main(["--socket", str(daemon.socket), *words])
        told = capfd.readouterr()
        assert ended == code, told.out + told.err
        return told.out + told.err

    return run


@pytest.fixture(autouse=True)
def _empty(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        wire.call("catalog.apply", pools=[], components=[], configs=[], variables=[], prune=True)


def test_applying_the_exported_example_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    assert "Done: 9 created." in cli("apply", example_folder())
    assert "Nothing to change: 9 unchanged" in cli("apply", example_folder())
    assert "8 written." in cli("export", str(tmp_path / "out"))
    assert "Nothing to change: 9 unchanged" in cli("apply", str(tmp_path / "out"), "--prune")
    assert "8 unchanged." in cli("export", str(tmp_path / "out"))
    assert "8 unchanged." in cli("export", example_folder())


def test_applying_an_unchanged_folder_creates_no_version_and_no_event(cli: Cli, wire: Wire) -> None:
    cli("apply", example_folder())
    seq = wire.events()[-1]["seq"]
    cli("apply", example_folder())
    assert wire.events()[-1]["seq"] == seq
    assert wire.call("config.get", component="airports.load", config="daily")["version"] >= 1


def test_a_new_pipeline_runs_unedited(cli: Cli, wire: Wire, tmp_path: Path) -> None:
    folder = str(tmp_path / "pipeline")
    cli("new", "component", "shop.orders", folder)
    cli("new", "config", "shop.orders/daily", folder)
    cli("new", "orchestration", "nightly", folder)
    assert "+ component shop.orders" in cli("apply", folder)
    cli("run", "lockside.orchestrator/nightly", "--wait")
    [task] = wire.call("job.list", component="shop.orders")["jobs"]
    assert of(task, "status", "progress") == ("success", 1.0)
    assert wire.call("state.get", component="shop.orders", config="daily")["state"] == {"runs": 1}


def test_a_fault_in_one_file_changes_nothing(cli: Cli, wire: Wire, tmp_path: Path) -> None:
    folder = tmp_path / "pipeline"
    cli("new", "component", "shop.orders", str(folder))
    cli("new", "config", "shop.orders/daily", str(folder))
    file = folder / "configs/shop.orders/daily.toml"
    file.write_text(file.read_text().replace('greeting = "hello"', "greeting = 1\ncuont = 2"))
    told = cli("apply", str(folder), code=2)
    line = file.read_text().splitlines().index("greeting = 1") + 1
    assert f'{file}:{line}: parameters.greeting: The value is not of type "string".' in told
    assert f"{file}:{line + 1}: parameters.cuont: Additional properties are not allowed" in told
    assert wire.refused("component.get", id="shop.orders").kind == "not_found"


def test_deletions_are_shown_and_done_on_request(cli: Cli, wire: Wire, tmp_path: Path) -> None:
    cli("apply", example_folder())
    (tmp_path / "configs").mkdir()
    told = cli("apply", str(tmp_path), "--prune", "--plan")
    assert "- configuration airports.load/daily" in told
    assert "component" not in told
    assert "4 deleted" in cli("apply", str(tmp_path), "--prune", "--yes")
    assert wire.call("config.list")["configs"] == []
    assert "Done: 4 created." in cli("apply", example_folder())


def test_keboola_files_are_stored_and_exported_unchanged(cli: Cli, wire: Wire, tmp_path: Path) -> None:
    files = {
        "keboola.ex-db-mysql/892134": EXTRACTOR,
        "keboola.snowflake-transformation/t": TRANSFORMATION,
        "lockside.orchestrator/77": ORCHESTRATION,
        "keboola.ex-oauth/a": OAUTH,
    }
    for component in ("ex-db-mysql", "snowflake-transformation", "ex-oauth", "processor-move-files"):
        put_component(wire, f"keboola.{component}", command=["true"])
    for name, document in files.items():
        file = tmp_path / "in" / "configs" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document))
    told = cli("apply", str(tmp_path / "in"))
    assert "Done: 4 created." in told
    assert "shared_code_id: Unknown; it is kept and has no effect" in told
    stored = wire.call("config.get", component="keboola.snowflake-transformation", config="t")
    assert stored["configuration"] == TRANSFORMATION
    told = cli("export", str(tmp_path / "out"))
    assert told.startswith("+")
    assert "warning" not in told, "exported secrets are encrypted"
    assert "Nothing to change: 8 unchanged" in cli("apply", str(tmp_path / "out"), "--prune")
    assert wire.done(wire.create("keboola.snowflake-transformation", config="t"))["status"] == "success"


TYPED = ("storage", "processors", "runtime", "variables", "authorization", "artifacts", "phases", "tasks")

limits = st.fixed_dictionaries({"timeoutSeconds": st.integers(1, 1000), "cpus": st.none() | st.just(1.5)})
retries = st.fixed_dictionaries({"maxAttempts": st.integers(1, 9), "jitter": st.floats(0, 1)})
parameters = st.dictionaries(names, bodies, max_size=3)
with_parameters = st.fixed_dictionaries({"parameters": parameters})
untyped = st.dictionaries(ids.filter(lambda name: name not in TYPED), bodies, max_size=3)
words = texts.filter(lambda text: text and "\0" not in text and "{{" not in text)  # which needs parameters
manifests = st.fixed_dictionaries(
    {
        "command": st.lists(words, min_size=1, max_size=3),
        "type": st.sampled_from([one.value for one in ComponentType]),
        "environment": st.dictionaries(ids, ids, max_size=2),
        "imageParameters": parameters,
        "limits": limits,
        "retry": st.none() | retries,
        "lock": st.sampled_from([None, "exclusive", "shared:3"]),
        "stopSignal": st.sampled_from([None, "SIGINT"]),
    }
)
configurations = st.fixed_dictionaries(
    {
        "name": st.none() | ids,
        "isDisabled": st.booleans(),
        "configuration": st.builds(lambda body, given: {**body, "parameters": given}, untyped, parameters),
        "rows": st.lists(
            st.fixed_dictionaries({"id": ids, "configuration": with_parameters}),
            max_size=2,
            unique_by=lambda row: row["id"],
        ),
    }
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(ids, manifests, min_size=1, max_size=3),
    st.data(),
    st.dictionaries(ids.map("p-{}".format), st.integers(0, 9), max_size=2),
)
def test_applying_the_export_of_any_folder_changes_nothing(
    cli: Cli, daemon: Daemon, tmp_path_factory: Any, components: Message, data: st.DataObject, pools: Message
) -> None:
    asked = {
        "pools": [{"id": name, "slots": slots} for name, slots in pools.items()],
        "components": [{"id": name, **manifest} for name, manifest in components.items()],
        "configs": [
            {"component": name, "config": config, **body}
            for name in components
            for config, body in data.draw(st.dictionaries(ids, configurations, max_size=2)).items()
        ],
        "variables": [],
    }
    with Wire(daemon.socket) as wire:
        wire.call("catalog.apply", **asked, prune=True)
    folder = tmp_path_factory.mktemp("round") / "out"
    cli("export", str(folder))
    assert "Nothing to change" in cli("apply", str(folder), "--plan", "--prune")
    again = folder.parent / "again"
    cli("export", str(again))
    assert texts_in(again) == texts_in(folder)
    shutil.rmtree(folder.parent)


def test_export_overwrites_a_file_that_differs_only_with_force(cli: Cli, wire: Wire, tmp_path: Path) -> None:
    put_component(wire, "a", command=[sys.executable])
    wire.call("config.put", component="a", config="b", configuration={"parameters": {"n": 1}})
    folder = str(tmp_path)
    cli("export", folder)
    file = tmp_path / "configs/a/b.toml"
    file.write_text(file.read_text().replace("n = 1", "n = 2  # mine"))
    told = cli("export", folder, code=1)
    assert str(file) in told
    assert "--force" in told
    assert "# mine" in file.read_text()
    assert "1 written, 1 unchanged." in cli("export", folder, "--force")
    assert "n = 1" in file.read_text()
