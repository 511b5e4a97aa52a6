"""A real database is dumped while Runs are in flight, work goes on, and the dump is put back: nothing starts twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from baton_crash.in_play import JenkinsInPlay, in_play, reached, write_secret
from baton_docs.blocks import typed_by
from baton_fakes.jenkins_security import ADMIN_TOKEN
from baton_spine.backup import Backup, make_anew, type_line
from baton_spine.stage import Stage, shown
from baton_spine.theatre import Theatre
from click.testing import Result
from typer.testing import CliRunner

from baton_operator.cli.application import application
from baton_operator.invariants import LedgerEntry

FINE = ("Succeeded", "Succeeded")
FLEET = {"batches": [{"name": "all", "items": [{"n": number} for number in range(8)]}]}
_STATES = """
SELECT r.name, d.attempt_no, d.state::text FROM dispatch_attempt d JOIN run r ON r.id = d.run_id
WHERE d.item_execution_id IS NULL
"""
_FLEET = "SELECT count(*) FROM dispatch_attempt WHERE item_execution_id IS NOT NULL"


class Site:
    """A stage with an Argo and a Jenkins, of which the Jenkins offers nothing against a submit that comes twice."""

    def __init__(self, stage: Stage, jenkins: JenkinsInPlay) -> None:
        self.stage = stage
        self.jenkins = jenkins

    def set_up(self) -> None:
        """Make Engines and Automations; nothing is sent to an Engine that is suspended."""
        stage = self.stage
        stage.engine_argo()
        self.jenkins.fake.state.add_job(f"{stage.namespace}/nap")
        write_secret(stage, {"username": "admin", "password": ADMIN_TOKEN})
        url = "http://{}:{}".format(*self.jenkins.address)
        stage.create("Engine", "engine", reached("Jenkins", url))
        stage.nap()
        stage.nap("nap-twice", retry={"maxAttempts": 2, "backoff": {"initial": "100ms"}})
        work = self.jenkins.work(stage, ms="parameters.ms", fail="'no'")
        stage.create("Automation", "build", {"engineRef": {"name": "engine"}, **work})
        each = self.jenkins.work(stage, ms="1000", fail="'no'")
        fan = {"dispatch": {"per": "Item", "maxParallel": 2}, **FLEET}
        stage.create("Automation", "fleet", {"engineRef": {"name": "engine"}, **each, **fan})

    def build(self, name: str, ms: int = 100) -> None:
        """Make a Run on Jenkins."""
        self.stage.run(name, "build", ms=ms)

    def suspend(self, *engines: str, wanted: bool = True) -> None:
        """Let nothing be sent to Engines, or let it again."""
        for name in engines:
            self.stage.patch("Engine", name, {"suspend": wanted})
            statement = "SELECT count(*) FROM engine WHERE name = %s AND suspend = %s"
            self.stage.until(lambda: self.stage.rows(statement, name, wanted) == [(1,)], what=f"{name}: {wanted}")  # noqa: B023

    def state(self, name: str, attempt: int = 1) -> str | None:
        """Give the state of one attempt of a Run that goes whole."""
        states = {(run, number): state for run, number, state in self.stage.rows(_STATES)}
        return states.get((name, attempt))

    def reaches(self, state: str, *names: str) -> None:
        """Wait until first attempts are in a state."""
        for name in names:
            self.stage.until(lambda: self.state(name) == state, 60, what=f"{name} {state}")  # noqa: B023

    def submitted(self, name: str) -> None:
        """Wait until a Run says so."""
        self.stage.until(lambda: self._says(name)[0] == "True", 60, what=f"{name} submitted")

    def held(self, name: str) -> None:
        """Wait until a Run says that a person has to decide."""
        self.stage.until(lambda: self._says(name)[:2] == ("Unknown", "SubmissionAmbiguous"), 90, what=f"{name} held")

    def _says(self, name: str) -> tuple[str, str, str]:
        return self.stage.condition("Run", name, "Submitted")

    def books(self) -> list[LedgerEntry]:
        """Give what both engines have accepted."""
        return [*self.stage.ledger(), *self.jenkins.books(self.stage)]

    def sent(self) -> list[str]:
        """Give the tokens of everything that was ever begun."""
        return [entry.token for entry in self.books()]


@pytest.fixture
def site(stage: Stage, stages: Theatre) -> Iterator[Site]:
    with in_play("Jenkins", stages) as jenkins:
        assert isinstance(jenkins, JenkinsInPlay)
        made = Site(stage, jenkins)
        made.set_up()
        yield made


@pytest.fixture
def baton(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Types a command about the stage's database."""
    monkeypatch.setenv("BATON_DATABASE_URL", stage.database_url)
    monkeypatch.setenv("KUBECONFIG", str(stage.kubeconfig))
    return lambda *words: CliRunner().invoke(application(), list(words))


def begin(site: Site) -> None:
    """Bring Runs into every phase: ended, running, and waiting for Engines that are suspended."""
    stage = site.stage
    stage.run("argo-done")
    stage.ended("argo-done")
    stage.run("argo-running", secs="20s")
    stage.run("argo-retried", "nap-twice", secs="8s", fail="yes")
    site.reaches("ACKED", "argo-running", "argo-retried")
    site.suspend("argo", "engine")
    for name in ("argo-ended", "argo-collected"):
        stage.run(name)
    for name, ms in (("jenkins-ended", 100), ("jenkins-running", 20_000), ("jenkins-deleted", 100)):
        site.build(name, ms)
    stage.run("fleet", "fleet")
    site.reaches("INTENT", "argo-ended", "argo-collected", "jenkins-ended", "jenkins-running", "jenkins-deleted")
    stage.until(lambda: stage.rows(_FLEET) == [(2,)], what="the first two of the fleet")


