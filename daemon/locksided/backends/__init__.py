"""Where jobs run: one Protocol, implemented by `local`, this machine's keepers. Independent of jobs."""
