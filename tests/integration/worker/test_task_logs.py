"""What a task prints is kept, by whatever means it prints, and can be read while it runs."""

from baton_operator.engines.embedded.log import MAX_BYTES


async def test_lines_are_there_while_the_task_runs(queue, worker):
    token = await queue.put("site.wait", seconds=300)
    await queue.says(token, "waiting\n", within=180)
    page = await queue.page(token)
    assert page.more
    assert (await queue.look(token)).native == "running"
    assert (await queue.page(token, page.cursor)).text == ""
    await queue.adapter.cancel(queue.reference(token), "stop", "")


async def test_everything_is_heard(queue, worker):
    token = await queue.put("site.loud")
    await queue.ended(token)
    page = await queue.page(token)
    said = page.text
    assert sorted(said.splitlines()) == sorted(
        ["from python", "to stderr", "from a descriptor \ufffd\ufffd", "from a program"]
    )
    assert not page.more


async def test_a_task_hears_nothing_of_the_one_before(queue, worker):
    await queue.ended(await queue.put("site.loud"))
    token = await queue.put("demo.noop")
    await queue.ended(token)
    assert await queue.log(token) == ""


async def test_only_the_last_lines_are_kept_and_cursors_stay_true(queue, worker):
    token = await queue.put("site.chatty", lines=20_000)
    await queue.ended(token)
    page = await queue.page(token)
    lines = page.text.splitlines()
    assert lines[0].endswith("bytes cut …]")
    assert lines[-1].startswith("line 019999")
    assert len(page.text.encode()) < MAX_BYTES + 100
    assert page.cursor == str(20_000 * len("line 000000 " + "." * 40 + "\n"))
    assert (await queue.page(token, page.cursor)).text == ""


async def test_tasks_see_only_the_allowed_environment(queue, worker):
    seen = await queue.ended(await queue.put("site.environment"))
    for names in seen.result.values():
        assert "BATON_TASK_REGION" in names
        assert not {"ARGO_TOKEN", "KUBECONFIG", "PGPASSWORD", "BATON_DATABASE_URL"} & set(names)
