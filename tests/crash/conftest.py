"""Stages for operators that are killed."""

from baton_spine.fixtures import migrated, new_stage, operator_kubeconfig, shared_argo, stage

__all__ = ["migrated", "new_stage", "operator_kubeconfig", "shared_argo", "stage"]
