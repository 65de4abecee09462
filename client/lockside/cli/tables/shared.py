"""Arguments and options that several commands share."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Option

JOB = Argument("JOB", "a job's id, uuid or name, COMPONENT/CONFIG for its latest job, or 'last'")
JOBS = Argument("JOB", "ids, uuids or names, COMPONENT/CONFIG for its latest job, or 'last'", "+")
BRANCH = Option("--branch", "the branch (default: 'default')", "ID")
PRIORITY = "-100 to 100, or lowest, low, normal, high, highest"
ROW = Option("--row", "only this row of the configuration (repeat for more)", "ROW", many=True)
SET = Option("--set", "a variable's value (repeat for more)", "NAME=VALUE", many=True)
DELAY = Option("--delay", "start after this time at the earliest: 90, 10m, 1h30m", "DURATION", "duration")
HOLD = Option("--hold", "hold it until `lockside release`")
TIMEOUT = Option("--timeout", "stop it after this time: 90, 10m, 1h30m", "DURATION", "duration")
MEMORY = Option("--memory", "its memory limit: 512MB, 1.5GB", "SIZE", "size")
TAG = Option("--tag", "the tag of the component to run", "TAG")
PRIO = Option("--priority", PRIORITY, "N", "priority")

WAITING = (
    Option("-w --wait", "wait until it ends; exit code 0 for success and warning, else 1"),
    Option("-f --follow", "wait, and show its log, progress and children"),
    Option("-d --detach", "print only its id"),
)
CHANGES = (
    ROW,
    SET,
    Option("--name", "another name", "TEXT"),
    Option("--description", "another description", "TEXT"),
    Option("--label", "other labels (repeat for more)", "KEY=VALUE", many=True),
    PRIO,
    Option("--pool", "another pool", "POOL"),
    DELAY,
    HOLD,
    TIMEOUT,
    MEMORY,
    TAG,
)
