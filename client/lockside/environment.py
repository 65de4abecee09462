"""The environment variables that lockside sets or reads, with descriptions. Data only."""

from __future__ import annotations

COMPONENT = (
    ("KBC_DATADIR", "The data folder; absolute, ending in /."),
    ("KBC_RUNID", "The job's `runId`."),
    ("KBC_PROJECTID", "The project."),
    ("KBC_CONFIGID", "The configuration's id; a hash of the content if it is not stored."),
    ("KBC_CONFIGVERSION", "The version of the stored configuration."),
    ("KBC_CONFIGROWID", "The row that runs; only set if there is one."),
    ("KBC_COMPONENTID", "The component that the step runs; for a processor its own id."),
    ("KBC_BRANCHID", "The branch."),
    ("KBC_COMPONENT_RUN_MODE", "`debug` in that mode, else `run`."),
    ("KBC_LOGGER_ADDR", "The address of the listener for GELF messages, if the component logs by GELF."),
    ("KBC_LOGGER_PORT", "The port of that listener."),
    ("KBC_STACKID", "`lockside`; with the next two it makes components write manifests in the new format."),
    ("KBC_PROJECT_FEATURE_GATES", "`queuev2`."),
    ("KBC_DATA_TYPE_SUPPORT", "`authoritative`."),
    ("KBC_STAGING_FILE_PROVIDER", "`local`."),
)
"""Variables of components, beside those of every job."""

PLAIN = (
    ("PATH", "A plain search path."),
    ("HOME", "The home folder of the user that the job runs as."),
    ("LANG", "`C.UTF-8`."),
    ("TMPDIR", "A folder of the job's own, which is removed with it."),
)
"""The usual variables of components; a plain command has those of its caller instead."""

JOB = (
    ("LOCKSIDE_JOB_ID", "The job's id."),
    ("LOCKSIDE_RUN_ID", "The ids of the job and of all jobs above it, joined by dots."),
    ("LOCKSIDE_PROJECT", "The project of the job; commands and the library work in it."),
    ("LOCKSIDE_SOCKET", "The daemon's socket; commands and the library use it."),
    ("LOCKSIDE_JOB_SOCKET", "The socket of the daemon that runs the job."),
    ("LOCKSIDE_START_TOKEN", "The job's own token, with which it reports its progress."),
    ("LOCKSIDE_START_FOLDER", "A mark by which the keeper finds all processes of the job."),
    ("LOCKSIDE_PROGRESS_FD", "The file descriptor for lines of JSON with the job's progress."),
)
"""Variables of every job."""

MADE = (
    ("LOCKSIDE_SCHEDULE_ID", "The schedule that created the job."),
    ("LOCKSIDE_SCHEDULED_TIME", "The moment that the job is for; empty for a run by hand without one."),
    ("LOCKSIDE_WINDOW_START", "The moment of the previous job."),
    ("LOCKSIDE_WINDOW_END", "The moment that the job is for."),
    ("LOCKSIDE_LAST_SUCCESS_TIME", "The moment of the newest successful job; empty if there is none."),
    ("LOCKSIDE_TRIGGER", "The causes of a trigger, as JSON; `more` counts causes that are left out."),
)
"""Variables of the jobs of schedules and triggers."""

HELD = (
    ("LOCKSIDE_RESOURCE_<ID>", "The units of a resource that the job holds, with commas, or the amount."),
    ("<NAME>", "The same, under the name in `environment` of the resource."),
)
"""Variables of jobs that need resources."""

CLIENT = (
    ("LOCKSIDE_SOCKET", "The daemon's socket; without it the usual places are tried."),
    ("LOCKSIDE_PROJECT", "The project to work in."),
    ("LOCKSIDE_TRACEBACK", "When set, a fault of lockside itself is shown with its traceback."),
    ("LOCKSIDE_RUN_ID", "Set in a job: new jobs are created below it, and a wait in a circle is refused."),
    ("LOCKSIDE_START_TOKEN", "Set in a job: the token of `job.report`."),
    ("LOCKSIDE_JOB_SOCKET", "Set in a job: the client names its job only to the daemon at this socket."),
    (
        "XDG_RUNTIME_DIR",
        "The folder in which the socket of a user's daemon, and the user's systemd, are searched first.",
    ),
    ("XDG_STATE_HOME", "Where the state of a user's daemon is; without it `~/.local/state`."),
    ("XDG_CONFIG_HOME", "Where `lockside start` writes units; without it `~/.config`."),
    ("XDG_DATA_HOME", "Where `lockside man` writes pages; without it `~/.local/share`."),
    ("HOME", "The home folder."),
    ("PATH", "Where `locksided` and the programs of a folder of files are searched."),
    ("NO_COLOR", "When set, nothing is coloured."),
    ("TERM", "`dumb` means a terminal without colours and cursor movement."),
    ("COLUMNS", "The width of the output, instead of the terminal's."),
    ("LINES", "The height of the screen, instead of the terminal's."),
    ("PAGER", "The program that shows pages longer than the screen; without it `less`."),
)
"""Variables that the command line and the library read."""

DAEMON = (
    ("LOCKSIDE_SECTION__KEY", "The setting `key` of the section `section`; it overrides the files."),
    ("LOCKSIDE_SOCKET", "The socket to listen on, unless --socket or --state-dir is given."),
    ("LOCKSIDE_KEEPER_CGROUPS", "`off` makes the keeper find the processes of jobs without cgroups."),
    ("STATE_DIRECTORY", "The state folder, as systemd names it."),
    ("CREDENTIALS_DIRECTORY", "The folder of systemd's credentials; `lockside.key` in it contains the keys."),
    ("RUNTIME_DIRECTORY", "The folder of the socket, as systemd names it."),
    ("XDG_STATE_HOME", "The state folder of an ordinary user is `lockside` in it."),
    ("XDG_RUNTIME_DIR", "The socket of an ordinary user is `lockside/lockside.sock` in it."),
    ("HOME", "Without XDG_STATE_HOME the state folder is `.local/state/lockside` in it."),
    ("LISTEN_FDS", "With LISTEN_PID and LISTEN_FDNAMES: sockets that systemd passes."),
    ("NOTIFY_SOCKET", "With WATCHDOG_USEC and WATCHDOG_PID: where the daemon reports its state to systemd."),
    ("JOURNAL_STREAM", "When set, the log has no times and colours of its own."),
)
"""Variables that the daemon and its keeper read."""

SECTIONS = (
    ("Set for components", COMPONENT),
    ("Set for components (plain commands have their caller's)", PLAIN),
    ("Set for every job", JOB),
    ("Set for jobs of schedules and triggers", MADE),
    ("Set for jobs that need resources", HELD),
    ("Read by the command line and the library", CLIENT),
    ("Read by the daemon", DAEMON),
)
