"""Schedules and triggers in the simulation: real planners and followers; drafts and accounts are models.

After each commit the ledger must be right: as far as a schedule is settled, each moment is in exactly one
row, each of its jobs in a row that fired, and the end of a job is at most once a cause of a trigger.
"""

import asyncio
from collections import Counter
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import msgspec

from lockside.calendar import zones
from lockside.calendar.calendars import moments_between
from lockside.documents.enums import Status
from lockside.documents.reading import from_store
from lockside.documents.schedule import ScheduleSpec
from lockside.kinds import SCHEDULE, TRIGGER, Kind
from locksided import clock
from locksided.actors import rounds
from locksided.catalog.table import RECORDS
from locksided.core.errors import NotFound, Refused
from locksided.core.model import Draft
from locksided.followers.follower import Following
from locksided.schedules import planner, settling
from locksided.schedules.changes import Unsettled
from locksided.schedules.job_ends import Ends
from locksided.schedules.planner import Planner, Replanning
from locksided.schedules.settling import Settling
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, Key
from locksided.store.errors import StoreError
from locksided.store.transaction import Transaction
from locksided.triggers import firing
from locksided.triggers.firing import TriggerPlanner
from locksided.triggers.hearing import Hearing
from simulation.witness import Violation

if TYPE_CHECKING:
    from simulation.daemon import Daemon
    from simulation.world import World

LOGGING = (planner, rounds, settling)
ANNA = {"uid": 1000, "user": "anna", "gid": 1000}
ZONE = "Test/Zone"
RULES = ("Europe/Prague", "Europe/London", "America/New_York", None)
"""What the zone may be; None when it is gone."""
STEADY = "t0"
"""The trigger that nobody changes: it hears of everything."""
HEARD = frozenset((Status.SUCCESS, Status.WARNING))
TRIES = 5


class Makers:
    """The schedules and triggers of one daemon."""

    def __init__(self, daemon: "Daemon", settings: Any) -> None:
        self._daemon = daemon
        self.service: Any = SimpleNamespace(
            store=daemon.store, scheduler=daemon.scheduler, broker=daemon.broker, settings=settings
        )

    async def run(self) -> None:
        """Start; an unreadable schedule or trigger ends the daemon."""
        daemon, store = self._daemon, self._daemon.store
        zones.forget()
        ends, hearing = Ends(store), Hearing(store, asyncio.Event())
        try:
            await ends.load()
            await hearing.load()
        except StoreError:
            daemon.loop.is_dead = True
            return
        for follower in (ends.follower(), hearing.follower()):
            following = Following(follower, store, daemon.scheduler, daemon.broker)
            daemon.loop.create_task(following.run())
        daemon.loop.create_task(Planner(self.service, daemon.broker).run())
        daemon.loop.create_task(TriggerPlanner(self.service, hearing).run())

    def ask(self, work: Any) -> None:
        """Let a person do something and accept a refusal."""

        async def asked() -> None:
            try:
                await work(self.service)
            except (Refused, StoreError) as problem:
                self._daemon.world.note(f"   it is refused: {problem}")

        self._daemon.loop.create_task(asked())


# -- what people and the world do ---------------------------------------------------------------------------


def puts_a_schedule(world: "World") -> str | None:
    random = world.random
    body = {
        "id": random.choice(["s0", "s1", "s2"]),
        **random.choice(
            [
                {"every": random.choice([5, 20, 60])},
                {"cronTab": random.choice(["* * * * *", "*/7 * * * *", "0 */2 * * *", "30 2 * * *"])},
                {
                    "cronTab": ["5 * * * *", "20-50/10 1-3 * * *"],
                    "dst": {"gap": "shift"},
                },
            ]
        ),
        "timezone": random.choice([ZONE, ZONE, "UTC"]),
        "graceSeconds": random.choice([0, 60, 600]),
        "misfire": {"policy": random.choice(["last", "skip", "all"]), "limit": 3},
        "overlap": {"policy": random.choice(["queue", "queue", "skip", "replace"])},
        "state": random.choice(["enabled"] * 5 + ["disabled"]),
        "pauseAfterFailures": random.choice([None, None, 3]),
        "job": {"component": "tap", "config": "daily"},
    }
    try:
        from_store(body, ScheduleSpec).exclusions()
    except zones.UnknownZoneError:
        return None
    world.serving.makers.ask(partial(_put, kind=SCHEDULE, body=body))
    return f"Anna puts schedule {body}."


