"""How a job shows its run on other machines, and its time in an engine's queue."""

import pytest

from locksided.api.job_views import remote_view, waited


@pytest.mark.parametrize(
    ("outcome", "archive", "shown"),
    [
        ("FINISHED", {"onError": False}, "FINISHED"),
        ("FAILED", None, "FAILED"),
        ("FAILED", {"onError": True}, "FAILED"),
        ("FAILED", {"onError": False}, "FAILED_SKIP_ARCHIVE"),
    ],
)
def test_a_failed_run_whose_files_are_not_archived_says_so(
    outcome: str, archive: dict[str, bool] | None, shown: str
) -> None:
    view = remote_view({"executor": "slurm", "remoteOutcome": outcome}, archive)
    assert (view["executor"], view["remoteOutcome"], view["submitRetries"]) == ("slurm", shown, 0)


def test_the_time_in_an_engines_queue_ends_at_the_start_or_continues() -> None:
    assert waited({"submitting": 10**6, "queued": 2 * 10**6, "running": 5 * 10**6}, 9 * 10**6) == {
        "engine_queue": 4
    }
    assert waited({"submitting": 10**6}, 9 * 10**6) == {"engine_queue": 8}
    assert waited({"running": 10**6}, 9 * 10**6) == {}
