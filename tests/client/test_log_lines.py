"""Joining frames into lines takes time proportional to the text, however it was split into frames."""

from time import process_time

from lockside.cli.jobs.log_lines import LineMaker

PIECES = 20_000


def frame(text: str, stream: str = "stdout") -> dict[str, object]:
    return {"stream": stream, "time": "2026-01-31T08:00:00Z", "text": text}


def test_lines_continue_across_frames_and_streams_stay_separate() -> None:
    maker = LineMaker("1")
    given = [frame("a"), frame("x", "stderr"), frame("b\nc\n\nd"), frame(""), frame("e\n"), frame("f")]
    lines = [line for each in given for line in maker.take(each)]
    assert [(line.stream, line.text) for line in lines] == [
        ("stdout", text) for text in ("ab", "c", "", "de")
    ]
    assert maker.unfinished() == "xf"
    assert [(line.stream, line.text) for line in maker.rest()] == [("stderr", "x"), ("stdout", "f")]
    assert maker.unfinished() == ""


def test_the_start_of_a_step_is_a_separate_line_after_earlier_output() -> None:
    maker = LineMaker("1")
    step = {
        "step": 2,
        "total": 3,
        "row": "two",
        "kind": "processor",
        "component": "m.proc",
        "operation": None,
    }
    mark = {"stream": None, "time": "2026-01-31T08:00:00Z", "step": step}
    lines = [line for each in (frame("unfinished"), mark) for line in maker.take(each)]
    assert [(line.stream, line.text) for line in lines] == [
        ("stdout", "unfinished"),
        (None, "[step 2 of 3: row two, processor m.proc]"),
    ]


def seconds_of(size: int) -> float:
    """Return how long it takes to make one line of this many pieces."""
    maker, piece = LineMaker("1"), frame("x" * 1000)
    begun = process_time()
    for _ in range(size):
        assert not list(maker.take(piece))
    (line,) = maker.take(frame("\n"))
    assert len(line.text) == size * 1000
    return process_time() - begun


def test_a_line_of_many_frames_takes_time_proportional_to_its_length() -> None:
    short = min(seconds_of(PIECES // 4) for _ in range(3))
    assert seconds_of(PIECES) < 12 * short + 0.1, "four times the length must not take sixteen times the time"


def test_only_the_end_of_an_unfinished_line_is_drawn() -> None:
    maker = LineMaker("1")
    for number in range(300):
        assert not list(maker.take(frame("x" * 1000 + f"\r{number:3}%")))
    assert len(maker.unfinished()) == 1 << 16
    assert maker.unfinished().endswith("\r299%")
