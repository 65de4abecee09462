"""A step's report of the files that it stored is checked: it comes from a process of the job's account."""

from typing import Any

import pytest

from locksided.tables.stored_files import BadFiles, file_name, read_stored

GOOD = {"id": 7, "name": "a", "sizeBytes": 1, "sha256": "0" * 64}


def test_files_are_read_with_the_numbers_assigned_to_the_job() -> None:
    (one,) = read_stored([GOOD], [6, 7])
    assert (one.id, one.name, one.tags) == (7, "a", [])


@pytest.mark.parametrize(
    "told",
    [
        "all of it",
        [{**GOOD, "id": 8}],
        [GOOD, GOOD],
        [{**GOOD, "sizeBytes": -1}],
        [{**GOOD, "sha256": "0"}],
        [{**GOOD, "place": "../other"}],
        [{**GOOD, "tags": [""]}],
    ],
)
def test_a_report_of_files_that_the_job_cannot_have_stored_is_refused(told: Any) -> None:
    with pytest.raises(BadFiles):
        read_stored(told, [7])


def test_the_name_on_the_disk_stays_in_its_folder_and_fits_every_file_system() -> None:
    assert file_name(7, "../a/b") == "7_.._a_b"
    assert len(file_name(10**17, "é" * 255).encode()) <= 255
