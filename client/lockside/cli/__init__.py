"""The command line: one table of commands, a small grammar, and a file per command, in folders by topic.

Modules are imported only when a command needs them, so that commands that are typed a hundred times a day
start fast.
"""
