"""
Makes the fixture of an older release: its database with Runs in flight, and what it said to it afterwards.

    git worktree add /tmp/older <commit>
    PYTHONPATH=tests/fakes python -m baton_upgrades.record /tmp/older tests/integration/upgrades/first_landing

The older release's own migrations and operator run between today's servers, kinds and fakes, as its Pods do while an
upgrade is under way. What is written: ``schema_and_rows.sql`` (a dump), ``engine.jsonl`` (what the fake Argo knows),
``objects.jsonl`` (the custom resources) and ``statements.jsonl.gz`` (what the older operator and its worker sent to the
database from then on, in their order; reads that were sent before are left out).
"""

from __future__ import annotations

import dataclasses
import gzip
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from baton_spine.process import SHORT
from baton_spine.stage import Stage
from baton_spine.theatre import theatre
from baton_upgrades.names import ARGO_URL, NAMESPACE
from baton_upgrades.statements import Sent, heard, packed

from baton_operator.kube.resources import Kind
from baton_operator.local.binaries import postgres_programs
from baton_operator.local.home import Home
from baton_operator.local.kubernetes import ControlPlane
from baton_operator.local.ports import pick_free
from baton_operator.local.postgres import Postgres, create_database, drop_database
from baton_operator.local.progress import say_on_stderr

FAKES = Path(__file__).parents[1]
WITHIN = 900.0
#: Lines of a dump that only PostgreSQL 18, or only psql, understands.
_OF_PSQL = re.compile(r"^(?:\\(?:un)?restrict .*|SET .*;|SELECT pg_catalog\.set_config\(.*\);|--.*)\n", re.MULTILINE)
_ITEMS = [{"secs": "100ms"}, {"secs": "100ms"}, {"secs": "900s"}, {"secs": "900s"}, {"secs": "1s"}, {"secs": "1s"}]


@dataclasses.dataclass
class OlderRelease:
    """
    An older release between today's servers.

    Attributes:
        tree: Its sources.
        stage: Where it plays.
        statements: Where its statements are written down, once somebody listens.
    """

    tree: Path
    stage: Stage
    statements: Path
    _process: subprocess.Popen[bytes] | None = None

    def environ(self, **more: str) -> dict[str, str]:
        """Give the environment in which Python finds the older release, and not today's."""
        rooms = [str(self.tree / room) for room in ("models", "migrations", "operator")]
        paths = [str(Path(__file__).with_name("listening")), *rooms, str(FAKES)]
        return {**os.environ, **SHORT, **more, "PYTHONPATH": os.pathsep.join(paths)}

    def migrate(self) -> None:
        """Bring the stage's database to the older release's head."""
        command = [sys.executable, "-m", "baton_migrations", "--database-url", self.stage.database_url]
        subprocess.run(command, env=self.environ(), check=True)

    def start(self, *, worker: bool = True, listen: bool = False) -> None:
        """Start its operator, and wait until it is ready."""
        given = {
            "KUBECONFIG": str(self.stage.kubeconfig),
            "BATON_DATABASE_URL": self.stage.database_url,
            "BATON_NAMESPACES": self.stage.namespace,
            "BATON_REPLICA": "first-landing-0",
            "BATON_HTTP_PORT": str(pick_free()),
            "BATON_WORKER": str(worker).lower(),
        }
        if listen:
            given["PYTHON_STATEMENTS_TO"] = str(self.statements)
        log = self.stage.folder / f"older-{uuid.uuid4().hex[:6]}.log"
        with log.open("wb") as stream:
            command = [sys.executable, "-m", "baton_operator"]
            self._process = subprocess.Popen(
                command, env=self.environ(**given), stdout=stream, stderr=stream, start_new_session=True
            )
        say_on_stderr(f"older operator: {log}")

    def end(self, *, kill: bool = False) -> None:
        """Let it finish, or kill it and its worker."""
        if self._process is None:
            return
        if kill:
            os.killpg(self._process.pid, 9)
        else:
            self._process.terminate()
        self._process.wait(120)
        self._process = None


