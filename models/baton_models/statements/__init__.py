"""
The hot statements: set-based, a few for a whole batch of rows, each in the caller's transaction.

Law: SQL and plain values only. What to do is decided by the caller; here it is done, guarded by version, state or
lease, so that whoever comes late changes nothing.
"""