def puts_a_trigger(world: "World") -> str | None:
    random = world.random
    trigger_id = random.choice([STEADY, "t1"])
    if trigger_id == STEADY and world.disk.rows("SELECT 1 FROM triggers WHERE id = ?", STEADY):
        return None
    body = {
        "id": trigger_id,
        "on": [{"job": {"component": "tap"}, "status": ["success", "warning"]}],
        "quietSeconds": random.choice([0, 0, 5]),
        "coolDownSeconds": random.choice([0, 10]),
        "overlap": {"policy": random.choice(["queue", "queue", "skip"])},
        "job": {"component": "tap" if trigger_id == STEADY else "made"},
    }
    world.serving.makers.ask(partial(_put, kind=TRIGGER, body=body))
    return f"Anna puts trigger {trigger_id}."


def deletes_a_maker(world: "World") -> str | None:
    found = world.disk.rows(
        "SELECT 'schedule', id FROM schedules UNION ALL SELECT 'trigger', id FROM triggers"
    )
    found = [(word, name) for word, name in found if name != STEADY]
    if not found:
        return None
    word, name = world.random.choice(found)
    delete(world, SCHEDULE if word == "schedule" else TRIGGER, name)
    return f"Anna deletes {word} {name}."


def delete(world: "World", kind: Kind, name: str) -> None:
    async def work(service: Any) -> None:
        def write(tx: Transaction) -> None:
            key, change = _key(kind, name), Change(clock.now_us(), ANNA, None)
            objects.delete(tx, key, change)
            RECORDS[kind.word].deleted(tx, key, change)

        await service.scheduler.ask(write)

    world.serving.makers.ask(work)


def a_zone_changes(world: "World") -> str:
    world.zone = world.random.choice(RULES)
    if world.is_served:
        world.serving.makers.ask(lambda service: Replanning(service).look_at_zones())
    return f"{ZONE} is {world.zone} from now on."


async def _put(service: Any, kind: Kind, body: dict[str, Any]) -> None:
    """Put a document as the API does: due moments are decided before."""
    record, key = RECORDS[kind.word], _key(kind, body["id"])
    stored = msgspec.to_builtins(from_store(body, kind.document))

    def write(tx: Transaction) -> None:
        change = Change(clock.now_us(), ANNA, None)
        before = objects.newest(tx, key)
        after = objects.put(tx, key, stored, change)
        record.require_settled(tx.connection, key, before, after.body, change.time_us)
        record.stored(tx, key, before, after, change)

    for _ in range(TRIES):
        try:
            await service.scheduler.ask(write)
        except Unsettled as unsettled:
            await Settling(service).settle(unsettled.name)
        else:
            return


def _key(kind: Kind, name: str) -> Key:
    return Key("default", kind, (name,))


# -- models -------------------------------------------------------------------------------------------------


def models(world: "World", stack: ExitStack) -> None:
    """Replace the functions that read the catalog's documents, accounts and zone files by models."""

    async def owner(_service: Any, _row: Any) -> Any:
        return SimpleNamespace(**ANNA)

    async def scheduled(_creation: Any, spec: ScheduleSpec, told: Any) -> Draft:
        about = told.about(spec)
        return _draft(world, "schedule", told.name.id, {"schedule_id": told.name.id, "schedule": about})

    async def triggered(_service: Any, request: Any, _owner: Any, _project: str, origin: Any) -> Draft:
        about = {"trigger_id": origin.creator_id, "trigger": origin.trigger}
        draft = _draft(world, "trigger", origin.creator_id, about)
        draft.values["component"] = request.component  # type: ignore[index]
        return draft

    for module, name, model in (
        (settling, "current_owner", owner),
        (settling, "creation_of", lambda *_: None),
        (settling, "draft_of", scheduled),
        (firing, "current_owner", owner),
        (firing, "draft", triggered),
        (zones, "_file", lambda name: _rules(world.zone) if name == ZONE else None),
    ):
        stack.enter_context(patch.object(module, name, model))
    zones.forget()


def _draft(world: "World", maker: str, maker_id: str, about: dict[str, Any]) -> Draft:
    if world.has_faults and world.random.random() < 0.05:
        raise NotFound("There is no configuration daily.", path="$.config")
    values = {"component": "tap", "config": "daily", "spec_hash": "one", "labels": {}}
    return Draft(
        project="default",
        owner_uid=1000,
        pool="default",
        lock_key="a",
        values={**values, "creator_type": maker, "creator_id": maker_id, **about},
        blobs=(("one", b"{}"),),
    )


@cache
def _rules(name: str | None) -> bytes | None:
    return None if name is None else Path("/usr/share/zoneinfo", name).read_bytes()


# -- checks -----------------------------------------------------------------------------------------------


