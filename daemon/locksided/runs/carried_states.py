"""The states of rows that a run did not repeat, because they ended well in the run that it goes on from.

A run of rows in sequence saves the states of all of them together, when the last has ended well: so what was
carried over is saved by the run that completes it.
"""

from collections.abc import Mapping
from typing import Any

from locksided import threads
from locksided.runs.loading import Run, RunLoader, config_id
from locksided.runs.step_results import rows_ended_well
from locksided.store.store import Store

States = dict[str | None, Mapping[str, Any]]


async def carried_states(store: Store, loader: RunLoader, run: Run) -> States:
    """States by row; none that a later job has saved anew. Raises OSError."""
    found: States = {}
    done = {row.id for row in run.spec.rows or ()}
    previous = run.spec.previous_job_id
    while previous is not None:
        job = await store.job_row(int(previous))
        if job is None:
            break
        ends = await threads.run_sync(rows_ended_well, loader.folder(job.id))
        for row in ends.keys() - done:
            stored = await store.state(config_id(run.row), row)
            if (stored.job_id or 0) < job.id:
                found |= {of: state for of, state in ends[row].items() if of == row}
        done |= ends.keys()
        _, plan = await loader.read(job.id)
        previous = plan.spec.previous_job_id
    return found
