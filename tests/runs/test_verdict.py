"""How a run ended and what its result contains."""

from typing import Any

import pytest

from lockside.documents.enums import FailureClass, FailureKind
from locksided.runs.data_folder import Collected, OutFile
from locksided.runs.result import RunResult, conclude, failed_before_start, nothing_to_run
from locksided.runs.sequence import joined
from locksided.runs.verdict import Verdict
from runs.examples import component, config, named, outcome, resolved, row, steps

NOTHING = Collected()


def concluded(
    collected: Collected = NOTHING, *, request: dict[str, Any] | None = None, of: Any = None, **seen: Any
) -> RunResult:
    result = resolved(request, of=of, stored=config())
    return conclude(steps(result)[0], result.spec, outcome(**seen), collected)


def error(**seen: Any) -> dict[str, Any]:
    result = concluded(**seen)
    assert not result.success
    found: dict[str, Any] = result.result["error"]
    return found


def test_exit_code_zero_is_a_success_whatever_was_written_to_stderr() -> None:
    result = concluded(stderrTail="WARNING everything is fine")
    assert (result.verdict, result.result["error"]) == (Verdict.SUCCESS, None)
    assert result.message == "Component processing finished."


def test_the_process_is_reported_with_wire_timestamps() -> None:
    assert concluded().process == {
        "pid": 4711,
        "startToken": "12-1-0",
        "spawnTime": "2023-11-14T22:13:20.000000Z",
        "exitTime": "2023-11-14T22:13:22.500000Z",
        "exitCode": 0,
        "signal": None,
        "userSeconds": 1.5,
        "systemSeconds": 0.25,
        "maxRssBytes": 9_000_000,
        "usageSource": "processes",
    }


def test_exit_code_one_is_a_user_error_with_the_end_of_stderr() -> None:
    assert error(exitCode=1, stderrTail="  bad password\n", stdoutTail="hello") == {
        "type": "user",
        "kind": "exit",
        "exitCode": 1,
        "signal": None,
        "message": "bad password",
        "step": 1,
        "component": "ex.table",
        "row": None,
        "side": None,
    }


def test_without_stderr_the_message_is_the_end_of_stdout_or_a_plain_sentence() -> None:
    assert error(exitCode=1, stderrTail=" \n", stdoutTail="wrong table")["message"] == "wrong table"
    assert error(exitCode=3)["message"] == "exit code 3, no output"


def test_the_message_is_the_whole_output_and_the_summary_its_decisive_line() -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: the reason\n'
    result = concluded(exitCode=1, stderrTail=trace)
    assert (result.message, result.summary) == (trace.strip(), "ValueError: the reason")


def test_a_decisive_line_before_a_long_traceback_is_not_lost() -> None:
    frames = "".join(f"\tat com.example.Deep.call{number}(Deep.java:{number})\n" for number in range(300))
    result = concluded(exitCode=2, stderrTail=f"java.lang.IllegalStateException: no table\n{frames}")
    assert result.summary == "java.lang.IllegalStateException: no table"
    assert result.message.startswith("java.lang.IllegalStateException: no table\n… ")
    assert len(result.message) == 4096


def test_messages_contain_no_escape_codes_and_no_overwritten_text() -> None:
    result = concluded(exitCode=2, stderrTail="10%\r100%\r\n\x1b[31mERROR\x1b[0m: disk on fire\r\n")
    assert (result.message, result.summary) == ("100%\nERROR: disk on fire", "ERROR: disk on fire")


def test_the_summary_of_a_timeout_is_only_the_sentence() -> None:
    result = concluded(exitCode=None, signal=9, stopped="timeout", stderrTail="still loading")
    assert result.summary == "It ran longer than its time limit of 3600 seconds and was stopped."
    assert result.message == f"{result.summary}\nstill loading"


@pytest.mark.parametrize("code", [2, 3, 137, 255])
def test_an_exit_code_above_one_is_an_application_error(code: int) -> None:
    assert (error(exitCode=code)["type"], error(exitCode=code)["exitCode"]) == ("application", code)


