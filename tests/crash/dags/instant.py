"""A DAG whose runs end as soon as the scheduler sees them: no task of it needs a process."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("instant", schedule=None, catchup=False, max_active_runs=1000):
    EmptyOperator(task_id="nothing")
