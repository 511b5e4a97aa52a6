"""The fake answers every recorded request as the real Jenkins did: status, headers that matter, the body's shape."""

import base64
import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yarl
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_builds import plain
from baton_fakes.jenkins_exchange import COOKIE
from baton_fakes.jenkins_security import ADMIN_TOKEN
from baton_fakes.jenkins_state import Startup

from baton_operator.engines.conformance import serving

CAPTURE = Path(__file__).parent / "captures" / "jenkins-2.568.2.jsonl"
#: Compared as they are; where the recording has none, the fake gives none.
EXACT = {
    "Content-Type", "Content-Encoding", "X-Jenkins", "X-Hudson", "X-Hudson-Theme", "X-Error", "Allow",
    "X-Required-Permission", "X-Permission-Implied-By", "X-You-Are-Authenticated-As", "WWW-Authenticate", "X-More-Data",
}  # fmt: skip
#: Compared by being there.
PRESENT = {"X-Jenkins-Session", "X-Text-Size", "Set-Cookie", "X-ConsoleAnnotator"}
#: Fields whose values are the recorded ones.
EQUAL = {
    "_class", "authorities", "blocked", "buildable", "building", "cancelled", "color", "concurrentBuild", "disabled",
    "displayName", "id", "inProgress", "inQueue", "name", "nextBuildNumber", "number", "numExecutors", "pending",
    "queueId", "quietingDown", "result", "shortDescription", "stuck", "totalExecutors", "type", "useCrumbs",
    "useSecurity", "value", "busyExecutors", "params",
}  # fmt: skip
#: Lists whose order says nothing.
UNORDERED = {"executors"}
#: Seconds that the recording let pass before a step, because something had to happen.
PAUSES = {
    "queue now": 0.1,
    "serial second": 0.5,
    "left, finished": 40.0,
    "expiry cancelled": 0.1,
    "stop running": 0.75,
    "build after stop": 1.0,
    "stop by GET": 0.5,
    "term freestyle": 1.0,
    "failed build": 1.0,
    "stop stubborn": 0.5,
    "stop while archiving (building=True result=SUCCESS)": 4.0,
    "consoleText": 1.0,
    "left expired after 300.7s": 301.0,
    "before delete": 1.0,
    "waiting": 0.5,
    "its number": 1.0,
    "number after deleting build 1": 1.0,
    "after cancelQuietDown": 0.5,
}
#: The credentials that the recorder has left out, by label or by the label's first word.
CUSTOM = {
    "wrong password": "admin:nope", "unknown user": "nobody:x", "wrong token (34 hex)": "admin:11" + "f" * 32,
    "empty password": "admin:", "GET wrong password": "admin:nope",
    "Authorization header given though security off": "admin:whatever",
}  # fmt: skip
PARTS = ("01", "02", "03", "04", "05-queue", "07", "08", "06", "05-tail", "11", "12", "13")
Step = Mapping[str, Any]


def shape(document: Any, key: str = "") -> Any:
    """Reduce a document to its keys, what must be equal, and the types of the rest; lists are compared whole."""
    if isinstance(document, Mapping):
        return {name: shape(value, name) for name, value in document.items()}
    if isinstance(document, list):
        entries = [shape(entry) for entry in document]
        return sorted(entries, key=str) if key in UNORDERED else entries
    if key in EQUAL:
        return document
    if key == "why" and document is not None:
        return re.sub(r"\d+", "0", document)
    return "number" if isinstance(document, int | float) and not isinstance(document, bool) else type(document).__name__


def unnumbered(log: bytes) -> bytes:
    """Leave out of a log what differs from run to run."""
    return re.sub(rb"/opt/jenkins\d+\.sh", b"SCRIPT", plain(log))


