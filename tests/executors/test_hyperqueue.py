"""HyperQueue's files and ids, which belong to users."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from locksided.executors import hyperqueue
from locksided.executors.engine import NotNow
from locksided.executors.hyperqueue import HyperQueue


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text("{}"),
        lambda path: path.write_text("[" * 100_000),
    ],
)
def test_a_users_access_file_that_is_none_is_a_server_that_is_down(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    (tmp_path / "hq-current").mkdir()
    make(tmp_path / "hq-current" / "access.json")
    with pytest.raises(NotNow, match="no HyperQueue server"):
        hyperqueue._uid((None, str(tmp_path)))


def test_an_id_that_a_user_made_up_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hq-current").mkdir()
    (tmp_path / "hq-current" / "access.json").write_text('{"server_uid": "ab"}')
    asked: list[Any] = []
    monkeypatch.setattr(hyperqueue, "_ask", lambda _server, _what, given: asked.append(given) or {})
    engine = HyperQueue()
    engine._servers["ab"] = None, str(tmp_path)
    assert set(engine.status(["ab.1.2", "ab", "ab.x.1", "ab.1", "ab.3.4.5", "other.1.2"])) == {"ab.1.2"}
    assert asked == [[1]]
