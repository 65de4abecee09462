"""Whether every secret is encrypted, and with an existing key."""

from pathlib import Path

from locksided import threads
from locksided.checks.problem import Problem
from locksided.paths import StateDir
from locksided.store import ciphers
from locksided.store.store import Store

MOST_PLACES = 20


async def check(store: Store, state_dir: StateDir) -> list[Problem]:
    """Return all problems of the secrets in a database and in its backups."""
    return [
        *await _missing_keys(store),
        *await _unfinished(store),
        *map(_plain_backup, await threads.run_sync(ciphers.plain_databases, state_dir.backups)),
    ]


async def _missing_keys(store: Store) -> list[Problem]:
    file = store.vault.keys.file
    known = {key.id for key in store.vault.keys.all}
    found = await store.read_patiently(ciphers.uses_of_keys)
    return [
        Problem(
            "secret_key",
            f"Key {key_id} is missing: jobs that need one of the {len(places)} values under it end in error.",
            f"put the key's line back into {file.path} and restart the daemon, or store the values again",
            details={"keyId": key_id, "values": len(places), "places": places[:MOST_PLACES]},
        )
        for key_id, places in sorted(found.items())
        if key_id not in known
    ]


async def _unfinished(store: Store) -> list[Problem]:
    if await store.meta(ciphers.HAS_PLAIN) is None:
        return []
    text = "Secrets that an earlier release stored in plain are not all encrypted yet."
    return [Problem("plain_secrets", text, "wait; if it stays so, the daemon's log says why")]


def _plain_backup(path: Path) -> Problem:
    text = f"The backup {path} has secrets in plain: an earlier release wrote it."
    return Problem("plain_backup", text, f"remove it when you need it no more: `shred -u {path}`")
