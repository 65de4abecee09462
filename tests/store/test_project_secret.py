"""The secret of a project signs what its jobs ask for, and for a day after a rotation so does the old one."""

from locksided.notifications import project_secret
from locksided.notifications.signature import TWO_SIGN_US
from locksided.store import Store
from locksided.store.transaction import Transaction
from store.samples import change, do

ROTATED_US = 1_000_000


async def signing(store: Store, now_us: int) -> tuple[str, ...]:
    return await store.read(
        lambda connection: project_secret.signing(connection, "default", now_us, store.vault)
    )


async def test_it_is_made_once_and_replaced_on_request(store: Store) -> None:
    def made(tx: Transaction) -> None:
        project_secret.made(tx, "default")

    def rotated(tx: Transaction) -> str:
        return project_secret.rotate(tx, "default", change(ROTATED_US))

    assert await signing(store, 0) == ()
    await do(store, made)
    (first,) = await signing(store, 0)
    await do(store, made)
    assert await signing(store, 0) == (first,)
    second = await do(store, rotated)
    assert await signing(store, ROTATED_US + TWO_SIGN_US - 1) == (second, first)
    assert await signing(store, ROTATED_US + TWO_SIGN_US) == (second,)
