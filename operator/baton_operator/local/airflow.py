"""
Airflow without containers: its api-server, and its scheduler and DAG processor so that runs really run.

Configuration, passwords and logs are in one folder of the home, its rows in the home's PostgreSQL: on SQLite the
scheduler ends with "database is locked" as soon as a busy machine lets two processes write at once. Tasks run as
processes of the scheduler (LocalExecutor, two at a time). Who asks logs in by name and password (simple auth manager).
The scheduler's own log server is off, since its port is fixed; the api-server reads the files.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baton_operator.local.binaries import AIRFLOW
from baton_operator.local.errors import ServerFailed
from baton_operator.local.home import Home, write_private
from baton_operator.local.manifests import examples_folder
from baton_operator.local.postgres import Postgres, create_database
from baton_operator.local.process import ServerProcess
from baton_operator.local.progress import Say, heartbeat
from baton_operator.local.server import PortOf, start_on_free_ports

USER = "baton"
"""Who may do everything."""

VIEWER = "viewer"
"""Who may only look."""

_API_SERVER = "airflow-api-server"
#: The processes that make runs run, and what each says when it has begun.
_RUNNERS = {"airflow-scheduler": "Starting the scheduler", "airflow-dag-processor": "Processing files using"}
_COMMANDS = {"airflow-scheduler": ["scheduler", "--skip-serve-logs"], "airflow-dag-processor": ["dag-processor"]}
_PATIENCE = 300.0
_CONFIGURATION = """\
[core]
dags_folder = {dags}
load_examples = False
executor = LocalExecutor
parallelism = 2
fernet_key =
auth_manager = airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager
simple_auth_manager_users = {user}:admin,{viewer}:viewer
simple_auth_manager_passwords_file = {folder}/passwords.json
execution_api_server_url = http://127.0.0.1:{port}/execution/

[database]
sql_alchemy_conn = {database}

[api]
secret_key = {key}

[api_auth]
jwt_secret = {key}

[logging]
base_log_folder = {folder}/logs

[dag_processor]
refresh_interval = 30
min_file_process_interval = 3600

