"""Workers against the real server: what they say arrives, and what kills them costs nothing but time."""

import os
import signal
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from typing import Any

from faena import Client, Failure, JobStoppedError, NotFoundError, Result, RetryPolicy, Task, Worker

from .program import BINARY, Program

TOO_LONG = 60
"""Seconds after which something will not come any more."""


class Case(unittest.TestCase):
    def setUp(self) -> None:
        # A short lease: a lost worker is noticed soon.
        self.program = Program("--threads", "2", lease="2s")
        self.addCleanup(self.program.close)
        self.client = Client(self.program.url)
        self.addCleanup(self.client.close)

    def worker(self, **settings: Any) -> Worker:
        return Worker(self.program.url, "test", **settings)

    def run_worker(self, worker: Worker) -> threading.Thread:
        """Starts a worker, and waits until the server knows what it does."""
        running = threading.Thread(target=worker.run, daemon=True)
        running.start()

        def end() -> None:
            worker.stop()
            running.join(TOO_LONG)
            self.assertFalse(running.is_alive(), "the worker does not stop")

        self.addCleanup(end)
        self.assertTrue(worker.wait_until_registered(TOO_LONG))
        return running


@unittest.skipUnless(BINARY, "FAENA_BIN does not name the program")
class Working(Case):
    def test_what_a_processor_says_is_seen(self) -> None:
        worker = self.worker()
        seen = threading.Event()

        @worker.processor("count_words")
        def count_words(task: Task) -> dict[str, int]:
            task.progress(50, "half of it")
            task.log("a line")
            self.assertTrue(seen.wait(TOO_LONG))
            return {"words": len(task.payload["text"].split())}

        self.run_worker(worker)
        job = self.client.enqueue("count_words", {"text": "so much for that"})

        def on_progress(job: Any) -> None:
            if job.message == "half of it" and not job.is_finished:
                self.assertEqual((job.status, job.progress, job.machine_name), ("progress", 50, "test"))
                seen.set()

        job = self.client.wait(job.id, on_progress, timeout=TOO_LONG)
        self.assertEqual((job.status, job.progress, job.attempt), ("completed", 100, 1))
        self.assertEqual(self.client.result(job).json(), {"words": 4})

    def test_results_of_all_kinds_arrive_byte_for_byte(self) -> None:
        worker = self.worker(concurrency=2)
        content = bytes(range(256)) * 8_192
        worker.processor("bytes")(lambda task: Result(content, "image/png"))
        worker.processor("text")(lambda task: "é" * 300_000)
        worker.processor("nothing")(lambda task: None)
        self.run_worker(worker)
        jobs = [self.client.enqueue(sub_type, {}) for sub_type in ("bytes", "text", "nothing")]
        ended = [self.client.wait(job.id, timeout=TOO_LONG) for job in jobs]
        self.assertEqual([job.status for job in ended], ["completed"] * 3)
        self.assertEqual(self.client.result(ended[0].id), Result(content, "image/png"))
        self.assertEqual(self.client.result(ended[1].id).json(), "é" * 300_000)
        with self.assertRaises(NotFoundError):
            self.client.result(ended[2].id)

    def test_a_failed_try_leaves_its_state_to_the_next(self) -> None:
        worker = self.worker()

        @worker.processor("climb")
        def climb(task: Task) -> Any:
            if task.state is None:
                task.save({"step": task.attempt})
                raise ConnectionError("the far end is away")
            if task.payload["then"] == "fail":
                raise Failure("no such hill", kind="unknown_hill", retryable=False)
            return task.state

        self.run_worker(worker)
        policy = RetryPolicy(max_retries=3, delay=0.001, jitter=0)
        job = self.client.enqueue("climb", {"then": "go on"}, retry_policy=policy)
        job = self.client.wait(job.id, timeout=TOO_LONG)
        self.assertEqual((job.status, job.attempt, self.client.result(job).json()), ("completed", 2, {"step": 1}))
        job = self.client.enqueue("climb", {"then": "fail"}, retry_policy=policy)
        job = self.client.wait(job.id, timeout=TOO_LONG)
        self.assertEqual((job.status, job.attempt), ("failed", 2))
        assert job.error is not None
        self.assertEqual((job.error.kind, job.error.message), ("unknown_hill", "no such hill"))

    def test_a_job_longer_than_its_lease_is_kept(self) -> None:
        worker = self.worker()

        @worker.processor("long")
        def long(task: Task) -> int:
            # Two leases long, without a word.
            task.sleep(4)
            return task.fencing_token

        self.run_worker(worker)
        job = self.client.wait(self.client.enqueue("long", {}).id, timeout=TOO_LONG)
        self.assertEqual((job.status, job.attempt, self.client.result(job).json()), ("completed", 1, 1))

    def test_a_cancelled_job_stops(self) -> None:
        worker = self.worker()
        begun, stopped = threading.Event(), threading.Event()

        @worker.processor("long")
        def long(task: Task) -> None:
            begun.set()
            try:
                task.sleep(TOO_LONG)
            except JobStoppedError as stop:
                self.assertEqual(stop.reason, "cancelled")
                stopped.set()
                raise

        self.run_worker(worker)
        job = self.client.enqueue("long", {})
        self.assertTrue(begun.wait(TOO_LONG))
        self.client.cancel(job.id)
        self.assertTrue(stopped.wait(TOO_LONG), "the processor was not told")
        self.assertEqual(self.client.wait(job.id, timeout=TOO_LONG).status, "cancelled")


