"""Jobs that are split into chunks: a container whose phases are a splitter, the chunks, and an assembler.

The chunks are created in the step that ends the splitter. The container has the stages of its phases; its
progress is that of the chunks.
"""

from lockside.documents.enums import JobType, Part, Status
from locksided.core import acceptance, lifecycle
from locksided.core.containers import Container
from locksided.core.inputs import Finished
from locksided.core.jobs import Job, Run
from locksided.core.turn import Turn

CHUNKS = "chunks"


@lifecycle.of_run
def finished(turn: Turn, job: Job, run: Run, report: Finished) -> Status | None:
    """End a run, see `lifecycle.finished`. A splitter also creates chunks, an assembler records stages."""
    phase = None if run.stop_asked else _phase_of(job)
    if phase is not None and report.children:
        _make_chunks(turn, phase, report)
    elif phase is not None and phase.title == Part.ASSEMBLER and report.stages:
        assert phase.container is not None, f"phase {phase.id} is in a job that is cut"
        turn.update(phase.container, **turn.record_stages(phase.container, report.stages))
    return lifecycle.finished(turn, report)


def _phase_of(job: Job) -> Container | None:
    """Return the phase that the job belongs to, if it is part of a job that is split into chunks."""
    above = job.container
    while above is not None and above.type is JobType.RETRY:
        above = above.container
    is_part = above is not None and above.container is not None and above.container.type is JobType.CONTAINER
    return above if is_part else None


def _make_chunks(turn: Turn, splitter: Container, report: Finished) -> None:
    """Create the chunks in the phase that waits for the splitter's, if that still exists."""
    container = splitter.container
    for phase in list(container.children.values()) if container is not None else ():
        if isinstance(phase, Container) and phase.title == CHUNKS and phase.pending:
            acceptance.make_children(turn, phase, report.children)
