"""The tables of commands that have a file of their own; `commands` puts all together."""
