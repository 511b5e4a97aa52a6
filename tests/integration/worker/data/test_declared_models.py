"""A task reaches what its Automation declares, and nothing else, whichever way it tries."""

import pytest

from baton_operator.decide.definition import read_definition
from baton_operator.engines.embedded.adapter import EmbeddedAdapter
from baton_operator.worker.listing import InstalledTasks


async def test_a_declared_model_is_given(queue, worker, hand):
    token = await hand("acme.ask-for", name="Note")
    assert (await queue.ended(token)).result == "Note"


WAYS = [
    ("acme.ask-for", {"name": "Secret"}, "'Secret' was not declared: add it to spec.dataModels"),
    ("acme.read-imported", {}, "'Secret' (table ext_acme_secret) was not declared"),
    ("acme.write-imported", {}, "'Secret' (table ext_acme_secret) was not declared"),
    ("acme.write-imported-later", {}, "'Secret' (table ext_acme_secret) was not declared"),
    ("acme.read-raw", {}, "table ext_acme_secret was not declared"),
    ("acme.write-raw", {}, "table ext_acme_secret was not declared"),
    ("acme.read-runs", {}, "table run is Baton's own"),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[0])
@pytest.mark.parametrize("models", [["Note"], []])
@pytest.mark.usefixtures("worker")
async def test_what_was_not_declared_is_refused(queue, books, hand, way, models):
    task, arguments, words = way
    token = await hand(task, models=models, **arguments)
    seen = await queue.ended(token)
    assert (seen.native, words in seen.message) == ("failed", True), seen
    assert books.read("SELECT count(*) FROM ext_acme_secret") == [(0,)]


async def test_a_model_that_is_not_installed_fails_the_task_before_it_begins(queue, worker, books, hand):
    """The message names near ones."""
    token = await hand("acme.note", models=["Notes"], line="never written")
    assert "no data model is registered as 'Notes': did you mean Note?" in (await queue.ended(token)).message
    assert books.lines(token) == []


async def test_an_automation_is_told_of_a_model_that_is_not_installed(queue, site):
    """Before any Run; the target of a definition brings along what its tasks may use."""
    spec = {"engineRef": {"name": "e"}, "target": {"embedded": {"task": "acme.ask-for"}}}
    installed = InstalledTasks({"PYTHONPATH": str(site)})
    adapter = EmbeddedAdapter(queue.spec, queue.database.get_async_session, installed)

    async def problems(*models):
        definition = read_definition({**spec, "dataModels": list(models)}, "team", "auto")
        return [(each.reason, each.message) for each in await adapter.validate(definition.target, ["name"])]

    assert await problems() == await problems("Note", "Secret") == []
    assert await problems("Note", "Secrets") == [
        ("TargetNotFound", "spec.dataModels: no data model is registered as 'Secrets': did you mean Secret?")
    ]


async def test_an_automation_is_told_of_a_hook_that_is_not_installed(queue, site):
    """Before any Run; what its hooks would be given is theirs to take."""
    spec = {"engineRef": {"name": "e"}, "target": {"embedded": {"task": "acme.ask-for"}}}
    adapter = EmbeddedAdapter(queue.spec, queue.database.get_async_session, InstalledTasks({"PYTHONPATH": str(site)}))

    async def problems(**hooks):
        named = {event: {"task": task, "timeout": "5s"} for event, task in hooks.items()}
        definition = read_definition({**spec, "hooks": named}, "team", "auto")
        return [(each.reason, each.message) for each in await adapter.validate(definition.target, ["name"])]

    assert await problems() == await problems(onStart="acme.seen", onFinish="acme.hang") == []
    assert await problems(onStart="acme.seen", onFinish="acme.sen") == [
        (
            "TargetNotFound",
            "spec.hooks.onFinish: no task is registered as 'acme.sen': did you mean acme.seen, acme.tell, acme.note?",
        )
    ]
