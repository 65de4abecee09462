"""What is stored about watchers of folders."""

from functools import partial

from locksided.store import Store, watching
from locksided.triggers.words import Words, keep_words
from store.samples import do


async def test_a_watcher_that_gave_up_a_folder_is_not_taken_for_the_wanted_one(store: Store) -> None:
    wanted = [{"project": "default", "id": "t", "folder": folder} for folder in ("/full", "/other")]
    await do(store, partial(watching.add, uid=1, token="w", watches=wanted))
    [before] = await store.read(watching.watchers)
    said = Words([{"watch": 0, "broken": "There are more than 3 files in its folder."}], 2, 2)
    await do(store, partial(keep_words, watcher=before, words=said))
    [after] = await store.read(watching.watchers)
    assert (before.watches, after.next_seq) == (wanted, 2)
    assert [one == other for one, other in zip(after.watches, wanted, strict=True)] == [False, True]
