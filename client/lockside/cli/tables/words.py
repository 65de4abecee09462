"""Arguments and options that several commands share."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Option

JOB = Argument("JOB", "a job's id, uuid or name, COMPONENT/CONFIG for its latest job, or 'last'")
JOBS = Argument("JOB", "ids, uuids or names, COMPONENT/CONFIG for its latest job, or 'last'", "+")
BRANCH = Option("--branch", "the branch (else 'default')", "ID")
PRIORITY = "-100 to 100, or lowest, low, normal, high, highest"
ROW = Option("--row", "only this row of the configuration (repeat for more)", "ROW", many=True)
SET = Option("--set", "a variable's value (repeat for more)", "NAME=VALUE", many=True)
DELAY = Option("--delay", "start no sooner than this from now: 90, 10m, 1h30m", "DURATION", "duration")
HOLD = Option("--hold", "keep it back until `lockside release`")
TIMEOUT = Option("--timeout", "stop it after this time: 90, 10m, 1h30m", "DURATION", "duration")
MEMORY = Option("--memory", "the most memory it may take: 512MB, 1.5GiB", "SIZE", "size")
TAG = Option("--tag", "the component's tag to run", "TAG")
PRIO = Option("--priority", PRIORITY, "N", "priority")

STAY = (
    Option("-w --wait", "wait for its end; the exit code is 0 for success and warning, else 1"),
    Option("-f --follow", "the same, with its log, progress and children as they come"),
    Option("-d --detach", "print its id alone"),
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
