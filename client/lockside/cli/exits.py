"""The exit codes of the command line, all of them."""

DONE = 0
FAILED = 1
USAGE = 2
NOT_REACHABLE = 69
INTERNAL = 70
OUTPUT = 74
TIMED_OUT = 124
INTERRUPTED = 130
BROKEN_PIPE = 141
