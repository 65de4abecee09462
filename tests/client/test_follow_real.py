"""Following real jobs of a real daemon that stops in between."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.screens import Terminal
from lockside.cli.daemon.own_daemon import OwnDaemon


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnDaemon]:
    daemon = OwnDaemon(str(tmp_path_factory.mktemp("own")))
    daemon.start()
    yield daemon
    daemon.put_away()


def test_following_shows_each_line_once_although_the_daemon_is_killed_and_restarted(
    own: OwnDaemon, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for fifo in (first, second):
        os.mkfifo(fifo)
    script = f"echo one; cat {first}; echo two; cat {second}; echo three >&2; exit 3"
    with Terminal(
        own.socket, "run", "-f", "--name", "staying", "--", "sh", "-c", script, columns=120
    ) as seen:
        seen.until("one")
        own.kill()
        seen.until("the daemon is away; jobs go on without it")
        first.write_text("")
        own.start()
        seen.until("two")
        second.write_text("")
        assert seen.end() == 1
        lines = seen.lines
    assert [line for line in lines if line in {"one", "two", "three"}] == ["one", "two", "three"]
    assert lines[-2].startswith("staying (job 1): error after ")
    assert lines[-2].endswith("exit code 3: three")
    assert lines[-1] == "  next: lockside show 1"


def test_the_tree_of_a_real_orchestration_is_followed_to_its_failure(own: OwnDaemon, tmp_path: Path) -> None:
    files = {
        "components/shop.yes.toml": 'id = "shop.yes"\ncommand = ["echo", "fine"]\n',
        "components/shop.no.toml": 'id = "shop.no"\ncommand = ["sh", "-c", "echo No data. >&2; exit 1"]\n',
        "configs/shop.yes/daily.toml": 'name = "Yes"\n',
        "configs/shop.no/daily.toml": 'name = "No"\n',
        "configs/lockside.orchestrator/both.toml": """
            [configuration]
            phases = [{ id = "first" }, { id = "second", dependsOn = ["first"] }]
            tasks = [
                { id = "yes", phase = "first", task = { component = "shop.yes", config = "daily" } },
                { id = "no", phase = "first", task = { component = "shop.no", config = "daily" } },
                { id = "later", phase = "second", task = { component = "shop.yes", config = "daily" } },
            ]
        """,
    }
    for name, text in files.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with Terminal(own.socket, "apply", str(tmp_path / "shop")) as seen:
        assert seen.end() == 0, seen.text
    with Terminal(own.socket, "run", "-f", "lockside.orchestrator/both", columns=120) as seen:
        assert seen.end() == 1
        assert "shop.yes/daily 3 │ fine" in seen.text
        assert "shop.no/daily 4  │ No data." in seen.text, "labels have equal widths"
        assert "│  └─ ✗ shop.no/daily (4)  error" in seen.text
        assert "└─ - phase second (5)  cancelled" in seen.text
    with Terminal(own.socket, "show", "lockside.orchestrator/both", columns=120) as seen:
        assert seen.end() == 0
        assert "the end of the log of shop.no/daily (job 4):" in seen.text
        assert "cause: shop.no/daily (job 4): No data." in seen.text
        assert "lockside retry --resume 1" in seen.text
    with Terminal(own.socket, "timeline", "lockside.orchestrator/both", columns=120) as seen:
        assert seen.end() == 0
        assert seen.lines[-1] == "╌╌ waited   ━━ ran"
