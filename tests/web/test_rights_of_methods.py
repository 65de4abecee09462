"""Users of the web server may do exactly what the socket allows, checked for every method."""

import os
import pwd

from e2e.conftest import needs_root
from e2e.people import ADMINS, OPERATORS, Person, used_by_groups
from e2e.wire import Message
from lockside.errors import LocksideError
from lockside.protocol.methods import METHODS
from lockside.protocol.words import Role
from lockside.web.callers import Callers

pytestmark = needs_root

OPERATOR, ADMIN = pwd.getpwnam("daemon"), pwd.getpwnam("bin")
SLOW = {"job.wait": {"id": "17", "timeoutSeconds": 0}, "event.list": {"limit": 1}}
CALLS = [
    (name, SLOW.get(name, dict(method.example or {})))
    for name, method in sorted(METHODS.items())
    if not method.of_connection
]
"""Every method, with valid parameters."""
OF_ADMINS = {name for name, method in METHODS.items() if method.role is Role.ADMIN}


async def refused_through_the_web(socket: str, user: str) -> set[str]:
    """Return the methods that are forbidden to a user of the page."""
    callers = Callers(socket, "default")
    try:
        caller = await callers.as_user(user)
        assert caller.acting["principal"]["via"] == pwd.getpwuid(os.geteuid()).pw_name
        refused = set()
        for name, params in CALLS:
            try:
                await caller.call_once(name, **params)
            except LocksideError as error:
                if error.kind == "forbidden":
                    refused.add(name)
        return refused
    finally:
        await callers.close()


def refused_at_the_socket(person: Person) -> set[str]:
    answers = person.ask(*CALLS)
    return {name for (name, _), answer in zip(CALLS, answers, strict=True) if is_forbidden(answer)}


def is_forbidden(answer: Message) -> bool:
    return "error" in answer and answer["error"]["data"]["kind"] == "forbidden"


async def test_a_user_may_do_through_the_page_what_the_socket_allows() -> None:
    groups = {
        "LOCKSIDE_ACCESS__DELEGATES": str(os.geteuid()),
        "LOCKSIDE_ACCESS__OPERATOR_GROUPS": f"{OPERATORS},{OPERATOR.pw_gid}",
        "LOCKSIDE_ACCESS__ADMIN_GROUPS": f"{ADMINS},{ADMIN.pw_gid}",
    }
    with used_by_groups(**groups) as daemon:
        here = Person(daemon, OPERATOR.pw_uid, OPERATOR.pw_gid)
        through = await refused_through_the_web(str(daemon.socket), OPERATOR.pw_name)
        with daemon.wire() as wire:
            told = [event for event in wire.events() if (event["principal"] or {}).get("user") == "daemon"]
        assert len({event["kind"] for event in told}) > 10
        assert all("via" in event["principal"] for event in told)
        assert through == refused_at_the_socket(here)
        assert await refused_through_the_web(str(daemon.socket), ADMIN.pw_name) >= OF_ADMINS, "an operator"
