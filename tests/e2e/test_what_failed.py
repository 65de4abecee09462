"""What failed and why, as the job reports it: the step, row or side of a pipeline, and the decisive line."""

import os
from pathlib import Path
from typing import Any

from e2e.harness import python
from e2e.signs import Gate
from e2e.wire import Wire, put_component, put_config, wait_until

BURNS = """
import time
held, begun = bytearray(120_000_000), time.process_time()
while time.process_time() - begun < 0.5:
    pass
"""


def plain(wire: Wire, *command: str) -> Any:
    return wire.create("lockside.command", configData={"parameters": {"command": list(command)}})


def processed(wire: Wire, main: list[str], processor: str) -> Any:
    """Run a job of a component with one processor after it."""
    put_component(wire, "told.main", command=main)
    put_component(wire, "told.proc", type="processor", shell=processor)
    after = {"after": [{"definition": {"component": "told.proc"}}]}
    put_config(wire, "told.main", "c", configuration={"processors": after})
    return wire.done(wire.create("told.main", config="c"))


def test_the_message_is_the_decisive_line_and_the_result_contains_all_output(wire: Wire) -> None:
    job = wire.done(plain(wire, *python('raise ValueError("the reason")')))
    assert job["message"] == "ValueError: the reason"
    assert job["result"]["message"].startswith("Traceback (most recent call last):")
    assert job["result"]["message"].endswith("ValueError: the reason")
    text = r"printf 'INFO x\n\033[31mERROR\033[0m: disk on fire\r\n' >&2; exit 3"
    coloured = wire.done(wire.shell(text))
    assert coloured["message"] == "ERROR: disk on fire"
    assert wire.done(wire.shell("exit 3"))["message"] == "exit code 3, no output"


def test_a_failed_processor_is_named_and_every_step_is_listed(wire: Wire) -> None:
    job = processed(wire, ["true"], "echo real reason >&2; exit 1")
    assert job["message"] == job["result"]["message"] == "step 2 of 2, processor told.proc: real reason"
    where = {"step": 2, "component": "told.proc", "row": None, "side": None, "message": "real reason"}
    assert job["result"]["error"].items() >= where.items()
    steps = [(one["step"], one["kind"], one["component"], one["status"]) for one in job["result"]["steps"]]
    assert steps == [(1, "component", "told.main", "success"), (2, "processor", "told.proc", "error")]
    begun = [one["startTime"] for one in job["result"]["steps"]]
    assert all(begun)
    assert begun == sorted(begun)


def test_a_failed_row_is_named(wire: Wire) -> None:
    put_component(wire, "told.rows", shell='[ "$KBC_CONFIGROWID" != two ] || { echo no table >&2; exit 1; }')
    put_config(wire, "told.rows", "c", rows=[{"id": name} for name in ("one", "two", "three")])
    job = wire.done(wire.create("told.rows", config="c"))
    assert job["message"] == "row two: no table. Rows that did not run: three."
    assert job["result"]["message"] == "row two: no table\nRows that did not run: three."
    assert job["result"]["error"]["row"] == "two"
    assert [(one["row"], one["exitCode"]) for one in job["result"]["steps"]] == [("one", 0), ("two", 1)]


def test_the_failed_side_of_a_pipeline_is_named_with_all_exit_codes(wire: Wire) -> None:
    pipeline = [["true"], ["sh", "-c", "echo bad column >&2; exit 4"], ["cat"]]
    job = wire.done(wire.create("lockside.command", configData={"parameters": {"pipeline": pipeline}}))
    assert job["message"] == "side 2 of 3, sh: bad column"
    assert job["result"]["error"]["side"] == 2
    assert job["result"]["steps"][0]["exitCodes"] == [0, 4, 0]


def test_a_mark_in_the_log_shows_where_a_step_begins(wire: Wire) -> None:
    job = processed(wire, ["echo", "from the component"], "echo from the processor")
    frames = wire.call("job.log", id=job["id"])["frames"]
    told = [frame.get("text") or (frame["step"]["step"], frame["step"]["component"]) for frame in frames]
    assert told == [
        (1, "told.main"),
        "from the component\n",
        (2, "told.proc"),
        "from the processor\n",
    ]
    alone = wire.done(plain(wire, "echo", "alone"))
    assert [frame["text"] for frame in wire.call("job.log", id=alone["id"])["frames"]] == ["alone\n"]


