"""One `baton-worker` beside the operator: a process of its own, without engines' credentials, restarted if it dies."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Mapping

logger = logging.getLogger(__name__)

#: What the worker's supervisor may see of the operator's environment; tasks see less.
_ALLOWED = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "BATON_FAULTS")
_ALLOWED_PREFIXES = (
    "BATON_DATABASE_",
    "LC_",
    "PYTHON",
    "PG",
    "SSL_CERT_",
    "BATON_TASK_",
    "BATON_WORKER_",
    "BATON_LOG_",
)
#: Seconds that it gets to drain when the operator ends.
GRACE = 25.0
RESTART_AFTER = 1.0


class WorkerProcess:
    """Keeps one worker running."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {
            name: value for name, value in environ.items() if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """Run a worker until *stopping*, again and again if it dies; it ends with this process, however that ends."""
        while not stopping.is_set():
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "baton_operator.worker", "--end-with", str(os.getpid())), env=self._environ
            )
            ended = asyncio.create_task(process.wait())
            asked = asyncio.create_task(stopping.wait())
            try:
                await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
                if stopping.is_set():
                    return
                logger.warning("worker.died", extra={"status": process.returncode})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asked, RESTART_AFTER)
            finally:
                asked.cancel()
                await self._end(process)

    @staticmethod
    async def _end(process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()
