"""The alarm for the job that did not run: moments of which no job ended well within their time."""

from functools import partial

from locksided import clock
from locksided.api.service import Service
from locksided.schedules.ledger import tell
from locksided.store import schedules
from locksided.store.time_rows import MakerName
from locksided.store.transaction import Transaction

AT_ONCE = 100


async def tell_overdue(service: Service) -> None:
    """Tell of each moment whose time is over, once. Raises Unavailable."""
    asked = partial(schedules.expected, now_us=clock.now_us(), limit=AT_ONCE)
    while overdue := await service.store.read(asked):
        await service.scheduler.ask(partial(_tell, overdue=overdue, now_us=clock.now_us()))


def _tell(tx: Transaction, overdue: list[tuple[MakerName, int]], now_us: int) -> None:
    connection = tx.reading()
    for name, moment_us in overdue:
        row = schedules.row_of(connection, name, moment_us)
        job_id = None if row is None else row.job_id
        moment = clock.to_text(moment_us)
        assert moment is not None
        if not schedules.has_ended_well(connection, name, moment, job_id):
            job = None if job_id is None else str(job_id)
            tell(tx, name, "overdue", now_us, moment=moment, job=job)
        schedules.forget_expectation(tx, name, moment_us)
