"""Jobs that are cut into chunks: a container whose phases are a splitter, the chunks, and an assembler.

The chunks are made in the step that ends the splitter. The container has the stages of its phases, and its
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
    """End a run, see `lifecycle.finished`; of a splitter make its chunks, of an assembler tell the stages."""
    phase = None if run.stop_asked else _phase_of(job)
    if phase is not None and report.children:
        _make_chunks(turn, phase, report)
    elif phase is not None and phase.title == Part.ASSEMBLER and report.stages:
        assert phase.container is not None, f"phase {phase.id} is in a job that is cut"
        turn.update(phase.container, **turn.record_stages(phase.container, report.stages))
    return lifecycle.finished(turn, report)


def _phase_of(job: Job) -> Container | None:
    """The phase of a job that is cut in which a job is."""
    above = job.container
    while above is not None and above.type is JobType.RETRY:
        above = above.container
    is_part = above is not None and above.container is not None and above.container.type is JobType.CONTAINER
    return above if is_part else None


def _make_chunks(turn: Turn, splitter: Container, report: Finished) -> None:
    """In the phase that waits for the splitter's, if it is still there."""
    container = splitter.container
    for phase in list(container.children.values()) if container is not None else ():
        if isinstance(phase, Container) and phase.title == CHUNKS and phase.pending:
            acceptance.make_children(turn, phase, report.children)
