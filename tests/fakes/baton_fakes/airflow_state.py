"""What the fake Airflow keeps: DAGs, runs, tokens, people, and the rules by which runs come and go."""

import base64
import hashlib
import hmac
import os
import random
import re
import string
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from baton_fakes.airflow_dags import NAP, RECORDED, Declared, FakeDag
from baton_fakes.airflow_documents import stamp
from baton_fakes.airflow_runs import FakeDagRun

from baton_operator.engines.conformance import Ledger

_RUN_ID = r"^[A-Za-z0-9_.~:+-]+$"
_GENERATED = r"^(?:manual|scheduled|asset_triggered)__(?:\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00)$"


class RefusalError(Exception):
    """An answer that is no success: its status, and what Airflow puts under ``detail``."""

    def __init__(self, status: int, detail: Any, *, key: str = "detail") -> None:
        super().__init__(str(detail))
        self.status = status
        self.body = {key: detail}


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """
    What can be changed while it runs.

    Attributes:
        passwords: Who may log in, and with what.
        roles: What they may do: ``admin`` everything, ``viewer`` only reads.
        token_lifetime: Seconds that a token counts.
        scheduler: Whether runs that are submitted from now on begin; without it they stay queued, as they do on an
            api-server alone.
        list_lag: Seconds that lists (never a GET of one) are behind.
        keeps: Seconds that an ended run is kept, as ``airflow db clean`` run for ever would; 0 keeps all.
        clock_skew: Seconds by which its clock is ahead of ours, in all that it shows.
        healthy: Whether scheduler and DAG processor beat.
    """

    passwords: dict[str, str] = msgspec.field(default_factory=lambda: {"admin": "admin", "viewer": "viewer"})
    roles: dict[str, str] = msgspec.field(default_factory=lambda: {"admin": "admin", "viewer": "viewer"})
    token_lifetime: float = 86400.0
    scheduler: bool = True
    list_lag: float = 0.0
    keeps: float = 0.0
    clock_skew: float = 0.0
    healthy: bool = True


