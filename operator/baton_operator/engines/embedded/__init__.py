"""Baton's own engine: tasks in the database, executed by workers. Knows no other adapter."""