def test_a_component_can_give_exit_codes_other_meanings() -> None:
    of = component(exitCodes={"success": [0, 3], "userError": [20]})
    assert concluded(of=of, exitCode=3).success
    assert error(of=of, exitCode=20)["type"] == "user"
    assert error(of=of, exitCode=1)["type"] == "application"


@pytest.mark.parametrize(
    ("seen", "kind", "retry_class"),
    [
        ({"exitCode": None, "signal": 11}, "signal", FailureClass.APPLICATION),
        ({"exitCode": None, "signal": 9, "outOfMemory": True}, "out_of_memory", FailureClass.APPLICATION),
        ({"exitCode": None, "signal": 15, "stopped": "timeout"}, "timeout", FailureClass.TIMEOUT),
        ({"exitCode": 0, "stopped": "timeout"}, "timeout", FailureClass.TIMEOUT),
        (
            {"exitCode": None, "refused": {"kind": "program", "errno": 2, "message": "no"}},
            "spawn",
            FailureClass.USER,
        ),
    ],
)
def test_the_kind_distinguishes_causes_of_death(
    seen: dict[str, Any], kind: str, retry_class: FailureClass
) -> None:
    result = concluded(**seen)
    assert result.failure is not None
    assert (result.verdict, result.failure.kind) == (Verdict.ERROR, kind)
    assert result.failure.retry_class is retry_class


def test_a_successful_exit_is_not_a_memory_error_even_if_a_child_was_killed() -> None:
    assert concluded(outOfMemory=True).success


@pytest.mark.parametrize("seen", [{"lost": True}, {"stopped": "machine", "signal": 15}])
def test_a_run_lost_by_its_keeper_says_so(seen: dict[str, Any]) -> None:
    result = concluded(**seen)
    assert result.verdict is Verdict.LOST
    assert result.failure is not None
    assert (result.failure.kind, result.failure.retry_class) == (FailureKind.LOST, FailureClass.LOST)


def test_the_exit_code_of_a_process_stopped_on_request_does_not_matter() -> None:
    report = {"proof": "scan", "processes": [{"pid": 1, "name": "x", "signal": 15, "time": 0}]}
    for code in (0, 1, 255):
        result = concluded(exitCode=code, stopped="terminate", killReport=report)
        assert (result.verdict, result.failure) == (Verdict.TERMINATED, None)
        assert result.kill_report["processes"][0]["time"] == "1970-01-01T00:00:00.000000Z"


def test_the_state_of_a_successful_run_is_saved_and_a_missing_file_clears_it() -> None:
    assert concluded(Collected(state=OutFile(b'{"last": 5}'))).states == {None: {"last": 5}}
    for content in (None, b"", b" \n", b"[]", b"{}"):
        assert concluded(Collected(state=OutFile(content))).states == {None: {}}


def test_a_failed_or_a_debug_run_saves_no_state() -> None:
    left = Collected(state=OutFile(b'{"last": 5}'))
    assert concluded(left, exitCode=1).states == {}
    assert concluded(left, request={"mode": "debug"}).states == {}


@pytest.mark.parametrize(
    "content", [b"{", b"7", b'"x"', b'{"a": NaN}', b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 50_000]
)
def test_a_state_that_is_not_an_object_is_a_user_error(content: bytes) -> None:
    found = error(collected=Collected(state=OutFile(content)))
    assert (found["type"], found["kind"]) == ("user", "output")
    assert "out/state.json" in found["message"]


def test_a_state_that_cannot_be_read_is_a_user_error() -> None:
    found = error(collected=Collected(state=OutFile(problem="out/state.json is a link")))
    assert "link" in found["message"]


def test_usage_is_taken_from_failed_runs_too() -> None:
    usage = Collected(usage=OutFile(b'[{"metric": "kB", "value": 1.5}]'))
    assert concluded(usage, exitCode=1).usage == [{"metric": "kB", "value": 1.5}]