class AirflowState:
    """
    The server's whole state.

    Args:
        ledger: Where accepted runs are written down.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.settings = Settings()
        self.ledger = ledger or Ledger()
        self.dags: dict[str, FakeDag] = {}
        self.runs: dict[tuple[str, str], FakeDagRun] = {}
        self.events: list[dict[str, Any]] = []
        self.numbers = 0
        self._secret = os.urandom(32)
        for declared in [NAP, *RECORDED]:
            self.declare(declared)

    def declare(self, declared: Declared) -> FakeDag:
        """Let there be a DAG, in the place of one of the same name."""
        self.dags[declared.dag_id] = FakeDag(declared)
        return self.dags[declared.dag_id]

    def dag(self, dag_id: str) -> FakeDag:
        """Return a DAG."""
        if dag_id not in self.dags:
            raise RefusalError(404, f"The Dag with ID: `{dag_id}` was not found")
        return self.dags[dag_id]

    def find(self, dag_id: str, run_id: str, *, words: str = "The DagRun") -> FakeDagRun:
        """Return a run."""
        self._forget()
        run = self.runs.get((dag_id, run_id))
        if run is None:
            raise RefusalError(404, f"{words} with dag_id: `{dag_id}` and run_id: `{run_id}` was not found")
        return run

    def seen(self, dag_id: str, moment: float) -> Iterable[FakeDagRun]:
        """Return the runs that a list at *moment* shows, in their order; of all DAGs for ``~``."""
        if dag_id != "~":
            self.dag(dag_id)
        self._forget()
        wanted = (run for (dag, _), run in self.runs.items() if dag_id in {"~", dag})
        return [run for run in wanted if run.created <= moment]

    def trigger(self, dag_id: str, body: Mapping[str, Any], user: str) -> FakeDagRun:
        """Accept a run, or refuse it as Airflow would."""
        self._forget()
        if dag_id not in self.dags:
            raise RefusalError(404, f"Dag with dag_id: '{dag_id}' not found")
        dag, conf, now = self.dags[dag_id], body.get("conf") or {}, time.time()
        run_after = body.get("run_after")
        run_id = body.get("dag_run_id") or f"manual__{stamp(now).removesuffix('Z')}+00:00"
        if not re.fullmatch(_RUN_ID, run_id):
            raise RefusalError(
                400, f"The run_id provided '{run_id}' does not match regex pattern '{_RUN_ID}' or '{_GENERATED}'"
            )
        if problem := dag.refusal(conf):
            raise RefusalError(400, problem)
        logical = body["logical_date"]
        taken = logical and any(r.logical_date == logical for (d, _), r in self.runs.items() if d == dag_id)
        if taken or (dag_id, run_id) in self.runs:
            raise RefusalError(409, _taken())
        self.numbers += 1
        run = FakeDagRun(
            self.numbers,
            dag,
            run_id,
            conf,
            body.get("note"),
            logical,
            datetime.fromisoformat(run_after).timestamp() if run_after else now,
            now,
            user,
            scheduled=self.settings.scheduler,
        )
        self.runs[dag_id, run_id] = run
        self.ledger.append(dag=dag_id, name=run_id, number=run.number, conf=dict(conf), note=run.note)
        return run

    def delete(self, run: FakeDagRun) -> None:
        """Forget a run; its name is free at once."""
        state = run.at(time.time()).state
        if state not in {"queued", "success", "failed"}:
            raise RefusalError(
                409,
                f"The DagRun with dag_id: `{run.dag.dag_id}` and run_id: `{run.run_id}` "
                f"cannot be deleted in {state} state",
            )
        del self.runs[run.dag.dag_id, run.run_id]

    def _forget(self) -> None:
        """Forget what ended longer ago than such runs are kept."""
        if self.settings.keeps:
            now = time.time()
            old = [
                key
                for key, run in self.runs.items()
                if (end := run.at(now).end) is not None and end < now - self.settings.keeps
            ]
            for key in old:
                del self.runs[key]

    def log_in(self, body: Any) -> str:
        """Give a token for a name and a password."""
        name, password = body.get("username"), body.get("password")
        if name not in self.settings.passwords or self.settings.passwords[name] != password:
            raise RefusalError(401, "Invalid credentials")
        now = int(time.time())
        claims = {
            "sub": name,
            "role": self.settings.roles.get(name, "viewer"),
            "teams": [],
            "jti": uuid.uuid4().hex,
            "aud": "apache-airflow",
            "nbf": now,
            "exp": time.time() + self.settings.token_lifetime,
            "iat": now,
        }
        head = {"alg": "HS512", "kid": "not-used", "typ": "JWT"}
        signed = f"{_encode(msgspec.json.encode(head))}.{_encode(msgspec.json.encode(claims))}"
        return f"{signed}.{self._sign(signed)}"

    def user(self, authorization: str) -> tuple[str, str]:
        """Return who a token belongs to, and the role."""
        kind, _, token = authorization.partition(" ")
        if kind != "Bearer" or not token:
            raise RefusalError(401, "Not authenticated")
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(signature.encode(), self._sign(signed).encode()):
            raise RefusalError(403, "Invalid JWT token")
        claims = msgspec.json.decode(_decode(signed.partition(".")[2]))
        if claims["exp"] <= time.time():
            raise RefusalError(401, "Token Expired")
        return claims["sub"], claims["role"]

    def forget_tokens(self) -> None:
        """Sign with another secret from now on, as after a restart without a configured one: no old token counts."""
        self._secret = os.urandom(32)

    def sealed(self, content: Any) -> str:
        """Sign what a client shall hand back unchanged."""
        text = _encode(msgspec.json.encode(content))
        return f"{text}.{self._sign(text)[:27]}"

    def opened(self, token: str) -> bytes | None:
        """Return what was `sealed`, or None if it was not."""
        text, _, signature = token.partition(".")
        return _decode(text) if hmac.compare_digest(signature.encode(), self._sign(text)[:27].encode()) else None

    def _sign(self, text: str) -> str:
        return _encode(hmac.new(self._secret, text.encode(), hashlib.sha512).digest())


def _taken() -> dict[str, str]:
    letters = random.choices(string.ascii_letters + string.digits, k=8)  # noqa: S311 - no secret
    return {
        "reason": "Unique constraint violation",
        "statement": "hidden",
        "orig_error": "hidden",
        "message": "Serious error when handling your request. Check logs for more details - you will find it in api "
        f"server when you look for ID {''.join(letters)}",
    }


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