def fill(stage: Stage, older: OlderRelease) -> None:
    """Make Runs, and leave them in every state there is: ended, waiting, half-way, unclear."""
    definitions(stage)
    older.start()
    ended(stage, "1")
    stage.run("long-1", secs="900s")
    stage.run("long-2", secs="900s")
    stage.run("fleet", "fleet", secs=None)
    stage.run("in-place", "nap-one-place", secs="900s")
    stage.run("held", spec={"state": "Suspended"})
    stage.run("retry-later", "nap-later", fail="yes")
    stage.run("asleep", "sleep", seconds="900")
    for name in ("long-1", "long-2", "in-place"):
        stage.phase(name, "Running", within=WITHIN)
    stage.run("in-queue", "nap-one-place")
    stage.phase("held", "Suspended", within=WITHIN)
    half_way = "SELECT 1 FROM run_progress p JOIN run r ON r.id = p.run_id WHERE name = 'fleet' AND completed = 2"
    for what in (
        half_way + " AND running = 2",
        "SELECT 1 FROM dispatch_attempt a JOIN run r ON r.id = a.run_id WHERE name = 'retry-later' AND attempt_no = 2",
        "SELECT 1 FROM embedded_task WHERE state = 'running'",
    ):
        stage.until(lambda what=what: stage.rows(what), WITHIN, what=what)
    cancelled_in_vain(stage)
    older.end(kill=True)
    older.start(worker=False)
    stage.run("queued", "hello", name="Ada")
    stage.until(lambda: stage.rows("SELECT 1 FROM embedded_task WHERE state = 'queued'"), WITHIN)
    unclear(stage)
    older.end(kill=True)


