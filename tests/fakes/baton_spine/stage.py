"""A namespace, a database and an engine of a test's own, between which real operators run."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_state import NAP, RefusalError
from baton_spine.process import OperatorProcess

from baton_models.database import DatabaseConfig
from baton_operator.engines.conformance import Fault
from baton_operator.invariants import LedgerEntry, Violation, check_invariants
from baton_operator.kube.resources import API_VERSION, PLURALS, Kind
from baton_operator.local.api_server import ApiServer
from baton_operator.local.errors import ApiError

Object = dict[str, Any]
#: A quick Engine: it is asked every second, and shows what it has taken at once.
QUICK = {
    "limits": {"maxInFlight": 100, "requestsPerSecond": 200, "burst": 200},
    "tracking": {"interval": "1s", "idleInterval": "2s"},
    "submission": {"visibilityLag": "1s"},
}
#: How engines stand, and which sessions wait for what, for a failing test.
_ENGINES = """
SELECT ready_reason, circuit_state, paused_until - now(), bucket_tokens, next_poll_at - now(), '' FROM engine_health
UNION ALL
SELECT application_name, state, now() - xact_start, NULL, now() - query_start, left(query, 80) FROM pg_stat_activity
WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
"""
#: Seconds between two looks at what is waited for: each costs the API server a handshake, or PostgreSQL a process.
LOOK = 0.25
#: Seconds that anything may take on a machine that plays other tests as well; what is promised sooner says so itself.
PATIENCE = 60.0
ENDED = frozenset({"Succeeded", "Failed", "Cancelled"})


@dataclass
class Stage:
    """
    Where one test plays.

    Attributes:
        server: The API server, as its administrator.
        kubeconfig: Of the operator's ServiceAccount.
        argo: A fake Argo, perhaps shared with other stages: what is in its namespace of this name is ours.
        argo_url: Where that is.
        operator_database_url: Where its operators find the database, if not where the test does.
        module: What its operators run.
    """

    server: ApiServer
    kubeconfig: Path
    namespace: str
    database_url: str
    argo: FakeArgo
    argo_url: str
    folder: Path
    operators: list[OperatorProcess] = field(default_factory=list)
    operator_database_url: str = ""
    module: str = "baton_operator"

    def operator(self, faults: str = "", **environ: str) -> OperatorProcess:
        """Start an operator of this stage, with failpoints armed; does not wait."""
        given = {
            "KUBECONFIG": str(self.kubeconfig),
            "BATON_DATABASE_URL": self.operator_database_url or self.database_url,
            "BATON_NAMESPACES": self.namespace,
            "BATON_FAULTS": faults,
            "BATON_REPLICA": f"replica-{len(self.operators)}",
        }
        log = self.folder / f"operator-{len(self.operators)}.log"
        started = OperatorProcess(log, {**given, **environ}, self.module)
        self.operators.append(started)
        return started

    def engine_argo(self, name: str = "argo", **spec: Any) -> None:
        """Make an Engine of the fake Argo, with the template ``nap`` in our namespace."""
        self.argo.state.add_template(self.namespace, NAP)
        self.create("Engine", name, {"type": "Argo", "url": self.argo_url, **QUICK, **spec})

    def engine_embedded(self, name: str = "tasks", **spec: Any) -> None:
        """Make an Engine of Baton's own."""
        self.create("Engine", name, {"type": "Embedded", **QUICK, **spec})

    def nap(self, name: str = "nap", engine: str = "argo", **spec: Any) -> None:
        """Make an Automation of the template ``nap``: it sleeps ``secs`` and then fails or not."""
        arguments = {"secs": "${parameters.secs}", "fail": "${parameters.fail}"}
        wanted = {
            "engineRef": {"name": engine},
            "target": {"argo": {"workflowTemplate": "nap"}},
            "arguments": arguments,
        }
        self.create("Automation", name, {**wanted, **spec})

    def task(self, name: str, task: str, *arguments: str, engine: str = "tasks", **spec: Any) -> None:
        """Make an Automation of an Embedded task; *arguments* are parameters that are passed on."""
        passed = {each: f"${{parameters.{each}}}" for each in arguments}
        wanted = {"engineRef": {"name": engine}, "target": {"embedded": {"task": task}}, "arguments": passed}
        self.create("Automation", name, {**wanted, **spec})

    def run(self, name: str, automation: str = "nap", /, *, spec: Mapping[str, Any] | None = None, **given: Any) -> str:
        """Make a Run with the parameters *given*; return its uid."""
        parameters = {"secs": "100ms", "fail": "no", **given} if automation.startswith("nap") else given
        body = {"automationRef": {"name": automation}, "parameters": parameters, **(spec or {})}
        return str(self.create("Run", name, body)["metadata"]["uid"])

    def create(self, kind: Kind, name: str, spec: Mapping[str, Any], **metadata: Any) -> Object:
        """Make an object and return it as stored."""
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **metadata}, "spec": dict(spec)}
        return self.until(lambda: self._post(kind, body), 60, what=f"{kind} {name} taken by the API server")

    def _post(self, kind: Kind, body: Object) -> Object | None:
        """Post an object; None where the admission policy does not know its kind yet (for seconds after an install)."""
        try:
            return self.server.request("POST", self.path(kind), body)
        except ApiError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return None

    def path(self, kind: Kind, name: str = "") -> str:
        """Give where objects of a kind are, or one of them."""
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{PLURALS[kind]}" + (f"/{name}" if name else "")

    def get(self, kind: Kind, name: str) -> Object:
        """Read an object."""
        return self.server.request("GET", self.path(kind, name))

    def patch(self, kind: Kind, name: str, spec: Mapping[str, Any]) -> None:
        """Merge *spec* into an object's."""
        self.server.request("PATCH", self.path(kind, name), {"spec": dict(spec)})

    def delete(self, kind: Kind, name: str) -> None:
        """Remove an object; one with a finalizer would stay."""
        self.server.request("DELETE", self.path(kind, name))

    def exists(self, kind: Kind, name: str) -> bool:
        """Say whether there is such an object."""
        try:
            self.get(kind, name)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True

    def runs(self) -> dict[str, Object]:
        """List the status of all Runs by their names."""
        items = self.server.request("GET", self.path("Run"))["items"]
        return {each["metadata"]["name"]: each.get("status", {}) for each in items}

    def condition(self, kind: Kind, name: str, type_: str) -> tuple[str, str, str]:
        """Give one condition's status, reason and message; empty ones where it is not there yet."""
        return condition(self.get(kind, name).get("status", {}), type_)

    def until(self, holds: Callable[[], Any], within: float = PATIENCE, *, what: str = "") -> Any:
        """Wait until *holds* gives something true, and give that."""
        deadline = time.monotonic() + within
        while not (found := holds()):
            assert time.monotonic() < deadline, f"{what or 'it'} did not happen within {within:g} s\n{self.account()}"
            time.sleep(LOOK)
        return found

    def ended(self, *names: str, within: float = 2 * PATIENCE) -> dict[str, Object]:
        """Wait until the named Runs (or all) show ``Completed``, and give their status."""

        def all_ended() -> dict[str, Object] | None:
            runs = self.runs()
            chosen = {name: runs[name] for name in names} if names else runs
            return chosen if all(condition(each, "Completed")[0] == "True" for each in chosen.values()) else None

        return self.until(all_ended, within, what=f"the end of {names or 'all Runs'}")

    def phase(self, name: str, *phases: str, within: float = PATIENCE) -> Object:
        """Wait until a Run is in one of *phases*, and give its status."""
        return self.until(
            lambda: (now := self.get("Run", name).get("status", {})).get("phase") in phases and now,
            within,
            what=f"{name} in {phases}",
        )

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement, values or None).fetchall()

    def accepted(self) -> list[str]:
        """Give the tokens of all submits that the fake Argo has accepted, by its own books."""
        return [entry.token for entry in self.ledger()]

    def spoil(self, kind: str, path: str = "/submit", **more: Any) -> None:
        """Switch a fault on for requests below our namespace of the fake Argo."""
        self.argo.faults.add(Fault(kind, path=f"/{self.namespace}/?[^/]*{path}", **more))

    def ledger(self) -> list[LedgerEntry]:
        """Give the engine's own books as `baton check` takes them."""
        ours = [each for each in self.argo.state.ledger.entries() if each["namespace"] == self.namespace]
        return [self._entry(each["name"], each["uid"]) for each in ours]

    def _entry(self, name: str, uid: str) -> LedgerEntry:
        try:
            finished = self.argo.state.find(self.namespace, name).at(time.time()).finished is not None
        except RefusalError:  # collected, or deleted by somebody
            finished = False
        return LedgerEntry(name, f"{self.namespace}/{name}/{uid}", finished=finished)

    def check(self, within: float = PATIENCE, *, books: Callable[[], Sequence[LedgerEntry]] | None = None) -> None:
        """Have the invariants checked, the engine's books at hand, until they hold; what is broken stays broken."""
        deadline = time.monotonic() + within
        while found := self.violations(books or self.ledger):
            text = "\n".join(map(str, found))
            assert time.monotonic() < deadline, f"{text}\n{self.account()}"
            time.sleep(LOOK)

    def violations(self, books: Callable[[], Sequence[LedgerEntry]] | None = None) -> list[Violation]:
        """Ask `baton check` once."""
        entries = (books or self.ledger)()

        async def ask() -> list[Violation]:
            database = DatabaseConfig(self.database_url, pool_size=1)
            try:
                return await check_invariants(database, _OneNamespace(self), entries, bound=1.0)
            finally:
                await database.dispose_async_engine()
                database.dispose_engine()

        return asyncio.run(ask())

    def account(self) -> str:
        """Say how things stand, for a failing test."""
        try:
            runs = self.rows("SELECT name, status, status_reason, error_summary, project_at - now() FROM run")
            attempts = self.rows(
                "SELECT token, state, sends, absences, error, due_at - now(), cancel_due_at - now()"
                " FROM dispatch_attempt"
            )
            engines = self.rows(_ENGINES)
        except psycopg.Error as error:
            runs, attempts, engines = [(str(error),)], [], []
        logs = [f"--- {each.log.name}\n{each.tail(15)}" for each in self.operators]
        return "\n".join([*map(str, runs), *map(str, attempts), *map(str, engines), *logs])


class _OneNamespace:
    """What `check_invariants` asks of the API server, narrowed to one namespace of a shared one."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def list(self, kind: Kind) -> AsyncIterator[Sequence[Object]]:
        """Give one page."""
        yield self._stage.server.request("GET", self._stage.path(kind))["items"]


def condition(status: Mapping[str, Any], type_: str) -> tuple[str, str, str]:
    """Give one condition's status, reason and message."""
    found: Iterable[Mapping[str, str]] = status.get("conditions", ())
    return next(((c["status"], c["reason"], c["message"]) for c in found if c["type"] == type_), ("", "", ""))


def shown(status: Mapping[str, Any]) -> tuple[str, str]:
    """Sum a Run's status up: its phase, and why."""
    return status.get("phase", ""), condition(status, "Succeeded")[1]


def unique(prefix: str) -> str:
    """Make a name nobody has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"
