"""Slurm, 22.05 and newer, by its commands: their arguments, and the meaning of their output."""
