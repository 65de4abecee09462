"""`run --from-file`: one command per line, requests as documents, thousands of jobs in few calls."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, Refusal, in_turn, job
from lockside.cli.jobs import run_file

Json = dict[str, Any]


def made(request: Json) -> Json:
    return {"jobs": [job(str(place), "created") for place, _ in enumerate(request["jobs"])]}


def typed(text: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()))


def commands_of(request: Json) -> list[str]:
    return [one["configData"]["parameters"]["shell"] for one in request["jobs"]]


def test_each_line_of_a_file_is_a_job_and_all_are_sent_in_one_call(
    daemon: FakeDaemon, run: Run, tmp_path: Path
) -> None:
    daemon.answers["job.createMany"] = made
    file = tmp_path / "commands.txt"
    file.write_text("# nightly\necho one | cat\n\n  sleep 2 && echo two\n")
    assert run("run", "--from-file", str(file), "--pool", "big").out == "0\n1\n"
    (request,) = daemon.params_of("job.createMany")
    assert commands_of(request) == ["echo one | cat", "sleep 2 && echo two"]
    assert {one["pool"] for one in request["jobs"]} == {"big"}


def test_commands_and_documents_can_come_from_stdin(
    daemon: FakeDaemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["job.createMany"] = made
    monkeypatch.setattr("sys.stdin", typed("echo one\necho two\n"))
    run("run", "--from-file", "-")
    monkeypatch.setattr("sys.stdin", typed(' {"jobs": [{"component": "a"}]}'))
    run("run", "--from-file", "-")
    lines, document = daemon.params_of("job.createMany")
    assert commands_of(lines) == ["echo one", "echo two"]
    assert document["jobs"] == [{"component": "a"}]


def test_a_broken_document_on_stdin_is_never_run_as_commands(
    daemon: FakeDaemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", typed('{"jobs": [\nrm -rf x\n'))
    ran = run("run", "--from-file", "-")
    assert (ran.code, daemon.calls) == (2, [])
    assert "standard input:2" in ran.err


@pytest.mark.parametrize(
    "text",
    [
        '[{"component": "a"}]',
        '[\n  {"component": "a"}\n]',
        "[]",
        '[ {"component": "a"}, ]',
        "{jobs: [1]}",
        '\ufeff{"jobs": 3',
        '# jobs\n[[jobs]]\ncomponent = "a"\nx',
        'component = "a"\nconfig =',
    ],
)
@pytest.mark.parametrize("name", ["-", "jobs"])
def test_text_that_begins_like_a_document_is_never_run_as_commands(
    daemon: FakeDaemon, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").write_text(text)
    monkeypatch.setattr("sys.stdin", typed(text))
    ran = run("run", "--from-file", name)
    assert (ran.code, daemon.calls) == (2, [])
    assert ran.err.startswith("lockside run: " + ("standard input:" if name == "-" else "jobs:"))


@pytest.mark.parametrize(
    "line",
    [
        "[ -f x ] && make",
        "{ echo a; echo b; } | cat",
        "A=1 make",
        "echo \u2028 and \x0c and \x85 and \x1c stay on their line",
        "printf 'a\rb'",
    ],
)
def test_a_command_ends_only_at_the_end_of_its_line(
    daemon: FakeDaemon, run: Run, tmp_path: Path, line: str
) -> None:
    daemon.answers["job.createMany"] = made
    file = tmp_path / "commands"
    file.write_bytes(f"\ufeff{line}\r\ntrue\n".encode())
    run("run", "--from-file", str(file))
    assert commands_of(daemon.params_of("job.createMany")[0]) == [line, "true"]


def test_stdin_that_is_not_text_is_refused_in_a_sentence(
    daemon: FakeDaemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"echo \xff\n")))
    ran = run("run", "--from-file", "-")
    assert (ran.code, daemon.calls) == (2, [])
    assert "standard input: it is not UTF-8 text (byte 5)." in ran.err


def test_thousands_are_sent_in_groups_that_fit_the_wire_each_under_its_own_id(
    daemon: FakeDaemon, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_file, "BYTES_AT_ONCE", 2000)
    monkeypatch.setattr("os.environ", {"LOCKSIDE_SOCKET": daemon.path})
    daemon.answers["job.createMany"] = made
    file = tmp_path / "commands"
    file.write_text("".join(f"echo {number}\n" for number in range(100)))
    assert len(run("run", "--from-file", str(file)).out.splitlines()) == 100
    requests = daemon.params_of("job.createMany")
    assert [line for request in requests for line in commands_of(request)] == [
        f"echo {n}" for n in range(100)
    ]
    assert all(len(json.dumps(request["jobs"])) < 2500 for request in requests)
    assert len({request["deduplicationId"] for request in requests}) == len(requests) > 3


def test_a_refusal_in_the_middle_says_which_jobs_were_created_before(
    daemon: FakeDaemon, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_file, "JOBS_AT_ONCE", 2)
    refusal = Refusal(-32007, "There are too many jobs.", kind="limit")
    daemon.answers["job.createMany"] = in_turn({"jobs": [job("5"), job("6")]}, refusal)
    file = tmp_path / "commands"
    file.write_text("a\nb\nc\n")
    ran = run("run", "--from-file", str(file))
    assert ran.code == 1
    assert "2 of 3 jobs were made before this: 5 to 6." in ran.err
    assert "There are too many jobs." in ran.err


def test_an_empty_file_and_a_file_combined_with_a_job_are_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_text("# nothing\n")
    assert "there is no command in it" in run("run", "--from-file", str(file)).err
    assert "--from-file cannot be combined" in run("run", "a/b", "--from-file", str(file)).err


@pytest.mark.parametrize(
    ("path", "message", "told"),
    [
        (
            "$.jobs[1].component",
            "There is no component 'lockside.comand'.",
            "jobs.toml:4: jobs[1].component: ",
        ),
        (
            "$.jobs[1].priority",
            "`jobs[1].priority`: 'hgih' is no priority",
            "jobs.toml:5: jobs[1].priority: 'hg",
        ),
        ("$.jobs[0].configData.x", "$.configData.x: Unknown", "jobs.toml:1: jobs[0].configData.x: Unknown."),
    ],
)
def test_a_refusal_names_the_line_and_field_of_the_file_and_the_likely_word(
    daemon: FakeDaemon, run: Run, tmp_path: Path, path: str, message: str, told: str
) -> None:
    daemon.answers["job.createMany"] = in_turn(
        Refusal(-32001 if "There is no" in message else -32602, message, path=path)
    )
    daemon.answers["component.list"] = {"components": [{"id": "lockside.command"}]}
    daemon.answers["config.list"] = {"configs": []}
    file = tmp_path / "jobs.toml"
    file.write_text('[[jobs]]\ncomponent = "a"\n[[jobs]]\ncomponent = "lockside.comand"\npriority = "hgih"\n')
    ran = run("run", "--from-file", str(file))
    assert ran.code == (1 if "There is no" in message else 2)
    assert ran.err.startswith(f"lockside: {tmp_path}/{told}")
    assert "Did you mean 'lockside.command'?" in ran.err or "[1].component" not in path


def test_a_refusal_of_a_command_names_its_line_even_in_a_later_group(
    daemon: FakeDaemon, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_file, "JOBS_AT_ONCE", 2)
    refusal = Refusal(-32007, "It is too long.", kind="limit", path="$.jobs[0].configData.parameters.shell")
    daemon.answers["job.createMany"] = in_turn({"jobs": [job("5"), job("6")]}, refusal)
    file = tmp_path / "commands"
    file.write_text("a\nb\n\n# the third\nc\n")
    assert f"{file}:5: It is too long." in run("run", "--from-file", str(file)).err


def test_a_refused_option_is_not_looked_for_in_the_file(daemon: FakeDaemon, run: Run, tmp_path: Path) -> None:
    refusal = Refusal(-32001, "There is no pool 'nix'.", kind="not_found", path="$.jobs[0].pool")
    daemon.answers["job.createMany"] = in_turn(refusal)
    file = tmp_path / "commands"
    file.write_text("a\n")
    assert (
        run("run", "--from-file", str(file), "--pool", "nix").err
        == "lockside: --pool: There is no pool 'nix'.\n"
    )


@pytest.mark.parametrize("jobs", ["3", "[3]", '{"a": 1}'])
def test_jobs_that_are_not_a_list_of_requests_are_refused(
    daemon: FakeDaemon, run: Run, tmp_path: Path, jobs: str
) -> None:
    file = tmp_path / "jobs.json"
    file.write_text(f'{{"jobs": {jobs}}}')
    ran = run("run", "--from-file", str(file))
    assert (ran.code, daemon.calls) == (2, [])
    assert "jobs must be a list of requests" in ran.err
