"""How many builds stand, in bulk: one job's list answers for all of its builds, and its cost is pages."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from baton_operator.engines.base import Duplicate, Observation, Observed, Reference
from baton_operator.engines.errors import AuthExpiredError, EngineError, TargetNotFoundError
from baton_operator.engines.jenkins.api import PAGE, JenkinsApi
from baton_operator.engines.jenkins.builds import Build, Identity, external_id, identity_of
from baton_operator.engines.jenkins.jobs import TOKEN, Place, place_of

Show = Callable[[Place, Build, Reference], Observation]


def place_in(reference: Reference) -> Place | None:
    """Return where the job of *reference* is: as its target says, else as its id does."""
    if reference.target:
        return place_of(reference.target)
    names = reference.external_id.rpartition("#")[0]
    return Place(tuple(names.split("/"))) if names else None


def is_build_of(reference: Reference, build: Build) -> bool:
    """Whether *build* is what *reference* names, and not one that has its number now."""
    token = build.parameters.get(TOKEN)
    return build.identity == identity_of(reference.external_id) and token in {None, reference.token}


class _Round:
    """
    The references of one job, and what was seen of them so far.

    Args:
        place: The job.
        references: By what their ids say.
        show: Makes an observation.
    """

    def __init__(self, place: Place, references: Mapping[Identity, Reference], show: Show) -> None:
        self._place, self._show = place, show
        self._asked = references
        self._tokens = {each.token: each for each in references.values()}
        self._lowest = min(identity.number for identity in references)
        self.missing = dict(references)
        self.seen: list[Observation] = []
        self.duplicates: dict[Identity, Duplicate] = {}

    def take(self, builds: Sequence[Build]) -> bool:
        """Take a page in; True while older builds may be what is missing."""
        for build in builds:
            reference = self.missing.get(build.identity)
            if reference is not None and is_build_of(reference, build):
                del self.missing[build.identity]
                self.seen.append(self._show(self._place, build, reference))
            elif build.identity not in self._asked:
                self._compare(build)
        return bool(self.missing) and bool(builds) and builds[-1].number > self._lowest

    def _compare(self, build: Build) -> None:
        """See whether another execution of a token that is asked for has begun, which Jenkins did by itself."""
        token = build.parameters.get(TOKEN)
        reference = self._tokens.get(token) if isinstance(token, str) else None
        if reference is not None:
            seen = self._show(self._place, build, replace(reference, external_id=self._id(build)))
            self.duplicates[build.identity] = Duplicate(reference.token, seen)

    def _id(self, build: Build) -> str:
        return external_id(self._place.full_name, build)


async def observe(api: JenkinsApi, references: Sequence[Reference], show: Show) -> Observed:
    """
    Say how *references* stand: each job's list is read until it has answered for all of its builds.

    A job that is not there any more has none of them.

    Raises:
        EngineError: No job could be read, or the credential was refused.
    """
    missing: list[Reference] = []
    jobs: dict[Place, dict[Identity, Reference]] = defaultdict(dict)
    for reference in references:
        place, identity = place_in(reference), identity_of(reference.external_id)
        if place is None or identity is None:
            missing.append(reference)
        else:
            jobs[place][identity] = reference
    rounds, errors, pages = [], [], 0
    for place, theirs in jobs.items():
        each = _Round(place, theirs, show)
        try:
            pages += await _read(api, place, each)
        except AuthExpiredError:
            raise
        except EngineError as error:
            errors.append(error)
        else:
            rounds.append(each)
    if errors and not rounds:
        raise errors[0]
    return Observed(
        [seen for each in rounds for seen in each.seen],
        [*missing, *(reference for each in rounds for reference in each.missing.values())],
        pages,
        errors,
        [duplicate for each in rounds for duplicate in each.duplicates.values()],
    )


async def _read(api: JenkinsApi, place: Place, into: _Round) -> int:
    """Read a job's list as far as it is needed; return how many requests it took."""
    pages = 0
    while True:
        try:
            page = await api.page(place.path, pages * PAGE, "observe")
        except TargetNotFoundError:
            return pages + 1
        pages += 1
        wants_more = into.take(page.builds)
        if page.is_last or not wants_more:
            return pages
