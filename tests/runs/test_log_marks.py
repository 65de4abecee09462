"""A frame that marks where a step begins, from the disk to the wire."""

from locksided.api.logs import wire_frame
from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import MARK, Frame

STEP = {"step": 2, "total": 3, "row": None, "kind": "processor", "component": "m.proc", "operation": None}


def test_a_mark_is_sent_as_its_step_without_text() -> None:
    frame = Frame(MARK, 0, 7, 0, logformat.mark_payload(STEP))
    found = logformat.decode(logformat.encode(frame), 0)
    assert found is not None
    told = wire_frame(found[0], raw=False)
    assert told == {"seq": 7, "time": "1970-01-01T00:00:00.000000Z", "stream": None, "step": STEP}


def test_a_mark_that_is_not_an_object_is_not_a_valid_frame() -> None:
    assert logformat.decode(logformat.encode(Frame(MARK, 0, 7, 0, b"[]\n")), 0) is None


def test_only_valid_members_of_a_forged_mark_are_sent() -> None:
    payload = logformat.mark_payload({"step": "two", "row": 5, "component": "x", "more": [1]})
    told = wire_frame(Frame(MARK, 0, 0, 0, payload), raw=True)
    assert told["step"] == {**dict.fromkeys(STEP), "component": "x"}
