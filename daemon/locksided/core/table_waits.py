"""A run claims the tables of its next step, waits for them with its time suspended, and releases them."""

from typing import Any

from locksided.core.dispatch import begin_step
from locksided.core.jobs import Job, Run
from locksided.core.saves import SetMeta
from locksided.core.table_locks import SERIALS_EACH, TableClaim
from locksided.core.turn import Turn

SERIAL = "table_serial"
"""The name of the stored fact that holds the serial for the next claimed table."""


def claim(turn: Turn, job: Job, run: Run, tables: tuple[str, ...], stage: str) -> None:
    """Start the current step when the run has these tables: at once if no other run claimed one before."""
    state = turn.state
    run.claim = TableClaim(tables, state.next_serial, turn.now_us)
    state.next_serial += SERIALS_EACH * len(tables)
    turn.saves.append(SetMeta(SERIAL, str(state.next_serial)))
    turn.update(job, claim=run.claim.as_data())
    state.tables.add(job)
    if state.tables.admits(job):
        begin_step(turn, job, run)
        return
    run.token = None
    run.spawned = False
    values = turn.record_stages(job, {stage: turn.now_us})
    turn.update(job, step=run.step, start_token=None, spawned=False, **values)
    turn.update(job, **run.stand_still(turn.now_us))


def give_back(turn: Turn, job: Job, run: Run) -> dict[str, Any]:
    """Release the run's claim, if it has one, and start the steps of the runs that waited for it.

    Returns the columns to save.
    """
    if run.claim is None:
        return {}
    freed = turn.state.tables.remove(job)
    run.claim = None
    for other in freed:
        assert other.run is not None
        if other.run.waits_for_tables and turn.state.tables.admits(other):
            _continue_run(turn, other, other.run)
    return {"claim": None}


def _continue_run(turn: Turn, job: Job, run: Run) -> None:
    turn.update(job, **run.go_on(turn.now_us))
    begin_step(turn, job, run)
