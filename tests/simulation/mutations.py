"""Faults put into the daemon on purpose: each breaks one promise, and the simulation must detect it soon."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from lockside.documents.enums import Status
from locksided import clock
from locksided.actors import asides, deduplication, loader, scheduler
from locksided.actors.boot_history import BOOT_ID, BootHistory
from locksided.actors.executors import Executors
from locksided.actors.rounds import Rounds
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.scheduler_turn import SchedulerTurn
from locksided.actors.starts import Starts
from locksided.backends.claims import Claim
from locksided.backends.keepers import Keepers
from locksided.backends.link import Link
from locksided.backends.local import LocalBackend
from locksided.core import lifecycle, termination
from locksided.core.gates import Gate
from locksided.core.jobs import Job
from locksided.core.pools import Pool
from locksided.core.saves import SetMeta
from locksided.core.state import State
from locksided.store import retention, schedules, triggers, writes
from locksided.store.transaction import Transaction
from simulation import aside_scenarios, disk_scenarios, scenarios
from simulation.disk import Disk
from simulation.keeper import Keeper, Run
from simulation.scenarios import Scenario

Mutation = Callable[[], Any]


def answer_before_save() -> Any:
    """Callers hear of their job before it is on the disk."""
    take = SchedulerActor._take

    def hasty(self: SchedulerActor, turn: SchedulerTurn, ask: Any, final: Any, now_us: int) -> None:
        take(self, turn, ask, final, now_us)
        for done, answer in turn.answers:
            done.reply(answer)

    return patch.object(SchedulerActor, "_take", hasty)


def act_before_save() -> Any:
    """The keeper is told to start before the token is on the disk."""
    take = SchedulerActor._take

    def hasty(self: SchedulerActor, turn: SchedulerTurn, ask: Any, final: Any, now_us: int) -> None:
        take(self, turn, ask, final, now_us)
        actions, turn.actions = turn.actions, []
        assert self._executors is not None
        for action in actions:
            self._executors.perform([action], None)

    return patch.object(SchedulerActor, "_take", hasty)


def acknowledge_before_save() -> Any:
    """The keeper may forget an outcome that nobody has saved."""
    settle = Starts.settle

    async def hasty(self: Starts, start: Any, save: Any) -> None:
        self._backend.acknowledge(start.token)
        await settle(self, start, save)

    return patch.object(Starts, "settle", hasty)


def forget_to_vacate_a_lock() -> Any:
    """A job that has ended still holds its lock."""
    return patch.object(Gate, "leave", lambda self, job: None)


def admit_every_job() -> Any:
    """A lock excludes no job."""
    return patch.object(Gate, "admits", lambda self, job: True)


def one_slot_too_many() -> Any:
    """A pool starts one job more than it has slots."""

    def has_free(self: Pool, slots: int) -> bool:
        return self.slots is None or self.taken + slots <= max(self.slots, 1) + 1

    return patch.object(Pool, "has_free", has_free)


def miss_a_wake_up() -> Any:
    """The lines are not examined when a lock becomes free."""
    return patch("locksided.core.turn.Turn.mark_gate", lambda self, job: None)


def believe_nothing_started() -> Any:
    """A claim that a keeper made counts as burnt: what runs is started again."""
    return patch.object(Disk, "burn", lambda self, token: Claim.BURNT)


def keeper_ignores_burnt_claims() -> Any:
    """A revoked token is started all the same."""
    claim = Disk.claim

    def blind(self: Disk, token: str, word: str) -> str | None:
        return None if word == "started" else claim(self, token, word)

    return patch.object(Disk, "claim", blind)


def lose_deduplication() -> Any:
    """Requests under a deduplication id are not remembered."""
    return patch.object(deduplication, "_remember", lambda tx, once, answer: None)


def keep_a_core_that_was_not_saved() -> Any:
    """After a failed save memory stays ahead of the disk."""

    async def lazy(self: SchedulerActor) -> bool:
        return True

    return patch.object(SchedulerActor, "_reload", lazy)


def write_starts_before_ends() -> Any:
    """Within a transaction a lock is taken before it is released."""
    return patch.object(writes, "HOLDING", frozenset(str(status) for status in Status))


def _added_with(**columns: Any) -> Any:
    add_job = loader.add_job

    def forgetful(state: Any, record: Any, pending: Any) -> Any:
        return add_job(state, replace(record, **columns), pending)

    return patch.object(loader, "add_job", forgetful)


def forget_a_stop_at_the_start() -> Any:
    """A daemon that starts does not know which jobs were asked to terminate."""
    return _added_with(desired_status=Status.PROCESSING)


def forget_holds_at_the_start() -> Any:
    """A daemon that starts releases held jobs."""
    return _added_with(held_by=None)


def cancel_a_job_that_ran() -> Any:
    """A job that ran is called cancelled."""

    def wrong(turn: Any, job: Any, cause: str, **values: Any) -> None:
        lifecycle.end(turn, job, Status.CANCELLED, cause, **values)

    return patch.object(lifecycle, "end_unstarted", wrong)


def count_starts_twice() -> Any:
    """Each process counts as two starts."""
    count = lifecycle._count_start

    def twice(turn: Any, job: Any, run: Any) -> None:
        run.launches += 1
        count(turn, job, run)
        run.starts += 1

    return patch.object(lifecycle, "_count_start", twice)


def end_before_the_tree_is_empty() -> Any:
    """A dead keeper's job is called lost while its processes live."""

    def hasty(self: Keeper, token: str, known: Run | None) -> None:
        self.runs[token] = Run(token, state="stopping", is_reaping=True)
        self._end(self.runs[token], {"token": token, "lost": True})

    return patch.object(Keeper, "_reap", hasty)


