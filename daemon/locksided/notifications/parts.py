"""Connects the parts of notifications: the followers, the timers of long jobs, and the couriers."""

from collections.abc import Callable

from anyio.abc import TaskGroup

from locksided.actors.asides import Asides
from locksided.actors.broker import Broker
from locksided.actors.scheduler import SchedulerActor
from locksided.followers.follower import Follower
from locksided.notifications.commands import Commands
from locksided.notifications.courier_program import CourierProgram
from locksided.notifications.couriers import Couriers
from locksided.notifications.listening import Listening, News
from locksided.notifications.own import OwnNotifications
from locksided.notifications.timers import Timers
from locksided.notifications.writing import Backlog
from locksided.server.access import Access
from locksided.settings import Settings
from locksided.store.store import Store


def couriers_of(store: Store, settings: Settings, access: Callable[[], Access]) -> Couriers:
    """Return the part that sends."""
    return Couriers(store, settings.notifications, CourierProgram(settings), Commands(store, access))


class Notifications:
    """The part that creates deliveries. The caller runs its `followers` with all others."""

    def __init__(self, store: Store, settings: Settings, couriers: Couriers) -> None:
        backlog = Backlog(settings.notifications.max_pending)
        self._couriers = couriers
        self._timers = Timers(store, settings, backlog, couriers.wake)
        news = News(couriers.wake, self._timers.wake)
        self._listening = Listening(store, settings, backlog, news)
        self._own = OwnNotifications(store, settings, backlog, couriers.wake)

    async def followers(self) -> list[Follower]:
        """Return the followers that write deliveries, after they have read what is stored."""
        await self._listening.load()
        await self._own.load()
        return [self._listening.follower(), self._own.follower()]

    def start(self, tasks: TaskGroup, asides: Asides, scheduler: SchedulerActor, broker: Broker) -> None:
        """Run the timers and the couriers."""
        tasks.start_soon(self._timers.run, scheduler, broker)
        tasks.start_soon(self._couriers.run, asides, scheduler, broker)
