"""How the exit statuses of a run's processes are interpreted."""

from locksided.keeper import outcome
from locksided.keeper.outcome import Exit, effective, exit_of
from locksided.keeper.tree.proc import Hit

OK = Exit(0, None)
BROKEN_PIPE = Exit(None, 13)


def test_a_wait_status_is_a_code_or_a_signal() -> None:
    assert exit_of(3 << 8) == Exit(3, None)
    assert exit_of(9) == Exit(None, 9)


def test_the_leftmost_failure_stands_for_a_pipeline() -> None:
    assert effective([OK, Exit(2, None), Exit(3, None)]) == Exit(2, None)


def test_a_broken_pipe_is_not_a_failure_of_a_pipeline() -> None:
    assert effective([BROKEN_PIPE, OK]) == OK
    assert effective([BROKEN_PIPE, Exit(1, None)]) == Exit(1, None)


def test_a_broken_pipe_of_the_last_stage_is_a_failure() -> None:
    assert effective([OK, BROKEN_PIPE]) == BROKEN_PIPE


def test_processes_beyond_the_listed_ones_are_counted() -> None:
    signals = outcome.Signals("cgroup")
    signals.add([Hit(pid, "sleep", 15) for pid in range(900)], 1)
    signals.add([Hit(pid, "sleep", 9) for pid in range(300)], 2)
    report = signals.report()
    assert (len(report.processes), report.omitted) == (outcome.MAX_REPORTED_PROCESSES, 200)
