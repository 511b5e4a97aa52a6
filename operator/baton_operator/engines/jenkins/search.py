"""
Looking for the builds of submits in a job's list, page by page, and knowing what the list may hide.

A build is known by its token; where the job does not declare the token, by the number of the queue item that it came
from and by its arguments. More than one build of a token is possible: Jenkins runs an item twice by itself after a
crash, and people rebuild.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from baton_operator.engines.base import Absent, Found, SubmitRequest
from baton_operator.engines.errors import RetryableError
from baton_operator.engines.jenkins.api import PAGE, JenkinsApi, Page
from baton_operator.engines.jenkins.builds import Build, Reach
from baton_operator.engines.jenkins.jobs import TOKEN, is_marked

#: Pages that one search reads at most: 10,000 builds. What lies further back counts as forgotten.
PAGES = 50


class EpochWatch:
    """Sees that all answers of one look come from the same life of Jenkins."""

    def __init__(self) -> None:
        self.epoch: str | None = None

    def see(self, epoch: str | None) -> None:
        """
        Compare an answer's epoch with those before.

        Raises:
            RetryableError: Jenkins was restarted between two answers.
        """
        if self.epoch is not None and epoch is not None and epoch != self.epoch:
            raise RetryableError("Jenkins was restarted while we looked")
        self.epoch = epoch or self.epoch


class JobSearch:
    """
    One search in one job's builds.

    Args:
        api: The calls.
        path: Where the job is.
        requests: Whose builds are looked for.
        operation: As the metrics call it.
        watch: Told the epoch of each answer.
    """

    def __init__(
        self, api: JenkinsApi, path: str, requests: Iterable[SubmitRequest], operation: str, watch: EpochWatch
    ) -> None:
        self._api, self._path, self._operation, self._watch = api, path, operation, watch
        self._by_token = {request.token: request for request in requests}
        self._by_handle = {request.handle: request for request in self._by_token.values() if request.handle}
        self._builds: dict[str, dict[int, Build]] = defaultdict(dict)
        self._foreign: dict[str, Build] = {}
        self._reach: Reach | None = None
        self._declares_token = True
        self._is_done = False
        self._read = 0
        self.newest = 0

    async def read(self) -> bool:
        """
        Read the next page; False if there is none, or none that a search reads.

        Raises:
            TargetNotFoundError: The job is not there.
        """
        if self._is_done or self._read >= PAGES:
            return False
        page = await self._api.page(self._path, self._read * PAGE, self._operation)
        self._read += 1
        self._watch.see(page.epoch)
        self._take(page)
        return True

    async def read_for(self, requests: Sequence[SubmitRequest]) -> None:
        """Read until each of *requests* was found, and one page more: second builds are not far from the first."""
        while not all(request.token in self._builds for request in requests):
            if not await self.read():
                return
        await self.read()

    def found(self, request: SubmitRequest, made: Callable[[Build], Found]) -> Found | None:
        """Return the first build of *request*, with the others behind it; None if none was seen so far."""
        builds = sorted(self._builds.get(request.token, {}).values(), key=lambda build: (build.timestamp, build.number))
        if not builds:
            return None
        first = made(builds[0])
        return Found(first.external_id, first.url, first.native, tuple(made(build) for build in builds[1:]))

    def foreign(self, request: SubmitRequest) -> Build | None:
        """Return a build that has the token of *request* and was not made from it."""
        return self._foreign.get(request.token)

    def absence(self, now: float) -> Absent:
        """
        Say what it is worth that nothing was found: nothing where builds do not show the token.

        Args:
            now: Milliseconds by our own clock.
        """
        memory = 0.0 if self._reach is None or not self._declares_token else self._reach.memory(now)
        return Absent(memory, self._watch.epoch)

    def _take(self, page: Page) -> None:
        if self._reach is None:
            self._reach = Reach(page.next_number)
            self._declares_token = page.declares_token
            self.newest = page.builds[0].number if page.builds else 0
        self._is_done = page.is_last
        self._reach.add(page.builds)
        for build in page.builds:
            self._sort(build)

    def _sort(self, build: Build) -> None:
        """See whose build it is, if it is anybody's."""
        parameters = build.parameters
        token = parameters.get(TOKEN)
        if token is not None:
            request = self._by_token.get(token) if isinstance(token, str) else None
        else:
            request = self._by_handle.get(str(build.queue_id))
        if request is None:
            return
        if is_marked(parameters, request):
            self._builds[request.token][build.number] = build
        elif token is not None:
            self._foreign.setdefault(request.token, build)