def never_notice_a_reboot() -> Any:
    """A token of another boot is taken for one of this boot."""
    init = BootHistory.__init__

    def blind(self: BootHistory, before: Any, now: Any, in_flight: Any = frozenset()) -> None:
        init(self, now, now)

    return patch.object(BootHistory, "__init__", blind)


def dismiss_unheard_ends() -> Any:
    """An end that comes before its start is taken over is acknowledged."""
    adopt = Executors.adopt

    async def hasty(self: Executors, runs: Any) -> None:
        self._tasks.start_soon(adopt, self, runs)

    return patch.object(Executors, "adopt", hasty)


def stop_only_the_parent() -> Any:
    """Terminating a job leaves its descendants alone."""
    return patch.object(termination, "subtree", lambda state, job: [job])


def forget_dependants() -> Any:
    """A dependant is not told that its dependency has ended."""
    discard = State.discard

    def silent(self: State, job: Any, status: Status) -> list[Any]:
        discard(self, job, status)
        return []

    return patch.object(State, "discard", silent)


def purge_a_counted_child() -> Any:
    """A child can be purged whose container still counts it."""
    return patch.object(retention, "_refuse_while_counted", lambda connection, job: None)


def show_a_stale_core() -> Any:
    """While the store cannot be read, an unsaved state is shown."""

    def show(self: SchedulerActor, look: Any) -> None:
        look.look(self._loaded_core)

    return patch.object(SchedulerActor, "_show", show)


def give_up_an_unreadable_outcome() -> Any:
    """An outcome that cannot be read at once is not read again."""

    return patch.object(Keepers, "reconnect_soon", lambda self: None)


def forget_runs_ended_by_a_reboot() -> Any:
    """The boot is recorded, but not the runs in flight when the previous boot ended."""

    def forgetful(self: BootHistory, tx: Transaction) -> None:
        tx.save(SetMeta(BOOT_ID, self._now))

    return patch.object(BootHistory, "note", forgetful)


def ask_the_twin_who_hung_up() -> Any:
    """A repeat is answered from the answer of a twin that may be cancelled."""

    def trusting(repeat: Any, first: Any) -> None:
        error = first.answer.exception()
        repeat.refuse(error) if error is not None else deduplication.answer_twin(repeat, first)

    return patch.object(scheduler, "answer_twin", trusting)


def spin_without_a_keeper() -> Any:
    """A later step does not wait for a keeper."""

    async def at_once(self: Keepers) -> None:
        return None

    return patch.object(Keepers, "until_current", at_once)


def reap_runs_of_a_former_keeper() -> Any:
    """A keeper other than the current one counts as having no runs."""
    is_attended = LocalBackend.is_attended

    def blind(self: LocalBackend, token: str) -> bool:
        link, _ = self._owners.get(token, (None, 0))
        return link is self.keepers.current and is_attended(self, token)

    return patch.object(LocalBackend, "is_attended", blind)


def let_a_keeper_go_unheard() -> Any:
    """A message that could not be sent to a keeper counts as sent."""

    def acknowledge(self: Link, token: str) -> None:
        self.send({"op": "ack", "token": token})
        self._kept.discard(token)
        self._is_let_go = not self._kept

    return patch.object(Link, "acknowledge", acknowledge)


