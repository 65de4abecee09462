"""Asides in the simulation: the real code, with a purpose that records what is delivered to it."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locksided.actors import asides
from locksided.actors.asides import Aside
from locksided.core.errors import Unavailable
from locksided.core.saves import SetMeta
from locksided.keeper.messages import Outcome, ReapOrder
from locksided.paths import StateDir
from locksided.store.transaction import Transaction
from simulation.runs import order
from simulation.witness import Violation

if TYPE_CHECKING:
    from simulation.daemon import Daemon
    from simulation.world import World

PROBE = "probe"


class Asides(asides.Asides):
    """A control folder has the name of its token, and folders have no files."""

    def __init__(self, daemon: "Daemon", tasks: Any) -> None:
        self.deliver_to: dict[str, asides.Deliver] = {PROBE: self._deliver}
        nowhere = StateDir(Path("/nowhere"))
        super().__init__(daemon.backend, daemon.scheduler, daemon.store, nowhere, tasks, self.deliver_to)
        self._daemon = daemon

    def reap_order(self, token: str) -> ReapOrder:
        return ReapOrder(token, token, 10.0)

    async def _deliver(self, aside: Aside, outcome: Outcome) -> Any:
        self._daemon.may_fail_to_read()
        await self._daemon.hop("the reading of an aside")
        key = f"probe {aside.token}"

        def write(tx: Transaction) -> None:
            if tx.reading().execute("SELECT 1 FROM meta WHERE key = ?", (key,)).fetchone():
                self._daemon.world.broken(Violation(f"{aside.token} is delivered twice"))
            tx.save(SetMeta(key, said_of(aside.reference, outcome)))

        return write


def said_of(reference: Mapping[str, Any], outcome: Outcome) -> str:
    how = "never" if outcome.refused else "lost" if outcome.is_lost else str(outcome.exit_code)
    return f"{reference['number']} {how}"


def asks_for_an_aside(world: "World") -> str:
    """Ask for an aside whose outcome is delivered or waited for."""
    return ask_for(world, is_waited_for=world.random.random() < 0.4)


def ask_for(world: "World", *, is_waited_for: bool) -> str:
    world.asides += 1
    number = world.asides
    token = f"aside-{number}"
    daemon = world.serving

    async def ask() -> None:
        with suppress(Unavailable):
            if is_waited_for:
                await daemon.asides.run(order(token))
            else:
                await daemon.asides.begin(PROBE, {"number": number}, order(token))

    daemon.loop.create_task(ask())
    return f"Somebody asks for {token}{' and waits' if is_waited_for else ''}."


def note_recorded(world: "World") -> None:
    """Record that an aside in the table must be delivered, if a purpose asked for it."""
    for (token,) in world.disk.rows("SELECT token FROM asides WHERE purpose = ?", PROBE):
        world.asides_recorded.add(token)


def check_all_delivered(world: "World") -> None:
    """Check that each outcome was delivered once and the keeper has none left."""
    left = world.disk.rows("SELECT token FROM asides")
    if left:
        raise Violation(f"asides {left} are never delivered")
    delivered = {
        key.split()[1] for (key,) in world.disk.rows("SELECT key FROM meta WHERE key LIKE 'probe %'")
    }
    if delivered != world.asides_recorded:
        raise Violation(f"asides {world.asides_recorded} were recorded, and {delivered} delivered")
