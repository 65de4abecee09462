"""The line of a program's output that explains why it failed."""

import pytest

from locksided.runs.failure_text import readable, telling_line

PYTHON = """\
INFO loading
Traceback (most recent call last):
  File "run.py", line 9, in <module>
    main()
    ~~~~^^
  File "run.py", line 5, in main
    raise ValueError("the reason")
ValueError: the reason
"""
CHAINED = """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 3

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "a.py", line 5, in <module>
pydantic.ValidationError: 2 validation errors for Model
name
  field required
"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/tmp/g.py", line 1, in <module>
  | ExceptionGroup: many (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +------------------------------------
"""
JAVA = """\
INFO  Loading
Exception in thread "main" java.lang.IllegalStateException: no table orders
\tat com.example.Main.run(Main.java:33)
\tat com.example.Main.main(Main.java:12)
Caused by: java.io.IOException: connection reset
\tat com.example.Net.read(Net.java:7)
\t... 2 more
"""
CUT_JAVA = """\
… .run(Main.java:33)
\tat com.example.Main.main(Main.java:12)
Caused by: java.io.IOException: connection reset
\tat com.example.Net.read(Net.java:7)
\t... 2 more
"""
NODE = """\
/app/run.js:1
throw new Error("boom")
^

Error: boom
    at Object.<anonymous> (/app/run.js:1:7)
    at node:internal/main/run_main_module:28:49

Node.js v18.19.0
"""
RUST = """\
thread 'main' panicked at src/main.rs:2:5:
no table orders
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b43/library/std/src/panicking.rs:645:5
note: run with `RUST_BACKTRACE=full` for a verbose backtrace
"""
ANYHOW = """\
Error: could not read the configuration

Caused by:
    No such file or directory (os error 2)
"""
GO = """\
panic: boom

goroutine 1 [running]:
main.main()
\t/app/main.go:3 +0x1d
exit status 2
"""
DBT = """\
\x1b[0m12:00:03  2 of 3 \x1b[31mERROR\x1b[0m creating model main.bad ... [\x1b[31mERROR\x1b[0m in 0.05s]
\x1b[0m12:00:03  \x1b[31mCompleted with 1 error and 0 warnings:\x1b[0m
12:00:03    Runtime Error in model bad (models/bad.sql)
12:00:03    Parser Error: syntax error at or near "selec"
12:00:03  Done. PASS=1 WARN=0 ERROR=1 SKIP=1 TOTAL=3
"""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (PYTHON, "ValueError: the reason"),
        (CHAINED, "pydantic.ValidationError: 2 validation errors for Model"),
        (GROUP, "ExceptionGroup: many (2 sub-exceptions)"),
        (JAVA, 'Exception in thread "main" java.lang.IllegalStateException: no table orders'),
        (CUT_JAVA, "java.io.IOException: connection reset"),
        (NODE, "Error: boom"),
        (RUST, "thread 'main' panicked at src/main.rs:2:5: no table orders"),
        (ANYHOW, "Error: could not read the configuration"),
        (GO, "panic: boom"),
        (DBT, '12:00:03    Parser Error: syntax error at or near "selec"'),
    ],
)
def test_the_line_of_a_traceback_is_that_of_its_exception(output: str, line: str) -> None:
    assert telling_line(readable(output)) == line


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("INFO start\nERROR: disk on fire\nINFO bye\n", "ERROR: disk on fire"),
        ("ERROR: first\nfatal: second\n", "fatal: second"),
        ("cc: error: no input\nmake: *** [Makefile:2: all] Error 1\n", "cc: error: no input"),
        ("FAILED test_a - assert 1\n1 failed, 2 passed in 0.12s\n", "FAILED test_a - assert 1"),
        ("loading\n3 errors\ndone\n", "3 errors"),
        ("writes to stderr\nthe end\n-----\n\n", "the end"),
        (" 10%|#  |\r100%|###|\nno such table\r\n", "no such table"),
        ("Unable to connect:\n  host db is down\n", "host db is down"),
        ("Error: unable to connect:\n  host db is down\n", "Error: unable to connect: host db is down"),
        ("", ""),
    ],
)
def test_without_a_traceback_it_is_the_last_error_line_or_else_the_last_line(output: str, line: str) -> None:
    assert telling_line(readable(output)) == line


def test_readable_output_is_what_a_terminal_would_show() -> None:
    written = "\x1b]0;title\x07\x1b[1;32mok\x1b[0m\x1b[K\r\n10%\r20%\r30%\n\x07bell \n\n"
    assert readable(written) == "ok\n30%\nbell"
