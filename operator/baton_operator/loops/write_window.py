"""
The part of a claim in which a custom resource may be written: what is begun in it is over before the claim is.

Otherwise another replica could show a newer state, and ours could arrive after it and stay.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from baton_models.statements.projection import LEASE
from baton_operator.clock import boottime

#: Seconds that all requests about one object may take together; the claim outlives those that begin last.
LONGEST = 10.0


class WriteWindow:
    """Open from now on; to be made before the claim's transaction, since the claim cannot have begun earlier."""

    def __init__(self) -> None:
        self._until = boottime() + LEASE.total_seconds() - LONGEST

    @asynccontextmanager
    async def write(self) -> AsyncIterator[None]:
        """
        Bound the requests about one object.

        Raises:
            TimeoutError: The claim might not outlast them, so that nothing was begun; or they took `LONGEST`.
        """
        if boottime() > self._until:
            raise TimeoutError
        async with asyncio.timeout(LONGEST):
            yield
