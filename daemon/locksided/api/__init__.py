"""The implementation of each method: one handler per method of the wire, and the views that it returns."""
