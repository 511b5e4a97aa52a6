"""The guards of the chart, and of what it asks of the programs in its Pods."""

from __future__ import annotations

from guard import Guard

TEMPLATES = "charts/baton/templates/"
RENDERED = "tests/cluster/chart/test_chart_rendered.py::test_"
INSTALLED = "tests/cluster/chart/test_chart_installed.py::test_"
COMMAND = "tests/integration/store/test_migrate_command.py::test_"
WORKER_ENV = """\
          command: [baton-worker]
          {{- include "baton.containerBasics" . | nindent 10 }}
          env:
            {{- include "baton.databaseEnv" (dict "root" . "migrator" """

CHART = (
    Guard(
        "a value that the chart does not have is refused",
        "charts/describe_values.py",
        '"additionalProperties": False, "properties": properties',
        '"properties": properties',
        (
            "tests/unit/chart/test_chart_values.py::test_types_follow_from_defaults_and_groups_refuse_what_they_do_not_have",
        ),
    ),
    Guard(
        "Pods of workers do not see the migrator's role",
        TEMPLATES + "worker.yaml",
        WORKER_ENV + "false)",
        WORKER_ENV + "true)",
        (RENDERED + "workers_see_neither_engines_nor_the_migrators_role",),
    ),
    Guard(
        "Pods of workers have no token",
        TEMPLATES + "worker.yaml",
        "      automountServiceAccountToken: false\n",
        "      automountServiceAccountToken: true\n",
        (RENDERED + "only_those_who_ask_the_api_server_have_a_token",),
    ),
    Guard(
        "no old Pod of the chart goes before a new one is ready",
        TEMPLATES + "_operator.tpl",
        "rollingUpdate: {maxUnavailable: 0, maxSurge: 1}",
        "rollingUpdate: {maxUnavailable: 1, maxSurge: 1}",
        (INSTALLED + "old_replicas_stay_until_a_new_one_is_ready",),
    ),
    Guard(
        "a password of the database may hold any character",
        "models/baton_models/address.py",
        "{quote(password, safe='')}",
        "{password}",
        ("tests/unit/models/test_database_address.py::test_a_password_may_hold_any_character",),
    ),
    Guard(
        "what the database refuses is not tried again",
        "migrations/baton_migrations/__main__.py",
        "if not is_unreachable(error) or time.monotonic() >= until:",
        "if time.monotonic() >= until:",
        (COMMAND + "what_the_database_refuses_is_not_tried_again",),
    ),
    Guard(
        "the halves of the migrations are apart",
        "migrations/baton_migrations/__main__.py",
        'if only is None or each.is_extension == (only == "extensions")]',
        "]",
        (COMMAND + "each_half_is_migrated_by_itself",),
    ),
)
