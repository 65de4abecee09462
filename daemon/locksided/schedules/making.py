"""The jobs of a schedule: what each learns of its moment, and its draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from lockside.calendar.walltimes import wall_of
from lockside.documents.schedule import ScheduleSpec
from locksided import clock
from locksided.api.job_drafts import Creation, Origin
from locksided.api.service import Service
from locksided.core.errors import Refused
from locksided.core.model import Draft
from locksided.schedules.standing import known_zone, us
from locksided.server.access import Principal
from locksided.store.time_rows import MakerName

SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class JobMoment:
    """What a job learns of its moment; None where there is none."""

    name: MakerName
    version: int
    moment_us: int | None
    due_us: int | None = None
    now_us: int = 0
    window_start_us: int | None = None
    last_success: str | None = None
    backfill: str | None = None
    manual: bool = False

    def about(self, spec: ScheduleSpec) -> dict[str, Any]:
        """Return the job's `schedule`, with the local `date`."""
        late_us = 0 if self.due_us is None else max(self.now_us - self.due_us, 0)
        moment = clock.to_text(self.moment_us)
        date = None
        if self.moment_us is not None:
            date = wall_of(self.moment_us, known_zone(spec.zone_name).rules).date().isoformat()
        return {
            "id": self.name.id,
            "version": self.version,
            "moment": moment,
            "dueTime": clock.to_text(self.due_us),
            "latenessSeconds": late_us / clock.SECOND_US,
            "windowStart": clock.to_text(self.window_start_us),
            "windowEnd": moment,
            "lastSuccessTime": self.last_success,
            "backfill": self.backfill,
            "manual": self.manual,
            "date": date,
        }


def creation_of(service: Service, owner: Principal, name: MakerName) -> Creation:
    """Return the maker of drafts for a schedule's jobs: objects they name are read once."""
    return Creation(service, owner, name.project)


async def draft_of(
    creation: Creation, spec: ScheduleSpec, moment: JobMoment, changes: Mapping[str, Any] | None = None
) -> Draft:
    """Return the checked draft of a moment's job. Raises Refused, with paths as in the schedule."""
    request = replace(spec.request, **changes) if changes else spec.request
    origin = Origin(SCHEDULE, moment.name.id, schedule=moment.about(spec))
    try:
        return await creation.draft(request, origin)
    except Refused as refusal:
        raise in_maker(refusal) from None


def in_maker(refusal: Refused, kind: str = SCHEDULE) -> Refused:
    """Return the refusal of a job's request as that of the schedule or trigger that contains it."""
    at, path = refusal.path or "$", f"$.{kind}.job{(refusal.path or '$')[1:]}"
    refusal.message = refusal.message.replace(f"{at}: ", f"{path}: ", 1)
    refusal.path = path
    return refusal


def overdue_at(spec: ScheduleSpec, moment_us: int, offset_us: int) -> int | None:
    """Return when a moment is overdue; None if nothing is expected of it."""
    within = spec.expect_within_seconds
    return None if within is None else moment_us + offset_us + us(within)
