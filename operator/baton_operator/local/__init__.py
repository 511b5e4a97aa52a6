"""
A whole Baton on one machine: real servers, started and stopped without root, Docker or a cluster.

The room's law: it is for the demo, for development and for the tests, and nothing but the command line and
the tests imports it. Whatever it starts has a folder and a pid file under one `Home`, is started only while
that home's lock is held, and is stopped only after its identity was checked. Linux only: identities are read
from `/proc`.

* `home`, `process`, `identity`, `ports`          what a server is to us: a folder, a process, some ports
* `binaries`, `golang`, `environments`, `cache`  where its program comes from
* `postgres`, `kubernetes`, `argo`, `airflow`,   the servers themselves
  `baton`
* `stack`                                        all of them, in order
"""
