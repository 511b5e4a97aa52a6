"""Every loop, turned by hand."""

from loop_site import migrated, site

__all__ = ["migrated", "site"]
