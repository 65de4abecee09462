"""The command line: one table of commands, a small grammar, and a file per command, in folders by topic.

Nothing here is imported before a command needs it, because a command that is typed a hundred times a day
should not be waited for.
"""
