"""What a Run shows whose name in the engine is another's."""

from __future__ import annotations

from typing import Any

import pytest
from baton_fakes.in_memory import Execution
from loop_site import Site

from baton_models.statements.projection import read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.engines.base import Rejected
from baton_operator.loops.views import run_view


async def reasons(site: Site) -> dict[str, tuple[str, str]]:
    """Give status and reason of each condition of the only Run, as it would be shown now."""
    async with site.first.database.get_async_session() as session:
        (row,) = await read_runs(session, [site.one("SELECT id FROM run")])
    conditions: list[dict[str, Any]] = status_document(run_view(row))["conditions"]
    return {each["type"]: (each["status"], each["reason"]) for each in conditions}


async def dispatched(site: Site, outcome: Rejected) -> None:
    """Bring a Run, and let its submit be answered so."""
    await site.serve()
    await site.define()
    await site.start("monday")
    site.engine.script.append(outcome)
    await site.dispatch()


async def test_a_name_that_is_anothers_is_said(site: Site) -> None:
    """The Run fails as it does where an engine refuses, and its condition Submitted says why."""
    await dispatched(site, Rejected("NameTaken", "argo/x has our name but not our marks", http_status=409))
    assert site.runs() == {"monday": ("FAILED", "EngineRejected")}
    shown = await reasons(site)
    assert (shown["Submitted"], shown["Succeeded"]) == (("False", "NameTaken"), ("False", "EngineRejected"))


async def test_a_name_that_a_look_finds_to_be_anothers_is_said(site: Site) -> None:
    """The sender died before the first byte, and somebody else's work has the name."""
    await site.serve()
    await site.define()
    await site.start("monday")
    assert await site.first.dispatch._claim(site.one("SELECT id FROM engine"))
    token = site.one("SELECT token FROM dispatch_attempt")
    site.engine.executions[token] = Execution(token, "another's", {})
    site.later(60)
    await site.resolve()
    assert site.attempts() == ["REJECTED"]
    assert (await reasons(site))["Submitted"] == ("False", "NameTaken")
    site.engine.executions.clear()  # the work is not the Run's


@pytest.mark.parametrize("status", [400, 409])
async def test_another_refusal_is_no_taken_name(site: Site, status: int) -> None:
    """A disabled job of Jenkins is 409 too."""
    await dispatched(site, Rejected("EngineRejected", "nap is not buildable", http_status=status))
    assert (await reasons(site))["Submitted"] == ("False", "Waiting")
