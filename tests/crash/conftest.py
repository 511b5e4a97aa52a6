"""Stages for operators that are killed."""

from baton_spine.fixtures import migrated, new_stage, operator_kubeconfig, own_argo, shared_argo, stage, stages

__all__ = ["migrated", "new_stage", "operator_kubeconfig", "own_argo", "shared_argo", "stage", "stages"]
