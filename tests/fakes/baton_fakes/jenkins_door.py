"""The port at which clients of a fake come in; while it is shut, they are refused as a server that is down refuses."""

import asyncio
from collections.abc import Callable

from aiohttp import web


class Door:
    """
    One port, that keeps its number.

    Args:
        make: Makes the application, anew for each opening.
        host: Where to listen.
        port: Its number; 0 for any that is free.
    """

    def __init__(self, make: Callable[[], web.Application], host: str, port: int) -> None:
        self._make, self._host, self._port = make, host, port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://{self._host}:{self._port}"

    async def open(self) -> None:
        """Listen."""
        self._runner = web.AppRunner(self._make(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]

    async def shut(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def shut_for(self, seconds: float) -> None:
        """Shut it, and open it again *seconds* later."""
        await self.shut()
        await asyncio.sleep(seconds)
        await self.open()
