"""What is remembered of a call that carries a deduplication id, and how a repeat of it is answered."""

from typing import Any, cast

from locksided import clock
from locksided.actors.messages import Ask, Once, Repeated, Write
from locksided.core.errors import Conflict
from locksided.store.catalog.dedup import DedupKey, remember_dedup
from locksided.store.transaction import Transaction


def companion(ask: Ask, answer: Any) -> Write | None:
    """What belongs into the same transaction as the core's decision."""
    write = ask.also(answer) if ask.also is not None else None
    once = ask.once
    if once is None:
        return write

    def both(tx: Transaction) -> None:
        if write is not None:
            write(tx)
        _remember(tx, once, answer)

    return both


def remembering(ask: Ask, write: Write) -> Write:
    """The write, with what is remembered of it."""
    once = ask.once
    if once is None:
        return write

    def both(tx: Transaction) -> Any:
        answer = write(tx)
        _remember(tx, once, answer)
        return answer

    return both


def _remember(tx: Transaction, once: Once, answer: Any) -> None:
    reference = once.reference(answer)
    job_ids = reference.get("jobs", ())
    remember_dedup(
        tx,
        DedupKey(*once.key),
        once.params_hash,
        reference,
        clock.now_us(),
        job_id=job_ids[0] if job_ids else None,
    )


def answer_repeat(repeat: Ask, first: Ask) -> None:
    """Answer a call whose twin came in the same turn."""
    assert first.once is not None
    assert repeat.once is not None
    error = first.answer.exception()
    if error is not None:
        repeat.refuse(cast("Exception", error))
    elif first.once.params_hash != repeat.once.params_hash:
        repeat.refuse(other_parameters(repeat.once, first.once.reference(first.answer.result())))
    else:
        repeat.reply(Repeated(first.once.reference(first.answer.result())))


def other_parameters(once: Once, reference: dict[str, Any]) -> Conflict:
    """The refusal of an id that stands for another call."""
    return Conflict(
        f"The deduplicationId '{once.id}' was used for another {once.method} with other parameters: "
        "send the same parameters, or take another id.",
        path="$.deduplicationId",
        first=reference,
    )
