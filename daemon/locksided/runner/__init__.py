"""What happens inside one run: what a request means, its steps, its data folder, its outcome.

Nothing here starts a process, knows the database or keeps a job's state.
"""
