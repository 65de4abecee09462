"""The grammar of the command line, by itself and with the real table of commands."""

import subprocess
import sys

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon
from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS, GROUPS, HIDDEN
from lockside.cli.grammar import Parsed, UsageError, parse
from lockside.cli.help import help_text


def _parse(*words: str) -> Parsed:
    return parse(COMMANDS, GLOBAL_OPTIONS, words)


def test_options_and_arguments_can_be_mixed() -> None:
    for words in (
        ("logs", "-f", "-n", "5", "42"),
        ("logs", "42", "-fn5"),
        ("logs", "--lines=5", "42", "--follow"),
    ):
        parsed = _parse(*words)
        assert (parsed.many("job"), parsed.flag("follow"), parsed.number("lines")) == (["42"], True, 5)


def test_global_options_can_stand_before_or_after_the_command() -> None:
    assert _parse("--json", "ls").flag("json")
    assert _parse("ls", "--json").flag("json")


def test_the_version_option_of_a_command_does_not_print_the_program_version(
    daemon: FakeDaemon, run: Run
) -> None:
    daemon.answers |= {"storage.preview": {"columns": [], "rows": [], "rowsCount": 0, "isTruncated": False}}
    for version in (0, 3):
        run("table", "preview", "in.c-shop.orders", "--version", str(version))
        assert daemon.params_of("storage.preview")[-1]["version"] == version


def test_the_words_after_a_lone_dash_dash_are_the_command_to_run() -> None:
    parsed = _parse("run", "--wait", "--", "make", "-j2", "--", "all")
    assert parsed.many("command") == ["make", "-j2", "--", "all"]
    assert parsed.text("component_config") is None
    assert parsed.flag("wait")


def test_a_negative_number_is_an_argument() -> None:
    assert _parse("prio", "42", "-50").values["priority"] == -50
    assert _parse("prio", "42", "high").values["priority"] == 50


def test_repeated_options_are_collected() -> None:
    assert _parse("run", "a/b", "--row", "x", "--row=y").many("row") == ["x", "y"]


@pytest.mark.parametrize(
    "words", [("apply", "pipeline"), ("retry", "42"), ("schedule", "backfill", "x", "1", "2")]
)
def test_a_plan_is_a_dry_run_too(words: tuple[str, ...]) -> None:
    assert _parse(*words, "--dry-run").flag("plan")


def test_aliases_mean_the_same_command() -> None:
    assert _parse("cancel", "42").command is _parse("kill", "42").command


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("statuss",), "there is no command 'statuss'. Did you mean 'status'?"),
        (("pool", "lst"), "'pool' has no command 'lst'. Did you mean 'ls'?"),
        (("run", "--folow", "a/b"), "there is no option --folow. Did you mean '--follow'?"),
        (("show",), "JOB is missing"),
        (("show", "1", "2"), "'2' is too much: this command takes no such argument."),
        (("run", "echo", "hi"), "'hi' is too much: write a command after --: lockside run -- echo hi"),
        (("logs", "1", "-n"), "-n needs a value: -n N."),
        (("run", "a/b", "--priority", "urgent"), "--priority: 'urgent' is not a priority"),
        (("run", "a/b", "--mode", "fast"), "--mode is one of run, forceRun, debug; 'fast' is none"),
        (("run", "a/b", "--mode", "debgu"), "'debgu' is none of them. Did you mean 'debug'?"),
        (("prio", "42", "hgih"), "'hgih' is not a priority: write a number from -100 to 100 or one of"),
        (("ls", "--active=yes"), "--active takes no value."),
    ],
)
def test_a_mistake_is_reported_with_the_word_at_fault(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _parse(*words)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1h30m", 5400), ("02:30:00", 9000), ("1.5h", 5400), ("250ms", 0.25)]
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert _parse("run", "a/b", "--timeout", text).number("timeout") == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("512MB", 512_000_000), ("1.5GiB", 3 << 29), ("2", 2_000_000_000), ("100b", 100)]
)
def test_sizes_are_read_as_the_daemon_reads_them(text: str, size: int) -> None:
    assert _parse("run", "a/b", "--memory", text).number("memory") == size


def test_every_command_begins_its_help_with_an_example() -> None:
    for command in COMMANDS:
        if command in HIDDEN:
            continue
        text = help_text(command.name)
        assert text.replace("\n", " ").startswith(f"lockside {command.name} - {command.summary}")
        assert command.examples, command.name
        assert text.index(command.examples[0][0]) < text.index("usage:")


def test_every_example_can_be_parsed() -> None:
    from shlex import split

    for command in COMMANDS:
        for example, _ in command.examples:
            words = split(example.replace("id=$(", "").replace('eval "$(', "").replace(")", "").rstrip('"'))
            ends = [words.index(word) for word in ("|", "||") if word in words]
            assert _parse(*words[1 : min(ends, default=None)]).command is command, example


def test_every_command_names_code_that_exists() -> None:
    from importlib import import_module

    for command in COMMANDS:
        module, _, name = command.run.partition(":")
        assert callable(getattr(import_module(module), name)), command.name


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_help_fits_the_terminal_and_breaks_between_words(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for name in ("", *GROUPS, *(command.name for command in COMMANDS)):
        for line in help_text(name).splitlines():
            is_to_copy = line.startswith(
                ("  lockside ", "  LOCKSIDE_", "usage: ", "       lockside ", "  id=$(")
            )
            assert len(line) <= min(width, 80) or is_to_copy or " " not in line.strip(), line


def test_the_overview_fits_a_terminal_and_names_every_command() -> None:
    text = help_text("")
    assert all(len(line) <= 80 for line in text.splitlines())
    words = {word.strip(",") for word in text.split()}
    assert all(words.issuperset(command.name.split()) for command in COMMANDS if command not in HIDDEN)
    assert text.count("\n") < 150
    assert all(help_text(group) for group in GROUPS)


def test_a_command_that_is_typed_often_imports_only_what_it_needs(daemon: FakeDaemon) -> None:
    """How long it takes depends on the machine; which modules it loads does not."""
    daemon.answers["daemon.status"] = {
        "version": "1.0",
        "pid": 7,
        "uptimeSeconds": 60,
        "isDraining": False,
        "counts": {},
        "pools": [],
        "store": {"isWritable": True},
        "keeper": {"isConnected": True, "pid": 8, "runs": 0},
    }
    script = (
        "import sys; from lockside.cli.main import main;"
        f"code = main(['--socket', {daemon.path!r}, 'status']); print(code, *sorted(sys.modules), sep='\\n')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "is well" in ran.stdout
    loaded = set(ran.stdout.splitlines())
    needless = {"asyncio", "msgspec", "subprocess", "tempfile", "difflib", "shlex", "typing", "dataclasses"}
    needless |= {"inspect", "pathlib", "rich", "textual", "tomllib", "unicodedata", "datetime", "logging"}
    assert loaded & needless == set()
