"""The process that owns job processes and outlives the daemon; standard library only, imports nothing of the
daemon.
"""