@pytest.mark.parametrize(
    "content",
    [b"{}", b'[{"metric": "a"}]', b'[{"metric": "a", "value": "1"}]', b'[{"metric": 1, "value": 1}]'],
)
def test_invalid_usage_fails_a_successful_run_and_does_not_change_a_failed_one(content: bytes) -> None:
    left = Collected(usage=OutFile(content))
    assert error(collected=left)["kind"] == "output"
    assert error(collected=left, exitCode=2)["kind"] == "exit"


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (None, Verdict.SUCCESS),
        ("success", Verdict.SUCCESS),
        ("warning", Verdict.WARNING),
        ("error", Verdict.ERROR),
    ],
)
def test_failed_records_are_judged_by_the_rule(rule: str | None, verdict: Verdict) -> None:
    progress = {"counts": {"success": 10, "error": 2, "ignored": True}}
    result = concluded(request={"onRecordErrors": rule}, progress=progress)
    assert result.verdict is verdict
    assert result.result["counts"] == {"success": 10, "error": 2, "ignored": 0}


def test_the_result_lists_tables_in_both_forms_of_manifest() -> None:
    entry = {"isSliced": False, "sizeBytes": 10, "updatedUs": 0}
    legacy = {
        "name": "a.csv",
        "path": "out/tables/a.csv",
        "manifest": '{"columns": ["x"], "primary_key": ["x"]}',
    }
    new = {
        "name": "b.csv",
        "path": "out/tables/b.csv",
        "manifest": '{"destination": "in.b", "schema": [{"name": "y", "primary_key": true, '
        '"data_type": {"base": {"type": "INTEGER"}}}]}',
    }
    broken = {"name": "c.csv", "path": "out/tables/c.csv", "manifest": "{"}
    result = concluded(Collected(tables=[{**entry, **one} for one in (legacy, new, broken)]))
    first, second, third = result.result["output"]["tables"]
    assert (first["columns"], first["primaryKey"], first["path"]) == (
        [{"name": "x", "type": None}],
        ["x"],
        "data/out/tables/a.csv",
    )
    assert (second["id"], second["columns"], second["primaryKey"]) == (
        "in.b",
        [{"name": "y", "type": "INTEGER"}],
        ["y"],
    )
    assert "not valid JSON" in third["manifestProblem"]
    assert result.metrics["storage"]["outputTablesBytesSum"] == 30


def test_reports_of_the_program_about_an_output_are_added_to_the_result() -> None:
    table = {"name": "a", "path": "out/tables/a", "isSliced": False, "sizeBytes": 1, "updatedUs": 0}
    progress = {"outputs": [{"name": "a", "recordsCount": 5, "sizeBytes": 99}, {"name": "elsewhere"}, 7]}
    tables = concluded(Collected(tables=[table]), progress=progress).result["output"]["tables"]
    assert (tables[0]["recordsCount"], tables[0]["sizeBytes"]) == (5, 1)
    assert [(one["name"], one["stored"]) for one in tables[1:]] == [("elsewhere", False)]


@pytest.mark.parametrize("exit_code", [0, 1])
@pytest.mark.parametrize("report", [{"name": ["a"]}, {"name": "a", "sizeBytes": "many"}, {"sizeBytes": None}])
def test_a_report_with_odd_values_is_shown_and_does_no_harm(report: dict[str, Any], exit_code: int) -> None:
    result = concluded(progress={"outputs": [report]}, exitCode=exit_code)
    shown = [one["name"] for one in result.result["output"]["tables"]]
    assert shown == ([] if exit_code or report.get("name") != "a" else ["a"])
    assert result.metrics["storage"]["outputTablesBytesSum"] == 0


