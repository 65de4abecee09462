"""Slurm, 22.05 and newer, by its commands: what it is told, and what its words mean."""
