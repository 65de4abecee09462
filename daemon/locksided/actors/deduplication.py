"""Deduplication in a turn: what is stored of a call with an id, and how its repetitions are answered."""

from typing import Any

from locksided import clock
from locksided.actors.messages import Ask, DedupMark, Repeated, Write
from locksided.core.errors import Conflict
from locksided.store.catalog.dedup import DedupKey, remember_dedup
from locksided.store.transaction import Transaction


def companion(ask: Ask, answer: Any) -> Write | None:
    """Return what must be written in the same transaction as the core's decision."""
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
    """Return the write, which also records the result of the call if that has a deduplication id."""
    once = ask.once
    if once is None:
        return write

    def both(tx: Transaction) -> Any:
        answer = write(tx)
        _remember(tx, once, answer)
        return answer

    return both


def _remember(tx: Transaction, once: DedupMark, answer: Any) -> None:
    reference = once.reference(answer)
    job_ids = reference.get("jobs", ())
    remember_dedup(
        tx,
        DedupKey(*once.key),
        once.params_hash,
        reference,
        clock.now_us(),
        job_id=job_ids[0] if job_ids else None,
        is_secret=once.is_secret,
    )


def answer_twin(repeat: Ask, first: Ask) -> None:
    """Answer a call whose twin came in the same turn, even if nobody waits for the twin's answer any more."""
    assert first.once is not None
    assert repeat.once is not None
    if first.error is not None:
        repeat.refuse(first.error)
    elif first.once.params_hash != repeat.once.params_hash:
        repeat.refuse(other_parameters(repeat.once, first.once.reference(first.value)))
    else:
        repeat.reply(Repeated(first.once.reference(first.value)))


def other_parameters(once: DedupMark, reference: dict[str, Any]) -> Conflict:
    """Return the refusal of a call whose id was used for a different call."""
    return Conflict(
        f"The deduplicationId '{once.id}' was used for another {once.method} with other parameters: "
        "send the same parameters, or take another id.",
        path="$.deduplicationId",
        first=reference,
    )
