"""The fuzzer finds faults: daemons with handlers that are broken on purpose are reported."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.figures import LONG
from e2e import harness
from e2e.harness import Daemon
from e2e.wire import Wire
from fuzz.budget import dice
from fuzz.campaign import Campaign, first_faults

MOST_ROUNDS = 5000
METHODS = ["pool.get", "pool.put", "pool.list"]


KINDS = {
    "crash": "error -32603 is not the caller's fault",
    "keep": "it was refused, but something is left of it",
    "nameless": "it names no field",
    "strange": "the document does not know such a result",
}


@pytest.mark.parametrize("kind", KINDS if LONG else ("keep",))
def test_a_broken_handler_is_reported(
    fresh: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(
        harness, "LOCKSIDED", [sys.executable, str(Path(__file__).with_name("broken.py")), kind]
    )
    daemon = fresh()
    campaign = Campaign(daemon, dice(f"bite {kind}"), is_quiet=True)
    with Wire(daemon.socket) as wire:
        wire.call("daemon.drain")
    campaign.begin()
    for number in range(MOST_ROUNDS):
        campaign.round(number, METHODS)
        if campaign.faults:
            break
    campaign.close()
    assert KINDS[kind] in campaign.faults[0], first_faults(campaign.faults)
