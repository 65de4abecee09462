"""What a run writes: cut into frames, redacted, kept in segments."""
