"""The decisions of the daemon: jobs, locks, pools and lines as pure data. No I/O, no clock, no randomness."""
