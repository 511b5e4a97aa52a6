"""Argo Workflows: one behaviour over two transports, its server and the Kubernetes API. Knows no other adapter."""
