"""
What Baton is made of, and what is shipped: locks, licences, bill of materials, packages with the same bytes, the audit.

Its law: nothing of Baton imports it, it imports nothing of Baton, and what it finds does not depend on the machine it
runs on. Only `vulnerabilities` asks a service; everything else looks at the tree alone.
"""