def deliver_before_it_is_forgotten() -> Any:
    """The outcome of an aside is saved, but its delivery only later."""
    delivered = asides.Asides._delivered

    async def hasty(self: asides.Asides, aside: Any, outcome: Any, write: Any) -> None:
        if write is not None:
            await self._scheduler.ask(write)
        await delivered(self, aside, outcome, None)

    return patch.object(asides.Asides, "_delivered", hasty)


def repeat_an_operation_after_a_reboot() -> Any:
    """A step is started again alone even after a reboot."""
    return patch.object(BootHistory, "has_ended", lambda self, token: False)


def repeat_a_test_in_progress() -> Any:
    """After a restart a condition is tested although a test is in progress."""
    return patch.object(asides.Asides, "references", lambda self, purpose: [])


def let_go_of_the_lock_of_a_blocked_job() -> Any:
    """A blocked job never keeps its lock."""
    return patch.object(Job, "keeps_lock", False)


def keep_a_condition_without_jobs() -> Any:
    """A condition without waiting jobs is left in the store."""
    return patch.object(writes, "_write_conditions", lambda *_: None)


def lose_a_moment() -> Any:
    """A step of a schedule is settled, and the first of its rows is not written."""
    record = schedules.record

    def forgetful(tx: Transaction, name: Any, rows: Any) -> None:
        record(tx, name, rows[1:])

    return patch.object(schedules, "record", forgetful)


def keep_used_causes() -> Any:
    """A trigger fires again for the same causes."""
    return patch.object(triggers, "forget_causes", lambda tx, name, through=0: None)


def try_again_at_once() -> Any:
    """A round that fails is repeated without a pause."""
    return patch.object(Rounds, "_pause", lambda self, scheduler: clock.call_later(0, self.news.set))


SEEN_BY_CHANCE: list[Mutation] = [
    answer_before_save,
    act_before_save,
    acknowledge_before_save,
    forget_to_vacate_a_lock,
    admit_every_job,
    one_slot_too_many,
    miss_a_wake_up,
    believe_nothing_started,
    keeper_ignores_burnt_claims,
    lose_deduplication,
    keep_a_core_that_was_not_saved,
    forget_a_stop_at_the_start,
    forget_holds_at_the_start,
    count_starts_twice,
    stop_only_the_parent,
    forget_dependants,
    repeat_a_test_in_progress,
    let_go_of_the_lock_of_a_blocked_job,
    keep_a_condition_without_jobs,
    lose_a_moment,
    keep_used_causes,
    try_again_at_once,
]
"""Any few worlds show them."""

SEEN_FROM: dict[Mutation, int] = {believe_nothing_started: 52, keeper_ignores_burnt_claims: 52}
"""The first world that shows it, where that comes late."""

SEEN_BY_A_STORY: list[tuple[Mutation, Scenario]] = [
    (ask_the_twin_who_hung_up, scenarios.a_caller_who_hangs_up_and_sends_again_at_once),
    (cancel_a_job_that_ran, scenarios.a_requeued_job_that_is_cancelled),
    (end_before_the_tree_is_empty, scenarios.processes_that_outlive_their_keeper),
    (never_notice_a_reboot, scenarios.a_power_loss_that_takes_a_claim),
    (forget_runs_ended_by_a_reboot, scenarios.a_crash_after_the_reboot_is_recorded),
    (dismiss_unheard_ends, scenarios.an_end_that_is_reported_while_a_new_daemon_takes_over),
    (write_starts_before_ends, scenarios.a_lock_that_passes_to_a_new_job_in_one_step),
    (spin_without_a_keeper, scenarios.a_step_that_is_due_while_there_is_no_keeper),
    (reap_runs_of_a_former_keeper, disk_scenarios.an_end_that_a_former_keeper_reports_to_a_full_disk),
    (let_a_keeper_go_unheard, scenarios.a_former_keeper_whose_connection_ends_before_its_last_end_is_saved),
    (purge_a_counted_child, scenarios.a_child_that_is_purged_before_its_container_has_ended),
    (show_a_stale_core, disk_scenarios.a_core_that_can_neither_be_saved_nor_read),
    (deliver_before_it_is_forgotten, aside_scenarios.an_aside_whose_delivery_is_saved_and_not_acknowledged),
    (repeat_an_operation_after_a_reboot, scenarios.an_operation_that_another_boot_ended),
    (give_up_an_unreadable_outcome, disk_scenarios.an_outcome_that_cannot_be_read_at_once),
]
"""Worlds show them, too, but not soon; a story of its own shows each at once."""
