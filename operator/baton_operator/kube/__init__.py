"""Kubernetes as values: custom resources, conditions, status documents, and the client of its API."""