def test_a_run_with_an_unreadable_outcome_ended_unknown_and_is_not_run_again() -> None:
    result = concluded(unreadable="JSON is malformed", exitCode=0)
    assert (result.verdict, result.process["exitCode"]) == (Verdict.ERROR, 0)
    assert result.result["error"]["type"] == "application"
    assert result.result["error"]["kind"] == "lost"
    assert "cannot be read (JSON is malformed)" in result.message
    assert result.failure is not None
    assert result.failure.retry_class is FailureClass.LOST


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" * 101 + b"]" * 101, "is nested deeper than 100 levels"),
        (b'{"a": 1e400}', "has a number that is too large"),
        (b'{"a": NaN}', "has NaN, which is not JSON"),
        (b'{"a": 1180591620717411303424}', "has an integer that does not fit into 64 bits"),
        (b'{"a": "\\ud800"}', "has half of a surrogate pair in a string"),
        (b'{"a": "\xff"}', "is not UTF-8 text"),
        (b'{"a": "\0"}', "is not valid JSON: Invalid control character at: line 1 column 8 (char 7)"),
    ],
)
def test_a_state_that_could_not_be_given_to_the_next_run_is_an_output_error(
    content: bytes, problem: str
) -> None:
    result = concluded(Collected(state=OutFile(content), usage=OutFile()))
    assert result.result["error"]["kind"] == "output"
    assert result.message == f"out/state.json {problem}."
    assert result.states == {}


def test_secret_variables_are_hidden_in_the_result() -> None:
    stored = config(
        parameters={"a": "{{ day }}", "#b": "{{ #key }}"}, variables={"day": "1", "#key": "hunter22"}
    )
    result = resolved(stored=stored)
    shown = conclude(steps(result)[0], result.spec, outcome(), NOTHING).result["variables"]
    assert shown == {"day": "1", "#key": "[hidden]"}


def test_a_run_with_nothing_to_run_succeeds_and_says_so() -> None:
    result = nothing_to_run(resolved(stored=config([row("a", disabled=True)])).spec)
    assert (result.verdict, result.message) == (Verdict.SUCCESS, "No configurations executed.")


def test_a_run_that_never_starts_has_the_kind_of_its_refusal() -> None:
    result = failed_before_start(resolved().spec, FailureKind.INPUT, "x" * 9000)
    assert result.message.endswith("[trimmed]")
    assert result.result["error"]["kind"] == "input"


TABLE = {"name": "t", "path": "out/tables/t", "isSliced": False, "sizeBytes": 1, "updatedUs": 0}


@pytest.mark.parametrize(
    ("manifest", "mapped", "kept"),
    [
        ({}, [], []),
        ({"manifest": '{"write_always": true}'}, [], ["t"]),
        ({"manifest": '{"write_always": "yes"}'}, [], []),
        ({}, [{"source": "t", "write_always": True}], ["t"]),
        ({}, [{"source": "other", "write_always": True}, {"source": "t"}], []),
    ],
)
def test_a_failed_run_keeps_the_tables_that_are_written_always(
    manifest: dict[str, Any], mapped: list[Any], kept: list[str]
) -> None:
    result = resolved(stored=config(storage={"output": {"tables": mapped}}))
    (step,) = steps(result)
    left = Collected(tables=[{**TABLE, **manifest}], files=[{**TABLE, "path": "out/files/t"}])
    failed = conclude(step, result.spec, outcome(exitCode=1), left).result["output"]
    assert ([table["name"] for table in failed["tables"]], failed["files"]) == (kept, [])
    good = conclude(step, result.spec, outcome(), left).result["output"]
    assert (len(good["tables"]), len(good["files"])) == (1, 1)


def test_a_debug_run_reports_no_output() -> None:
    result = resolved({"mode": "debug"}, stored=config())
    (step,) = steps(result)
    done = conclude(step, result.spec, outcome(), Collected(tables=[TABLE], artifacts=[TABLE])).result
    assert (done["output"], done["artifacts"]) == ({"tables": [], "files": []}, {})