class Settled(NamedTuple):
    """How far a schedule was settled, by which document and which rules."""

    settled_us: int
    body: str
    digest: str


class Ledgers:
    """A witness's independent record of schedules and triggers."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._known: dict[str, Settled] = {}
        self._rules: dict[str, Any] = {}
        self._last_seq = 0
        self._expected: set[int] = set()

    def check(self) -> None:
        """Check a commit."""
        rows = self._world.disk.rows(_NEWS, self._last_seq)
        if not rows:
            return
        self._last_seq = rows[-1][0]
        kinds = {kind for _, kind, *_ in rows}
        if any(kind.startswith("schedule.") for kind in kinds):
            self._check_schedules()
        for seq, kind, job_id, after in rows:
            if kind == "job.status" and after in HEARD:
                self._expect(seq, job_id)
        if any(kind.startswith("trigger.") for kind in kinds):
            self._check_triggers()

    def _check_schedules(self) -> None:
        disk, known = self._world.disk, self._known
        self._known = {
            name: Settled(settled_us, body, digest) for name, settled_us, digest, body in disk.rows(_STANDING)
        }
        for name, now in self._known.items():
            before = known.get(name)
            if before is not None and before.digest == now.digest and before.settled_us < now.settled_us:
                self._check_moments(name, before, now)
        for job_id, count in disk.rows(_FIRED_TWICE):
            raise Violation(f"job {job_id} of a schedule is in {count} rows that fired")

    def _check_moments(self, name: str, before: Settled, now: Settled) -> None:
        spec = from_store(msgspec.json.decode(before.body), ScheduleSpec)
        for moment_us in moments_between(spec.calendar(), before.settled_us, now.settled_us):
            self._world.figures.moments += 1
            ((count,),) = self._world.disk.rows(_COVER, name, moment_us, moment_us)
            if count != 1:
                raise Violation(f"{clock.to_text(moment_us)} of {name} is in {count} rows of its ledger")

    def _expect(self, seq: int, job_id: int) -> None:
        """Record the end of a job that the steady trigger must receive."""
        disk, row = self._world.disk, self._world.disk.row(job_id)
        since = disk.rows("SELECT since_seq FROM triggers WHERE id = ?", STEADY)
        if row is None or not since or seq <= since[0][0] or row["project"] != "default":
            return
        is_part = row["relation"] == "strong" and row["creator_type"] in ("container", "retry")
        if is_part or row["type"] == "phaseContainer" or row["component"] != "tap":
            return
        above = disk.rows(f"SELECT trigger_id FROM jobs WHERE id IN ({row['run_id'].replace('.', ', ')})")
        if (STEADY,) not in above:
            self._expected.add(job_id)

    def _check_triggers(self) -> None:
        for trigger in (STEADY, "t1"):
            for job_id, count in self._causes(trigger).items():
                if count > 1:
                    raise Violation(f"the end of job {job_id} is {count} causes of {trigger}")

    def _causes(self, trigger: str) -> Counter[int]:
        kept = self._world.disk.rows("SELECT heard FROM causes WHERE id = ?", trigger)
        fired = self._world.disk.rows("SELECT causes FROM firings WHERE id = ?", trigger)
        found = [msgspec.json.decode(text) for (text,) in kept]
        found += [cause for (text,) in fired for cause in msgspec.json.decode(text)]
        return Counter(int(cause["job"]) for cause in found)

    def check_over(self) -> None:
        """Check that every relevant end was received and nothing is left."""
        self._check_triggers()
        missing = self._expected - self._causes(STEADY).keys() - self._world.people.purged
        if missing:
            raise Violation(f"the ends of jobs {sorted(missing)} are no causes of {STEADY}")


_NEWS = "SELECT seq, kind, job_id, data ->> 'to' FROM events WHERE seq > ? ORDER BY seq"
_STANDING = """
    SELECT s.id, s.settled_us, s.zone_digest, v.body FROM schedules s
    JOIN objects o ON o.project = s.project AND o.kind = 'schedule' AND o.id = s.id
    JOIN object_versions v USING (project, kind, id, version)
"""
_COVER = """
    SELECT count(*) FROM moments
    WHERE schedule = ? AND moment_us <= ? AND last_us >= ? AND cause <> 'dst_gap'
"""
_FIRED_TWICE = """
    SELECT j.id, count(m.job_id) FROM jobs j LEFT JOIN moments m ON m.job_id = j.id AND m.outcome = 'fired'
    WHERE j.creator_type = 'schedule' AND j.relation IS NOT 'strong' GROUP BY j.id HAVING count(m.job_id) <> 1
"""
