"""One namespace never reaches what another has, unless the Engine says so."""

from __future__ import annotations

from typing import Any

import pytest
from loop_site import Site
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.decide.definition import read_definition
from baton_operator.loops.intake_definitions import resolve_engine

OPEN = {"allowedNamespaces": {"selector": {"matchLabels": {"team": "b", "tier": "prod"}}}}
B = {"engineRef": {"name": "argo", "namespace": "team-a"}, "target": {"argo": {"workflowTemplate": "nap"}}}


@pytest.mark.parametrize(
    ("engine", "labels", "ready"),
    [
        ({}, {"team": "b"}, "RefNotPermitted"),
        (OPEN, {"team": "b", "tier": "prod", "more": "x"}, "Valid"),
        (OPEN, {"team": "b"}, "RefNotPermitted"),
        (OPEN, {}, "RefNotPermitted"),
        (OPEN, None, "RefNotPermitted"),
        ({"allowedNamespaces": {"selector": {}}}, {"team": "b"}, "RefNotPermitted"),
        ({"allowedNamespaces": {"selector": {"matchLabels": {}}}}, {"team": "b"}, "RefNotPermitted"),
    ],
)
async def test_an_engine_of_another_namespace(
    site: Site, engine: dict[str, Any], labels: dict[str, str] | None, ready: str
) -> None:
    """Only where its selector selects this namespace; an empty selector selects none."""
    await site.serve(**engine)
    definition = read_definition(B, "team-b", "patch")

    async def resolve(session: AsyncSession) -> tuple[Any, str, str | None]:
        return await resolve_engine(session, definition, "team-b", labels)

    found, reason, message = await site.first.parts.store.run(resolve)
    assert reason == ready
    assert (found is not None) == (ready == "Valid")
    if message:
        assert message.startswith("spec.engineRef: Engine team-a/argo does not allow namespace team-b: ")


async def test_whether_a_foreign_engine_exists_is_not_told(site: Site) -> None:
    """The answer is the same as where it exists and does not allow it."""
    await site.serve()
    there = read_definition(B, "team-b", "patch")
    nowhere = read_definition({**B, "engineRef": {"name": "none", "namespace": "team-a"}}, "team-b", "patch")

    async def resolve(session: AsyncSession) -> list[str | None]:
        answers = [await resolve_engine(session, each, "team-b", {}) for each in (there, nowhere)]
        return [(message or "").replace("/none", "/argo") + reason for _, reason, message in answers]

    first, second = await site.first.parts.store.run(resolve)
    assert first == second


async def test_a_target_that_does_not_fit_its_engine(site: Site) -> None:
    await site.serve()
    await site.define(target={"embedded": {"task": "demo.hello"}})
    ((ready, message),) = site.rows("SELECT ready_reason, ready_message FROM automation")
    assert ready == "TargetNotFound"
    assert message == "spec.target.embedded: does not fit Engine team-a/argo, which is of type Argo"


async def test_automations_of_the_same_name_are_two(site: Site) -> None:
    """A Run finds the one of its own namespace, and only that."""
    await site.serve()
    await site.define(arguments={"v": "a"})
    await site.serve(namespace="team-b")
    await site.define(namespace="team-b", arguments={"v": "b"})
    await site.start("one")
    await site.start("one", namespace="team-b")
    await site.dispatch()
    assert sorted(each.arguments["v"] for each in site.engine.executions.values()) == ["a", "b"]
    owners = site.rows("SELECT r.tenant_id, a.tenant_id FROM run r JOIN automation a ON a.id = r.automation_id")
    assert all(first == second for first, second in owners)
