"""The output of a run: cut into frames, redacted, stored in segments."""
