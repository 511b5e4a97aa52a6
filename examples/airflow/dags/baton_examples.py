"""
What Airflow shall do for the examples: DAGs whose tasks take a while, fail or succeed, as a run's ``conf`` says.

A Run's arguments come as ``conf``; a DAG that declares them as params gets them checked, and shows them in its form.
None has a schedule: only Baton (or a person) starts runs.
"""

import time

from airflow.sdk import DAG, Param, dag, get_current_context, task


def conf(name):
    """Give one value of this run's conf, or its default."""
    return get_current_context()["params"][name]


@dag(
    schedule=None,
    is_paused_upon_creation=False,
    params={"secs": Param(2, type="number"), "fail": Param("no", type="string", enum=["no", "yes"])},
)
def nap():
    """Wait so many seconds; fail then, if that is wanted."""

    @task
    def wait():
        time.sleep(conf("secs"))
        if conf("fail") == "yes":
            raise RuntimeError("as conf wants it")

    wait()


@dag(schedule=None, is_paused_upon_creation=False, params={"name": Param("you", type="string")})
def hello():
    """Greet somebody."""

    @task
    def greet():
        print(f"Hello, {conf('name')}!")
        return f"Hello, {conf('name')}!"

    greet()


@dag(schedule=None, is_paused_upon_creation=False, params={"fail_attempts": Param(1, type="integer")})
def flaky():
    """Fail at the first attempts: Baton names a run after its attempt, ``…-a1``, ``…-a2``."""

    @task
    def work():
        attempt = int(get_current_context()["dag_run"].run_id.rpartition("-a")[2])
        if attempt <= conf("fail_attempts"):
            raise RuntimeError(f"attempt {attempt} fails")

    work()


@dag(schedule=None, is_paused_upon_creation=False, params={"message": Param("no reason given", type="string")})
def failing():
    """Fail with a message."""

    @task
    def work():
        raise RuntimeError(conf("message"))

    work()


with DAG(
    "patch_host",
    schedule=None,
    is_paused_upon_creation=False,
    params={"host": Param("localhost", type="string"), "version": Param("0", type="string")},
):

    @task
    def drain():
        """Take a host out of service."""
        print(f"draining {conf('host')}")

    @task
    def patch():
        """Bring it to a version."""
        print(f"patching {conf('host')} to {conf('version')}")

    drain() >> patch()

for each in (nap, hello, flaky, failing):
    each()
