"""Reports the daemon's state to the service manager (sd_notify); pings its watchdog while running."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from locksided import clock


class Notifier:
    """Sends notifications to systemd; without systemd it does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET")
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._interval_seconds = int(watchdog_us) / 2e6 if watchdog_us.isdecimal() and for_us else None

    def tell(self, state: str) -> None:
        """Send one notification, such as READY=1; a failure is ignored."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
            suppress(OSError),
        ):
            sock.sendto(state.encode(), address)

    async def keep_alive(self) -> None:
        """Ping the watchdog as long as this task is scheduled."""
        if self._interval_seconds is None:
            return
        while True:
            self.tell("WATCHDOG=1")
            await clock.real_sleep(self._interval_seconds)
