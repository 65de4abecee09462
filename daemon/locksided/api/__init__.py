"""What each method does: one handler per method of the wire, and the views that it answers with."""
