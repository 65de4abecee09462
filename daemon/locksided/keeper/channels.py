"""All channels from one run: its output, its progress, its GELF messages.

Their content goes to the run's log and to the daemon; the run decides when they are finished.
"""

from collections.abc import Callable

from locksided.keeper.gelf.receiver import Receiver
from locksided.keeper.log.output import Output
from locksided.keeper.log.redact import Redactor
from locksided.keeper.messages import LogGrown, Outcome
from locksided.keeper.messages import Progress as ProgressMade
from locksided.keeper.progress import Progress
from locksided.keeper.start.launch import Launch, Leader, Outlets
from locksided.keeper.start.order import Order
from locksided.keeper.start.outlets import environment_of, outlet_pipes
from locksided.keeper.surroundings import Surroundings
from locksided.keeper.tree.tree import Tree
from locksided.keeper.wire import Message


class Channels:
    """Reads everything that a run writes, until none of its processes is left."""

    def __init__(self, order: Order, tree: Tree, around: Surroundings, advance: Callable[[], None]) -> None:
        self._order = order
        self._around = around
        self._redactor = Redactor(order.secrets)
        self._output = Output(around.loop, order, self._redactor, self._tell_log)
        self._progress: Progress | None = None
        self.receiver: Receiver | None = None
        if order.gelf is not None:
            launch = Launch(around.loop, tree, around.inherited, around.direct, advance)
            self.receiver = Receiver(around.loop, order, self._redactor, self._output, launch)

    @property
    def leaders(self) -> list[Leader]:
        """The processes that only receive."""
        return [] if self.receiver is None else self.receiver.leaders

    def open(self) -> tuple[dict[bytes, bytes], Outlets]:
        """Start reading; return the environment of the run's processes and the ends that they write to.

        Raises OSError.
        """
        environment = environment_of(self._order)
        if self.receiver is not None:
            environment |= self.receiver.begin()
        stdout, stderr, progress = outlet_pipes(self._order, self._around.inherited)
        self._output.open(stdout.read, stderr.read)
        self._progress = Progress(
            self._around.loop, progress.read, self._redactor, self._tell_progress, self._output.note
        )
        return environment, Outlets(stdout.write, stderr.write, progress.write)

    def watch(self, seq: int) -> None:
        """Notify the daemon once, when the log has this frame or a later one, or is complete."""
        self._output.watch(seq)

    def finish(self) -> None:
        """Read the rest; then the log is complete."""
        if self._progress is not None:
            self._progress.finish()  # this may append to the log
        if self.receiver is not None:
            self.receiver.finish()
        self._output.finish()

    def added_to(self, made: Outcome) -> Outcome:
        """Return an outcome with the ends of the run's outputs and its last progress."""
        stdout_tail, stderr_tail = self._output.tails()
        return made._replace(
            stdout_tail=stdout_tail,
            stderr_tail=stderr_tail,
            gelf_tail="" if self.receiver is None else self.receiver.tail,
            progress={} if self._progress is None else self._progress.merged,
        )

    def log_report(self, made: Outcome) -> Outcome:
        """Return an outcome with the size of the log; a failure to write the log is journalled."""
        if self._output.failure is not None:
            error = str(self._output.failure)
            self._around.journal.write("log not written", token=self._order.token, error=error)
        return made._replace(log=self._output.report())

    def _tell_log(self, next_seq: int, is_complete: bool) -> None:
        self._around.tell(LogGrown(self._order.token, next_seq, is_complete))

    def _tell_progress(self, merged: Message) -> None:
        self._around.tell(ProgressMade(self._order.token, merged))
