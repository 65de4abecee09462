"""Words of other systems are mapped to statuses, and a word without a meaning is named."""

import pytest

from lockside.documents.enums import Status
from lockside.protocol.words import FOREIGN_STATUSES, statuses


def test_both_spellings_and_words_of_other_systems_map_to_our_statuses() -> None:
    assert statuses(["canceled"]) == statuses(["cancelled"]) == [Status.CANCELLED]
    assert statuses(["RUNNING", "JOB_STATE_COMPLETE"]) == [Status.PROCESSING, Status.SUCCESS, Status.WARNING]
    assert statuses(["queued"]) == [Status.CREATED, Status.WAITING]


def test_every_status_maps_to_itself_and_no_foreign_word_hides_one() -> None:
    assert statuses(Status) == list(Status)
    assert FOREIGN_STATUSES.keys().isdisjoint(Status)


def test_a_word_that_is_not_a_status_is_named() -> None:
    with pytest.raises(ValueError, match="'sleeping' is not a status"):
        statuses(["running", "sleeping"])
