"""The tables of commands in separate files; `commands` combines them."""
