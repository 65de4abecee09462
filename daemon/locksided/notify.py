"""Tells the service manager how the daemon is (sd_notify), and pings its watchdog while the loop turns."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from locksided import clock


class Notifier:
    """Sends notices to systemd; without one it does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET")
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._interval_seconds = int(watchdog_us) / 2e6 if watchdog_us.isdecimal() and for_us else None

    def tell(self, state: str) -> None:
        """Send one notice, such as READY=1; that nobody hears it is no reason to end."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
            suppress(OSError),
        ):
            sock.sendto(state.encode(), address)

    async def keep_alive(self) -> None:
        """Ping the watchdog for as long as this task gets its turn."""
        if self._interval_seconds is None:
            return
        while True:
            self.tell("WATCHDOG=1")
            await clock.real_sleep(self._interval_seconds)
