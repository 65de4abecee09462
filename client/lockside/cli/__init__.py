"""The command line: one table of commands, a small grammar, and one module per family of commands.

Nothing here is imported before a command needs it, because a command that is typed a hundred times a day
should not be waited for.
"""
