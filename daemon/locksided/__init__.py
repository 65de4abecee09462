"""The daemon of lockside: decides which jobs run when, and runs them."""
