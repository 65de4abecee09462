"""`timeline`: bars that fit the width of the terminal, and pictures without external references."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, Refusal, in_turn, job
from client.screens import Terminal
from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs.row_times import rows_of
from lockside.cli.jobs.timeline import Timeline
from lockside.cli.jobs.timeline_svg import svg
from lockside.cli.session import Session

Json = dict[str, Any]
NOW = times.parsed("2026-01-31T08:05:00Z")


def at(second: float) -> str:
    return f"2026-01-31T08:{int(second) // 60:02}:{second % 60:09.6f}Z"


def part(number: str, parent: str, status: str, begin: float | None, end: float | None, **more: Any) -> Json:
    return job(
        number,
        status,
        runId=f"{parent}.{number}" if parent else number,
        parentRunId=parent or None,
        createdTime=at(0),
        startTime=None if begin is None else at(begin),
        endTime=None if end is None else at(end),
        **more,
    )


def nightly() -> list[Json]:
    return [
        part("1", "", "processing", 0, None, name="nightly", type="orchestrationContainer"),
        part("2", "1", "success", 0, 60, name="extract", type="phaseContainer"),
        part("3", "1.2", "success", 0, 60, type="standard"),
        part("4", "1", "processing", 60, None, name="<load & more>", type="phaseContainer"),
        part("5", "1.4", "error", 60, 61, type="standard", result={"error": {"message": "No data."}}),
        part("6", "1.4", "waiting", None, None, type="standard", config="weekly"),
    ]


def test_bars_begin_at_the_start_of_jobs_and_end_at_their_end_or_now() -> None:
    drawn = Timeline(nightly(), NOW)
    assert [(bar.name, bar.created, bar.begin, bar.end) for bar in drawn.bars] == [
        ("nightly", 0, 0, 300),
        ("phase extract", 0, 0, 60),
        ("airports.extract/daily", 0, 0, 60),
        ("phase <load & more>", 0, 60, 300),
        ("airports.extract/daily", 0, 60, 61),
        ("airports.extract/weekly", 0, None, 300),
    ]
    assert [at for at, _ in drawn.ticks(6)] == [0, 60, 120, 180, 240, 300]


def test_the_times_of_an_axis_are_as_precise_as_its_steps() -> None:
    short = Timeline([part("7", "", "success", 0, 0.25)], NOW)
    assert [text for _, text in short.ticks(13)] == ["0", *(f"{count * 20} ms" for count in range(1, 13))]
    longer = Timeline([part("7", "", "success", 0, 11)], NOW)
    assert [text for _, text in longer.ticks(25)][-3:] == ["10.0 s", "10.5 s", "11.0 s"]


def test_a_single_job_is_divided_into_its_stages() -> None:
    stages = {"accepted": at(0), "preparing": at(2), "running": at(3), "cleaning_up": at(9), "done": at(10)}
    drawn = Timeline([part("7", "", "success", 2, 10, stageTimestamps=stages)], NOW)
    assert [(bar.lines + bar.name, bar.ran) for bar in drawn.bars[1:]] == [
        ("├─ preparing", 1),
        ("├─ running", 6),
        ("└─ cleaning up", 1),
    ]


def test_a_job_with_sequential_rows_is_divided_into_its_rows(daemon: FakeDaemon, run: Run) -> None:
    whole = part("7", "", "error", 0, 30, type="standard", stageTimestamps={"output_mapping": at(29)})
    began = {"eu": at(2), "us": at(10)}
    daemon.answers |= {
        "config.get": {"rows": [{"id": "eu"}, {"id": "off", "isDisabled": True}, {"id": "us"}]},
        "job.log": lambda asked: {"frames": [{"seq": 0, "time": began[asked["row"]]}]},
    }
    session = Session(Parsed(None, {"socket": daemon.path}))
    drawn = Timeline([whole], NOW, rows_of(session, whole))
    assert [(bar.lines + bar.name, bar.begin, bar.end, bar.status) for bar in drawn.bars[1:]] == [
        ("├─ row eu", 2, 10, "success"),
        ("└─ row us", 10, 29, "error"),
    ]
    daemon.answers["config.get"] = in_turn(Refusal(-32001, "It is deleted."))
    assert rows_of(session, whole) == []


def test_ended_rows_have_the_times_of_their_steps(daemon: FakeDaemon, run: Run) -> None:
    ends = [("eu", 2, 4, "success"), ("eu", 4, 9, "success"), ("us", 10, 29, "error")]
    steps = [
        {"row": row, "startTime": at(begin), "endTime": at(end), "status": status}
        for row, begin, end, status in ends
    ]
    whole = part("7", "", "error", 0, 30, type="standard", result={"steps": steps})
    drawn = Timeline([whole], NOW, rows_of(Session(Parsed(None, {"socket": daemon.path})), whole))
    assert [(bar.name, bar.begin, bar.end, bar.status) for bar in drawn.bars[1:]] == [
        ("row eu", 2, 9, "success"),
        ("row us", 10, 29, "error"),
    ]


@pytest.mark.parametrize("columns", [80, 60, 200])
def test_a_timeline_fits_the_terminal(daemon: FakeDaemon, columns: int) -> None:
    over = [each | {"isFinished": True, "endTime": each["endTime"] or at(300)} for each in nightly()]
    daemon.answers |= {"job.get": over[0], "job.list": {"jobs": over}}
    with Terminal(daemon.path, "timeline", "1", columns=columns) as seen:
        assert seen.end() == 0
        lines = seen.lines
    assert len(lines) == 1 + 6 + 2, "no line is broken"
    assert lines[2].startswith("├─ phase extract")
    chart = lines[4][lines[4].index("╌") :]
    assert chart.startswith("╌╌")
    assert "━" in chart


def test_without_a_terminal_a_timeline_is_printed_as_columns(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers |= {"job.get": nightly()[0], "job.list": {"jobs": nightly()}}
    lines = run("timeline", "1").out.splitlines()
    assert lines[2].split("\t") == ["3", "1.2", "success", at(0), at(0), at(60), "airports.extract/daily"]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ufffe", "\uffff"])
def test_a_picture_has_no_character_that_xml_forbids(character: str) -> None:
    named = part("7", "", "success", 0, 1, name=f"load{character}<&")
    title = ET.fromstring(svg(Timeline([named], NOW))).find(".//{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert (title.text or "").startswith("load\ufffd<&")


def test_a_picture_is_complete_and_has_a_bar_for_every_job_that_ran() -> None:
    drawn = Timeline(nightly(), NOW)
    picture = ET.fromstring(svg(drawn))
    space = {"s": "http://www.w3.org/2000/svg"}
    groups = picture.findall("s:g", space)
    bars = {
        group.findtext("s:title", "", space).split(" (job")[0]: group.find("s:rect", space)
        for group in groups
    }
    assert [name for name, bar in bars.items() if bar is None] == ["airports.extract/weekly"]
    extract, load = bars["phase extract"], bars["phase <load & more>"]
    assert extract is not None
    assert load is not None
    end_of_extract = float(extract.attrib["x"]) + float(extract.attrib["width"])
    assert float(load.attrib["x"]) == pytest.approx(end_of_extract, abs=0.2)
    assert "http" not in svg(drawn).replace("http://www.w3.org/2000/svg", ""), (
        "it needs nothing from elsewhere"
    )


def test_pictures_and_pages_contain_foreign_text_only_as_text(
    daemon: FakeDaemon, run: Run, tmp_path: Path
) -> None:
    daemon.answers |= {"job.get": nightly()[0], "job.list": {"jobs": nightly()}}
    page, picture = tmp_path / "t.html", tmp_path / "t.svg"
    assert run("timeline", "1", "--html", str(page), "--svg", str(picture)).code == 0
    assert ET.parse(picture).getroot().tag.endswith("svg")
    text = page.read_text()
    assert "<load" not in text
    assert "phase &lt;load &amp; more&gt;" in text
    assert "No data." in text
    ran = run("timeline", "1", "--svg", str(tmp_path / "nowhere" / "t.svg"))
    assert (ran.code, "cannot be written: No such file or directory" in ran.err) == (2, True)


def test_a_picture_on_stdout_has_no_character_that_xml_forbids(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers |= {
        "job.get": part("1", "", "success", 1, 2, name="a\ufffe\x00<b>"),
        "job.list": {"jobs": []},
    }
    ran = run("timeline", "1", "--svg", "-")
    assert ran.code == 0
    assert "a\ufffd\ufffd<b>" in "".join(ET.fromstring(ran.out).itertext())