def go_on(site: Site) -> None:
    """Send what waits; then end, delete, collect and try again, and bring Runs that the backup does not know."""
    stage = site.stage
    site.suspend("argo", "engine", wanted=False)
    stage.ended("argo-ended", "argo-collected", "jenkins-ended", "jenkins-deleted")
    stage.delete("Run", "jenkins-deleted")
    ((token,),) = stage.rows(
        "SELECT d.token FROM dispatch_attempt d JOIN run r ON r.id = d.run_id WHERE r.name = 'argo-collected'"
    )
    stage.argo.state.delete(stage.argo.state.find(stage.namespace, token))
    stage.until(lambda: stage.rows(f"{_FLEET} AND state = 'CLOSED'")[0][0] >= 2, what="the end of two of the fleet")
    stage.until(lambda: site.state("argo-retried", 2), 60, what="the second attempt")
    site.build("jenkins-unknown", ms=20_000)
    site.submitted("jenkins-unknown")
    site.suspend("engine")
    site.build("jenkins-unsent")
    site.reaches("INTENT", "jenkins-unsent")


def test_a_dump_is_restored_while_runs_are_in_every_phase(site: Site, baton: Callable[..., Result]) -> None:
    """What was waiting, sent, running, ended, deleted, collected, tried again, and what the dump does not know."""
    stage = site.stage
    operator = stage.operator().wait_ready()
    begin(site)
    backup = Backup.of(stage)
    go_on(site)
    operator.terminate()
    operator.wait_end()
    before = site.sent()
    backup.restore(stage)
    assert "Nothing was changed" in baton("database", "restored").output
    said = baton("database", "restored", "--yes")
    assert said.exit_code == 0, said.output
    stage.patch("Engine", "engine", {"suspend": False})
    stage.operator().wait_ready()

    site.held("argo-collected")
    resolved = baton("runs", "resolve", "argo-collected", "-n", stage.namespace, "--fail", "--reason", "it ran")
    assert resolved.exit_code == 0, resolved.output
    ends = {name: shown(status) for name, status in stage.ended(within=120).items()}
    assert ends.pop("argo-collected")[0] == ends.pop("argo-retried")[0] == "Failed"
    assert set(ends.values()) == {FINE}, ends
    deleted = "SELECT status::text FROM run WHERE name = 'jenkins-deleted'"
    stage.until(lambda: stage.rows(deleted) == [("COMPLETED",)], 60, what="the end of the deleted one")
    tokens = site.sent()
    assert len(tokens) == len(set(tokens)), "something was started twice"
    assert set(before) <= set(tokens)
    unsent = 8 - _of_fleet(site, before) + 1
    assert len(set(tokens) - set(before)) == unsent, "something was lost"
    stage.check(60, books=site.books)


def _of_fleet(site: Site, tokens: list[str]) -> int:
    """Count which of *tokens* are units of the fleet."""
    rows = site.stage.rows("SELECT token FROM dispatch_attempt WHERE item_execution_id IS NOT NULL")
    return len(set(tokens) & {token for (token,) in rows})


def test_a_restore_that_nobody_mentions_is_seen_by_the_runs(site: Site) -> None:
    """The database is put back in its place, and the operator starts: a Run says more than its row."""
    stage = site.stage
    operator = stage.operator().wait_ready()
    site.suspend("engine")
    site.build("running", ms=15_000)
    site.reaches("INTENT", "running")
    backup = Backup.of(stage)
    site.suspend("engine", wanted=False)
    site.submitted("running")
    operator.terminate()
    operator.wait_end()
    backup.restore(stage)
    again = stage.operator().wait_ready()
    assert "database.older_than_runs" in again.log.read_text()
    assert shown(stage.ended("running")["running"]) == FINE
    assert len(site.sent()) == 1
    stage.check(60, books=site.books)


def test_a_dump_that_is_restored_elsewhere_is_refused_until_somebody_says_so(site: Site) -> None:
    """As the page has it typed: the operator ends with 78 and one line that names the command, which changes that."""
    dump, restore, ask, say, later = [line for _, line in typed_by("tests/cluster/spine/test_spine_restored.py")]
    stage = site.stage
    operator = stage.operator().wait_ready()
    stage.run("before")
    stage.ended("before")
    type_line(stage, dump)
    assert "at work on this database" in type_line(stage, say, status=1)
    operator.terminate()
    operator.wait_end()
    make_anew(stage)
    type_line(stage, restore)
    copy = stage.operator()
    assert copy.wait_end() == 78
    (line,) = [each for each in copy.log.read_text().splitlines() if "database.foreign" in each]
    assert say.removesuffix(" --yes") in line
    assert "Nothing was changed" in type_line(stage, ask)
    type_line(stage, say)
    operator = stage.operator().wait_ready()
    stage.run("after")
    assert shown(stage.ended("after")["after"]) == FINE
    stage.check(60, books=site.books)
    operator.terminate()
    operator.wait_end()
    type_line(stage, later)