class Replay:
    """
    One pass over the recording, in its order, because later steps rest on earlier ones.

    Attributes:
        wrong: What the fake answered otherwise, by step.
        seen: How many steps there were.
    """

    def __init__(self) -> None:
        self.wrong: list[tuple[str, str, Any, Any]] = []
        self.seen = 0
        self.fake = FakeJenkins(jobs=())
        self.fake.state.freeze()
        self._translated: dict[str, str] = {}
        self._sizes: dict[int, int] = {}
        self._before: dict[str, Callable[[], object]] = {
            "expiry left": self._six_builds,
            "stop running, follow redirects": lambda: self.fake.state.stop(self.fake.state.job("nap").builds[16]),
        }

    def _six_builds(self) -> None:
        for number in range(6):
            self.fake.state.submit(self.fake.state.job("nap"), {"BATON_TOKEN": f"tp{number}"}, delay=0.0)
        self.fake.state.advance(10.0)

    async def run(self) -> None:
        """Play every step."""
        steps = [msgspec.json.decode(line) for line in CAPTURE.read_bytes().splitlines()]
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                aiohttp.ClientSession(auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar())
            )
            url = await stack.enter_async_context(serving(self.fake.app()))
            for part in PARTS:
                url = await self._begin(part, url, stack)
                for number, step in enumerate(step for step in steps if step["part"].startswith(part)):
                    self._prepare(part, number, step)
                    await self._play(session, url, step)
                    self.seen += 1
                for item in list(self.fake.state.queue.items.values()) if part not in {"11", "12", "13"} else []:
                    self.fake.state.cancel(item)

    async def _begin(self, part: str, url: str, stack: AsyncExitStack) -> str:
        """Bring the server to where the recording of a part found it."""
        state = self.fake.state
        if part == "11":
            self.fake.restart("stop")
            for number in (477, 484):  # two items were queued
                state.queue.next_id = number
                state.submit(state.job("nap"), {"BATON_TOKEN": f"old{number}"}, delay=600.0)
            state.job("nap").next_number = 231
            state.submit(state.job("nap"), {"SECS": "0"}, delay=0.0)  # the last build was a good one
            state.queue.next_id = 487
        elif part == "12":
            self.fake.restart("stop", Startup(booting=10.0, unauthorized=10.0, booting_again=60.0))
        elif part == "13":
            self.fake = FakeJenkins(jobs=(), prefix="/jenkins", executors=2)
            self.fake.state.freeze()
            self.fake.security.enabled = False
            return await stack.enter_async_context(serving(self.fake.app()))
        return url

    def _prepare(self, part: str, number: int, step: Step) -> None:
        if part == "12":
            self.fake.state.advance(10.0 if number in {2, 4} else 0.0)
        pause = 1.0 if step["label"] == "running poll" else PAUSES.get(step["label"], 0.02)
        if step["label"] == "running poll" and "start=0" in step["url"]:
            pause = 3.3
        self.fake.state.advance(pause)
        self._before.get(step["label"], lambda: None)()

    async def _play(self, session: aiohttp.ClientSession, url: str, step: Step) -> None:
        headers = {name: self._header(name, value, step) for name, value in step["request_headers"].items()}
        body = self._translate(step["request_body"] or "").encode()
        where = yarl.URL(url + self._offset(step["url"]), encoded=True)
        async with session.request(
            step["method"], where, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            content = await answer.read()
        self._learn(step, answer, content)
        self._compare(step, answer, content, url)

    def _header(self, name: str, value: str, step: Step) -> str:
        if name != "Authorization":
            return self._translate(value)
        label = step["label"]
        if label == "bearer token":
            return f"Bearer {ADMIN_TOKEN}"
        known = {"Basic <token>": f"admin:{ADMIN_TOKEN}", "Basic <password>": "admin:admin"}
        name = label.split(" ", 1)[0]
        pair = known.get(value) or CUSTOM.get(label) or f"{name}:token-of-{name}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def _translate(self, text: str) -> str:
        """Put the fake's crumbs and sessions in the place of the recorded ones; each server names its cookie anew."""
        text = re.sub(r"JSESSIONID\.\w+=", f"{COOKIE}=", text)
        for recorded, ours in self._translated.items():
            text = text.replace(recorded, ours)
        return text

    def _offset(self, url: str) -> str:
        """Put the fake's log offsets in the place of the recorded ones, and keep the distance to them."""
        match = re.search(r"start=(\d+)$", url)
        if match is None:
            return url
        for beyond in (0, 1, 5000, 100000):
            if int(match[1]) - beyond in self._sizes:
                return url[: match.start(1)] + str(self._sizes[int(match[1]) - beyond] + beyond)
        return url

    def _learn(self, step: Step, answer: aiohttp.ClientResponse, content: bytes) -> None:
        if "X-Text-Size" in step["headers"] and "X-Text-Size" in answer.headers:
            self._sizes[int(step["headers"]["X-Text-Size"])] = int(answer.headers["X-Text-Size"])
        for recorded, ours in zip(
            re.findall(r"node0\w+\.node0", step["headers"].get("Set-Cookie", "")),
            re.findall(r"node0\w+\.node0", answer.headers.get("Set-Cookie", "")),
            strict=False,
        ):
            self._translated[recorded] = ours
        if '"crumb":' in (step["body"] or "") and answer.status == 200:
            self._translated[msgspec.json.decode(step["body"])["crumb"]] = msgspec.json.decode(content)["crumb"]

    def _compare(self, step: Step, answer: aiohttp.ClientResponse, content: bytes, url: str) -> None:
        recorded = step["headers"]
        self._same(step, "status", answer.status, step["status"])
        for name in sorted(EXACT):
            self._same(step, name, answer.headers.get(name, "").strip(), recorded.get(name, "").strip())
        for name in sorted(PRESENT):
            self._same(step, name, name in answer.headers, name in recorded)
        location = re.sub(r"http://127\.0\.0\.1:1808\d", url, recorded.get("Location", ""))
        self._same(step, "Location", answer.headers.get("Location", ""), location)
        self._same(step, "empty", not content, not step["body_bytes"])
        kind = recorded.get("Content-Type", "")
        if step["body"] is None and kind.startswith("text/html"):
            self._same(step, "size", len(content) == pytest.approx(step["body_bytes"], rel=0.2), True)
        elif step["body"] and "json" in kind:
            self._compare_json(step, msgspec.json.decode(content), msgspec.json.decode(step["body"]))
        elif step["body"] and (kind.startswith("text/plain") and "scriptText" not in step["url"]):
            self._compare_text(step, content)
        elif step["body"] and "iso-8859-1" in kind:
            self._same(step, "body", content.decode().split(), step["body"].split())

    def _compare_json(self, step: Step, ours: Any, recorded: Any) -> None:
        """Compare documents; of a list that the recorder has cut, as far as it goes."""
        if step.get("cut"):
            name = next(name for name in ("items", "builds", "allBuilds") if name in recorded)
            ours = {**ours, name: ours[name][: len(recorded[name])]}
        self._same(step, "body", shape(ours), shape(recorded))

    def _compare_text(self, step: Step, content: bytes) -> None:
        """Compare a log; a part that begins inside a hidden note is compared from the next line on."""
        ours, recorded = unnumbered(content), unnumbered(step["body"].encode())
        if step["label"] in {"mid", "POST with form start"}:
            ours, recorded = ours.partition(b"\n")[2], recorded.partition(b"\n")[2]
        self._same(step, "text", ours, recorded)

    def _same(self, step: Step, what: str, ours: Any, recorded: Any) -> None:
        if ours != recorded:
            self.wrong.append((f"{step['part']}: {step['label']}", what, ours, recorded))


async def test_every_recorded_request_is_answered_as_recorded() -> None:
    """Of 319 answers none differs: they came from one server, in this order."""
    replay = Replay()
    await replay.run()
    assert replay.wrong == []
    assert replay.seen == 319


def test_the_comparison_sees_what_differs() -> None:
    """A missing key, another class, another value where values count and a number for a text are differences."""
    assert shape({"_class": "a"}) != shape({"_class": "b"})
    assert shape({"result": None}) != shape({"result": "SUCCESS"})
    assert shape({"why": None}) != shape({"why": "In the quiet period"})
    assert shape({"timestamp": 1}) != shape({"timestamp": "1"})
    assert shape({"items": [{"id": 1}, {"id": 2}]}) != shape({"items": [{"id": 1}]})
    assert shape({"timestamp": 1}) == shape({"timestamp": 2})
