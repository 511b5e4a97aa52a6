"""Several streams of hints as one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from baton_operator.engines.errors import EngineError

#: Streams of one engine at most: what is in further namespaces is seen by polls alone.
STREAMS = 8


async def together(streams: Sequence[AsyncGenerator[None, None]]) -> AsyncGenerator[None, None]:
    """
    Yield when any of *streams* does, until all have ended; hints that come faster than they are taken are one.

    Raises:
        EngineError: All have ended, none of them well: the first one's error.
    """
    woken, news = asyncio.Event(), asyncio.Event()

    async def follow(stream: AsyncGenerator[None, None]) -> None:
        try:
            async with aclosing(stream) as hints:
                async for _ in hints:
                    news.set()
                    woken.set()
        finally:
            woken.set()

    tasks = [asyncio.create_task(follow(stream), name="hints") for stream in streams[:STREAMS]]
    try:
        while news.is_set() or not all(task.done() for task in tasks):
            await woken.wait()
            woken.clear()
            if news.is_set():
                news.clear()
                yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [end for end in ends if isinstance(end, BaseException)]
    for error in errors:
        if not isinstance(error, EngineError):
            raise error
    if errors and len(errors) == len(tasks):
        raise errors[0]
