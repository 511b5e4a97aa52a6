"""
Jenkins' queue as values: items that wait, and what becomes of them.

Measured on 2.568.2: an item is Waiting, Blocked, Buildable or Left (``_class``); the queue's list has those that have
not left. One that has left is known for 300 s more by its number, also while its build runs: cancelled, or with its
build (``executable``), or, for about 10 ms, with neither. A killed Jenkins gives numbers out again, so a number alone
is no identity: an item is ours if it has our token.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from baton_operator.engines.base import Enqueued, SubmitRequest
from baton_operator.engines.jenkins.builds import Action, recorded
from baton_operator.engines.jenkins.jobs import TOKEN, is_marked, place_of
from baton_operator.engines.options import Withdrawn

_LOCATION = re.compile(r"/queue/item/(\d{1,18})/?\Z")


class Task(msgspec.Struct, frozen=True):
    """The job of an item; the host in its address comes from the request's headers."""

    url: str = ""


class Executable(msgspec.Struct, frozen=True):
    """The build of an item that has left."""

    number: int


class Item(msgspec.Struct, frozen=True):
    """A queue item, as far as it matters; what has not left has no ``cancelled``."""

    id: int
    kind: str = msgspec.field(default="", name="_class")
    actions: list[Action | None] | None = None
    task: Task | None = None
    cancelled: bool | None = None
    executable: Executable | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters by name."""
        return recorded(self.actions)

    @property
    def has_left(self) -> bool:
        """Whether it waits no more."""
        return self.cancelled is not None

    def has_token(self, token: str) -> bool:
        """Whether it was made by a submit with *token*."""
        return bool(self.parameters.get(TOKEN) == token)

    def is_of(self, request: SubmitRequest) -> bool:
        """
        Whether it was made from *request*.

        Where the job does not declare the token, by its number, its job and the arguments: all that is left.
        """
        parameters = self.parameters
        if parameters.get(TOKEN) is not None:
            return self.has_token(request.token) and is_marked(parameters, request)
        return str(self.id) == request.handle and self._is_at(request.target) and is_marked(parameters, request)

    def _is_at(self, target: Mapping[str, Any]) -> bool:
        place = place_of(target)
        if place is None or self.task is None:
            return False
        return unquote(urlsplit(self.task.url).path).rstrip("/").endswith(unquote(place.path))


_ITEM = "id,actions[parameters[name,value]],task[url]"
#: Of an item, and of the queue, in a request's ``tree``.
ITEM_FIELDS = f"{_ITEM},cancelled,executable[number]"
QUEUE_FIELDS = f"items[{_ITEM}]"


class Queue(msgspec.Struct, frozen=True):
    """
    The items that wait.

    Attributes:
        items: In the queue's order; an answer without them is no queue.
    """

    items: list[Item]


class Waiting:
    """The items of one answer, to be asked for by number and by token."""

    def __init__(self, queue: Queue) -> None:
        self._by_number = {str(item.id): item for item in queue.items}
        self._by_token = {token: item for item in queue.items if (token := item.parameters.get(TOKEN))}

    def item_of(self, request: SubmitRequest) -> Item | None:
        """Return the item that was made from *request*, if it waits; a restart may have given it another number."""
        for item in (self._by_number.get(request.handle or ""), self._by_token.get(request.token)):
            if item is not None and item.is_of(request):
                return item
        return None

    def foreigner_of(self, request: SubmitRequest) -> Item | None:
        """Return the item that has the request's token and was not made from it."""
        item = self._by_token.get(request.token)
        return None if item is None or item.is_of(request) else item


def number_in(location: str) -> str | None:
    """Return the item's number out of a ``Location``; nothing else in it is believed."""
    found = _LOCATION.search(location)
    return found[1] if found else None


def whereabouts(item: Item, request: SubmitRequest, *, newest: int) -> Enqueued | Withdrawn | None:
    """
    Say what an item, asked for by its number, tells of *request*; None if that is not enough.

    Args:
        item: As it is now.
        request: Whose it may be.
        newest: The highest number among the job's builds shortly before: what has begun since is not looked for yet.
    """
    if not item.is_of(request):
        return None
    if item.cancelled:
        return Withdrawn("the queue item was cancelled in Jenkins before a build began", "CANCELLED")
    if item.executable is None or item.executable.number > newest:
        return Enqueued(str(item.id))
    return None
