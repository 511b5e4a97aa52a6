"""
Where the work of submits is: in the queue, among the builds, or nowhere to be seen.

The queue is read before the builds: what leaves it between the two is then seen twice and not never. The rest, an item
that has left without a build so far, lasts about 10 ms and is why absences count twice (rule R9).
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from baton_operator.engines.base import Absent, Enqueued, Foreign, Found, Sighting, SubmitRequest
from baton_operator.engines.errors import EngineError, TargetNotFoundError
from baton_operator.engines.jenkins.api import JenkinsApi
from baton_operator.engines.jenkins.builds import Build, external_id
from baton_operator.engines.jenkins.jobs import Place, place_of
from baton_operator.engines.jenkins.queue import Waiting, whereabouts
from baton_operator.engines.jenkins.search import EpochWatch, JobSearch
from baton_operator.engines.options import Whereabouts, Withdrawn

#: Items asked for one by one, a job and a look: only what is neither in the queue nor among the newest builds.
ITEMS = 20

Show = Callable[[Place, Build], Found]


class Finder:
    """
    Looks for submits.

    Args:
        api: The calls.
        show: Makes what is found out of a job and a build.
        clock: Seconds since the epoch, by our own clock.
    """

    def __init__(self, api: JenkinsApi, show: Show, clock: Callable[[], float]) -> None:
        self._api, self._show, self._clock = api, show, clock

    async def find(self, request: SubmitRequest) -> Sighting:
        """Look for one submit, as far back as a search goes."""
        place, watch = place_of(request.target), EpochWatch()
        if place is None:
            return Absent()
        waiting = await self._waiting("find", watch)
        item = waiting.item_of(request)
        search = JobSearch(self._api, place.path, [request], "find", watch)
        try:
            await (search.read_for([request]) if item is None else search.read())
        except TargetNotFoundError:
            return Absent(0.0, watch.epoch) if item is None else Enqueued(str(item.id))
        if found := self._found(search, place, request):
            return found
        if item is not None:
            return Enqueued(str(item.id))
        if build := search.foreign(request):
            return Foreign(external_id(place.full_name, build))
        if stranger := waiting.foreigner_of(request):
            return Foreign(f"{place.full_name}: queue item {stranger.id}")
        return search.absence(self._now())

    async def follow(self, requests: Sequence[SubmitRequest]) -> Sequence[Whereabouts]:
        """
        Look for handles: one request for the queue, one more for each job of which some are not in it.

        A job that cannot be read leaves its handles as they were.

        Raises:
            EngineError: The queue could not be read, or nothing but jobs that could not.
        """
        if not requests:
            return []
        watch = EpochWatch()
        waiting = await self._waiting("follow", watch)
        seen: dict[str, Whereabouts] = {}
        gone: dict[Place, list[SubmitRequest]] = defaultdict(list)
        for request in requests:
            place = place_of(request.target)
            if item := waiting.item_of(request):
                seen[request.token] = Enqueued(str(item.id))
            elif place is None:
                seen[request.token] = Absent(0.0, watch.epoch)
            else:
                gone[place].append(request)
        errors = []
        for place, theirs in gone.items():
            try:
                seen |= await self._left(place, theirs, watch)
            except EngineError as error:
                errors.append(error)
        if errors and not seen:
            raise errors[0]
        return [seen.get(request.token, Enqueued(request.handle or "")) for request in requests]

    async def _waiting(self, operation: str, watch: EpochWatch) -> Waiting:
        queue, epoch = await self._api.queue(operation)
        watch.see(epoch)
        return Waiting(queue)

    async def _left(
        self, place: Place, requests: Sequence[SubmitRequest], watch: EpochWatch
    ) -> Mapping[str, Whereabouts]:
        """Look for what is not in the queue among a job's builds; what is left out had no news."""
        search = JobSearch(self._api, place.path, requests, "follow", watch)
        try:
            await search.read()
            job_is_gone = False
        except TargetNotFoundError:
            job_is_gone = True
        seen: dict[str, Whereabouts] = {}
        unsure = []
        for request in requests:
            if found := self._found(search, place, request):
                seen[request.token] = found
            else:
                unsure.append(request)
        told = await self._ask_items(unsure[:ITEMS], newest=sys.maxsize if job_is_gone else search.newest)
        forgotten = [request for request in unsure[:ITEMS] if told[request.token] is None]
        if forgotten and not job_is_gone:
            await search.read_for(forgotten)
        for request in unsure[:ITEMS]:
            news = told[request.token] or self._found(search, place, request)
            seen[request.token] = news or search.absence(self._now())
        return seen

    async def _ask_items(
        self, requests: Sequence[SubmitRequest], *, newest: int
    ) -> Mapping[str, Enqueued | Withdrawn | None]:
        """Ask for each item by its number: None where it is not known, not ours, or has a build that should be seen."""
        items = await asyncio.gather(*(self._api.item(request.handle or "0", "follow") for request in requests))
        told = {}
        for request, item in zip(requests, items, strict=True):
            told[request.token] = None if item is None else whereabouts(item, request, newest=newest)
        return told

    def _found(self, search: JobSearch, place: Place, request: SubmitRequest) -> Found | None:
        return search.found(request, lambda build: self._show(place, build))

    def _now(self) -> float:
        return self._clock() * 1000
