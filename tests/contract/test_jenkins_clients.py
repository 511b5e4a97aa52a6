"""The fake, driven by clients that others wrote: what they cannot work with, the real server would not have said."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import jenkins
import pytest
from api4jenkins import Jenkins
from api4jenkins.build import Build
from api4jenkins.exceptions import AuthenticationError, BadRequestError, ItemNotFoundError
from api4jenkins.queue import QueueItem
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_security import ADMIN_TOKEN, ITEM_READ, READ
from baton_fakes.jenkins_state import Startup

from baton_operator.engines.conformance import serving_in_thread

T = TypeVar("T")

TOKEN = {"BATON_TOKEN": "t1"}
CONFIG = """<project><properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>
<hudson.model.StringParameterDefinition><name>BATON_TOKEN</name><defaultValue/></hudson.model.StringParameterDefinition>
<hudson.model.StringParameterDefinition><name>SECS</name><defaultValue>1</defaultValue>
</hudson.model.StringParameterDefinition></parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>
<quietPeriod>0</quietPeriod><disabled>false</disabled><concurrentBuild>true</concurrentBuild></project>"""


@pytest.fixture
def fake() -> FakeJenkins:
    """A fake with state of its own."""
    return FakeJenkins()


@pytest.fixture
def url(fake: FakeJenkins) -> Iterator[str]:
    """Where it is."""
    with serving_in_thread(fake.app()) as url:
        yield url


@pytest.fixture
def python_jenkins(url: str) -> Iterator[jenkins.Jenkins]:
    """The client python-jenkins, with the password: it needs crumb and cookie."""
    client = jenkins.Jenkins(url, username="admin", password="admin", timeout=10)  # noqa: S106 - the fake's
    yield client
    client._session.close()


@pytest.fixture
def api4jenkins(url: str) -> Iterator[Jenkins]:
    """The client api4jenkins, with an API token."""
    client = Jenkins(url, auth=("admin", ADMIN_TOKEN))
    yield client
    client.http_client.close()


def until(look: Callable[[], T | None], seconds: float = 60.0) -> T:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
    return found


def build_of(item: QueueItem) -> Build:
    """Wait until an item has become a build; api4jenkins stumbles over the moment in which it has just left."""
    until(lambda: item.api_json("executable[url]").get("executable"))
    build = item.get_build()
    assert build is not None
    return build


def test_python_jenkins_builds_a_job(python_jenkins: jenkins.Jenkins, fake: FakeJenkins) -> None:
    """Create in a folder, trigger, follow the queue item to its build, read its log and its parameters."""
    client = python_jenkins
    assert (client.get_whoami()["fullName"], client.get_version()) == ("admin", "2.568.2")
    client.create_folder("team")
    client.create_job("team/nap", CONFIG)
    assert client.job_exists("team/nap")
    assert [job["fullname"] for job in client.get_all_jobs()] == ["nap", "team", "team/nap"]
    assert [entry["name"] for entry in client.get_job_info("team/nap")["property"][0]["parameterDefinitions"]] == [
        "BATON_TOKEN",
        "SECS",
    ]
    number = client.build_job("team/nap", {"BATON_TOKEN": "t1", "SECS": "100ms", "UNDECLARED": "x"})
    build = until(lambda: client.get_queue_item(number).get("executable"))
    assert build["number"] == 1
    until(lambda: not client.get_build_info("team/nap", 1)["building"])
    ended = client.get_build_info("team/nap", 1)
    assert (ended["result"], ended["queueId"], ended["duration"]) == ("SUCCESS", number, 100)
    given = {entry["name"]: entry["value"] for entry in ended["actions"][0]["parameters"]}
    assert given == {"BATON_TOKEN": "t1", "SECS": "100ms"}
    assert client.get_build_console_output("team/nap", 1).endswith("Finished: SUCCESS\n")
    entries = [(entry["kind"], entry["token"]) for entry in fake.state.ledger.entries()]
    assert entries == [("accepted", "t1"), ("begun", "t1")]


def test_python_jenkins_stops_and_cancels(python_jenkins: jenkins.Jenkins) -> None:
    """A running build, and a queued one; and it sees what runs."""
    client = python_jenkins
    client.build_job("nap", {"BATON_TOKEN": "t1", "SECS": "300"})
    until(client.get_running_builds)
    assert [(build["name"], build["number"]) for build in client.get_running_builds()] == [("nap", 1)]
    queued = client.build_job("nap", {"BATON_TOKEN": "t2", "delay": "60sec"})
    assert [item["id"] for item in client.get_queue_info()] == [queued]
    client.cancel_queue(queued)
    assert (client.get_queue_info(), client.get_queue_item(queued)["cancelled"]) == ([], True)
    client.stop_build("nap", 1)
    until(lambda: not client.get_build_info("nap", 1)["building"])
    assert client.get_build_info("nap", 1)["result"] == "ABORTED"


def test_python_jenkins_meets_a_coalesced_submit(python_jenkins: jenkins.Jenkins, fake: FakeJenkins) -> None:
    """It follows the 303 to the item and finds no Location there; the ledger has one accepted submit."""
    given = {"BATON_TOKEN": "t1", "delay": "60sec"}
    python_jenkins.build_job("nap", given)
    with pytest.raises(jenkins.EmptyResponseException):
        python_jenkins.build_job("nap", given)
    assert [entry["kind"] for entry in fake.state.ledger.entries()] == ["accepted", "coalesced"]


def test_python_jenkins_manages_jobs(python_jenkins: jenkins.Jenkins) -> None:
    """Disable, enable, reconfigure, rename, delete, quiet down."""
    client = python_jenkins
    client.create_job("work", CONFIG)
    queued = client.build_job("work", {"BATON_TOKEN": "t1", "delay": "60sec"})
    client.disable_job("work")
    assert client.get_queue_item(queued)["cancelled"]
    with pytest.raises(jenkins.requests.HTTPError, match="409"):
        client.build_job("work", {"BATON_TOKEN": "t2"})
    client.enable_job("work")
    client.reconfig_job("work", CONFIG.replace("SECS", "LASTS"))
    assert "LASTS" in client.get_job_config("work")
    client.rename_job("work", "works")
    assert not client.job_exists("work")
    client.delete_job("works")
    assert not client.job_exists("works")
    client.quiet_down()
    item = client.build_job("nap", {"BATON_TOKEN": "t3"})
    assert client.get_queue_item(item)["why"] == "Jenkins is about to shut down"


def test_api4jenkins_builds_a_job(api4jenkins: Jenkins, fake: FakeJenkins) -> None:
    """Create with folders, trigger, follow, read the log to its end, list."""
    client = api4jenkins
    assert client.version == "2.568.2"
    client.create_job("a/b/nap", CONFIG, recursive=True)
    item = client.build_job("a/b/nap", **TOKEN, SECS="900")
    build = build_of(item)
    assert (build.number, build.building, item.get_job().full_name) == (1, True, "a/b/nap")
    assert [(each.name, each.value) for each in build.get_parameters()] == [("BATON_TOKEN", "t1"), ("SECS", "900")]
    assert build.get_causes()[0]["userId"] == "admin"
    fake.state.advance(900.0)
    lines = list(build.progressive_output())
    assert (lines[-1], build.result) == ("Finished: SUCCESS", "SUCCESS")
    job = client.get_job("a/b/nap")
    assert [each.number for each in job.iter_all_builds()] == [1]
    assert job.get_last_successful_build().number == 1
    assert [each.full_name for each in client.iter(2)] == ["a", "a/b", "a/b/nap", "nap"]


def test_api4jenkins_stops_and_cancels(api4jenkins: Jenkins) -> None:
    """A running build, and queued ones one after another."""
    client = api4jenkins
    build = build_of(client.build_job("nap", **TOKEN, SECS="300"))
    build.stop()
    until(lambda: not build.building)
    assert build.result == "ABORTED"
    waiting = [client.build_job("nap", BATON_TOKEN=token, delay="60sec") for token in ("t2", "t3")]
    assert {item.id for item in client.queue} == {item.id for item in waiting}
    for item in waiting:
        item.cancel()
        assert item.cancelled
    assert list(client.queue) == []


def test_api4jenkins_sees_a_multibranch_project(api4jenkins: Jenkins, fake: FakeJenkins) -> None:
    """A branch with a slash is a job whose name is encoded, and its address encodes it once more."""
    fake.state.add_multibranch("site", ["main", "feature/x"])
    jobs = list(api4jenkins.get_job("site"))
    assert [(job.name, job.display_name) for job in jobs] == [("feature%252Fx", "feature/x"), ("main", "main")]
    build = build_of(jobs[0].build(**TOKEN, SECS="0"))
    assert build.url.endswith("/job/site/job/feature%252Fx/1/")
    assert build.full_display_name == "site/feature%2Fx #1"


def test_api4jenkins_sees_the_fakes_refusals(api4jenkins: Jenkins, url: str, fake: FakeJenkins) -> None:
    """Its errors, by status: 404, 401, 403, 400."""
    with pytest.raises(ItemNotFoundError):
        api4jenkins.queue.cancel(4711)
    with pytest.raises(BadRequestError, match="already exists"):
        api4jenkins.create_job("nap", CONFIG)
    fake.security.add("ro", "ro", ["read-only"], [READ, ITEM_READ])
    for auth, error in ((("admin", "wrong"), AuthenticationError), (("ro", "read-only"), PermissionError)):
        client = Jenkins(url, auth=auth)
        with pytest.raises(error):
            client.build_job("nap", **TOKEN)
        client.http_client.close()
    assert fake.state.ledger.entries() == []


def test_api4jenkins_meets_a_restart(api4jenkins: Jenkins, fake: FakeJenkins) -> None:
    """A valid token is refused for a moment after a start, and a killed server has lost what ran."""
    build = build_of(api4jenkins.build_job("nap", **TOKEN, SECS="300"))
    fake.restart("kill", Startup(unauthorized=3600.0))
    with pytest.raises(AuthenticationError):
        build.exists()
    fake.state.advance(3600.0)
    assert not build.exists()
