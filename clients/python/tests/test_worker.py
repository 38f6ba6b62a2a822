"""The loop of a worker against a queue that does as it is told."""

import os
import signal
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from typing import Any

from faena import Failure, JobStoppedError, KeyRefusedError, Result, Task, Worker

from .fake import FakeServer, refusal
from .queue import FakeQueue


class WorkerCase(unittest.TestCase):
    def start(self, *, concurrency: int = 1, grace: float = 30.0, **terms: Any) -> tuple[FakeQueue, Worker]:
        """A queue and a worker of it, which runs until the test ends."""
        queue = FakeQueue(**terms)
        worker = Worker(queue.url, "test", concurrency, grace=grace)
        self.addCleanup(queue.close)
        self.running = threading.Thread(target=worker.run, daemon=True)
        self.worker = worker
        return queue, worker

    def go(self) -> None:
        self.running.start()
        self.addCleanup(self.end)

    def end(self) -> None:
        self.worker.stop()
        self.running.join(20)
        self.assertFalse(self.running.is_alive(), "the worker does not stop")


class Running(WorkerCase):
    def test_a_job_is_run_and_everything_it_says_arrives(self) -> None:
        queue, worker = self.start()

        @worker.processor("count")
        def count(task: Task) -> dict[str, Any]:
            self.assertEqual((task.payload, task.state, task.attempt), ({"to": 3}, {"at": 1}, 1))
            task.progress(50, "half")
            task.log("one", "two")
            task.save({"at": 2})
            return {"counted": task.payload["to"]}

        token = queue.put("count", {"to": 3}, state={"at": 1})
        self.go()
        self.assertEqual(queue.wait_for("complete")["result"], {"counted": 3})
        self.assertEqual(queue.wait_for("progress")["message"], "half")
        self.assertEqual(queue.wait_for("log")["lines"], ["one", "two"])
        self.assertEqual(queue.wait_for("state")["state"], {"at": 2})
        self.assertEqual(queue.kinds(token)[-1], "complete")
        registered = queue.server.seen[0].json()
        self.assertEqual(registered, {"name": "test", "subTypes": ["count"], "concurrency": 1})
        self.end()
        self.assertTrue(queue.left)

    def test_as_many_at_once_as_it_says(self) -> None:
        queue, worker = self.start(concurrency=3)
        together = threading.Barrier(3, timeout=20)
        worker.processor("meet")(lambda task: together.wait() and None)
        tokens = [queue.put("meet", {}) for _ in range(6)]
        self.go()
        for token in tokens:
            queue.wait_for("complete", token)
        rooms = [seen.json()["max"] for seen in queue.server.seen if seen.path.endswith("/lease")]
        self.assertTrue(all(1 <= room <= 3 for room in rooms), rooms)

    def test_failures_say_what_happened(self) -> None:
        queue, worker = self.start()

        @worker.processor("fail")
        def fail(task: Task) -> None:
            if task.payload["how"] == "mine":
                raise Failure("no such user", kind="unknown_user", retryable=False)
            raise KeyError("users")

        mine, other = queue.put("fail", {"how": "mine"}), queue.put("fail", {"how": "other"})
        self.go()
        error = queue.wait_for("fail", mine)["error"]
        self.assertEqual((error["message"], error["kind"], error["retryable"]), ("no such user", "unknown_user", False))
        error = queue.wait_for("fail", other)["error"]
        self.assertEqual((error["message"], error["kind"], error["retryable"]), ("KeyError: 'users'", "error", True))
        self.assertIn("raise KeyError", error["stackTrace"])

    def test_large_results_and_those_that_are_no_json_are_uploaded(self) -> None:
        queue, worker = self.start()
        worker.processor("large")(lambda task: "x" * 300_000)
        worker.processor("csv")(lambda task: Result(b"a,b\n", "text/csv"))
        large, csv = queue.put("large", {}), queue.put("csv", {})
        self.go()
        self.assertNotIn("result", queue.wait_for("complete", large))
        self.assertEqual(queue.uploads[large], ("application/json", b'"' + b"x" * 300_000 + b'"'))
        queue.wait_for("complete", csv)
        self.assertEqual(queue.uploads[csv], ("text/csv", b"a,b\n"))

    def test_a_quiet_job_is_kept_alive(self) -> None:
        queue, worker = self.start(heartbeat_seconds=0.05)
        done = threading.Event()
        worker.processor("quiet")(lambda task: done.wait(20) and None)
        queue.put("quiet", {})
        self.go()
        queue.wait_for("heartbeat")
        done.set()
        queue.wait_for("complete")

    def test_reports_that_do_not_arrive_are_said_again(self) -> None:
        queue, worker = self.start()
        queue.away = 2

        @worker.processor("count")
        def count(task: Task) -> int:
            task.log("a line")
            task.save(1)
            return 7

        token = queue.put("count", {})
        self.go()
        self.assertEqual(queue.wait_for("complete")["result"], 7)
        self.assertEqual(queue.kinds(token), ["state", "log", "complete"])

    def test_a_report_that_is_refused_does_not_take_others_along(self) -> None:
        queue, worker = self.start(concurrency=2)
        queue.refuse = {"complete": refusal(413, "body_too_large")}
        queue.refuse["state"] = refusal(400, "invalid_request")
        together = threading.Barrier(2, timeout=20)

        @worker.processor("save")
        def save(task: Task) -> int:
            task.save("too much")
            task.log("a line")
            together.wait()
            return 1

        first, second = queue.put("save", {}), queue.put("save", {})
        self.go()
        for token in (first, second):
            self.assertEqual(queue.wait_for("fail", token)["error"]["kind"], "invalid_result")
            self.assertEqual(queue.wait_for("log", token)["lines"], ["a line"])

    def test_what_cannot_be_sent_fails_its_own_job_alone(self) -> None:
        queue, worker = self.start()

        @worker.processor("odd")
        def odd(task: Task) -> Any:
            if task.payload == "state":
                task.save({"an": object()})
            if task.payload == "exit":
                sys.exit(3)
            task.log("a name that is no text: \udcff")
            return {"a": object()} if task.payload == "result" else None

        for how in ("state", "result", "exit"):
            queue.put("odd", how)
        last = queue.put("odd", "nothing")
        self.go()
        queue.wait_for("complete", last)
        errors = [report["error"]["message"] for report in queue.reports if report["kind"] == "fail"]
        self.assertEqual([error.split(":")[0] for error in errors], ["TypeError", "TypeError", "SystemExit"])

    def test_a_failure_that_is_refused_is_said_more_plainly(self) -> None:
        queue, worker = self.start()
        worker.processor("fail")(lambda task: 1 / 0)
        queue.refuse_once = {"fail": refusal(400, "invalid_request")}
        queue.put("fail", {})
        self.go()
        self.assertEqual(queue.wait_for("fail")["error"]["message"], "the failure was refused: not like this")

    def test_trouble_of_the_server_does_not_end_the_worker(self) -> None:
        queue, worker = self.start()
        worker.processor("noop")(lambda task: None)
        queue.refuse_once = {"complete": refusal(500, "internal")}
        queue.put("noop", {})
        self.go()
        queue.wait_for("complete")

    def test_a_forgotten_worker_comes_back(self) -> None:
        queue, worker = self.start()
        worker.processor("noop")(lambda task: None)
        queue.put("noop", {})
        self.go()
        queue.wait_for("complete")
        queue.forget()
        queue.wait_for("complete", queue.put("noop", {}))
        self.assertEqual(queue.known, "worker-2")


