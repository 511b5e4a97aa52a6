"""Alembic's way into Baton's own chain."""

from baton_migrations import environment

environment.run()
