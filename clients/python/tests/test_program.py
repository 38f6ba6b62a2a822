"""Both clients against the real server."""

import threading
import unittest
from datetime import timedelta
from typing import Any

from faena import Client, ConflictError, InvalidRequestError, NotFoundError, RefusedError, RetryPolicy

from .facade import Awaited
from .program import BINARY, Program


class Cases:
    client_class: Any
    program: Program

    @classmethod
    def setUpClass(cls) -> None:
        cls.program = Program("--threads", "4")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.program.close()

    def setUp(self) -> None:
        self.client = self.client_class(self.program.url)
        self.client.__enter__()
        self.addCleanup(self.client.__exit__, None, None, None)

    def test_a_job_from_its_acceptance_to_its_result(self) -> None:
        job = self.client.enqueue("sleep", {"durationMs": 500, "steps": 5}, priority="high", tags=["a"])
        self.assertEqual((job.status, job.priority), ("queued", "high"))
        seen: list[int] = []
        job = self.client.wait(job.id, on_progress=lambda job: seen.append(job.progress), timeout=60)
        self.assertEqual((job.status, job.progress, job.tags), ("completed", 100, ("a",)))
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(len(seen), 2)
        for result in (self.client.result(job), self.client.result(job.id)):
            self.assertEqual(result.content_type, "application/json")
            self.assertEqual(result.json(), {"durationMs": 500, "steps": 5, "attempt": 1})

    def test_a_job_is_watched_to_its_end(self) -> None:
        job = self.client.enqueue("sleep", {"durationMs": 500, "steps": 5})
        seen = list(self.client.watch(job.id))
        self.assertEqual(seen[-1].status, "completed")
        self.assertGreater(len(seen), 2)
        self.assertEqual([each.status for each in self.client.watch(job.id)], ["completed"])

    def test_a_cancelled_job_never_completes_and_may_be_retried(self) -> None:
        job = self.client.enqueue("sleep", {"durationMs": 60_000})
        self.client.cancel(job.id)
        self.assertEqual(self.client.wait(job.id, timeout=60).status, "cancelled")
        with self.assertRaises(ConflictError) as caught:
            self.client.cancel(job.id)
        self.assertEqual(caught.exception.code, "already_finished")
        self.assertIn(self.client.retry(job.id).status, ("queued", "started"))
        self.client.cancel(job.id)

    def test_all_terms_are_understood(self) -> None:
        job = self.client.enqueue(
            "sleep",
            {"durationMs": 1, "failTimes": 9},
            user_id="ann",
            timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(max_retries=1, delay=0.001, exponential=False, max_delay=1, jitter=0),
            unique_key=f"one-{self.client_class.__name__}",
            unique_for="active",
            concurrency_key="few",
            concurrency_limit=2,
            estimated_duration="a moment",
        )
        job = self.client.wait(job.id, timeout=60)
        self.assertEqual((job.status, job.attempt, job.max_attempts, job.user_id), ("failed", 2, 2, "ann"))
        self.assertIsNotNone(job.error)

    def test_one_idempotency_key_is_one_job(self) -> None:
        jobs = {self.client.enqueue("noop", {}, idempotency_key=f"k-{self.client_class.__name__}").id for _ in range(2)}
        self.assertEqual(len(jobs), 1)

    def test_lists_are_whole(self) -> None:
        tag = f"list-{self.client_class.__name__}"
        accepted = {self.client.enqueue("noop", {}, tags=[tag]).id for _ in range(7)}
        found = [job.id for job in self.client.jobs(tag=tag, page_size=3)]
        self.assertEqual((len(found), set(found)), (7, accepted))

    def test_refusals(self) -> None:
        with self.assertRaises(NotFoundError):
            self.client.get("01a20ced-25ed-77e7-a4ab-2cd3ee1b0929")
        with self.assertRaises(InvalidRequestError) as caught:
            self.client.enqueue("sleep", {"durationMs": -1})
        self.assertTrue(caught.exception.details[0].field.startswith("payload"))
        with self.assertRaises(InvalidRequestError) as caught:
            self.client.enqueue("nobody_does_this", {})
        self.assertEqual(caught.exception.code, "unknown_processor")


@unittest.skipUnless(BINARY, "FAENA_BIN does not name the program")
class Blocking(Cases, unittest.TestCase):
    client_class = Client


@unittest.skipUnless(BINARY, "FAENA_BIN does not name the program")
class Asynchronous(Cases, unittest.TestCase):
    client_class = Awaited


@unittest.skipUnless(BINARY, "FAENA_BIN does not name the program")
class Keyed(unittest.TestCase):
    """A server that asks for a key."""

    def test_who_has_the_key_is_answered_and_nobody_else(self) -> None:
        key = "a-key-for-the-tests-of-the-clients-0123456789"
        program = Program(admin_key=key)
        self.addCleanup(program.close)
        for client_class in (Client, Awaited):
            with client_class(program.url, key=key) as client:
                job = client.wait(client.enqueue("noop", {}).id, timeout=60)
                self.assertEqual([each.status for each in client.watch(job.id)], ["completed"])
            for wrong in (None, "another"):
                with client_class(program.url, key=wrong) as client, self.assertRaises(RefusedError) as caught:
                    client.get(job.id)
                self.assertEqual((caught.exception.status, caught.exception.code), (401, "unauthorized"))

@unittest.skipUnless(BINARY, "FAENA_BIN does not name the program")
class Killed(unittest.TestCase):
    def test_a_job_is_followed_across_a_killed_server(self) -> None:
        program = Program("--threads", "4")
        self.addCleanup(program.close)
        with Client(program.url) as client:
            job = client.enqueue("sleep", {"durationMs": 1_000, "steps": 10})
            begun = threading.Event()
            ended: dict[str, str] = {}

            def watch() -> None:
                for each in client.watch(job.id):
                    if each.progress > 0:
                        begun.set()
                    ended["watch"] = each.status

            def wait() -> None:
                ended["wait"] = client.wait(job.id, on_progress=lambda _: None).status

            threads = [threading.Thread(target=call, daemon=True) for call in (watch, wait)]
            for thread in threads:
                thread.start()
            self.assertTrue(begun.wait(60))
            program.kill()
            program.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual(ended, {"watch": "completed", "wait": "completed"})


if __name__ == "__main__":
    unittest.main()
