"""`courier FILE`: deliver the notifications listed in the file, remove it, and print JSON lines about them.

`{begun}` precedes a delivery, `{ended, time, seconds, statusCode, error, retryAfter, isFinal}` follows it. A
delivery with neither was not begun. The process has no store and no socket of the daemon; if it starts as
root, it becomes nobody before it connects.
"""

import encodings.idna  # noqa: F401 - of names of hosts
import json
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic, time_ns
from typing import Any

from locksided.notifications.addresses import Allowed
from locksided.notifications.signature import headers
from locksided.steps.courier.mail import send as send_mail
from locksided.steps.courier.post import Answer, post

AT_ONCE = 10
BEGINS_WITHIN_SECONDS = 40.0
AGENT = "lockside"
GONE = 410
NOBODY = 65_534

Send = Callable[[Mapping[str, Any]], Answer]

_writing = threading.Lock()


def main() -> int:
    """Deliver all. Each receiver gets one notification at a time, in the order of the file."""
    path = sys.argv[1]
    with open(path, "rb") as file:
        order = json.load(file)
    os.unlink(path)
    _become_nobody()
    send = partial(_delivered, allowed=Allowed(order["allow"]), server=order["mailServer"])
    until = monotonic() + BEGINS_WITHIN_SECONDS
    by_receiver = defaultdict(list)
    for one in order["deliveries"]:
        by_receiver[one["receiver"]].append(one)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for done in [threads.submit(_deliver_all, some, send, until) for some in by_receiver.values()]:
            done.result()
    return 0


def _become_nobody() -> None:
    """Drop root's rights. Modules needed later are imported before, because nobody may not read them."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def _deliver_all(deliveries: Iterable[Mapping[str, Any]], send: Send, until: float) -> None:
    for one in deliveries:
        if monotonic() > until:
            return
        _say(begun=one["id"])
        began = monotonic()
        answer = send(one)
        seconds = round(monotonic() - began, 3)
        _say(ended=one["id"], time=time_ns() // 1000, seconds=seconds, **_outcome(answer))


def _delivered(one: Mapping[str, Any], allowed: Allowed, server: Mapping[str, Any]) -> Answer:
    if "addresses" in one:
        return send_mail(one, json.loads(one["body"]), server)
    if not one["secrets"]:
        return Answer(error="its secret cannot be decrypted: store another")
    body = one["body"].encode()
    signed = headers(one["secrets"], one["message"], time_ns() // 10**9, body)
    return post(
        one["url"], {"Content-Type": "application/json", "User-Agent": AGENT, **signed}, body, allowed
    )


def _outcome(answer: Answer) -> dict[str, Any]:
    return {
        "statusCode": answer.status_code,
        "error": answer.error,
        "retryAfter": _seconds(answer.retry_after),
        "isFinal": answer.is_final or answer.status_code == GONE,
    }


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a `Retry-After`, which may be a number or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time_ns() / 10**9, 0.0)
    except ValueError:
        return None


def _say(**members: Any) -> None:
    with _writing:
        print(json.dumps(members), flush=True)


if __name__ == "__main__":
    sys.exit(main())
