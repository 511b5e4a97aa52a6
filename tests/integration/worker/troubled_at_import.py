"""A package of a site that is in trouble when it is imported, for as long as a file is there."""

import os
import pathlib
import time

_folder = pathlib.Path(os.environ["BATON_TASK_FOLDER"])

if (_folder / "ends").exists():
    os._exit(3)
while (_folder / "is-slow").exists():
    time.sleep(0.02)
