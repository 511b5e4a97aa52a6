"""A worker that is pointed at a copy of a database: what waits there is not its to run."""

import psycopg


async def test_a_worker_does_not_work_on_a_copy(queue, start_worker, shared_database, tmp_path):
    token = await queue.put("site.once", file=str(tmp_path / "ledger"))
    with psycopg.connect(shared_database, autocommit=True) as connection:
        connection.execute("INSERT INTO database_life (cause, identity) VALUES ('Started', '1/1')")
    worker = start_worker()
    assert worker.process.wait(60) == 78
    assert "baton database restored" in worker.log.read_text()
    assert (await queue.look(token)).native == "queued"
    assert not (tmp_path / "ledger").exists()
