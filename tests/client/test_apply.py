"""`apply` at the command line: a readable plan, faults located in files, a confirmation before deletions."""

import json
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, Refusal
from client.test_folder import folder as folder  # noqa: PLC0414 - the fixture
from client.test_folder import write
from lockside.cli.catalog import apply

Json = dict[str, Any]

SECRET = {"path": "configuration.parameters.#password", "old": "old one", "new": "new one"}
LONG = {"path": "configuration.parameters.sql", "old": "SELECT 1\nFROM a\n", "new": "SELECT 2\nFROM a\n"}
CHANGES: list[Json] = [
    {"kind": "pool", "id": "loads", "action": "create", "component": None, "fields": []},
    {
        "kind": "config",
        "id": "daily",
        "action": "change",
        "component": "shop.orders",
        "fields": [
            {"path": "configuration.parameters.day", "old": 1, "new": 2},
            {"path": "configuration.parameters.new", "new": {"#key": "secret", "a": True}},
            {"path": "name", "old": "Daily"},
            SECRET,
            LONG,
        ],
    },
    {"kind": "component", "id": "gone", "action": "delete", "component": None, "fields": []},
]


def answer(daemon: FakeDaemon, changes: list[Json]) -> None:
    daemon.answers["catalog.apply"] = lambda params: {
        "changes": changes,
        "unchanged": 3,
        "warnings": [],
        "plan": "abc",
        "isApplied": not params.get("dryRun"),
    }


def test_a_plan_reads_like_a_diff_and_changes_nothing(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    answer(daemon, CHANGES)
    ran = run("apply", str(folder), "--plan")
    assert ran.out == (
        "+ pool loads\n"
        "~ configuration shop.orders/daily\n"
        "    ~ configuration.parameters.day: 1 -> 2\n"
        '    + configuration.parameters.new: {"#key": "[hidden]", "a": true}\n'
        '    - name: "Daily"\n'
        "    ~ configuration.parameters.#password: [hidden] -> [hidden]\n"
        "    ~ configuration.parameters.sql:\n"
        "        @@ -1,2 +1,2 @@\n"
        "        -SELECT 1\n"
        "        +SELECT 2\n"
        "         FROM a\n"
        "- component gone\n"
        "Plan: 1 to create, 1 to change, 1 to delete, 3 unchanged.\n"
    )
    assert [params["dryRun"] for params in daemon.params_of("catalog.apply")] == [True]


def test_the_plan_that_was_shown_is_carried_out(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    answer(daemon, CHANGES[:2])
    ran = run("apply", str(folder), "-m", "more room", "--branch", "dev", "--prune")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Done: 1 created, 1 changed.")
    first, second = daemon.params_of("catalog.apply")
    assert (first["dryRun"], first.get("plan")) == (True, None)
    assert (second.get("dryRun"), second["plan"], second["changeDescription"]) == (None, "abc", "more room")
    assert [(params["prune"], params["branchId"]) for params in (first, second)] == [(True, "dev")] * 2


def test_an_unchanged_folder_sends_no_change_to_the_daemon(
    run: Run, folder: Path, daemon: FakeDaemon
) -> None:
    answer(daemon, [])
    assert run("apply", str(folder)).out == "Nothing to change: 3 unchanged.\n"
    assert len(daemon.params_of("catalog.apply")) == 1


@pytest.mark.parametrize(("said", "code", "calls"), [("y\n", 0, 2), ("\n", 1, 1), ("", 1, 1), ("no\n", 1, 1)])
def test_a_confirmation_is_required_before_anything_is_removed(
    run: Run,
    folder: Path,
    daemon: FakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    code: int,
    calls: int,
) -> None:
    def at_a_terminal(question: str) -> str:
        assert "Remove 1 stored object?" in question
        if not said:
            raise EOFError
        return said

    answer(daemon, CHANGES)
    monkeypatch.setattr(apply, "_is_interactive", lambda _: True)
    monkeypatch.setattr("builtins.input", at_a_terminal)
    assert run("apply", str(folder), "--prune").code == code
    assert len(daemon.params_of("catalog.apply")) == calls
    daemon.calls.clear()
    assert run("apply", str(folder), "--prune", "--yes").code == 0
    assert len(daemon.params_of("catalog.apply")) == 2


def test_a_refusal_of_the_daemon_is_located_in_its_file(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    faults = [
        {
            "path": "$.configs[0].configuration.parameters.day",
            "message": '$.configs[0].configuration.parameters.day: the value is not of type "string".',
        },
        {
            "path": "$.configs[0].rows[0].configuration.parameters.region",
            "message": "$.configs[0].rows[0].configuration.parameters.region is wrong.",
        },
        {"path": "$.pools[0].slots", "message": "`pools[0].slots`: It must be less"},
    ]

    def refuse(_: Json) -> None:
        raise Refusal(-32602, "several", kind="invalid", path=faults[0]["path"], faults=faults)

    daemon.answers["catalog.apply"] = refuse
    ran = run("apply", str(folder))
    assert ran.code == 2
    assert ran.err == (
        "lockside: nothing was changed:\n"
        f"lockside: {folder}/configs/shop.orders/daily.toml:3: parameters.day: "
        'The value is not of type "string".\n'
        f"lockside: {folder}/configs/shop.orders/daily/rows/eu.json:1: parameters.region: Is wrong.\n"
        f"lockside: {folder}/pools.toml:2: loads.slots: It must be less.\n"
    )


def test_faults_in_files_are_reported_before_the_daemon_is_contacted(
    run: Run, folder: Path, daemon: FakeDaemon
) -> None:
    write(folder, "components/a.toml", "")
    write(folder, "components/b.toml", "x")
    ran = run("apply", str(folder), "--json")
    assert ran.code == 2
    assert len(json.loads(ran.out)["faults"]) == 2
    assert daemon.calls == []


def test_programs_get_the_plan_and_the_changes_made(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    answer(daemon, CHANGES)
    plan = json.loads(run("apply", str(folder), "--plan", "--json").out)
    done = json.loads(run("apply", str(folder), "--json").out)
    assert (plan["isApplied"], done["isApplied"]) == (False, True)
    assert plan["changes"] == CHANGES


def test_one_component_can_be_stored_from_its_file(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    daemon.answers["component.put"] = {"version": 1}
    ran = run("component", "put", str(folder / "components" / "shop.orders.toml"))
    assert ran.out == "component shop.orders is stored as version 1\n"
    [params] = daemon.params_of("component.put")
    assert params["component"]["command"][1].startswith("/")


def test_warnings_of_the_daemon_are_passed_on(run: Run, folder: Path, daemon: FakeDaemon) -> None:
    daemon.answers["config.put"] = {"version": 4, "warnings": ["'paramters' is kept but means nothing here"]}
    ran = run(
        "config", "put", "shop.orders/daily", str(folder / "configs/shop.orders/daily.toml"), "-m", "why"
    )
    assert ran.out == "configuration shop.orders/daily is stored as version 4\n"
    assert "'paramters' is kept" in ran.err
    assert daemon.params_of("config.put")[0]["changeDescription"] == "why"
