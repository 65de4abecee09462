"""What people and scripts see: tables that fit, colours only on terminals, times in a readable form."""

import codecs
import io
from datetime import UTC, datetime, timedelta

import pytest

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.cli.terminal import output
from lockside.cli.terminal.output import Output
from lockside.cli.terminal.region import Region
from lockside.cli.terminal.sanitize import replaced

Cell = str | tuple[str, str]

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def _local(hour: int, minute: int) -> datetime:
    return NOW.astimezone().replace(hour=hour, minute=minute)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _a_coloured_terminal_of_40_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: 40)
    monkeypatch.setenv("TERM", "xterm")


def _table(stream: io.StringIO, plain: bool = False) -> list[str]:
    rows: list[list[Cell]] = [
        ["1", ("success", "green"), "a long text that does not fit into the row"],
        ["22", "error", "東京\x1b[2J\nx"],
    ]
    Output(as_json=False, plain=plain, stream=stream).table(("ID", "STATUS", ""), rows)
    return stream.getvalue().splitlines()


def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lines = _table(Terminal())
    assert lines[0] == "ID  STATUS"
    assert lines[1] == "1   success  a long text that does not …"
    assert all(output.display_width(line) <= 40 for line in lines)


def test_the_size_that_the_environment_names_wins_when_it_is_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LINES", "33")
    assert output.terminal_height() == 33
    monkeypatch.setenv("LINES", "many")
    assert output.terminal_height() == 24


def test_a_dumb_terminal_gets_no_cursor_movements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    region = Region(Output(as_json=False, plain=False, stream=stream))
    region.draw(["drawn"])
    region.above("said\n")
    region.clear()
    assert stream.getvalue() == "said\n"


def test_control_characters_in_foreign_text_never_reach_the_terminal() -> None:
    assert "\x1b[2J" not in "".join(_table(Terminal()))


def test_colours_are_used_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[32msuccess" in "".join(_table(Terminal()))
    assert "\x1b" not in "".join(_table(io.StringIO()))
    assert "\x1b" not in "".join(_table(Terminal(), plain=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "".join(_table(Terminal()))


def test_scripts_get_whole_columns_without_headings() -> None:
    assert _table(io.StringIO())[0] == "1\tsuccess\ta long text that does not fit into the row"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "40 ms"),
        (4.23, "4.2 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (90061, "1 d 1 h"),
        (3600, "1 h"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert times.span(seconds) == text


def test_times_are_shown_relative_to_now() -> None:
    assert times.ago("2026-01-31T11:57:00.000000Z", NOW) == "3 min ago"
    assert times.ago("2026-01-31T14:00:00.000000Z", NOW) == "in 2 h"


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("11:30", _local(11, 30)),
        ("23:59", _local(23, 59) - timedelta(days=1)),
        ("2026-01-30T10:00:00Z", datetime(2026, 1, 30, 10, tzinfo=UTC)),
        ("yesterday", NOW.astimezone().replace(hour=0, minute=0) - timedelta(days=1)),
    ],
)
def test_past_times_can_be_given_in_everyday_forms(text: str, there: datetime) -> None:
    assert times.since(text, NOW) == there


def test_long_sentences_are_broken_at_words_and_a_number_keeps_its_unit() -> None:
    lines = output.wrapped("It has run for 2.1 s, and waits for 3 min more.", 18, "  ")
    assert lines == ["  It has run for", "  2.1 s, and waits", "  for 3 min more."]


def test_a_line_on_a_terminal_breaks_between_words_and_continues_indented() -> None:
    stream = Terminal()
    out = Output(as_json=False, plain=False, stream=stream)
    out.line(f"  job 5: {out.paint('red', 'error after 10 ms, exit code 3: the whole disk is')} full")
    out.line(f"{'store':<10}can be written, 4.0 kB in /var/lib", hang=10)
    out.line("short  and   as it was")
    assert stream.getvalue().splitlines() == [
        "  job 5: \x1b[31merror after 10 ms, exit code 3:",
        "    the whole disk is\x1b[0m full",
        "store     can be written, 4.0 kB in",
        "          /var/lib",
        "short  and   as it was",
    ]


def test_text_meant_to_be_copied_is_not_broken() -> None:
    stream = Terminal()
    out = Output(as_json=False, plain=False, stream=stream)
    out.hint("  next: lockside run --set name=value component/configuration")
    out.verbatim("x" * 30 + " " + "y" * 30)
    assert [len(line) > 40 for line in stream.getvalue().splitlines()] == [True, True]


def test_a_terminal_without_unicode_gets_signs_that_it_can_show() -> None:
    codecs.register_error("signs", replaced)
    shown = "└─ ✗ load ━━╌╌ 5 › größe…".encode("ascii", "signs").decode()
    assert shown == "`- x load ==.. 5 ? gr??e~"


def test_without_a_terminal_no_line_is_broken() -> None:
    stream = io.StringIO()
    Output(as_json=False, plain=False, stream=stream).line("word " * 30)
    assert stream.getvalue() == "word " * 30 + "\n"


def test_sizes_are_shown_in_the_units_in_which_they_are_typed() -> None:
    from lockside.documents.quantities import size

    assert [times.size(size(text)) for text in ("512MB", "1.5GB", "20B")] == ["512.0 MB", "1.5 GB", "20 B"]


def test_a_part_of_a_job_is_described_as_a_row_an_attempt_or_a_phase() -> None:
    shop = {"id": "7", "component": "shop.load", "config": "daily"}
    row = shop | {"creator": {"type": "container", "id": "eu"}}
    attempt = shop | {"creator": {"type": "retry"}, "attempt": 1}
    phase = {"id": "8", "name": "load", "component": "o", "type": "phaseContainer", "parentRunId": "1.5"}
    assert [describe.part(one) for one in (shop, row, attempt, phase)] == [
        "shop.load/daily",
        "row eu",
        "attempt 2",
        "phase load",
    ]
    assert [describe.alone(one) for one in (row, attempt, phase)] == [
        "shop.load/daily, row eu",
        "shop.load/daily, attempt 2",
        "phase load of 5",
    ]
    assert [describe.label(one) for one in (shop, row, attempt)] == [
        "shop.load/daily",
        "daily#eu",
        "shop.load/daily #2",
    ]


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, "░░░░"), (0.5, "██░░"), (0.53, "██▏░"), (1, "████"), (7, "████")]
)
def test_progress_is_drawn_with_a_resolution_of_an_eighth_of_a_column(share: float, drawn: str) -> None:
    assert describe.bar(share, 4) == drawn


