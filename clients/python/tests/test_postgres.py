"""Two servers that share a PostgreSQL database, killed one after the other. `FAENA_TEST_POSTGRES` is the database's URL."""

import os
import unittest

from faena import Client

from . import test_example
from .door import Door
from .program import BINARY, Program

POSTGRES = os.environ.get("FAENA_TEST_POSTGRES", "")


def server(*args: str) -> Program:
    # A killed server is taken for dead soon, so that another one runs its jobs.
    where = f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}lease_ms=3000"
    return Program("--threads", "2", "--no-maintenance", "--store", where, *args, lease="4s")


@unittest.skipUnless(BINARY and POSTGRES, "FAENA_BIN and FAENA_TEST_POSTGRES do not name the program and a database")
class Example(test_example.Works):
    """The example worker speaks to both in turn: it comes to one, takes from the other, and reports to either."""

    def setUp(self) -> None:
        self.servers = [server(), server()]
        for each in self.servers:
            self.addCleanup(each.close)
        self.door = Door(lambda: [each.url for each in self.servers])
        self.addCleanup(self.door.close)
        self.prepare(self.servers[0], self.door.url)

    def test_it_works_wherever_it_is_let_in(self) -> None:
        self.worker()
        self.check(self.begun())
        self.assertEqual(set(self.door.let_in), {each.url for each in self.servers})

    def test_another_goes_on_where_a_killed_one_was(self) -> None:
        first = self.worker()
        job = self.begun()
        first.kill()
        first.wait()
        self.spoil_what_was_read()
        self.worker()
        self.check(job)

    def test_it_outlives_its_servers(self) -> None:
        self.worker()
        job = self.begun()
        self.spoil_what_was_read()
        self.servers[1].kill()
        self.servers[0].kill()
        for each in self.servers:
            each.start()
        self.assertEqual(self.check(job).attempt, 1)


@unittest.skipUnless(BINARY and POSTGRES, "FAENA_BIN and FAENA_TEST_POSTGRES do not name the program and a database")
class Life(unittest.TestCase):
    def test_a_job_is_followed_at_one_server_while_another_runs_it_and_is_killed(self) -> None:
        desk, first = server("--no-jobs"), server()
        self.addCleanup(desk.close)
        self.addCleanup(first.close)
        with Client(desk.url) as client:
            job = client.enqueue("sleep", {"durationMs": 1_000, "steps": 10})
            seen = []
            for each in client.watch(job.id):
                if each.progress > 0 and not seen:
                    first.kill()
                    self.addCleanup(server().close)
                seen.append(each.status)
            self.assertEqual(seen[-1], "completed")
            job = client.wait(job.id, timeout=60)
            self.assertEqual(client.result(job).json()["steps"], 10)


if __name__ == "__main__":
    unittest.main()
