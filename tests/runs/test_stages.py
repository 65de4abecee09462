"""Snapshots of a data folder: readable, complete, replacing earlier ones, and free of secrets."""

import json
import os
import zipfile
from pathlib import Path

from locksided.runs.data_folder import finish_without_output, prepare
from locksided.runs.debug_stages import OUTPUT, keep_stage, kept_stages, stage_before
from locksided.runs.environment import JobContext
from locksided.runs.log_ranges import LogRange, log_range
from locksided.runs.start_order import secrets_of
from runs.examples import config, context, named, resolved, row, steps


def opened(context: JobContext, path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(f"{context.folder.root}/{path}") as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_snapshot_contains_every_file_and_empty_folder_but_not_the_new_state(tmp_path: Path) -> None:
    here, (step,) = context(tmp_path), steps(resolved(stored=config(parameters={"a": 1})))
    prepare(step, here, {"n": 1})
    data = Path(here.folder.data)
    (data / "out/state.json").write_text("{}")
    (data / "out/usage.json").write_text("[]")
    (data / "out/tables/t.csv").write_text("a\n1\n")
    (data / "out/tables/link").symlink_to("/etc/passwd")
    keep_stage("stage_0", None, here, [])
    found = opened(here, "debug/stage_0.zip")
    assert found["out/tables/t.csv"] == b"a\n1\n"
    assert json.loads(found["in/state.json"]) == {"n": 1}
    assert {"config.json", "out/usage.json", "in/tables/", "in/user/", "artifacts/out/"} <= found.keys()
    assert not {"out/state.json", "out/tables/link"} & found.keys()


def test_no_secret_is_in_a_snapshot_in_any_form(tmp_path: Path) -> None:
    secret = 'pass"word/é-9'
    meant = resolved(stored=config(parameters={"#token": secret, "#pin": "42", "deep": [{"#k": secret}]}))
    here, (step,) = context(tmp_path), steps(meant)
    prepare(step, here, {"#refresh": "state-secret"})
    out = Path(here.folder.data) / "out/files"
    (out / "plain").write_text(f"x{secret}x" * 200_000)
    (out / "state").write_text("it is state-secret")
    keep_stage("stage_0", None, here, secrets_of([step], meant.spec, {"#refresh": "state-secret"}))
    found = opened(here, "debug/stage_0.zip")
    everything = b"".join(found.values())
    assert secret.encode() not in everything
    assert b"state-secret" not in everything
    parameters = json.loads(found["config.json"])["parameters"]
    assert parameters == {"#token": "[hidden]", "#pin": "[hidden]", "deep": [{"#k": "[hidden]"}]}
    assert found["out/files/plain"] == b"x[hidden]x" * 200_000


def test_stages_are_counted_per_row_and_listed_in_order(tmp_path: Path) -> None:
    here = context(tmp_path)
    chain = steps(resolved(stored=config([row("a"), row("b")])))
    assert [stage_before(chain, step) for step in chain] == ["stage_0", "stage_0"]
    for step in chain:
        prepare(step, here, None)
        keep_stage("stage_0", step.row, here, [])
    prepare(chain[1], here, None)
    keep_stage(OUTPUT, "b", here, [])
    listed = kept_stages(here.folder, chain)
    assert [(one["row"], one["name"]) for one in listed] == [
        ("a", "stage_0"),
        ("b", "stage_0"),
        ("b", "stage_output"),
    ]
    for one in listed:
        assert one["path"] == f"debug/{one['row']}/{one['name']}.zip"
        assert one["sizeBytes"] == os.stat(f"{here.folder.root}/{one['path']}").st_size


def test_processors_are_separate_stages() -> None:
    head = named("pr.head", command=["head"])
    around = {side: [{"definition": {"component": "pr.head"}}] for side in ("before", "after")}
    meant = resolved(stored=config(processors=around), processors={"pr.head": head})
    chain = steps(meant)
    assert len(chain) == 3
    assert [stage_before(chain, step) for step in chain] == [f"stage_{n}" for n in range(len(chain))]


def test_a_restarted_run_restarts_its_snapshots(tmp_path: Path) -> None:
    here, (step,) = context(tmp_path), steps(resolved(stored=config()))
    prepare(step, here, None)
    keep_stage(OUTPUT, None, here, [])
    prepare(step, here, None)
    assert kept_stages(here.folder, [step]) == []


def test_a_debug_run_leaves_only_snapshots_and_the_log(tmp_path: Path) -> None:
    here, (step,) = context(tmp_path), steps(resolved(stored=config()))
    prepare(step, here, None)
    keep_stage("stage_0", None, here, [])
    finish_without_output(here)
    assert sorted(os.listdir(here.folder.root)) == ["debug", "steps"]
    keep_stage(OUTPUT, None, here, [])  # read again after a crash: the folder is gone, and it yields nothing
    assert [one["name"] for one in kept_stages(here.folder, [step])] == ["stage_0"]


# -- frames of steps --------------------------------------------------------------------------------------


def ended(here: JobContext, launch: int, step: int, next_seq: int | None) -> None:
    control = Path(here.folder.control(launch, step))
    control.mkdir(parents=True)
    if next_seq is not None:
        (control / "outcome.json").write_text(json.dumps({"log": {"nextSeq": next_seq}}))


def test_the_frames_of_a_step_begin_where_those_of_the_previous_step_ended(tmp_path: Path) -> None:
    here = context(tmp_path)
    assert log_range(here.folder, 0, 0) is None
    for step, seq in enumerate((3, 3, 9)):
        ended(here, 1, step, seq)
    assert log_range(here.folder, 0, 0) == LogRange(0, 3)
    assert log_range(here.folder, 1, 1) == LogRange(3, 3)
    assert log_range(here.folder, 1, 2) == LogRange(3, 9)


def test_a_running_step_has_no_last_frame_and_a_future_step_has_no_frames(tmp_path: Path) -> None:
    here = context(tmp_path)
    ended(here, 1, 0, 4)
    ended(here, 1, 1, None)
    assert log_range(here.folder, 1, 1) == LogRange(4, None)
    assert log_range(here.folder, 2, 2) is None


def test_a_restarted_run_continues_the_log(tmp_path: Path) -> None:
    here = context(tmp_path)
    ended(here, 1, 0, 4)
    ended(here, 1, 1, 6)
    ended(here, 2, 0, None)
    assert log_range(here.folder, 0, 0) == LogRange(6, None)
    assert log_range(here.folder, 1, 1) is None


def test_a_step_that_was_started_twice_counts_by_its_later_launch(tmp_path: Path) -> None:
    here = context(tmp_path)
    ended(here, 1, 0, 4)
    ended(here, 1, 1, None)
    ended(here, 2, 1, 7)
    assert log_range(here.folder, 0, 0) == LogRange(0, 4)
    assert log_range(here.folder, 1, 1) == LogRange(4, 7)
