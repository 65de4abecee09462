"""Checks whether the jobs of applied schedules and triggers could be created after everything is stored."""

from collections.abc import Callable, Mapping

from lockside.documents.reading import from_store
from lockside.kinds import SCHEDULE, TRIGGER
from locksided import clock
from locksided.api.apply_plan import ApplyPlan, ApplyStep, Wanted
from locksided.api.job_drafts import Creation, Origin, Planned
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.catalog.resources import terms_of
from locksided.core.errors import Refused, Unavailable
from locksided.schedules.makers import owner_at_put
from locksided.schedules.making import JobMoment, in_maker
from locksided.secrets.vault import Vault
from locksided.server.access import Principal
from locksided.store import schedules, triggers
from locksided.store.catalog.keys import Key
from locksided.store.rows import StoredRow
from locksided.store.store import Store
from locksided.store.time_rows import MakerName, ScheduleRow, TriggerRow

_MAKERS = (SCHEDULE.word, TRIGGER.word)


def _planned(plan: ApplyPlan, key_of: Callable[[ApplyStep], Key]) -> Planned:
    """Return the pools and resources of a plan."""
    steps = [(step.kind, key_of(step), step.body) for step in plan.steps if step.body is not None]
    slots = {key.id: body["slots"] for kind, key, body in steps if kind == "pool"}
    terms = [terms_of(key.project, body) for kind, key, body in steps if kind == "resource"]
    return Planned(
        {name: None if number == "infinity" else number for name, number in slots.items()},
        {one.id: one.capacity for one in terms},
    )


class PlannedObjects:
    """The stored objects as they will be after a caller's plan."""

    def __init__(self, store: Store, after: Mapping[Key, StoredRow | None]) -> None:
        self._store = store
        self._after = after

    @property
    def vault(self) -> Vault:
        return self._store.vault

    async def object(self, key: Key, version: int | None = None) -> StoredRow | None:
        if version is None and key in self._after:
            return self._after[key]
        return await self._store.object(key, version)


async def job_faults(
    service: Service, who: Principal, plan: ApplyPlan, wanted: Wanted, key_of: Callable[[ApplyStep], Key]
) -> list[Refused]:
    """Return what `put` would refuse about the jobs of schedules and triggers. Raises Unavailable."""
    after = {key_of(step): _row(step, who) for step in plan.steps if step.kind != "pool"}
    checks = _Checks(service, who, PlannedObjects(service.store, after), _planned(plan, key_of))
    numbers = {kind: {key: n for n, key in enumerate(wanted[kind])} for kind in _MAKERS if kind in wanted}
    faults = []
    for step in plan.steps:
        if step.kind in _MAKERS and step.text is not None:
            path = f"{key_of(step).kind.plural}[{numbers[step.kind][step.key]}]"
            try:
                await checks.check(key_of(step), step, path)
            except Unavailable:
                raise
            except Refused as refusal:
                faults.append(refusal)
    return faults


class _Checks:
    """Creates drafts of jobs and discards them; those of one owner share what they read."""

    def __init__(self, service: Service, who: Principal, objects: PlannedObjects, planned: Planned) -> None:
        self._service = service
        self._who = who
        self._objects = objects
        self._planned = planned
        self._creations: dict[int, Creation] = {}

    async def check(self, key: Key, step: ApplyStep, path: str) -> None:
        """Raise Refused if the owner could not create the job."""
        standing = await _standing(self._service.store, key)
        owner = await owner_at_put(self._service, self._who, None, standing)
        if owner.uid not in self._creations:
            creation = Creation(self._service, owner, key.project, self._objects, self._planned)
            self._creations[owner.uid] = creation
        request = from_store(step.body, key.kind.document).request
        try:
            await self._creations[owner.uid].draft(request, _origin(key, step))
        except Refused as refusal:
            raise in_maker(refusal, path) from None


def _row(step: ApplyStep, who: Principal) -> StoredRow | None:
    if step.body is None:
        return None
    now_us, version = clock.now_us(), (step.old_version or 0) + 1
    return StoredRow(step.key[-1], "", version, 0, step.body, None, now_us, now_us, actor(who).as_data())


async def _standing(store: Store, key: Key) -> ScheduleRow | TriggerRow | None:
    """Return the state of the schedule or trigger to be changed; None for a new one."""
    if key.kind is SCHEDULE:
        return await store.read(lambda connection: schedules.find(connection, MakerName(key.project, key.id)))
    return await store.read(lambda connection: triggers.find(connection, MakerName(key.project, key.id)))


def _origin(key: Key, step: ApplyStep) -> Origin:
    version = (step.old_version or 0) + 1
    if key.kind is TRIGGER:
        trigger = {"id": key.id, "version": version, "causes": [], "depth": 1}
        return Origin(TRIGGER.word, key.id, trigger=trigger)
    about = JobMoment(MakerName(key.project, key.id), version, clock.now_us(), now_us=clock.now_us())
    return Origin(SCHEDULE.word, key.id, schedule=about.about(from_store(step.body, key.kind.document)))