def test_a_job_is_shown_by_its_name_its_configuration_or_its_command() -> None:
    command = {"component": "lockside.command", "configData": {"parameters": {"command": ["echo", "a b"]}}}
    assert describe.title(command) == "echo 'a b'"
    assert describe.title(command | {"name": "hello"}) == "hello"
    assert describe.title({"component": "shop.orders", "config": "daily"}) == "shop.orders/daily"


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        ({"status": "success", "durationSeconds": 4.2, "starts": 1}, "success after 4.2 s"),
        ({"status": "terminated", "starts": 1, "durationSeconds": 2}, "terminated after 2.0 s"),
        ({"status": "cancelled"}, "cancelled before any process of it was started"),
        (
            {
                "status": "error",
                "result": {"error": {"kind": "exit", "exitCode": 1, "message": "No data.\nx"}},
            },
            "error, exit code 1: No data.",
        ),
        (
            {"status": "error", "starts": 1, "durationSeconds": 60, "result": {"error": {"kind": "timeout"}}},
            "error (timeout) after 1 min",
        ),
    ],
)
def test_the_end_of_a_job_is_reported_in_one_sentence(job: dict[str, object], sentence: str) -> None:
    assert describe.ending(job) == sentence


def test_a_plain_command_has_no_stages_to_report() -> None:
    stages = {"preparing": "2026-01-31T08:00:00Z", "running": "2026-01-31T08:00:01Z"}
    ended = {"stageTimestamps": stages, "endTime": "2026-01-31T08:00:03Z", "queueSeconds": 60}
    assert (
        describe.stage_line({"component": "shop.load", **ended})
        == "waited 1 min · preparing 1.0 s · running 2.0 s"
    )
    assert describe.stage_line({"component": describe.PLAIN_COMMAND, **ended}) == "waited 1 min"


@pytest.mark.parametrize(
    ("hours", "text"), [(2, "in 2 h"), (1.5, "in 1 h 30 min"), (48, "in 2 d"), (-2, "2 h ago")]
)
def test_a_future_time_is_rounded(hours: float, text: str) -> None:
    moment = NOW + timedelta(hours=hours, milliseconds=-700)
    assert times.ago(moment.isoformat(), NOW) == text


def test_the_last_column_shrinks_before_names_do() -> None:
    stream = Terminal()
    row = ["7", "airports.extract", "a long sentence that says why it waits"]
    Output(as_json=False, plain=False, stream=stream).table(("ID", "JOB", ""), [row])
    assert stream.getvalue().splitlines()[1] == "7   airports.extract  a long sentence t…"
