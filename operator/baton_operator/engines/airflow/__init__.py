"""Airflow 3: DAG runs under names that we choose. Knows no other adapter."""
