"""What a worker is told, and what its tasks may see."""

import pytest

from baton_operator.worker.environment import scrubbed
from baton_operator.worker.settings import WorkerSettings

URL = {"BATON_DATABASE_URL": "postgresql://host/name"}


def test_the_command_line_wins_over_the_environment():
    environ = {**URL, "BATON_WORKER_CONCURRENCY": "7", "BATON_WORKER_LEASE": "9", "BATON_WORKER_IDLE": "inf"}
    settings = WorkerSettings.read(["--concurrency", "3"], environ)
    assert (settings.concurrency, settings.lease, settings.grace, settings.idle) == (3, 9.0, 20.0, float("inf"))


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        ([], {}, "BATON_DATABASE_URL is not set"),
        (["--concurrency", "0"], URL, "--concurrency is at least 1"),
        (["--idle", "-1"], URL, "--idle and --grace at least 0"),
        (["--idle", "nan"], URL, "--idle and --grace at least 0"),
        (["--lease", "x"], URL, "invalid float value: 'x'"),
        ([], {**URL, "BATON_WORKER_CONCURRENCY": "many"}, "invalid int value: 'many'"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(arguments, environ, words, capsys):
    with pytest.raises(SystemExit) as ended:
        WorkerSettings.read(arguments, environ)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_help_says_what_tasks_see(capsys):
    with pytest.raises(SystemExit):
        WorkerSettings.read(["--help"], {})
    assert "BATON_TASK_*" in capsys.readouterr().out


def test_the_environment_of_tasks_is_an_allowlist():
    environ = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "PYTHONPATH": "/site",
        "BATON_TASK_REGION": "eu",
        "BATON_DATABASE_URL": "canary",
        "KUBERNETES_SERVICE_HOST": "canary",
        "KUBECONFIG": "canary",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "PGPASSWORD": "canary",
    }
    assert scrubbed(environ) == {"PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "/site", "BATON_TASK_REGION": "eu"}
