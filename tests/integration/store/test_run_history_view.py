"""``baton_run_history`` answers who ran what when, and how long each state lasted."""


def test_each_change_of_a_run_is_a_row_that_says_how_long_it_lasted(connection, world, set_status):
    connection.execute("UPDATE run SET created_by = 'ada', correlation_id = 'order-7'")
    with connection.transaction():
        connection.execute("SELECT set_config('baton.actor', 'dispatch', true)")
        set_status("run", [world.run_id], "PROCESSING", reason="Dispatched")
    set_status("run", [world.run_id], "COMPLETED", reason="Succeeded")
    rows = connection.execute(
        """
        SELECT tenant_id, automation, run, created_by, correlation_id, run_status, attempts,
               seq, previous_status, new_status, reason, changed_by, lasted IS NOT NULL, lasted = left_at - changed_at
        FROM baton_run_history ORDER BY seq
        """
    ).fetchall()
    same = ("team-a", "import", "import-1", "ada", "order-7", "COMPLETED", 0)
    assert rows == [
        (*same, 1, None, "PENDING", None, None, True, True),
        (*same, 2, "PENDING", "PROCESSING", "Dispatched", "dispatch", True, True),
        (*same, 3, "PROCESSING", "COMPLETED", "Succeeded", None, False, None),
    ]


def test_attempts_are_counted_and_the_engine_named(connection, world):
    connection.execute(
        """
        WITH given AS (INSERT INTO engine (tenant_id, name, type) VALUES ('team-a', 'argo-prod', 'argo') RETURNING id),
             chosen AS (UPDATE run SET engine_id = (SELECT id FROM given) RETURNING id, engine_id)
        INSERT INTO dispatch_attempt (run_id, engine_id, attempt_no, token)
        SELECT id, engine_id, n, 'baton-' || n FROM chosen, generate_series(1, 2) n
        """
    )
    found = connection.execute("SELECT DISTINCT engine, engine_type, attempts FROM baton_run_history")
    assert found.fetchall() == [("argo-prod", "argo", 2)]