def test_outputs_are_listed_with_their_final_paths() -> None:
    result = resolved(stored=config([row("a"), row("b")]))
    first, second = steps(result)
    always = '{"write_always": true}'
    table = {**TABLE, "manifest": always}

    def path(step: Any, **seen: Any) -> str:
        left = Collected(tables=[table])
        found: str = conclude(step, result.spec, outcome(**seen), left).result["output"]["tables"][0]["path"]
        return found

    assert path(first) == path(first, exitCode=1) == "rows/a/out/tables/t"
    assert path(second) == "rows/b/out/tables/t"
    only = resolved({"configRowIds": ["a"]}, stored=config([row("a"), row("b")]))
    done = conclude(steps(only)[0], only.spec, outcome(), Collected(tables=[table])).result
    assert done["output"]["tables"][0]["path"] == "data/out/tables/t"


def test_steps_are_combined_into_one_result() -> None:
    result = resolved(stored=config([row("a"), row("b")]))
    first, second = steps(result)
    left = Collected(state=OutFile(b'{"n": 1}'), usage=OutFile(b'[{"metric": "m", "value": 1}]'))
    good = conclude(first, result.spec, outcome(progress={"counts": {"success": 2}}), left)
    bad = conclude(second, result.spec, outcome(exitCode=1, stderrTail="no"), Collected())
    both = joined([good, conclude(second, result.spec, outcome(), left)])
    assert both.states == {"a": {"n": 1}, "b": {"n": 1}}
    assert (both.result["counts"]["success"], len(both.usage)) == (2, 2)
    failed = joined([good, bad], not_run=["c"])
    assert (failed.states, failed.message) == ({}, "row b: no\nRows that did not run: c.")
    assert failed.summary == "row b: no. Rows that did not run: c."


def test_the_usage_of_all_steps_is_summed_and_the_process_is_the_last_one() -> None:
    result = resolved(stored=config([row("a"), row("b")]))
    first, second = steps(result)
    large = conclude(first, result.spec, outcome(userSeconds=2.0, maxRssBytes=200_000_000), NOTHING)
    small = conclude(second, result.spec, outcome(pid=5, userSeconds=0.1, systemSeconds=0.0), NOTHING)
    both = joined([large, small])
    assert both.process == {
        **small.process,
        "pid": 5,
        "userSeconds": 2.1,
        "systemSeconds": 0.25,
        "maxRssBytes": 200_000_000,
    }
    assert [step["usage"]["userSeconds"] for step in both.result["steps"]] == [2.0, 0.1]


def test_the_message_begins_with_the_failed_step() -> None:
    processors = {"after": [{"definition": {"component": "m.proc"}}]}
    result = resolved(
        stored=config(processors=processors),
        processors={"m.proc": named("m.proc", type="processor", command=["cut"])},
    )
    _, processor = steps(result)
    failed = conclude(processor, result.spec, outcome(exitCode=1, stderrTail="real reason"), NOTHING)
    assert failed.message == "step 2 of 2, processor m.proc: real reason"
    assert failed.result["error"].items() >= {"step": 2, "component": "m.proc", "row": None}.items()
    (told,) = failed.result["steps"]
    assert (told["step"], told["kind"], told["status"], told["exitCode"]) == (2, "processor", "error", 1)


def test_the_failed_side_of_a_pipeline_is_named() -> None:
    result = resolved(of=component(command=None, pipeline=[["tap"], ["/bin/target-csv", "-x"], ["tee"]]))
    exits = [
        {"exitCode": None, "signal": 13},
        {"exitCode": 4, "signal": None},
        {"exitCode": 0, "signal": None},
    ]
    seen = outcome(exits=exits, exitCode=4, stderrTail="no such column")
    failed = conclude(steps(result)[0], result.spec, seen, NOTHING)
    assert failed.message == "side 2 of 3, target-csv: no such column"
    assert failed.result["error"]["side"] == 2
    assert failed.result["steps"][0]["exitCodes"] == [-13, 4, 0]
