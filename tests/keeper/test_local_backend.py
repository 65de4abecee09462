"""The backend of this machine: which keeper gets which messages about a run."""

from typing import Any

from locksided.backends.claims import ControlFolders
from locksided.backends.local import LocalBackend
from locksided.keeper.messages import Ended, KeptRun, Outcome


class Recorder:
    """Replaces a link, the keepers and the receiver of their messages; it records what it is told."""

    def __init__(self) -> None:
        self.is_up, self.generation, self.said = True, 1, list[Any]()

    def acknowledge(self, token: str) -> None:
        self.said.append(("ack", token))

    def send_to_all(self, message: Any) -> None:
        self.said.append((message["op"], message["token"]))

    def heard(self, message: Any) -> None:
        self.said.append(message)


def backend(keepers: Any, reports: Any) -> LocalBackend:
    made = LocalBackend(keepers, ControlFolders())
    made._reports = reports
    return made


def test_an_end_is_acknowledged_to_the_keeper_that_reports_it() -> None:
    link, reports = Recorder(), Recorder()
    local, ended = backend(Recorder(), reports), Ended("1-1-0", Outcome("1-1-0"))
    local.keeper_said(link, ended)  # type: ignore[arg-type]
    assert reports.said == [ended]
    local.acknowledge("1-1-0")
    assert link.said == [("ack", "1-1-0")]


def test_the_end_of_a_run_that_is_not_tracked_is_acknowledged_unread() -> None:
    link, keepers, reports = Recorder(), Recorder(), Recorder()
    local = backend(keepers, reports)
    local.dismiss(KeptRun("1-1-0", "running"))
    assert keepers.said == [("stop", "1-1-0")]
    local.keeper_said(link, Ended("1-1-0", Outcome("1-1-0")))  # type: ignore[arg-type]
    assert (link.said, reports.said) == ([("ack", "1-1-0")], [])


def test_a_run_of_an_earlier_connection_is_not_attended() -> None:
    link, reports = Recorder(), Recorder()
    local = backend(Recorder(), reports)
    local.keeper_said(link, Ended("1-1-0", Outcome("1-1-0")))  # type: ignore[arg-type]
    assert local.is_attended("1-1-0")
    link.generation = 2
    assert not local.is_attended("1-1-0")