def test_usage_covers_all_steps(wire: Wire) -> None:
    job = processed(wire, python(BURNS), "true")
    process, steps = job["process"], job["result"]["steps"]
    assert process["userSeconds"] + process["systemSeconds"] >= 0.4
    assert process["maxRssBytes"] >= 120_000_000
    used = [one["usage"] for one in steps]
    assert process["userSeconds"] == round(sum(one["userSeconds"] for one in used), 6)
    assert process["maxRssBytes"] == max(one["maxRssBytes"] for one in used)
    assert (process["spawnTime"], process["exitTime"]) == (steps[-1]["startTime"], steps[-1]["endTime"])


def test_usage_includes_processes_that_the_job_did_not_wait_for(wire: Wire) -> None:
    orphan = "import os, sys\nif os.fork() == 0:\n    exec(sys.argv[1])\n"
    put_component(wire, "told.orphan", command=[*python(orphan), BURNS], leftovers="wait")
    job = wire.done(wire.create("told.orphan"))
    assert job["process"]["userSeconds"] + job["process"]["systemSeconds"] >= 0.4
    assert job["process"]["maxRssBytes"] >= 120_000_000
    assert job["process"]["usageSource"] in ("cgroup", "processes")


def test_the_end_of_the_program_is_reported_while_its_processes_still_run(wire: Wire, gate: Gate) -> None:
    job = wire.shell(
        f"({gate.text}) & exit 1",
    )
    found = wait_until(wire, job, lambda view: view["stage"] == "leftovers")
    process = found["process"]
    assert (process["exitCode"], found["status"]) == (1, "processing")
    assert process["leftoversStopTime"] > process["exitTime"]
    (left,) = process["leftovers"][:1]
    assert found["message"].startswith(f"ended with 1; {left['name']} (pid {left['pid']})")
    assert "stopped in" in found["message"]
    gate.open()
    ended = wire.done(job)
    times = ended["stageTimestamps"]
    assert process["exitTime"] <= times["leftovers"] < times["output_mapping"]
    assert ended["message"] == "exit code 1, no output"


def test_only_outputs_of_a_component_are_kept(wire: Wire) -> None:
    text = 'cd "$KBC_DATADIR"; echo a > out/files/kept; echo b > beside; mkdir d; cd -; echo c > here'
    put_component(wire, "told.leaves", shell=text)
    job = wire.done(wire.create("told.leaves"))
    work = Path(job["workPath"])
    assert sorted(os.listdir(work / "data")) == ["artifacts", "out"]
    assert (work / "data/out/files/kept").exists()
    assert not (work / "cwd").exists()


def test_each_row_has_its_outputs_in_its_own_folder(wire: Wire) -> None:
    put_component(wire, "told.files", shell='echo "$KBC_CONFIGROWID" > "$KBC_DATADIR/out/files/made"')
    put_config(wire, "told.files", "c", rows=[{"id": "r1"}, {"id": "r2"}])
    job = wire.done(wire.create("told.files", config="c"))
    work = Path(job["workPath"])
    assert [(work / f"rows/{row}/out/files/made").read_text() for row in ("r1", "r2")] == ["r1\n", "r2\n"]
    paths = [one["path"] for one in job["result"]["output"]["files"]]
    assert paths == ["rows/r1/out/files/made", "rows/r2/out/files/made"]
    assert not (work / "data").exists()


def test_rows_of_plain_commands_run_one_after_another_to_their_end(wire: Wire) -> None:
    def row(name: str, text: str) -> dict[str, Any]:
        return {"id": name, "configuration": {"parameters": {"shell": text}}}

    rows = [row("a", "echo a"), row("b", "echo why >&2; exit 3"), row("c", "echo c")]
    put_config(wire, "lockside.command", "told", rows=rows)
    job = wire.done(wire.create("lockside.command", config="told"))
    assert job["message"] == "row b: why. Rows that did not run: c."
    put_config(wire, "lockside.command", "told", rows=[rows[0], rows[2]])
    job = wire.done(wire.create("lockside.command", config="told"))
    assert (job["status"], wire.text(job)) == ("success", "a\nc\n")


def test_when_the_first_row_fails_the_others_are_named(wire: Wire) -> None:
    put_component(wire, "told.first", shell="exit 7")
    put_config(wire, "told.first", "c", rows=[{"id": "one"}, {"id": "two"}])
    job = wire.done(wire.create("told.first", config="c"))
    assert job["message"] == "row one: exit code 7, no output. Rows that did not run: two."