def definitions(stage: Stage) -> None:
    """Make two Engines, and Automations of all kinds that the older release knew."""
    stage.engine_argo()
    stage.engine_embedded()
    stage.nap()
    stage.nap("nap-again", retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    stage.nap("nap-later", retry={"maxAttempts": 2, "backoff": {"initial": "1h", "max": "1h"}})
    stage.nap("nap-hasty", timeouts={"run": "1s", "cancel": "60s"})
    stage.nap("nap-one-place", concurrency={"max": 1})
    stage.nap(
        "fleet",
        arguments={"secs": "${item.secs}", "fail": "no"},
        batches=[{"name": "all", "items": _ITEMS}],
        dispatch={"per": "Item", "maxParallel": 2},
    )
    stage.task("hello", "demo.hello", "name")
    stage.task("flaky", "demo.flaky", retry={"maxAttempts": 2, "backoff": {"initial": "100ms"}})
    stage.task("sleep", "demo.sleep", "seconds")


def ended(stage: Stage, mark: str) -> None:
    """Bring a Run of each kind to its end."""
    stage.run(f"fine-{mark}")
    stage.run(f"bad-{mark}", fail="yes")
    stage.run(f"again-{mark}", "nap-again", fail="yes")
    stage.run(f"hasty-{mark}", "nap-hasty", secs="900s")
    stage.run(f"told-{mark}", "hello", name="Ada")
    stage.run(f"flaky-{mark}", "flaky")
    stage.run(f"refused-{mark}", "nowhere")
    stage.run(f"stopped-{mark}", secs="900s")
    stage.phase(f"stopped-{mark}", "Running", within=WITHIN)
    stage.patch("Run", f"stopped-{mark}", {"state": "Cancelled", "reason": "not wanted"})
    kinds = ("fine", "bad", "again", "hasty", "told", "flaky", "refused", "stopped")
    stage.ended(*(f"{each}-{mark}" for each in kinds), within=WITHIN)


def cancelled_in_vain(stage: Stage) -> None:
    """Leave a Run that is to be cancelled while its engine refuses to hear."""
    stage.run("stopping", secs="900s")
    stage.phase("stopping", "Running", within=WITHIN)
    stage.spoil("answer", "/(stop|terminate)", status=503)
    stage.patch("Run", "stopping", {"state": "Cancelled", "reason": "not wanted"})
    asked = "SELECT 1 FROM dispatch_attempt a JOIN run r ON r.id = a.run_id WHERE name = 'stopping' AND cancel_due_at"
    stage.until(lambda: stage.rows(f"{asked} IS NOT NULL"), WITHIN)


def unclear(stage: Stage) -> None:
    """Leave one submit whose answer was lost, and one that never came to the engine."""
    sent = "SELECT 1 FROM dispatch_attempt a JOIN run r ON r.id = a.run_id WHERE name = %s AND sends = 1"
    before = len(stage.accepted())
    stage.spoil("work-then-hold", times=1)
    stage.run("answer-lost", secs="900s")
    stage.until(lambda: len(stage.accepted()) > before, WITHIN)
    stage.spoil("hold", times=1)
    stage.run("never-there", secs="900s")
    stage.until(lambda: stage.rows(sent, "never-there"), WITHIN)


def go_on(stage: Stage, older: OlderRelease) -> None:
    """Let the older release go on with all of it, heard by us, and bring what it can to an end."""
    stage.argo.faults.clear()
    older.start(listen=True)
    ended(stage, "2")
    stage.patch("Run", "held", {"state": "Active"})
    stage.patch("Automation", "nap", {"description": "Sleeps"})
    stage.patch("Engine", "argo", {"limits": {"maxInFlight": 90}})
    stage.ended("held", "stopping", "queued", within=WITHIN)
    found = "SELECT 1 FROM dispatch_attempt a JOIN run r ON r.id = a.run_id WHERE name = %s AND a.state = 'ACKED'"
    for name in ("answer-lost", "never-there"):
        stage.until(lambda name=name: stage.rows(found, name), WITHIN)
    for workflow in stage.argo.state.seen(stage.namespace, time.time()):
        if workflow.at(time.time()).finished is None:
            stage.argo.state.end(stage.namespace, workflow.name, "Succeeded")
    names = ("long-1", "long-2", "fleet", "in-place", "in-queue", "asleep", "answer-lost", "never-there")
    stage.ended(*names, within=WITHIN)
    stage.delete("Run", "fine-1")
    gone = "SELECT 1 FROM run WHERE name = 'fine-1' AND cr_deleted_at IS NOT NULL"
    stage.until(lambda: stage.rows(gone), WITHIN)
    older.end()


def dump(stage: Stage) -> str:
    """Give the database as SQL that any client can send, of PostgreSQL 16 or newer."""
    options = ["--no-owner", "--no-privileges", "--no-comments", "--inserts", "--rows-per-insert=100"]
    command = [postgres_programs(18) / "pg_dump", *options, stage.database_url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    taken = f"-- {datetime.now(UTC).isoformat()}: the moment of this dump\n"
    return taken + re.sub(r"\n{3,}", "\n\n", _OF_PSQL.sub("", text)).strip() + "\n"


def objects(stage: Stage) -> list[dict[str, Any]]:
    """Give the custom resources, as far as the older release has seen them."""
    kinds: tuple[Kind, ...] = ("Engine", "Automation", "Run")
    return [
        {
            "kind": kind,
            "name": each["metadata"]["name"],
            "uid": each["metadata"]["uid"],
            "generation": each["metadata"]["generation"],
            "spec": each["spec"],
            "status": each.get("status", {}),
        }
        for kind in kinds
        for each in stage.server.request("GET", stage.path(kind))["items"]
    ]


def workflows(stage: Stage) -> list[dict[str, Any]]:
    """Give what the fake Argo knows, oldest first."""
    return [dataclasses.asdict(each) for each in reversed(stage.argo.state.seen(stage.namespace, time.time()))]


def worth_keeping(statements: Iterable[Sent]) -> Iterator[Sent]:
    """Leave out reads that were sent twice before, and writes that changed nothing and were sent twice before."""
    seen: Counter[str] = Counter()
    for each in statements:
        seen[each.text] += 1
        if seen[each.text] <= 2 or (each.writes and each.rows > 0):
            yield each


def lines(documents: Iterable[Any]) -> bytes:
    """Write documents as JSON, one a line."""
    return b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in documents)


def renamed(content: bytes, names: Mapping[str, str]) -> bytes:
    """Replace what only this machine calls so."""
    for ours, shown in names.items():
        content = content.replace(ours.encode(), shown.encode())
    return content


def main(tree: Path, folder: Path) -> None:
    """Record the release whose sources are in *tree* into *folder*."""
    home = Home.at(os.environ["BATON_TEST_HOME"])
    admin = Postgres(home, fsync=False).up()
    folder.mkdir(parents=True, exist_ok=True)
    with theatre(ControlPlane(home, say_on_stderr, fsync=False).up(), admin) as opened:
        stage = opened.stage()
        name = f"older_{uuid.uuid4().hex}"
        stage.database_url = create_database(admin, name)
        older = OlderRelease(tree, stage, stage.folder / "statements.jsonl")
        try:
            older.migrate()
            fill(stage, older)
            made = {
                "schema_and_rows.sql": dump(stage).encode(),
                "objects.jsonl": lines(objects(stage)),
                "engine.jsonl": lines(workflows(stage)),
            }
            go_on(stage, older)
            said = packed(worth_keeping(heard(older.statements.read_bytes())))
        finally:
            older.end(kill=True)
            drop_database(admin, name)
        names = {stage.namespace: NAMESPACE, stage.argo_url: ARGO_URL}
        names |= {socket.gethostname(): NAMESPACE, str(tree): "/older"}
        for file, content in made.items():
            (folder / file).write_bytes(renamed(content, names))
        (folder / "statements.jsonl.gz").write_bytes(gzip.compress(renamed(said, names), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
