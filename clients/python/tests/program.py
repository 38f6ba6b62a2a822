"""The real server, in a folder of its own. `FAENA_BIN` names the program."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

BINARY = os.environ.get("FAENA_BIN", "")


class Program:
    """A running server that can be killed and started again."""

    def __init__(self, *args: str, **settings: str) -> None:
        self._settings = {f"FAENA_{name.upper()}": value for name, value in settings.items()}
        self._folder = tempfile.TemporaryDirectory()
        self._args = args
        self._child: subprocess.Popen[str] | None = None
        self.url = ""
        self.start()

    def start(self) -> None:
        """Starts it, on the address that it had before, and waits until it answers."""
        address = self.url.removeprefix("http://") or "127.0.0.1:0"
        command = [BINARY, "serve", "--bind", address, "--data", str(Path(self._folder.name, "data")), *self._args]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FAENA_")}
        environment |= self._settings
        with open(Path(self._folder.name, "log"), "a") as log:
            self._child = subprocess.Popen(
                command, cwd=self._folder.name, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if line.startswith("listening on "):
                self.url = line.split()[-1]
                return
        raise AssertionError("it does not listen:\n" + self.log())

    def log(self) -> str:
        return Path(self._folder.name, "log").read_text()

    def kill(self) -> None:
        """No handler, no flush, no goodbye."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        self._end(signal.SIGTERM)
        self._folder.cleanup()

    def _end(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(number)
            self._child.wait()
            assert self._child.stdout is not None
            self._child.stdout.close()
            self._child = None
