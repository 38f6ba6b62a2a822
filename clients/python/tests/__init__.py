"""Run them with `python3 -m unittest discover -t . -s tests`; `FAENA_BIN` names the program for those that need it."""

import logging

# Servers that go away are what many tests are about.
logging.getLogger("faena.worker").setLevel(logging.CRITICAL)
