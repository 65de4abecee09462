"""A POST goes to the address that was checked, and to no other."""

import socket
from typing import Any

import pytest

from locksided.notifications.addresses import Allowed
from locksided.steps.courier.post import post

PUBLIC, LOCAL = "93.184.216.34", "127.0.0.1"


class Unreachable(socket.socket):
    """Never connects, and records the requested address."""

    asked: list[Any] = []  # noqa: RUF012 - of all of them

    def connect(self, address: Any) -> None:
        self.asked.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")


def test_a_name_whose_address_changes_is_looked_up_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [PUBLIC, LOCAL, LOCAL]

    def found(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(socket, "socket", Unreachable)
    answer = post("https://rebinding.example/", {}, b"{}", Allowed(()))
    assert answer.error is not None
    assert not answer.is_final
    assert Unreachable.asked == [PUBLIC]
    assert answers == [LOCAL, LOCAL]
    assert post("https://rebinding.example/", {}, b"{}", Allowed(())).is_final
    assert Unreachable.asked == [PUBLIC]
