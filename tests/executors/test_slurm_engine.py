"""The calls of Slurm's commands and the interpretation of their answers."""

import os
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from locksided.executors.engine import Order, State
from locksided.executors.slurm import engine
from locksided.executors.slurm.engine import Slurm
from locksided.keeper.messages import User


class Answers:
    """Replaces Slurm's commands: holds the answer of each and records the calls."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.asked: list[Sequence[str]] = []

    def run(self, command: Sequence[str], *_given: Any) -> "CompletedProcess[str]":
        self.asked.append(command)
        said = self.said.get(command[0], "")
        if command[0] == "squeue":
            mark = command[-1].partition("|")[0]
            said = "".join(f"{mark}|{line}\n" for line in said.splitlines())
        return CompletedProcess(command, 0, said, "")


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(engine, "run", answers.run)
    return answers


def order(place: Path, job: int, **options: Any) -> Order:
    control = f"{place}/{job}/steps/1-0"
    name = f"ls-12345678-{job}-1-0"
    return Order(
        f"{job}-1-0", name, "", ("python3", control), control, None, {"workRoot": str(place), **options}
    )


def line(id_: str, name: str, state: str, uid: int | None = None) -> str:
    return f"{id_}|{os.geteuid() if uid is None else uid}|{name}|{state}|None|N/A|main|n1\n"


@pytest.mark.parametrize(("options", "at"), [({}, ""), ({"clusters": "north"}, ";north")])
def test_the_elements_of_an_array_are_found_and_distinguished_by_their_control_folders(
    slurm: Answers, tmp_path: Path, options: dict[str, str], at: str
) -> None:
    orders = [order(tmp_path, job, **options) for job in (7, 8)]
    slurm.said["sbatch"] = f"57{at}\n"
    ids = Slurm().submit(orders)
    assert ids == [f"57_0{at}", f"57_1{at}"]
    flag = "--job-name="
    (name,) = (one.removeprefix(flag) for asked in slurm.asked for one in asked if one.startswith(flag))
    slurm.said["squeue"] = line("57_0", name, "RUNNING") + line("57_1", name, "PENDING")
    later = Slurm()
    for one in orders:
        later.adopt(one)
    assert later.find(orders) == {one.name: [id_] for one, id_ in zip(orders, ids, strict=True)}
    statuses = later.status(ids)
    assert [(statuses[id_].state, statuses[id_].control) for id_ in ids] == [
        (State.RUNNING, orders[0].control),
        (State.QUEUED, orders[1].control),
    ]


def test_an_array_of_another_user_is_never_ours_whatever_its_name(slurm: Answers, tmp_path: Path) -> None:
    found = Slurm()
    found.adopt(order(tmp_path, 7))
    (tmp_path / ".lockside" / "arrays").mkdir(parents=True)
    names = ("..", "x.y", "a/../b.c", "ls-12345678-7-1-0.ab12")
    slurm.said["squeue"] = "".join(line(f"{n}_0", name, "RUNNING") for n, name in enumerate(names))
    assert {one.control for one in found.status(["0_0", "1_0", "2_0", "3_0"]).values()} == {None}


def test_an_id_that_a_user_made_up_is_not_asked_for(slurm: Answers, tmp_path: Path) -> None:
    ours = Slurm()
    ours.adopt(order(tmp_path, 7, clusters="north"))
    bad = ["--user=bob", "57;nowhere", "57;all", "57,58", "57_", "", "x;north"]
    slurm.said["squeue"] = line("57", "ls-12345678-7-1-0", "RUNNING")
    assert set(ours.status(["57;north", "58", *bad])) == {"57;north"}
    clusters = {asked[asked.index("-M") + 1] for asked in slurm.asked if "-M" in asked}
    assert clusters == {"north"}
    assert [asked[-3] for asked in slurm.asked if asked[0] == "sacct"] == ["58"]


def test_runs_in_a_named_cluster_are_listed_from_there_by_the_ids_of_their_submission(
    slurm: Answers, tmp_path: Path
) -> None:
    ours = Slurm()
    ours.adopt(order(tmp_path, 7, clusters="north"))
    slurm.said["squeue"] = line("57", "ls-12345678-7-1-0", "RUNNING")
    assert set(ours.named("ls-12345678")) == {"57;north"}
    assert [asked[1:3] for asked in slurm.asked if asked[0] == "squeue"] == [["-M", "north"]]


@pytest.mark.parametrize("uid", [None, 64001])
def test_a_submission_of_another_user_under_our_name_is_not_ours(
    slurm: Answers, tmp_path: Path, uid: int | None
) -> None:
    ours = order(tmp_path, 7)
    if uid is not None:
        ours = ours._replace(user=User(uid, uid))
    slurm.said["squeue"] = line("57", ours.name, "PENDING", uid) + line("58", ours.name, "FAILED", 64002)
    assert Slurm().find([ours]) == {ours.name: ["57"]}
