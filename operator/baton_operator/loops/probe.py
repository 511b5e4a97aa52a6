"""Probes and validations that are due: whether engines answer and take our credential, whether targets exist."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.payload import cleaned
from baton_models.statements import track as statements
from baton_operator.decide.attempts import guarantee
from baton_operator.decide.definition import Definition, InvalidDefinitionError, read_definition
from baton_operator.decide.probing import Health, is_news, judge_failure, judge_probe, judge_problems
from baton_operator.engines.base import Problem
from baton_operator.engines.directory import TaskDirectory, missing
from baton_operator.engines.errors import EngineError, RetryableError
from baton_operator.kube.errors import KubeError
from baton_operator.loops.bounds import may_resend
from baton_operator.loops.breaker import Breaker
from baton_operator.loops.intake_definitions import resolve_engine
from baton_operator.loops.lanes import Lanes
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.requests import engine_spec

#: Engines and automations served in one turn at most.
BATCH = 20
#: A target is validated again after this time, or sooner where it was not fine.
VALID_FOR = timedelta(minutes=10)
INVALID_FOR = timedelta(seconds=15)
#: Seconds that finding out what is installed may take of the time for a check: the engine is what it is about.
LIST_WITHIN = 5.0


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Bound all requests of one probe or check together; a lateness is the engine's failure."""
    try:
        async with asyncio.timeout(statements.ASK_WITHIN):
            yield
    except TimeoutError as error:
        raise RetryableError(f"not all was answered within {statements.ASK_WITHIN} s") from error


class ProbeLoop:
    """
    Asks engines how they are; turns with `track`.

    Args:
        tasks: Knows what hooks may call; without it, nothing is said of hooks.
    """

    name = "track"
    pace = 0.5

    def __init__(
        self, parts: Parts, *, dispatching: Bell, projecting: Bell, tasks: TaskDirectory | None = None
    ) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._registry = parts.registry
        self._kube = parts.kube
        self._lanes = Lanes(self.name, self.bell, parts.metrics)
        self._breaker = Breaker(parts.store)
        self._dispatching = dispatching
        self._projecting = projecting
        self._tasks = tasks

    async def turn(self) -> float:
        """Probe and validate what is due."""
        engines = await self._store.run(lambda session: statements.claim_probes(session, limit=BATCH))
        for row in engines:
            if self._lanes.is_free(row.id):
                self._lanes.start(row.id, partial(self._probe, row))
        checks = await self._store.run(lambda session: statements.claim_checks(session, limit=BATCH))
        for row in checks:
            if self._lanes.is_free(row.automation_id):
                self._lanes.start(row.automation_id, partial(self._check, row))
        return 0.0 if len(engines) == BATCH or len(checks) == BATCH else 1.0

    async def drain(self) -> None:
        """Wait until everything that is under way has ended."""
        await self._lanes.drain()

    async def _probe(self, row: Any) -> bool:
        health, capabilities, guarantee = await self._ask(row)
        capabilities, guarantee = capabilities or row.capabilities, guarantee or row.submission_guarantee
        health = replace(health, message=cleaned(health.message)[0][:1000])
        is_up = health.ready == "ProbeSucceeded"
        is_kept = await self._store.run(
            lambda session: statements.record_probe(
                session,
                row.id,
                held_until=row.held_until,
                show=is_news(health, row, capabilities=capabilities, guarantee=guarantee),
                back=is_up and row.ready_reason != "ProbeSucceeded",
                ready=health.ready,
                authenticated=health.authenticated,
                stalled=health.stalled,
                message=health.message,
                version=health.version,
                epoch=health.epoch,
                memory=None if health.memory is None else round(health.memory),
                capabilities=orjson.dumps(sorted(capabilities)).decode(),
                guarantee=guarantee,
                again=timedelta(seconds=health.again),
            )
        )
        if not is_kept:  # it was frozen meanwhile, and another replica knows better
            return False
        if is_up and row.circuit_state != "closed":
            await self._breaker.answered(row.id)
        self._projecting.ring()
        if is_up:
            self._dispatching.ring()
        return False

    async def _ask(self, row: Any) -> tuple[Health, list[str], str | None]:
        """Probe one engine; whatever it answers becomes a value."""
        try:
            adapter = await self._registry.adapter(engine_spec(row.id, row))
        except EngineError as error:
            return judge_failure(error, failures=row.probe_failures, waiting=row.waiting), [], None
        capabilities = [each.value for each in adapter.capabilities]
        try:
            async with _in_time():
                answer = await adapter.probe()
        except EngineError as error:
            return judge_failure(error, failures=row.probe_failures, waiting=row.waiting), capabilities, None
        return judge_probe(answer), capabilities, guarantee(adapter.idempotency, resend=may_resend(row.spec, None))

    async def _check(self, row: Any) -> bool:
        """Resolve an automation's engine again and ask the engine about the target."""
        try:
            definition = read_definition(row.automation_spec, row.automation_namespace, row.automation_name)
        except InvalidDefinitionError:
            return False
        labels = await self._labels(definition.engine[0], row.automation_namespace)

        async def resolve(session: AsyncSession) -> tuple[Any, str, str | None]:
            engine, ready, message = await resolve_engine(session, definition, row.automation_namespace, labels)
            return (engine.id if engine else None), ready, message

        engine, ready, ready_message = await self._store.run(resolve)
        reason, message, fine = None, None, False
        if ready == "Valid" and row.id is not None:
            reason, message, fine = await self._validate(row, definition)
        await self._store.run(
            lambda session: statements.record_check(
                session,
                row.automation_id,
                reason=reason,
                message=message,
                ready=ready,
                ready_message=ready_message,
                engine=engine,
                again=VALID_FOR if fine else INVALID_FOR,
            )
        )
        self._projecting.ring()
        return False

    async def _validate(self, row: Any, definition: Definition) -> tuple[str | None, str | None, bool]:
        """Ask the engine, and what is installed; give reason, message, and whether that holds for long."""
        try:
            adapter = await self._registry.adapter(engine_spec(row.id, row))
            async with _in_time():
                lacking = await self._lacking(definition)
                problems = await adapter.validate(definition.target, [each.name for each in definition.arguments])
        except EngineError as error:  # what the engine said before holds on; before that, people see why nobody knows
            words = row.target_message if row.target_reason else str(error)[:1000]
            return row.target_reason, words, row.target_reason == "Valid"
        reason, message = judge_problems([*problems, *(lacking or ())])
        if lacking is None:  # what was known before holds on
            return reason, row.target_message if reason == row.target_reason else message, False
        return reason, message, reason == "Valid"

    async def _lacking(self, definition: Definition) -> Sequence[Problem] | None:
        """
        Say what hooks name that is not installed: Runs go without. The adapter of Embedded asks by itself.

        Returns:
            None where it is not known yet: finding out goes on, for the next check.
        """
        if self._tasks is None or definition.arm == "embedded":
            return ()
        try:
            async with asyncio.timeout(LIST_WITHIN):
                found = await missing(self._tasks, definition.data_models, definition.hooks)
        except TimeoutError:
            return None
        return [replace(each, blocking=False) for each in found]

    async def _labels(self, owner: str, namespace: str) -> Mapping[str, str] | None:
        if owner == namespace:
            return None
        try:
            return await self._kube.namespace_labels(namespace)
        except KubeError:
            return None
