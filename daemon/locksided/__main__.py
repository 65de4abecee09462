"""The program `locksided`: loads the daemon, and only what it needs, as loading is most of a start."""

import gc
import sys


def main() -> int:
    """Run the command; returns its exit code."""
    # structlog would load rich for tracebacks that are not used.
    sys.modules["rich"] = None  # type: ignore[assignment]
    gc.disable()  # it would run 200 times without finding anything
    from locksided import command

    gc.freeze()
    gc.enable()
    return command.main()


if __name__ == "__main__":
    raise SystemExit(main())