class Stopping(WorkerCase):
    def stopped_by(self, answer: str) -> tuple[FakeQueue, str, str]:
        queue, worker = self.start(heartbeat_seconds=0.05)
        reasons: list[str] = []
        ended = threading.Event()

        @worker.processor("long")
        def long(task: Task) -> None:
            try:
                queue.answers[task.lease_token] = answer
                task.sleep(20)
            except JobStoppedError as stop:
                reasons.append(stop.reason)
                ended.set()
                raise

        token = queue.put("long", {})
        self.go()
        self.assertTrue(ended.wait(20), "it was not stopped")
        return queue, token, reasons[0]

    def test_a_cancelled_job_stops_and_is_given_back(self) -> None:
        queue, token, reason = self.stopped_by("cancelled")
        self.assertEqual(reason, "cancelled")
        queue.wait_for("release", token)

    def test_of_a_lost_lease_nothing_is_said(self) -> None:
        queue, token, reason = self.stopped_by("stale")
        self.assertEqual(reason, "stale")
        queue.wait_for("heartbeat", queue.put("long", {}))
        self.assertEqual(set(queue.kinds(token)), {"heartbeat"})

    def test_a_worker_that_is_not_heard_stops_before_its_lease_ends(self) -> None:
        queue, worker = self.start(lease_seconds=1.5, heartbeat_seconds=0.2)
        queue.away = 1_000_000
        reasons: list[str] = []
        ended = threading.Event()

        @worker.processor("long")
        def long(task: Task) -> None:
            try:
                task.sleep(20)
            except JobStoppedError as stop:
                reasons.append(stop.reason)
                ended.set()

        queue.put("long", {})
        self.go()
        self.assertTrue(ended.wait(20), "it works on under a lease that has run out")
        self.assertEqual(reasons, ["stale"])

    def test_what_runs_may_finish_when_the_worker_stops(self) -> None:
        queue, worker = self.start()
        begun, go_on = threading.Event(), threading.Event()

        @worker.processor("long")
        def long(task: Task) -> str:
            begun.set()
            go_on.wait(20)
            return "done"

        token = queue.put("long", {})
        self.go()
        begun.wait(20)
        worker.stop()
        go_on.set()
        self.end()
        self.assertEqual(queue.kinds(token), ["complete"])

    def test_after_the_grace_time_jobs_go_back_with_what_they_saved(self) -> None:
        queue, worker = self.start(grace=0.0)

        @worker.processor("long")
        def long(task: Task) -> None:
            task.save({"done": 3})
            queue.wait_for("state")
            worker.stop()
            task.sleep(20)

        token = queue.put("long", {})
        self.go()
        self.running.join(20)
        self.assertEqual(queue.kinds(token), ["state", "release"])
        self.assertTrue(queue.left)

    def test_a_worker_whose_key_is_refused_says_so(self) -> None:
        fake = FakeServer(lambda _: refusal(403, "forbidden"))
        self.addCleanup(fake.close)
        worker = Worker(fake.url, "test")
        worker.processor("noop")(lambda task: None)
        with self.assertRaises(KeyRefusedError):
            worker.run()

    def test_sigterm_lets_it_finish(self) -> None:
        queue = FakeQueue()
        self.addCleanup(queue.close)
        script = (
            "import sys, faena\n"
            "worker = faena.Worker(sys.argv[1], 'test')\n"
            "@worker.processor('line')\n"
            "def line(task):\n"
            "    task.log('begun')\n"
            "    return sys.stdin.readline()\n"
            "worker.run()\n"
            "print('left')\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, "-c", script, queue.url]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as child:
            self.addCleanup(child.kill)
            token = queue.put("line", {})
            queue.wait_for("log")
            child.send_signal(signal.SIGTERM)
            output, _ = child.communicate("goodbye", timeout=20)
        self.assertEqual((child.returncode, output), (0, "left\n"))
        self.assertEqual(queue.wait_for("complete", token)["result"], "goodbye")
        self.assertTrue(queue.left)


if __name__ == "__main__":
    unittest.main()
