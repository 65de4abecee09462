"""Sends notifications of jobs that run or wait long, and that the daemon is alive, when they are due.

The timers of jobs are stored. They use the boot clock, which nobody can set, and the time that has passed is
computed from the job itself.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from lockside.documents.notification import NotifiedEvent as Event
from locksided import clock
from locksided.actors.broker import Broker
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Refused
from locksided.followers.follower import RECOVERED
from locksided.notifications import telling
from locksided.notifications.long_jobs import Wait, ran_us, waits_of
from locksided.notifications.matching import Hearer, Message, Told, enabled
from locksided.notifications.names import Names
from locksided.notifications.writing import Backlog, body_of, write_messages
from locksided.settings import Settings
from locksided.store import deliveries, notification_timers, reads
from locksided.store.errors import StoreUnavailable
from locksided.store.notification_timers import TimerRow
from locksided.store.notifications import SubscriptionName
from locksided.store.rows import EventRow, JobRow
from locksided.store.sql import Database
from locksided.store.store import Store
from locksided.store.transaction import Transaction

log = structlog.get_logger("notifications")

_NEWS = frozenset({"job.paused", "job.resumed", "daemon.clockSet", RECOVERED})
_SUBSCRIPTIONS = (
    "notification.created",
    "notification.updated",
    "notification.deleted",
    "notification.disabled",
)


@dataclass(slots=True)
class Standing:
    """The state at one moment: timers, jobs, subscriptions, and when drops are to be reported."""

    timers: Sequence[TimerRow]
    jobs: Mapping[int, JobRow]
    names: Mapping[int, telling.JobNames]
    hearers: Mapping[SubscriptionName, Hearer]
    dropped_us: int | None
    waits: Mapping[int, Wait] = field(default_factory=dict)

    def passed_us(self, timer: TimerRow, now_us: int) -> int | None:
        """Return how long its job has run or waited; None if it no longer does."""
        if timer.event == Event.JOB_WAITING_LONG:
            wait = self.waits.get(timer.job_id)
            return None if wait is None else wait.waited_us
        job = self.jobs.get(timer.job_id)
        return None if job is None else ran_us(job, now_us)

    def left_us(self, timer: TimerRow, now_us: int) -> int | None:
        """Return the time until it is due; None while its job is paused."""
        job = self.jobs.get(timer.job_id)
        is_paused = job is not None and job.paused_since_us is not None
        if is_paused and timer.event != Event.JOB_WAITING_LONG:
            return None
        return timer.after_us - (self.passed_us(timer, now_us) or 0)


class Timers:
    """One timer of the loop serves all. `news` is called when there is something to deliver."""

    def __init__(self, store: Store, settings: Settings, backlog: Backlog, news: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._backlog = backlog
        self._tell_couriers = news
        self._news = asyncio.Event()
        self._alive_us: dict[SubscriptionName, int] = {}

    def wake(self) -> None:
        """Search for what is due."""
        self._news.set()

    async def run(self, scheduler: SchedulerActor, broker: Broker) -> None:
        """Send what is due until cancelled. What cannot be saved now waits for news."""
        with broker.waking(self.wake, *_NEWS, *_SUBSCRIPTIONS):
            self.wake()
            timer: clock.Timer | None = None
            while True:
                try:
                    await self._news.wait()
                finally:
                    if timer is not None:
                        timer.cancel()
                self._news.clear()
                try:
                    left_us = await self._round(scheduler)
                except (Refused, StoreUnavailable) as problem:
                    log.warning("timers of notifications wait", cause=str(problem))
                    left_us = None
                timer = None if left_us is None else clock.call_later(left_us / clock.SECOND_US, self.wake)

    async def _round(self, scheduler: SchedulerActor) -> int | None:
        """Send what is due; returns the time until something else is."""
        now_us = clock.now_us()
        found = await self._store.read(partial(_look, self._settings))
        waiting = [one.job_id for one in found.timers if one.event == Event.JOB_WAITING_LONG]
        if waiting:
            found.waits = await scheduler.look(partial(waits_of, job_ids=waiting, now_us=now_us))
        over = [one for one in found.timers if found.passed_us(one, now_us) is None]
        due = [
            one
            for one in found.timers
            if one not in over and (found.passed_us(one, now_us) or 0) >= one.after_us
        ]
        messages = [message for one in due if (message := self._message(found, one, now_us)) is not None]
        alive = self._alive(found.hearers.values())
        is_dropping = found.dropped_us is not None and found.dropped_us <= now_us
        if over or due or alive or is_dropping:
            told = partial(_alive_messages, alive, self._settings)
            work = partial(_write, [*over, *due], messages, told, self._backlog)
            await scheduler.ask(work)
            self._tell_couriers()
        left = [found.left_us(one, now_us) for one in found.timers if one not in over and one not in due]
        soon = [due_us - clock.boot_us() for due_us in self._alive_us.values()]
        if found.dropped_us is not None and found.dropped_us > now_us:
            soon.append(found.dropped_us - now_us)
        return min([*(one for one in left if one is not None), *soon], default=None)

    def _message(self, found: Standing, timer: TimerRow, now_us: int) -> Message | None:
        """Return the message; None if the subscription is gone or its filters do not match."""
        one, job = found.hearers.get(timer.name), found.jobs.get(timer.job_id)
        if one is None or job is None:
            return None
        passed_us, event = found.passed_us(timer, now_us) or 0, Event(timer.event)
        about = {"to": job.status}
        row = EventRow(timer.seq, now_us, f"job.{_kind(event)}", job.project, job.id, job.run_id, None, about)
        data = {**telling.job_data(row, job, found.names[job.id]), **_more(found, timer, passed_us)}
        if not all(condition.holds(data) for condition in one.spec.filters):
            return None
        message = Message(Told(row, event, data))
        message.add(one)
        return message

    def _alive(self, hearers: Sequence[Hearer] | Any) -> list[Hearer]:
        """Return the subscriptions for which a notification that the daemon is alive is due."""
        now_us, listening = clock.boot_us(), {}
        due = []
        for one in hearers:
            if one.spec.every_seconds is None:
                continue
            listening[one.name] = self._alive_us.get(one.name, now_us)
            if listening[one.name] <= now_us:
                due.append(one)
                listening[one.name] = now_us + round(one.spec.every_seconds * clock.SECOND_US)
        self._alive_us = listening
        return due


def _kind(event: Event) -> str:
    return "waitingLong" if event is Event.JOB_WAITING_LONG else "processingLong"


def _more(found: Standing, timer: TimerRow, passed_us: int) -> dict[str, Any]:
    """Return the members beside the job."""
    if timer.average_us is None:
        wait = found.waits.get(timer.job_id)
        return {"waitingSeconds": passed_us / 1e6, "reasons": [] if wait is None else wait.reasons}
    over = passed_us / timer.average_us - 1 if timer.average_us else 0.0
    return {
        "averageDuration": timer.average_us / 1e6,
        "currentDuration": passed_us / 1e6,
        "durationOvertimePercentage": round(over, 6),
    }


def _look(settings: Settings, connection: Database) -> Standing:
    timers = notification_timers.everything(connection)
    jobs = {row.id: row for row in reads.job_rows(connection, {one.job_id for one in timers})}
    names = Names(connection, settings)
    of_jobs = {job_id: names.of(job) for job_id, job in jobs.items()}
    hearers = {one.name: one for one in enabled(connection)}
    return Standing(timers, jobs, of_jobs, hearers, deliveries.dropped_due_us(connection))


def _write(
    done: Sequence[TimerRow],
    messages: Sequence[Message],
    alive: Callable[[Transaction], Sequence[Message]],
    backlog: Backlog,
    tx: Transaction,
) -> None:
    tx.reading()
    for timer in done:
        notification_timers.forget(tx, timer)
    write_messages(tx, [(one, body_of(one.told)) for one in [*messages, *alive(tx)]], backlog)
    deliveries.tell_dropped(tx, clock.now_us())


def _alive_messages(hearers: Sequence[Hearer], settings: Settings, tx: Transaction) -> list[Message]:
    """Return the notifications that the daemon is alive, a separate one for each subscription."""
    names, found = Names(tx.connection, settings), []
    for one in hearers:
        project = one.name.project
        event = EventRow(tx.last_seq, clock.now_us(), "daemon.alive", project, None, None, None, {})
        data = telling.head_of(event, names.of_project(project))
        found.append(Message(Told(event, Event.DAEMON_ALIVE, data)))
        found[-1].add(one)
    return found
