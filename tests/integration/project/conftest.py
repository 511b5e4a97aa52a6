"""Rows to be shown."""

from project_rows import rows

__all__ = ["rows"]
