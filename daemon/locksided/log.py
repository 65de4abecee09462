"""The daemon's own log: structlog to stderr, for people on a terminal, for programs, or for the journal."""

import logging
import os
import sys
from contextlib import suppress
from typing import Any

import structlog

JOURNAL_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


def configure(log_format: str, level: str) -> None:
    """Configure the log once. `auto` is the journal's format under systemd, else for a terminal."""
    if log_format == "auto":
        log_format = "systemd" if os.environ.get("JOURNAL_STREAM") else "console"
    processors: list[Any] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]
    if log_format in {"json", "systemd"}:
        processors.append(structlog.processors.format_exc_info)
    if log_format == "json":
        processors += [
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ]
    elif log_format == "systemd":
        processors += [_render_for_journal]
    else:
        processors += [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            # Plain tracebacks: prettier ones load code when they are needed, which may fail at that moment;
            # and they show the values of variables, some of which are secret.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: _Logger(sys.stderr.fileno()),
        cache_logger_on_first_use=True,
    )


class _Logger:
    """Writes lines. A line that cannot be written is dropped: a full disk must not stop anything else."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def msg(self, line: str) -> None:
        """Write a line in one piece."""
        with suppress(OSError):
            os.write(self._fd, line.encode(errors="backslashreplace") + b"\n")

    log = debug = info = warn = warning = error = err = critical = fatal = failure = exception = msg


def _render_for_journal(_logger: object, _method: str, event: dict[str, Any]) -> str:
    """Return a priority prefix, the event, then its fields; the journal adds the time."""
    priority = JOURNAL_PRIORITIES.get(event.pop("level", "info"), 6)
    text = str(event.pop("event", ""))
    fields = " ".join(f"{key}={value!r}" for key, value in event.items())
    return f"<{priority}>{text} {fields}".rstrip().replace("\n", "\\n")
