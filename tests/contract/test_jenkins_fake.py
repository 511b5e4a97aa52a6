"""What the recording could not show of Jenkins: crashes, forgetting and slow lists; and the fake as a process."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_security import ADMIN_TOKEN
from baton_fakes.jenkins_state import JenkinsState, Startup

from baton_operator.engines.conformance import Fault, read_ledger, serving

FAKES = Path(__file__).parents[1] / "fakes"


class Client:
    """Asks one server as its administrator."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def ask(self, method: str, path: str, **data: str) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body."""
        request = self.session.request(method, self.url + path, data=data or None, allow_redirects=False)
        async with request as answer:
            return answer.status, answer.headers, await answer.read()

    async def get(self, path: str) -> Any:
        """Return a document."""
        async with self.session.get(self.url + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def submit(self, token: str, **given: str) -> int:
        """Queue a build of ``nap`` and return the number of its item."""
        status, headers, _ = await self.ask("POST", "/job/nap/buildWithParameters", BATON_TOKEN=token, **given)
        assert status in {201, 303}
        return int(headers["Location"].split("/")[-2])

    async def builds(self) -> list[tuple[int, int, bool, str | None]]:
        """Return number, queue item, whether it runs, and result of each build, newest first."""
        found = await self.get("/job/nap/api/json?tree=allBuilds[number,queueId,building,result]")
        return [(each["number"], each["queueId"], each["building"], each["result"]) for each in found["allBuilds"]]


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    """Give a client with the administrator's API token."""
    headers = {"Authorization": aiohttp.encode_basic_auth("admin", ADMIN_TOKEN)}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Client(session, url)


@pytest.fixture
def fake() -> FakeJenkins:
    """A fake whose clock stands still until a test advances it, and whose builds are there at once."""
    fake = FakeJenkins()
    fake.state.freeze()
    fake.state.settings.left_gap = 0.0
    return fake


@pytest.fixture
async def client(fake: FakeJenkins) -> AsyncIterator[Client]:
    """A client of it."""
    async with serving(fake.app()) as url, client_of(url) as client:
        yield client


def kinds(state: JenkinsState) -> list[tuple[str, str]]:
    """Return the ledger's entries, kind and token."""
    return [(entry["kind"], entry["token"]) for entry in state.ledger.entries()]


async def test_an_item_is_forgotten_300_seconds_after_it_left(fake: FakeJenkins, client: Client) -> None:
    """Also while its build runs, which is found by its number all the same."""
    number = await client.submit("t1", SECS="1000")
    fake.state.advance(299.0)
    assert (await client.get(f"/queue/item/{number}/api/json"))["executable"]["number"] == 1
    fake.state.advance(1.0)
    assert (await client.ask("GET", f"/queue/item/{number}/api/json"))[0] == 404
    assert (await client.ask("POST", f"/queue/cancelItem?id={number}"))[0] == 404
    assert await client.builds() == [(1, number, True, None)]


async def test_an_item_has_left_before_its_build_is_there(fake: FakeJenkins, client: Client) -> None:
    """It was not cancelled and has no executable; neither list nor page knows the build yet."""
    fake.state.settings.left_gap = 60.0
    number = await client.submit("t1")
    item = await client.get(f"/queue/item/{number}/api/json")
    assert (item["_class"], item["cancelled"], item["executable"]) == ("hudson.model.Queue$LeftItem", False, None)
    assert await client.builds() == []
    assert (await client.ask("GET", "/job/nap/1/api/json"))[0] == 404
    fake.state.advance(60.0)
    assert (await client.get(f"/queue/item/{number}/api/json"))["executable"]["number"] == 1


async def test_equal_parameters_fall_together_only_while_queued(fake: FakeJenkins, client: Client) -> None:
    """Once the item has left, an equal submit is another build."""
    first = await client.submit("t1", delay="60sec")
    assert await client.submit("t1", delay="60sec") == first
    fake.state.advance(61.0)
    assert await client.submit("t1") == first + 1
    assert kinds(fake.state) == [
        ("accepted", "t1"),
        ("coalesced", "t1"),
        ("begun", "t1"),
        ("accepted", "t1"),
        ("begun", "t1"),
    ]


async def test_builds_stop_at_100_and_all_builds_do_not(fake: FakeJenkins, client: Client) -> None:
    """In silence, whatever range was asked for."""
    for number in range(120):
        fake.state.submit(fake.state.job("nap"), {"BATON_TOKEN": f"t{number}", "SECS": "0"})
    fake.state.advance(60.0)
    for name, wanted in (("builds", 100), ("allBuilds", 120)):
        found = await client.get(f"/job/nap/api/json?tree={name}[number]{{0,200}}")
        assert [each["number"] for each in found[name]] == list(range(120, 120 - wanted, -1))


async def test_logs_are_rotated(fake: FakeJenkins, client: Client) -> None:
    """The oldest go, but for the last one that succeeded."""
    fake.state.job("nap").keep = 2
    for number, code in enumerate("01111"):
        await client.submit(f"t{number}", SECS="0", CODE=code)
        fake.state.advance(1.0)
    assert [number for number, _, _, _ in await client.builds()] == [5, 4, 1]


@pytest.mark.parametrize(
    ("given", "result", "cause"),
    [
        ({"CODE": "0"}, "SUCCESS", None),
        ({"CODE": "3"}, "FAILURE", None),
        ({"RESULT": "UNSTABLE"}, "UNSTABLE", None),
        ({"RESULT": "NOT_BUILT"}, "NOT_BUILT", None),
        ({"RESULT": "ABORTED"}, "ABORTED", None),
        ({"RESULT": "TIMEOUT"}, "ABORTED", "Timeout has been exceeded"),
    ],
)
async def test_a_build_ends_as_its_parameters_say(
    fake: FakeJenkins, client: Client, given: dict[str, str], result: str, cause: str | None
) -> None:
    """Only a timeout has a cause of its own."""
    await client.submit("t1", SECS="2", **given)
    fake.state.advance(1.0)
    assert await client.builds() == [(1, 1, True, None)]
    fake.state.advance(2.0)
    assert await client.builds() == [(1, 1, False, result)]
    build = await client.get("/job/nap/1/api/json?tree=duration,actions[_class,causes[shortDescription]]")
    causes = [each["causes"] for each in build["actions"] if "Interrupted" in each.get("_class", "")]
    assert [entry["shortDescription"] for each in causes for entry in each] == ([cause] if cause else [])
    assert build["duration"] == 2000


async def test_a_result_that_is_shown_early_can_change(fake: FakeJenkins, client: Client) -> None:
    """A build that archives shows SUCCESS while it runs; stopped then, it ends as FAILURE."""
    await client.submit("t1", SECS="1", ARCHIVE="60")
    fake.state.advance(2.0)
    assert await client.builds() == [(1, 1, True, "SUCCESS")]
    assert (await client.ask("POST", "/job/nap/1/stop"))[0] == 302
    fake.state.advance(1.0)
    assert await client.builds() == [(1, 1, False, "FAILURE")]


async def test_a_killed_server_loses_what_is_newer_than_its_queues_file(fake: FakeJenkins, client: Client) -> None:
    """Running builds vanish and their numbers stay used; item numbers are handed out again."""
    kept = await client.submit("kept", delay="900sec")
    fake.state.save_queue()
    lost = await client.submit("lost", delay="900sec")
    await client.submit("running", SECS="900")
    session = (await client.ask("GET", "/api/json"))[1]["X-Jenkins-Session"]
    fake.restart("kill")
    assert (await client.ask("GET", "/api/json"))[1]["X-Jenkins-Session"] != session
    assert [item["id"] for item in (await client.get("/queue/api/json"))["items"]] == [kept]
    assert await client.builds() == []
    assert (await client.ask("GET", "/job/nap/1/logText/progressiveText"))[0] == 404
    assert await client.submit("again", SECS="900") == lost
    fake.state.advance(1.0)
    assert [(number, item) for number, item, _, _ in await client.builds()] == [(2, lost)]


async def test_a_killed_server_runs_an_item_twice_by_itself(fake: FakeJenkins, client: Client) -> None:
    """Its queue's file still had the item: two builds of one item, and one submit in the ledger."""
    number = await client.submit("t1", SECS="0", delay="10sec")
    fake.state.save_queue()
    fake.state.advance(20.0)
    fake.restart("kill")
    fake.state.advance(20.0)
    assert await client.builds() == [(2, number, False, "SUCCESS"), (1, number, False, "SUCCESS")]
    assert kinds(fake.state) == [("accepted", "t1"), ("begun", "t1"), ("begun", "t1")]


@pytest.mark.parametrize(("at_stop", "left"), [("ABORTED", ["ABORTED"]), ("FAILURE", ["FAILURE"]), ("lost", [])])
async def test_a_clean_stop_keeps_the_queue(fake: FakeJenkins, client: Client, at_stop: str, left: list[str]) -> None:
    """Running builds end one way or another, or are not heard of again; items that had left are forgotten."""
    fake.state.settings.at_stop = at_stop
    running = await client.submit("running", SECS="900")
    waiting = await client.submit("waiting", delay="900sec")
    fake.state.advance(1.0)
    fake.restart("stop")
    assert [result for _, _, _, result in await client.builds()] == left
    assert [item["id"] for item in (await client.get("/queue/api/json"))["items"]] == [waiting]
    assert (await client.ask("GET", f"/queue/item/{running}/api/json"))[0] == 404
    assert await client.submit("newer", delay="900sec") == waiting + 1


async def test_a_start_goes_through_its_phases(fake: FakeJenkins, client: Client) -> None:
    """Cut off, 503 without a mark, 401 for a token that is right, 503, and at last 200."""
    number = await client.submit("waiting", delay="1sec")
    fake.restart("stop", Startup(refused=10.0, booting=10.0, unauthorized=10.0, booting_again=10.0))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.ask("GET", "/api/json")
    for status in (503, 401, 503):
        fake.state.advance(10.0)
        seen, headers, _ = await client.ask("GET", "/api/json")
        assert (seen, "X-Jenkins" in headers) == (status, False)
    assert kinds(fake.state) == [("accepted", "waiting")]
    fake.state.advance(11.0)
    assert [item for _, item, _, _ in await client.builds()] == [number]


async def test_lists_lag_and_pages_do_not(fake: FakeJenkins, client: Client) -> None:
    """A build is there by its number before it is in the list, and a queued item before it is in the queue."""
    fake.state.settings.list_lag = 30.0
    await client.submit("t1", SECS="0")
    waiting = await client.submit("t2", delay="900sec")
    fake.state.advance(1.0)
    assert (await client.builds(), (await client.get("/queue/api/json"))["items"]) == ([], [])
    assert (await client.get("/job/nap/1/api/json"))["number"] == 1
    assert (await client.get(f"/queue/item/{waiting}/api/json"))["id"] == waiting
    fake.state.advance(30.0)
    assert await client.builds() == [(1, 1, False, "SUCCESS")]
    assert [item["id"] for item in (await client.get("/queue/api/json"))["items"]] == [waiting]


async def test_a_clock_can_be_wrong(fake: FakeJenkins, client: Client) -> None:
    """All times that are shown are the server's own."""
    fake.state.settings.clock_skew = 86400.0
    await client.submit("t1", SECS="0")
    fake.state.advance(1.0)
    (build,) = (await client.get("/job/nap/api/json?tree=allBuilds[timestamp]"))["allBuilds"]
    assert build["timestamp"] == round((fake.state.now() - 1.0 + 86400.0) * 1000)


async def test_a_held_request_is_overtaken(fake: FakeJenkins, client: Client) -> None:
    """It is done when the test lets it go, behind a later one."""
    fake.faults.add(Fault("hold", method="POST", times=1))
    first = asyncio.create_task(client.submit("first"))
    async with asyncio.timeout(30):
        while not fake.faults.shown:  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0.01)
    assert await client.submit("second") == 1
    assert fake.faults.release() == 1
    assert await first == 2
    assert [token for kind, token in kinds(fake.state) if kind == "accepted"] == ["second", "first"]


