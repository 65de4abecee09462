"""The handbook and the reference: complete, readable at any width, plain in a pipe, quick to start."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from client.conftest import Run
from lockside.cli import handbook, reference
from lockside.cli.help import topic_lines, topics
from lockside.cli.terminal.markdown import WIDEST, laid_out
from lockside.cli.terminal.output import Output, display_width
from lockside.protocol.methods import TEST_METHODS
from lockside.protocol.openrpc import document
from transcripts.recording import Terminal

DOCUMENT = document("1", with_test_clock=True)
SCHEMAS = DOCUMENT["components"]["schemas"]
INDEX = handbook.page(handbook.INDEX)


def lines_of(topic: str, width: int = 80) -> list[str]:
    return topic_lines(topic, Output(as_json=False, plain=False, stream=io.StringIO(), width=width))


def test_the_index_names_each_page_once_and_nothing_else() -> None:
    assert sorted(re.findall(r"^- \[([a-z-]+)\]", INDEX, re.MULTILINE)) == handbook.topics()


def test_help_alone_lists_the_topics(run: Run) -> None:
    ran = run("help")
    assert (ran.code, ran.err) == (0, "")
    for topic in handbook.topics():
        assert f"- {topic}: " in ran.out


@pytest.mark.parametrize("topic", handbook.topics())
def test_every_link_of_a_page_leads_to_a_page(topic: str) -> None:
    for name in re.findall(r"\]\(([a-z-]+)\.md\)", handbook.page(topic)):
        assert handbook.page(name), name


@pytest.mark.parametrize("topic", handbook.topics())
def test_every_topic_that_a_page_refers_to_exists(topic: str) -> None:
    for name in re.findall(r"`lockside help ([\w.-]+)`", handbook.page(topic)):
        assert name.isupper() or lines_of(name), name


@pytest.mark.parametrize("name", TEST_METHODS)
def test_the_reference_of_a_method_has_every_parameter(name: str) -> None:
    [described] = [each for each in DOCUMENT["methods"] if each["name"] == name]
    text = reference.reference(name)
    assert described["summary"] in text
    for parameter in described["params"]:
        said = parameter["schema"]["description"]
        assert re.search(rf"^- `{parameter['name']}` \(.*\): {re.escape(said)}$", text, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name, schema in SCHEMAS.items() if "properties" in schema])
def test_the_reference_of_a_type_has_every_member(name: str) -> None:
    text = reference.reference(name.removeprefix("Stored"))
    listed = re.findall(r"^- `(#?\w+)` \(", text, re.MULTILINE)
    assert set(SCHEMAS[name]["properties"]) <= set(listed)


def test_the_reference_of_a_configuration_has_every_member_that_its_file_can_have() -> None:
    from lockside.cli.files.config_file import BODY_MEMBERS, CONFIG_MEMBERS

    listed = set(re.findall(r"^- `(\w+)` \(", reference.reference("configuration"), re.MULTILINE))
    assert BODY_MEMBERS | CONFIG_MEMBERS - {"component", "config", "configuration"} <= listed


def test_a_parameter_shows_its_type_its_default_and_whether_it_is_required() -> None:
    text = reference.reference("job.create")
    assert "- `component` (string of at most 80 characters, required): " in reference.reference("config.put")
    assert "- `hold` (boolean, default `false`): " in text
    assert "- `limits` (Limits, optional): " in text
    assert '- `mode` (debug | forceRun | run, default `"run"`): ' in text


def test_every_setting_is_listed_with_its_default_and_its_sentence() -> None:
    text = reference.reference("settings")
    assert '- `lock` (default `"exclusive"`): The lock policy of configurations that do not set one' in text
    assert text.count("\n- `") > 30


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize(
    "topic",
    [
        *handbook.topics(),
        "job",
        "job.create",
        "settings",
        "methods",
        "fields",
        "fields config",
        "environment",
    ],
)
def test_a_page_fits_the_terminal(topic: str, width: int) -> None:
    for line in lines_of(topic, width):
        assert display_width(line) <= min(width, WIDEST), line
        assert "\x1b" not in line


def test_a_table_that_is_too_wide_is_shown_row_by_row() -> None:
    table = "| event | effect |\n| --- | --- |\n| `a` | one two three four |\n"
    assert laid_out(table, 80) == ["event  effect", "`a`    one two three four", ""]
    wide = "| a | b | c |\n| --- | --- | --- |\n| `aaaaaaaaaaaaaaaaaaaaa` | `bbbbbbbbbbbbbbbbbbbbb` | d |\n"
    assert laid_out(wide, 30)[:3] == ["- `aaaaaaaaaaaaaaaaaaaaa`", "    b:", "    `bbbbbbbbbbbbbbbbbbbbb`"]


def test_markup_for_other_readers_is_left_out() -> None:
    text = "<!-- run: x -->\n```mermaid\na --> b\n```\nsee [waiting](waiting.md)\n"
    assert laid_out(text, 80) == ["see waiting", ""]


def test_a_long_line_of_code_continues_with_more_indentation() -> None:
    assert laid_out("```sh\necho one two three four five\n```", 24) == [
        "    echo one two three",
        "        four five",
    ]


def test_code_and_headings_are_coloured_where_colours_are_shown() -> None:
    painted = laid_out("# Title\n\nrun `a b` now", 80, lambda colour, text: f"<{colour}>{text}</>")
    assert painted == ["<bold>Title</>", "", "run <cyan>a b</> now"]


@pytest.mark.parametrize("topic", ["wating", "job.creat"])
def test_an_unknown_topic_is_refused_with_the_closest_one(run: Run, topic: str) -> None:
    ran = run("help", topic)
    assert ran.code == 2
    assert "Did you mean '" in ran.err


def test_no_topic_reaches_files_outside_the_handbook() -> None:
    assert handbook.page("../cli/main") == handbook.page("/etc/passwd") == ""


def test_no_topic_name_is_used_twice() -> None:
    names = topics()
    assert sorted(names) == sorted(set(names))


def test_a_pager_is_used_on_a_small_terminal_but_not_in_a_pipe(tmp_path: Path) -> None:
    at = Terminal(tmp_path / "h")
    try:
        assert at.type("PAGER='sed s/^/paged:/' lockside help components").startswith("paged:Components\n")
        assert at.type("PAGER='sed s/^/paged:/' lockside help exit-codes").startswith("Exit codes\n")
        assert at.type("PAGER='sed s/^/paged:/' lockside help components | cat").startswith("Components\n")
        assert at.type("PAGER=/nowhere lockside help components").startswith("Components\n")
    finally:
        at.end()


def test_a_page_loads_no_more_than_a_frequent_command() -> None:
    script = "import sys; from lockside.cli.main import main; main(['help', 'waiting']); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.splitlines()[-1].split())
    needless = {"asyncio", "msgspec", "subprocess", "tempfile", "typing", "dataclasses", "pathlib", "logging"}
    assert loaded & needless == set()
