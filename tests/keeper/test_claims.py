"""Claims: the first claim decides, however the link is created."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from locksided.backends.claims import Claim, ControlFolders
from locksided.keeper.start.claim import BURNT, STARTED, Claims


def test_the_second_claim_of_a_token_returns_the_word_of_the_first(tmp_path: Path) -> None:
    assert Claims().claim(str(tmp_path), BURNT) is None
    assert Claims().claim(str(tmp_path), STARTED) == BURNT


def test_claims_with_the_same_word_are_hard_links_to_one_symbolic_link(tmp_path: Path) -> None:
    claims, folders = Claims(), [str(tmp_path / name) for name in "abc"]
    assert [claims.claim(folder, STARTED) for folder in folders] == [None, None, None]
    links = [os.path.join(folder, "claim") for folder in folders]
    assert {os.readlink(link) for link in links} == {STARTED}
    assert len({os.lstat(link).st_ino for link in links}) == 1


def test_a_token_that_was_decided_is_not_decided_again_by_another_name(tmp_path: Path) -> None:
    claims = Claims()
    claims.claim(str(tmp_path / "a"), STARTED)
    Claims().claim(str(tmp_path / "b"), BURNT)
    assert claims.claim(str(tmp_path / "b"), STARTED) == BURNT


def test_when_the_link_is_gone_a_new_one_is_made(tmp_path: Path) -> None:
    claims = Claims()
    claims.claim(str(tmp_path / "a"), STARTED)
    os.unlink(tmp_path / "a" / "claim")
    assert claims.claim(str(tmp_path / "b"), STARTED) is None
    assert os.readlink(tmp_path / "b" / "claim") == STARTED


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("burnt")])
def test_a_token_whose_claim_a_job_has_replaced_can_still_be_revoked(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "claim")
    assert ControlFolders().burn(str(tmp_path)) in (Claim.STARTED_ELSEWHERE, Claim.BURNT)


def test_a_missing_folder_is_created_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "0" / "steps" / "1-0"
    assert Claims().claim(str(folder), STARTED) is None
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.parents[:3])} == {0o700}


def test_a_claim_whose_folder_cannot_be_created_raises_the_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        Claims().claim(str(tmp_path / "file" / "steps"), STARTED)
