"""The commands of notifications, beside those that every kind has."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import TELL

_SUBSCRIPTION = Argument("SUBSCRIPTION", "a subscription's id", member="id")

NOTIFY = (
    Command(
        "notify test",
        "lockside.cli.catalog.notify:test",
        "send one test notification now, and print the result",
        "lockside notify test failures",
        _SUBSCRIPTION,
    ),
    Command(
        "notify deliveries",
        "lockside.cli.catalog.notify:deliveries",
        "list past and pending deliveries, the newest first",
        "lockside notify deliveries",
        ("lockside notify deliveries --dead", "deliveries that were given up"),
        ("lockside notify deliveries failures --job 42", "to one subscription, about one job"),
        Argument("SUBSCRIPTION", "only to this subscription", "?"),
        Option("--dead", "only deliveries that were given up"),
        Option("--job", "only about this job", "JOB"),
        Option("-n --limit", "how many (default: 50)", "N", "count"),
    ),
    Command(
        "notify redeliver",
        "lockside.cli.catalog.notify:redeliver",
        "send a dead or delivered notification again, or all to a subscription",
        ("lockside notify redeliver 17", "one delivery"),
        ("lockside notify redeliver --to failures --since yesterday", "all deliveries of a subscription"),
        Argument("DELIVERY", "a delivery's id", "?", member="id"),
        Option("--to", "all deliveries to this subscription instead", "SUBSCRIPTION", member="subscription"),
        Option("--since", "only those created since 2h, today, 2026-01-31", "TIME", member="from"),
    ),
    Command(
        "notify cancel",
        TELL,
        "give up a delivery that is pending",
        "lockside notify cancel 17",
        Argument("DELIVERY", "a delivery's id, as in lockside notify deliveries", member="id"),
        method="notification.cancel",
        says="delivery {typed[delivery]} is cancelled",
    ),
    Command(
        "notify rotate",
        TELL,
        "replace the secret of a webhook and print the new one",
        ("lockside notify rotate failures", "for 24 hours messages are signed with both"),
        _SUBSCRIPTION,
        method="notification.rotate",
        says="{secret}",
    ),
)
