"""A network of the tests' own: a small TCP proxy before one server, that cuts, holds, freezes and counts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

Direction = Literal["up", "down"]
_BLOCK = 65536


@dataclass(frozen=True, slots=True)
class Piece:
    """
    Some bytes on their way.

    Attributes:
        number: Counted over all connections since the wire was laid (or `Wire.count` was called), from 1.
        direction: ``up`` to the server, ``down`` to the client.
        connection: Which connection it is of, counted from 1.
    """

    number: int
    direction: Direction
    data: bytes
    connection: int = 1


#: Says what becomes of a piece: it goes on, it is lost and both ends with it, or it is held until `Wire.let_go`,
#: whatever its client does meanwhile.
Fate = Literal["pass", "cut", "hold"]
Judge = Callable[[Piece], Fate]


class Wire:
    """
    Passes everything on to one server, but for what it was told.

    Attributes:
        judge: Asked for each piece, from the wire's own thread; None passes all.
        held: Pieces that are being held.
        pieces: How many have come.
    """

    def __init__(self, host: str, port: int) -> None:
        self.judge: Judge | None = None
        self.held = 0
        self.pieces = 0
        self._connections = 0
        self._server = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._stranded: set[asyncio.StreamWriter] = set()
        self._released = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self._do(self._listen(0))

    def cut(self) -> None:
        """Cut every connection (RST), and take new ones."""
        self._do(self._cut())

    def down(self) -> None:
        """Cut every connection, and refuse new ones."""
        self._do(self._close())

    def up(self) -> None:
        """Take connections again, at the same port."""
        self._do(self._listen(self.port))

    def freeze(self) -> None:
        """Pass nothing on any more, and keep all connections open: a half-open network."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def thaw(self) -> None:
        """Pass on again, what has come meanwhile too."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def strand(self) -> None:
        """Pass nothing on any more of the connections that are open now, and never close them; new ones work."""
        self._loop.call_soon_threadsafe(self._stranded.update, self._open)

    def let_go(self) -> None:
        """Pass on what was held, even if who sent it has gone."""
        self._loop.call_soon_threadsafe(self._released.set)

    def count(self) -> None:
        """Count pieces from 1 again."""
        self.pieces = 0

    def close(self) -> None:
        """Take the wire away."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, port: int) -> int:
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", port)
        found: int = self._listener.sockets[0].getsockname()[1]
        return found

    async def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._cut()
        self._released.set()
        for _ in range(3):  # what was cut ends in the loop's next turns
            await asyncio.sleep(0)

    async def _end(self) -> None:
        await self._close()
        self._flowing.set()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=5)
        await asyncio.sleep(0)  # the transports that were cut close in the loop's next turn

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._server)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._connections += 1
        number = self._connections
        self._open |= both
        try:
            await asyncio.gather(
                self._pass_on(reader, server_writer, ("up", number), both),
                self._pass_on(server_reader, writer, ("down", number), both),
            )
        finally:
            self._open -= both
            self._stranded -= both
            for each in both:
                each.transport.abort()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: tuple[Direction, int],
        both: set[asyncio.StreamWriter],
    ) -> None:
        """Pass one direction on until its end; the other one may go on."""
        direction, connection = way
        with contextlib.suppress(OSError):
            while data := await reader.read(_BLOCK):
                await self._flowing.wait()
                if writer in self._stranded:
                    continue
                match self._judged(direction, data, connection):
                    case "cut":
                        for each in both:
                            each.transport.abort()
                        return
                    case "hold":
                        await self._hold()
                writer.write(data)
                await writer.drain()
            if direction == "down":  # a client that has gone does not end what was held of its
                writer.close()
            else:
                writer.write_eof()

    async def _hold(self) -> None:
        self.held += 1
        self._released.clear()
        try:
            await self._released.wait()
        finally:
            self.held -= 1

    def _judged(self, direction: Direction, data: bytes, connection: int) -> Fate:
        self.pieces += 1
        return self.judge(Piece(self.pieces, direction, data, connection)) if self.judge else "pass"


@contextmanager
def wired(host: str, port: int) -> Iterator[Wire]:
    """Lay a wire before a server, and take it away at the end."""
    wire = Wire(host, port)
    try:
        yield wire
    finally:
        wire.close()
