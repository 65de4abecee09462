"""What a request means, and what a run consists of: its steps, their start orders, its folder, its outcome.

Nothing here starts a process, accesses the database or keeps a job's state.
"""
