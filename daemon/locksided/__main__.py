"""The program `locksided`: loads the daemon, and no more than it needs: that is most of a start."""

import gc
import sys


def main() -> int:
    """Run the command; answers its exit code."""
    # structlog would load rich for tracebacks that are not used.
    sys.modules["rich"] = None  # type: ignore[assignment]
    gc.disable()  # it would look 200 times for what is not there
    from locksided import command

    gc.freeze()
    gc.enable()
    return command.main()


if __name__ == "__main__":
    raise SystemExit(main())
