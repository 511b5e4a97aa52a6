"""The Embedded adapter on a PostgreSQL of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from baton_models import Base, EngineModel, new_id
from baton_models.database import DatabaseConfig
from baton_operator.engines.base import EngineSpec, Problem, Reference, SubmitRequest
from baton_operator.engines.conformance import AdapterConformance, Fate, new_request
from baton_operator.engines.embedded.adapter import EmbeddedAdapter

_END = text(
    """
    UPDATE embedded_task SET state = :state, started_at = now(), finished_at = clock_timestamp() WHERE token = :token
    """
)
_COUNT = text("SELECT count(*) FROM embedded_task WHERE token = :token")


class OneTask:
    """A directory with one task."""

    async def problem(self, task: str, arguments: Sequence[str] | None) -> Problem | None:
        """Know only ``nap``."""
        return None if task == "nap" else Problem("TargetNotFound", f"no task is called {task}")


class EmbeddedHarness:
    """The adapter over a table; what a worker would do is done by hand."""

    def __init__(self, database: DatabaseConfig) -> None:
        self.database = database
        self.engine_id = new_id()
        spec = EngineSpec(self.engine_id, "team", "tasks", "Embedded", 1, {"type": "Embedded"})
        self.adapter = EmbeddedAdapter(spec, database.get_async_session, OneTask())

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request for ``nap``."""
        return new_request({"task": "nap"}, {"seconds": 1}, **changes)

    def unknown_target(self) -> Mapping[str, Any]:
        """Name a task that is not there."""
        return {"task": "nope"}

    def nowhere(self, like: Reference) -> Reference:
        """Name a row that never was."""
        never = self.request()
        return Reference(like.external_id.replace(like.token, never.token), never.token, never.target)

    async def settle(self, request: SubmitRequest, fate: Fate) -> None:
        """Do what a worker would have done."""
        state = "succeeded" if fate == "succeeds" else "failed"
        async with self.database.get_async_session() as session:
            await session.execute(_END, {"state": state, "token": request.token})
            await session.commit()

    async def accepted(self, token: str) -> int:
        """Count rows."""
        async with self.database.get_async_session() as session:
            return int(await session.scalar(_COUNT, {"token": token}) or 0)


@pytest.fixture
async def harness(database_url: str) -> AsyncIterator[EmbeddedHarness]:
    """One Engine of type Embedded in a database of the test's own."""
    database = DatabaseConfig(database_url)
    async with database.async_sa_engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    made = EmbeddedHarness(database)
    async with database.get_async_session() as session:
        session.add(EngineModel(id=made.engine_id, tenant_id="team", name="tasks", type="Embedded"))
        await session.commit()
    yield made
    await database.dispose_async_engine()


class TestEmbedded(AdapterConformance):
    """The contract."""
