"""A small, healthy world in a database of the test's own."""

from small_world import healthy, world

__all__ = ["healthy", "world"]
