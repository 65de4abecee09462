"""What a request means and what one run is: its steps, what is started for each, its folder, its outcome.

Nothing here starts a process, knows the database or keeps a job's state.
"""
