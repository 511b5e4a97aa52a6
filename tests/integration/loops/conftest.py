"""Every loop, turned by hand."""

from loop_site import migrated, queueing, site

__all__ = ["migrated", "queueing", "site"]