@unittest.skipUnless(BINARY, "FAENA_BIN does not name the program")
class Dying(Case):
    def test_a_worker_that_leaves_gives_back_what_it_saved(self) -> None:
        job = self.begun_elsewhere_and("leave")
        self.assertEqual((job.status, job.attempt), ("completed", 1))

    def test_the_jobs_of_a_killed_worker_are_done_by_another(self) -> None:
        job = self.begun_elsewhere_and("die")
        self.assertEqual(job.status, "completed")

    def begun_elsewhere_and(self, how: str) -> Any:
        """A job that one worker begins, and another ends from what the first has saved."""
        script = (
            "import logging, sys, faena\n"
            "logging.basicConfig(level=logging.INFO, stream=sys.stdout, format='%(message)s')\n"
            "worker = faena.Worker(sys.argv[1], 'first', grace=0)\n"
            "@worker.processor('walk')\n"
            "def walk(task):\n"
            "    task.save({'at': 7})\n"
            "    task.progress(7, 'saved')\n"
            "    task.sleep(600)\n"
            "worker.run()\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, "-c", script, self.program.url]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as first:
            self.addCleanup(first.kill)
            assert first.stdout is not None
            self.assertRegex(first.stdout.readline(), "^registered as ")
            job = self.client.enqueue("walk", {})
            self.wait_for_message(job.id, "saved")
            first.send_signal(signal.SIGTERM if how == "leave" else signal.SIGKILL)
            self.assertEqual(first.wait(TOO_LONG), 0 if how == "leave" else -signal.SIGKILL)
        second = self.worker()
        second.processor("walk")(lambda task: task.state)
        self.run_worker(second)
        job = self.client.wait(job.id, timeout=TOO_LONG)
        self.assertEqual(self.client.result(job).json(), {"at": 7})
        return job

    def test_a_killed_server_takes_nothing_from_its_workers(self) -> None:
        worker = self.worker()
        begun, restarted = threading.Event(), threading.Event()

        @worker.processor("walk")
        def walk(task: Task) -> int:
            begun.set()
            self.assertTrue(restarted.wait(TOO_LONG))
            task.check()
            return task.fencing_token

        self.run_worker(worker)
        job = self.client.enqueue("walk", {})
        self.assertTrue(begun.wait(TOO_LONG))
        self.program.kill()
        self.program.start()
        restarted.set()
        job = self.client.wait(job.id, timeout=TOO_LONG)
        self.assertEqual((job.status, job.attempt), ("completed", 1))
        again = self.client.enqueue("walk", {})
        self.assertEqual(self.client.wait(again.id, timeout=TOO_LONG).status, "completed")

    def wait_for_message(self, job_id: str, message: str) -> None:
        for job in self.client.watch(job_id):
            if job.message == message:
                return
        raise AssertionError("it ended too early")


if __name__ == "__main__":
    unittest.main()
