"""Arguments and options that several commands share."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Option

TELL = "lockside.cli.session:tell"
EACH_JOB = "lockside.cli.jobs.control:each"

JOB = Argument("JOB", "a job's id, uuid or name, COMPONENT/CONFIG for its latest job, or 'last'")
JOBS = Argument("JOB", "ids, uuids or names, COMPONENT/CONFIG for its latest job, or 'last'", "+")
BRANCH = Option("--branch", "the branch (default: 'default')", "ID", member="branchId")
PRIORITY = "-100 to 100, or lowest, low, normal, high, highest"
ROW = Option(
    "--row", "only this row of the configuration (repeat for more)", "ROW", many=True, member="configRowIds"
)
SET = Option(
    "--set",
    "a variable's value (repeat for more)",
    "NAME=VALUE",
    "variable",
    many=True,
    member="variableValuesData",
)
DELAY = Option(
    "--delay", "start after this time at the earliest: 90, 10m, 1h30m", "DURATION", "duration", member="delay"
)
HOLD = Option("--hold", "hold the job until `lockside release`", member="hold")
TIMEOUT = Option(
    "--timeout",
    "stop the job after this time: 90, 10m, 1h30m",
    "DURATION",
    "duration",
    member="limits.timeoutSeconds",
)
MEMORY = Option("--memory", "the memory limit: 512MB, 1.5GB", "SIZE", "size", member="limits.memoryBytes")
CPUS = Option("--cpus", "the maximum number of processors", "N", "number", member="limits.cpus")
NODES = Option("--nodes", "the number of machines", "N", "integer", member="limits.nodes")
TAG = Option("--tag", "the tag of the component to run", "TAG", member="tag")
PRIO = Option("--priority", PRIORITY, "N", "priority", member="priority")

LABEL = Option(
    "--label", "only with this label (repeat for more)", "KEY=VALUE", "label", many=True, member="labels"
)
STATUS = Option("--status", "only this status (repeat for more)", "STATUS", many=True, member="status")
OF_CONFIG = Option("--config", "only this component or configuration, also as a task", "COMPONENT/CONFIG")
IN_POOL = Option("--pool", "only in this pool", "POOL", member="pool")
MINE = Option("--mine", "only your own jobs")
CHILDREN = Option("--children", "also rows, phases, tasks and attempts")
"""Filters of lists of jobs."""

WAITING = (
    Option("-w --wait", "wait until the job ends; exit code 0 for success and warning, else 1"),
    Option("-f --follow", "wait, and show the log, progress and children"),
    Option("-d --detach", "print only the id of the job"),
    Option("-q --quiet", "print only errors"),
)
CHANGES = (
    ROW,
    SET,
    Option("--name", "another name", "TEXT", member="name"),
    Option("--description", "another description", "TEXT", member="description"),
    Option("--label", "other labels (repeat for more)", "KEY=VALUE", "label", many=True, member="labels"),
    PRIO,
    Option("--pool", "another pool", "POOL", member="pool"),
    DELAY,
    HOLD,
    TIMEOUT,
    MEMORY,
    TAG,
)
