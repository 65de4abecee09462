"""Where jobs run: one Protocol, and behind it `local`, the keepers of this machine. It knows no jobs."""