async def test_the_ledger_knows_what_the_client_does_not(fake: FakeJenkins, client: Client) -> None:
    """A submit whose answer was lost is written down."""
    fake.faults.add(Fault("work-then-drop", method="POST", times=1))
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.submit("t1")
    assert kinds(fake.state) == [("accepted", "t1"), ("begun", "t1")]


async def test_it_is_a_process_of_its_own(tmp_path: Path) -> None:
    """Controlled through its own paths; it closes its port for a moment when it is told to restart."""
    ledger = tmp_path / "ledger.jsonl"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "baton_fakes.jenkins", "--port", "0", "--ledger", str(ledger), "--job", "nap"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(FAKES)},
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
    async with client_of(url) as client:
        async with client.session.patch(f"{url}/_settings", json={"left_gap": 0.0}) as answer:
            assert (await answer.json())["left_gap"] == 0.0
        async with client.session.post(f"{url}/_jobs", json={"name": "site", "branches": ["feature/x"]}) as answer:
            assert answer.status == 200
        assert await client.submit("t1", SECS="900") == 1
        async with client.session.post(f"{url}/_restart", json={"startup": {"refused": 1.0}}) as answer:
            assert answer.status == 200
        await _until(client, is_up=False)
        await _until(client, is_up=True)
        assert await client.submit("t2") == 1
        assert [entry["token"] for entry in await client.get("/_ledger")] == ["t1", "t1", "t2", "t2"]
    process.terminate()
    assert await process.wait() == 0
    assert [entry["kind"] for entry in read_ledger(ledger)] == ["accepted", "begun"] * 2


async def _until(client: Client, *, is_up: bool) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            await client.get("/_requests")
            up = True
        except aiohttp.ClientConnectorError:
            up = False
        except aiohttp.ClientConnectionError:
            up = True
        if up == is_up:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not in time")
