"""
An older release's database as it was left: restored for a test, as if it had been left just now.

What a fixture consists of is said by `baton_upgrades.record`, which makes it.
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import orjson
import psycopg
from baton_fakes.argo_state import NAP
from baton_fakes.argo_workflows import FakeWorkflow
from baton_spine.stage import Object, Stage
from baton_upgrades.names import ARGO_URL, NAMESPACE
from baton_upgrades.statements import Sent, unpacked

from baton_operator.kube.resources import Kind

FIXTURES = Path(__file__).parents[2] / "integration" / "upgrades"

_MOMENT = re.compile(r"'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\+00'")

#: A clock that stands still within a statement, found before PostgreSQL's own.
_CLOCK = """
CREATE SCHEMA IF NOT EXISTS replay;
CREATE TABLE IF NOT EXISTS replay.began AS SELECT max(changed_at) AS at FROM public.run_state_history;
CREATE OR REPLACE FUNCTION replay.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
  $$ SELECT at + current_setting('replay.step')::int * interval '0.1 s' FROM replay.began $$;
CREATE OR REPLACE FUNCTION replay.now() RETURNS timestamptz LANGUAGE sql STABLE AS
  $$ SELECT replay.clock_timestamp() $$;
SET search_path = replay, public, pg_catalog;
"""


@dataclass(frozen=True)
class OlderDatabase:
    """
    What one older release has left.

    Attributes:
        folder: Where its fixture is.
    """

    folder: Path

    @cached_property
    def dump(self) -> str:
        """Its schema and its rows, as SQL."""
        return (self.folder / "schema_and_rows.sql").read_text()

    @property
    def left_at(self) -> datetime:
        """When it was left."""
        return datetime.fromisoformat(self.dump.removeprefix("-- ").partition(": the moment")[0])

    def since(self) -> timedelta:
        """Say how long ago that is."""
        return datetime.now(UTC) - self.left_at

    def restore(self, database_url: str, *, names: Mapping[str, str] | None = None) -> None:
        """
        Restore the dump into an empty database, all its moments moved as if it had been left now.

        Args:
            names: What is to stand there in place of names in the dump.
        """
        later = self.since()
        text = _MOMENT.sub(lambda found: f"'{datetime.fromisoformat(found[1]) + later}+00'", self.dump)
        for ours, given in (names or {}).items():
            text = text.replace(ours, given)
        with psycopg.connect(database_url) as connection:
            connection.execute(text.encode())  # bytes: it is a file's content, no literal

    def statements(self) -> list[Sent]:
        """
        Give what the release went on to say, its moments moved in the same way.

        What it asks about rows *before* a moment is about those of the dump: how fast a replay is must not matter.
        """
        packed = (self.folder / "statements.jsonl.gz").read_bytes()
        later = self.since()
        found = unpacked(gzip.decompress(packed), later=later)
        return [_about(self.left_at + later, each) for each in found]

    def objects(self) -> list[Object]:
        """Give the custom resources that it knew: kind, name, uid, generation, spec and status."""
        return self._lines("objects.jsonl")

    def workflows(self) -> list[dict[str, Any]]:
        """Give what its engine knew, oldest first."""
        return self._lines("engine.jsonl")

    def _lines(self, file: str) -> list[Object]:
        return [orjson.loads(line) for line in (self.folder / file).read_bytes().splitlines()]

    def put_on(self, stage: Stage) -> None:
        """Put all of it on a stage whose database is empty: its objects, its engine's workflows, its rows."""
        names = _names(stage)
        names |= {each["uid"]: self._made(stage, each) for each in self.objects()}
        later = self.since().total_seconds()
        stage.argo.state.add_template(stage.namespace, NAP)
        for each in self.workflows():
            stage.argo.state.insert(_workflow(_renamed(each, names), later))
        self.restore(stage.database_url, names=names)

    def _made(self, stage: Stage, known: Object) -> str:
        """Make one custom resource as it was, with its status, and give its new uid."""
        kind = cast("Kind", known["kind"])
        spec = _renamed(known["spec"], _names(stage))
        wanted = spec.get("state")
        made = stage.create(kind, known["name"], {**spec, "state": "Active"} if wanted == "Cancelled" else spec)
        if wanted == "Cancelled":
            stage.patch(kind, known["name"], {"state": wanted, "reason": spec.get("reason")})
        if known["status"]:
            body = {"status": _renamed(known["status"], _names(stage))}
            stage.server.request("PATCH", f"{stage.path(kind, known['name'])}/status", body)
        return str(made["metadata"]["uid"])


FIRST_LANDING = OlderDatabase(FIXTURES / "first_landing")


def _names(stage: Stage) -> dict[str, str]:
    return {ARGO_URL: stage.argo_url, NAMESPACE: stage.namespace}


def _renamed(document: Any, names: Mapping[str, str]) -> Any:
    text = orjson.dumps(document).decode()
    for ours, given in names.items():
        text = text.replace(ours, given)
    return orjson.loads(text)


def _about(moment: datetime, statement: Sent) -> Sent:
    match statement.parameters:
        case {"before": datetime()}:
            return replace(statement, parameters={**statement.parameters, "before": moment})
        case _:
            return statement


def _workflow(known: Mapping[str, Any], later: float) -> FakeWorkflow:
    made = FakeWorkflow(**known)
    made.created += later
    made.shutdowns = [(when + later, word) for when, word in known["shutdowns"]]
    return made


def replay(database_url: str, statements: Sequence[Sent], *, first: int = 0, pause: float = 0.0) -> list[int]:
    """
    Send statements as a client of the older release does: each in a transaction, repeated where it met a deadlock.

    Their clock goes on by a tenth of a second from one to the next, however long they take: two replays see the same.

    Args:
        first: How many of them were replayed before these.
        pause: Seconds between two of them.

    Returns:
        How many rows each of them touched or gave.
    """
    touched = []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_CLOCK)
        for number, each in enumerate(statements, first):
            connection.execute("SELECT set_config('replay.step', %s, false)", (str(number),))
            touched.append(_send(connection, each))
            time.sleep(pause)
    return touched


def _send(connection: psycopg.Connection, statement: Sent) -> int:
    text = statement.text.encode()
    if "leases" in statement.parameters:
        _lease(connection, statement)
    while True:
        with suppress(psycopg.errors.DeadlockDetected):
            if isinstance(statement.parameters, list) and statement.parameters:
                with connection.cursor() as cursor:
                    cursor.executemany(text, statement.parameters)
                    return cursor.rowcount
            return connection.execute(text, statement.parameters or None).rowcount


def _lease(connection: psycopg.Connection, statement: Sent) -> None:
    """Have the rows leased as they were then: the server made other leases now, by its clock."""
    table = statement.text.split(maxsplit=2)[1]
    leased = "project_lease = v.lease, project_at = v.lease"
    leases = "unnest(CAST(%(ids)s AS uuid[]), CAST(%(leases)s AS timestamptz[])) AS v(id, lease)"
    connection.execute(f"UPDATE {table} t SET {leased} FROM {leases} WHERE t.id = v.id".encode(), statement.parameters)
