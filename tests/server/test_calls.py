"""The answers to a single call: results, refusals, faults, and messages that name the field."""

import os
from pathlib import Path
from typing import Any

import pytest

from lockside.protocol.methods import METHODS
from locksided.core.errors import Refused
from locksided.server import ClientLimits
from locksided.server.calls import Router
from locksided.server.messages import refusal
from server.serving import notification, request, running


async def error_of(folder: Path, message: dict[str, Any]) -> Any:
    async with running(folder) as served, served.client() as client:
        await client.send(message)
        return (await client.answer())["error"]


async def test_a_refusal_keeps_its_kind_its_path_and_its_details(tmp_path: Path) -> None:
    assert await error_of(tmp_path, request("refuse")) == {
        "code": -32002,
        "message": "job 17 holds it: wait for it",
        "data": {"kind": "conflict", "path": "$.id", "holder": "17"},
    }


def test_every_refusal_has_a_code_on_the_wire() -> None:
    kinds = [kind for kind in Refused.__subclasses__() if kind.__module__ == Refused.__module__]
    codes = {refusal(kind("because")).code for kind in kinds}
    assert len(codes) == len(kinds)


async def test_a_fault_of_a_handler_is_answered_briefly_and_logged_in_full(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        answer = await client.call("crash")
        assert answer["error"]["code"] == -32603
        assert "secret" not in str(answer)
        [entry] = served.log.entries
        assert (entry["method"], entry["uid"]) == ("crash", os.getuid())
        assert "secret" in str(entry["exc_info"])
        assert (await client.call("echo", value=1))["result"] == 1


async def test_a_result_that_json_cannot_represent_is_a_fault_and_not_a_broken_answer(tmp_path: Path) -> None:
    assert (await error_of(tmp_path, request("unsayable")))["code"] == -32603


async def test_an_unknown_field_is_named_with_the_likely_one(tmp_path: Path) -> None:
    error = await error_of(tmp_path, request("echo", valeu=1))
    assert error["code"] == -32602
    assert error["data"] == {"kind": "invalid", "path": "$.valeu"}
    assert "`valeu`" in error["message"]
    assert "`value`" in error["message"]


async def test_a_field_of_a_wrong_type_is_named(tmp_path: Path) -> None:
    error = await error_of(tmp_path, request("subtract", minuend="forty-two", subtrahend=1))
    assert error["data"]["path"] == "$.minuend"
    assert error["message"] == "`minuend`: It must be a whole number, not a text"


async def test_a_missing_field_is_named(tmp_path: Path) -> None:
    error = await error_of(tmp_path, request("subtract", minuend=1))
    assert error["data"]["path"] == "$.subtrahend"


async def test_an_unknown_method_is_named_with_the_likely_one(tmp_path: Path) -> None:
    error = await error_of(tmp_path, request("ecko"))
    assert error["code"] == -32601
    assert "did you mean echo?" in error["message"]


async def test_a_method_without_a_handler_is_not_offered(tmp_path: Path) -> None:
    assert (await error_of(tmp_path, request("later")))["code"] == -32601


async def test_a_huge_method_name_is_not_echoed_in_full(tmp_path: Path) -> None:
    error = await error_of(tmp_path, request("x" * 1_000_000))
    assert error["code"] == -32601
    assert len(str(error)) < 500


async def test_a_number_out_of_all_bounds_is_an_invalid_parameter_and_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send_raw(b'{"jsonrpc":"2.0","id":5,"method":"echo","params":{"value":1e999}}\n')
        answer = await client.answer()
        assert (answer["id"], answer["error"]["code"]) == (5, -32602)


async def test_a_notification_is_never_answered_even_if_invalid(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        names = ("crash", "refuse", "no.such", "rule", "echo")
        await client.send(*(notification(name) for name in names), notification("echo", x=1))
        assert (await client.call("echo", "last"))["id"] == "last"


def test_a_handler_without_a_method_is_an_error_at_once() -> None:
    async def handler(_call: object, _params: object) -> object:
        return None

    with pytest.raises(ValueError, match=r"job\.frobnicate"):
        Router(METHODS, {"job.frobnicate": handler}, ClientLimits().line_bytes, None)  # type: ignore[arg-type]


async def test_a_result_longer_than_a_line_is_still_answered(tmp_path: Path) -> None:
    async with running(tmp_path, ClientLimits(line_bytes=10_000)) as served, served.client() as client:
        assert len((await client.call("big", size=20_000))["result"]) == 20_000
        assert (await client.call("echo", value=1))["result"] == 1
