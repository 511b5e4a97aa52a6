"""What queue items say of the submits that they came from."""

from typing import Any

import msgspec
import pytest

from baton_operator.engines.base import Enqueued, SubmitRequest
from baton_operator.engines.jenkins.queue import Item, Queue, Waiting, number_in, whereabouts
from baton_operator.engines.options import Withdrawn

TOKEN = f"baton-{'0' * 32}-a1"
OTHER = f"baton-{'1' * 32}-a1"


def request(**changes: Any) -> SubmitRequest:
    """Make a request whose handle is 42."""
    given = {
        "token": TOKEN,
        "fingerprint": "f" * 64,
        "run_uid": "u",
        "run_name": "r",
        "namespace": "team",
        "target": {"job": ["app", "feature/x"]},
        "arguments": {"SECS": 1},
        "handle": "42",
    }
    return SubmitRequest(**given | changes)


def item(parameters: dict[str, Any] | None = None, **changes: Any) -> Item:
    """Read an item as Jenkins writes it."""
    given = {"BATON_TOKEN": TOKEN, "SECS": "1"} if parameters is None else parameters
    document = {
        "_class": "hudson.model.Queue$WaitingItem",
        "id": 42,
        "actions": [
            {"_class": "hudson.model.CauseAction"},
            {"parameters": [{"name": name, "value": value} for name, value in given.items()]},
        ],
        "task": {"url": "https://elsewhere/jenkins/job/app/job/feature%252Fx/"},
    }
    return msgspec.json.decode(msgspec.json.encode(document | changes), type=Item)


@pytest.mark.parametrize(
    ("location", "number"),
    [
        ("http://127.0.0.1:18080/queue/item/16/", "16"),
        ("https://ci.example:8443/jenkins/queue/item/7", "7"),
        ("/queue/item/1/", "1"),
        ("", None),
        ("/login?from=/queue/item/1/x", None),
        ("/queue/item/abc/", None),
        ("/job/nap/", None),
        ("/queue/item/12/../13", None),
        ("/queue/item/9999999999999999999/", None),
    ],
)
def test_only_the_number_is_taken_from_a_location(location: str, number: str | None) -> None:
    """The host comes from request headers, and anything else is no item."""
    assert number_in(location) == number


@pytest.mark.parametrize(
    ("seen", "asked", "ours"),
    [
        (item(), request(), True),
        (item(), request(handle=None), True),
        (item(id=7), request(), True),
        (item({"BATON_TOKEN": OTHER, "SECS": "1"}), request(), False),
        (item({"BATON_TOKEN": "", "SECS": "1"}), request(), False),
        (item({"BATON_TOKEN": TOKEN, "SECS": "2"}), request(), False),
        (item({"BATON_TOKEN": TOKEN, "BATON_FINGERPRINT": "0" * 64}), request(), False),
        (item({"SECS": "1"}), request(), True),
        (item({"SECS": "1"}), request(handle=None), False),
        (item({"SECS": "1"}), request(handle="43"), False),
        (item({"SECS": "2"}), request(), False),
        (item({"SECS": "1"}), request(target={"job": ["app", "main"]}), False),
        (item({"SECS": "1"}, task=None), request(), False),
        (item({}, actions=None), request(), True),
    ],
)
def test_an_item_is_of_a_request(seen: Item, asked: SubmitRequest, ours: bool) -> None:
    """By token and marks; where the job has no token, by number, job and arguments together."""
    assert seen.is_of(asked) is ours


LEFT = {"_class": "hudson.model.Queue$LeftItem"}


@pytest.mark.parametrize(
    ("seen", "news"),
    [
        (item(), Enqueued("42")),
        (item(**LEFT, cancelled=False), Enqueued("42")),
        (item(**LEFT, cancelled=False, executable=None), Enqueued("42")),
        (item(**LEFT, cancelled=False, executable={"number": 10}), Enqueued("42")),
        (item(**LEFT, cancelled=False, executable={"number": 9}), None),
        (item({"BATON_TOKEN": OTHER}, **LEFT, cancelled=True), None),
    ],
)
def test_an_item_that_is_asked_for_tells(seen: Item, news: Enqueued | None) -> None:
    """One without a build so far still waits; one with a build that the list should have shown says nothing."""
    assert whereabouts(seen, request(), newest=9) == news


def test_a_cancelled_item_never_ran() -> None:
    """It is withdrawn."""
    news = whereabouts(item(**LEFT, cancelled=True, executable=None), request(), newest=9)
    assert isinstance(news, Withdrawn)
    assert news.native == "CANCELLED"


def test_items_are_known_by_number_and_by_token() -> None:
    """A number that was given out again leads nowhere; the token leads to the item wherever it is now."""
    stranger, ours = item({"BATON_TOKEN": OTHER}), item(id=50)
    waiting = Waiting(Queue([stranger, ours]))
    assert waiting.item_of(request()) == ours
    assert waiting.item_of(request(token=f"baton-{'2' * 32}-a1")) is None
    assert waiting.foreigner_of(request()) is None
    assert waiting.foreigner_of(request(arguments={"SECS": 5})) == ours


@pytest.mark.parametrize(
    ("changes", "has_left"), [({}, False), ({"cancelled": False}, True), ({"cancelled": True}, True)]
)
def test_what_has_left_says_whether_it_was_cancelled(changes: dict[str, Any], has_left: bool) -> None:
    """Items that wait do not have the field."""
    assert item(**changes).has_left is has_left
