"""Stages for real operators between a real API server, a real database and an engine."""

from baton_spine.fixtures import migrated, new_stage, operator_kubeconfig, own_argo, shared_argo, stage, stages

__all__ = ["migrated", "new_stage", "operator_kubeconfig", "own_argo", "shared_argo", "stage", "stages"]