[usage_data_collection]
enabled = False
"""


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Airflow:
    """
    The servers of one Airflow, in one home.

    Attributes:
        home: Where they live.
        say: Told what is waited for.
        dags: The folder of its DAGs; None for those of the examples.
        fsync: Whether PostgreSQL waits for the disk; as for the home's other databases.
    """

    home: Home
    say: Say
    dags: Path | None = None
    fsync: bool = True

    def up(self, *, runs: bool = True) -> str:
        """
        Start what does not run, and wait until it is ready and knows its DAGs.

        Args:
            runs: Whether to start scheduler and DAG processor, too; without them runs are taken, and stay queued.

        Returns:
            The api-server's URL.

        Raises:
            BuildFailed: It could not be installed.
            ServerFailed: A server did not get ready.
        """
        python = AIRFLOW.build(self.say)
        configuration = self._configure(
            create_database(Postgres(self.home, fsync=self.fsync).up(), "airflow", exist_ok=True)
        )
        self._migrate(python, configuration)
        if not runs:
            self._call(python, ["dags", "reserialize"], "reading the DAGs", usually="5 s")
        names = [_API_SERVER, *(_RUNNERS if runs else [])]
        missing = [name for name in names if not self._process(name).runs]
        with heartbeat(self.say, f"starting {', '.join(missing)}", usually="15 s") if missing else nullcontext():
            self._start_all(names, python, configuration)
        return self.url

    @property
    def url(self) -> str:
        """Where its api-server is, or will be."""
        return f"http://127.0.0.1:{self._process(_API_SERVER).port('http')}"

    @property
    def folder(self) -> Path:
        """Where its configuration, database, passwords and logs are."""
        return self.home.folder("airflow")

    def login(self, username: str = USER) -> Login:
        """Give a name's password, picked at the first call and kept."""
        passwords = self.folder / "passwords.json"
        if not passwords.exists():
            write_private(passwords, json.dumps({each: secrets.token_urlsafe(16) for each in (USER, VIEWER)}))
        return Login(username, json.loads(passwords.read_text())[username])

    def _process(self, name: str) -> ServerProcess:
        return self.home.process(name)

    def _configure(self, database_url: str) -> str:
        """Write the configuration; give a fingerprint of it, so that servers with another one are started anew."""
        self.login()
        key = self.folder / "key"
        if not key.exists():
            write_private(key, secrets.token_hex(32))
        text = _CONFIGURATION.format(
            dags=self.dags or examples_folder() / "airflow" / "dags",
            user=USER,
            viewer=VIEWER,
            folder=self.folder,
            database=database_url.replace("postgresql://", "postgresql+psycopg2://", 1).replace("%", "%%"),
            key=key.read_text(),
            port=self._process(_API_SERVER).port("http"),
        )
        write_private(self.folder / "airflow.cfg", text)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",  # the DAGs' folder may be anybody's
            "SPT_NOENV": "1",  # its processes rename themselves, which would take the mark that they are known by
        }

    def _migrate(self, python: Path, configuration: str) -> None:
        """Have Airflow's schema in the database; begun again if it was killed."""
        done = self.folder / "migrated"
        wanted = f"{AIRFLOW.version} {configuration}"
        if not done.exists() or done.read_text() != wanted:
            self._call(python, ["db", "migrate"], "making Airflow's schema", usually="5 s")
            done.write_text(wanted)

    def _call(self, python: Path, words: list[str], what: str, *, usually: str) -> None:
        """Run one of Airflow's commands to its end."""
        with heartbeat(self.say, what, usually=usually):
            done = subprocess.run(  # noqa: S603 - Airflow and constants
                [python, "-m", "airflow", *words],
                env={**os.environ, **self._environment},
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            raise ServerFailed("\n".join([f"airflow {' '.join(words)} failed:", *done.stderr.splitlines()[-12:]]))

    def _start_all(self, names: list[str], python: Path, configuration: str) -> None:
        """Start all at once, since each takes its time: they wait for each other by themselves."""
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self._start(name, python, configuration), names))
        self._process(_API_SERVER).wait_ready(self._knows_dags, seconds=_PATIENCE)

    def _start(self, name: str, python: Path, configuration: str) -> None:
        process = self._process(name)

        def command(port: PortOf) -> list[str | Path]:
            if name == _API_SERVER:
                return [python, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port("http"))]
            return [python, "-m", "airflow", *_COMMANDS[name]]

        def is_ready(_: PortOf) -> bool:
            if name == _API_SERVER:
                return self._ask("GET", "/api/v2/version") is not None
            return _RUNNERS[name] in process.log_of_this_start()

        start_on_free_ports(
            process,
            command,
            is_ready,
            environment=self._environment,
            depends_on=configuration,
            seconds=_PATIENCE,
        )

    def dag_runs(self, prefix: str) -> list[dict[str, Any]]:
        """
        Give all DAG runs whose ids begin with *prefix*, of whatever DAG, the oldest first.

        Raises:
            ServerFailed: The api-server did not answer, or not with a list.
        """
        token = self._token()
        found: list[dict[str, Any]] = []
        while True:
            path = f"/api/v2/dags/~/dagRuns?run_id_prefix_pattern={prefix}&limit=100&order_by=id&offset={len(found)}"
            page = token and self._ask("GET", path, token=token)
            if not page:
                raise ServerFailed(
                    f"Airflow at {self.url} does not list its runs: see {self.home.path}/{_API_SERVER}/log"
                )
            found += page["dag_runs"]
            if not page["dag_runs"] or len(found) >= page["total_entries"]:
                return found

    def _knows_dags(self) -> bool:
        token = self._token()
        found = token and self._ask("GET", "/api/v2/dags?limit=1", token=token)
        return bool(found and found["total_entries"])

    def _token(self) -> str | None:
        login = self.login()
        body = {"username": login.username, "password": login.password}
        answer = self._ask("POST", "/auth/token", body)
        return str(answer["access_token"]) if answer else None

    def _ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Ask the api-server; None if it does not answer, or not with what was asked for."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        connection = http.client.HTTPConnection("127.0.0.1", self._process(_API_SERVER).port("http"), timeout=10)
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            return json.loads(answer.read()) if answer.status < http.HTTPStatus.BAD_REQUEST else None
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()
