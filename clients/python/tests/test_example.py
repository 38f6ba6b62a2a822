"""The example worker, as whoever tries it would run it, and killed while it works."""

import re
import signal
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

from faena import Client, Job

from .fake import FakeServer, Reply, broken_off, one_by_one, refusal
from .program import BINARY, Program

WORKER = Path(__file__).parents[3] / "examples" / "workers" / "worker.py"
CHUNK = 100
TOO_LONG = 60


class Alone(unittest.TestCase):
    def test_an_answer_that_breaks_off_is_asked_for_again(self) -> None:
        registered = Reply(201, {"data": {"workerId": "one", "leaseSeconds": 30, "heartbeatSeconds": 10}})
        fake = FakeServer(one_by_one(broken_off(), Reply(drop=True), registered, refusal(400, "enough")))
        self.addCleanup(fake.close)
        command = [sys.executable, str(WORKER), fake.url, "."]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=TOO_LONG)
        self.assertEqual(ended.stdout, "registered one\n", ended.stderr)


class Works(unittest.TestCase):
    """What it takes to run the worker on a server."""

    def prepare(self, program: Program, url: str) -> None:
        """The worker speaks to `url`, and whoever wants something of it to the program."""
        self.program, self.url = program, url
        self.client = Client(self.program.url)
        self.addCleanup(self.client.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "data")
        # Each chunk is a request and a commit: there is time to interfere.
        self.content = bytes(number * number % 251 for number in range(400 * CHUNK))
        self.file.write_bytes(self.content)

    def worker(self) -> "subprocess.Popen[str]":
        """Starts the worker, and waits until it is registered."""
        command = [sys.executable, str(WORKER), self.url, str(self.file.parent)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.assertRegex(child.stdout.readline(), "^registered ")
        return child

    def begun(self) -> Job:
        """A job that has come some way."""
        job = self.client.enqueue("checksum_file", {"file": "data", "chunkBytes": CHUNK})
        for seen in self.client.watch(job.id):
            if seen.progress >= 5:
                return seen
        raise AssertionError("it ended too early")

    def check(self, job: Job) -> Job:
        """It completes with the checksum of the file as it was."""
        job = self.client.wait(job.id, timeout=TOO_LONG)
        expected = {"file": "data", "bytes": len(self.content), "crc32": f"{zlib.crc32(self.content):08x}"}
        self.assertEqual((job.status, job.error), ("completed", None))
        self.assertEqual(self.client.result(job).json(), expected)
        return job

    def spoil_what_was_read(self) -> None:
        """Whoever reads the file from its start from now on gets another sum."""
        with self.file.open("r+b") as file:
            file.write(b"\xff" * CHUNK)


@unittest.skipUnless(BINARY, "FAENA_BIN does not name the program")
class Example(Works):
    def setUp(self) -> None:
        program = Program("--threads", "2", lease="2s")
        self.addCleanup(program.close)
        self.prepare(program, program.url)

    def test_it_works_and_refuses_what_is_none_of_its_business(self) -> None:
        self.worker()
        self.check(self.begun())
        job = self.client.enqueue("checksum_file", {"file": "../elsewhere"})
        job = self.client.wait(job.id, timeout=TOO_LONG)
        self.assertEqual((job.status, job.attempt), ("failed", 1))

    def test_another_goes_on_where_a_killed_one_was(self) -> None:
        first = self.worker()
        job = self.begun()
        first.kill()
        first.wait()
        self.spoil_what_was_read()
        self.worker()
        self.check(job)

    def test_another_goes_on_where_a_stopped_one_was(self) -> None:
        first = self.worker()
        job = self.begun()
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(TOO_LONG), 0)
        self.spoil_what_was_read()
        self.worker()
        self.assertEqual(self.check(job).attempt, 1)

    def test_it_outlives_its_server(self) -> None:
        self.worker()
        job = self.begun()
        self.program.kill()
        self.spoil_what_was_read()
        self.program.start()
        self.assertEqual(self.check(job).attempt, 1)
        self.file.write_bytes(self.content)
        self.check(self.begun())

    def test_it_drops_a_cancelled_job_and_takes_the_next(self) -> None:
        self.worker()
        job = self.begun()
        self.client.cancel(job.id)
        self.assertEqual(self.client.wait(job.id, timeout=TOO_LONG).status, "cancelled")
        self.check(self.begun())

    def test_it_is_as_short_as_it_says(self) -> None:
        text = WORKER.read_text()
        self.assertLess(len(text.splitlines()), 130)
        self.assertIsNone(re.search(r"^(import|from) faena", text, re.MULTILINE))


if __name__ == "__main__":
    unittest.main()
