"""What is read and computed without a network."""

import inspect
import json
import unittest
from datetime import datetime, timedelta, timezone

from faena import (
    InvalidRequestError,
    Job,
    Result,
    RetryPolicy,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
)
from faena import _calls as calls
from faena._backoff import PAUSE_MAX, Backoff
from faena._events import EventParser
from faena._wire import Address, Answer, Request, headers_of

from .fake import job, refusal


class Events(unittest.TestCase):
    TEXT = b': hello\n\nid: 7\r\nevent: job\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: \xc3\xa9\n\nevent: empty\n\n'

    def test_events_are_found_wherever_the_stream_is_cut(self) -> None:
        for size in range(1, len(self.TEXT) + 1):
            parser = EventParser()
            pieces = [self.TEXT[at : at + size] for at in range(0, len(self.TEXT), size)]
            events = [event for piece in pieces for event in parser.feed(piece)]
            self.assertEqual(
                [(e.name, e.data, e.id) for e in events], [("job", '{"a":\n1}', "7"), ("message", "é", "7")]
            )


class Answers(unittest.TestCase):
    def test_a_refusal_says_all_it_knows(self) -> None:
        reply = refusal(400, "invalid_request")
        reply.body["details"] = [{"field": "payload.users", "message": "is missing"}]
        with self.assertRaises(InvalidRequestError) as caught:
            Answer(400, {"retry-after": "7"}, json.dumps(reply.body).encode()).checked()
        error = caught.exception
        self.assertEqual((error.status, error.code, error.request_id), (400, "invalid_request", "r-1"))
        self.assertEqual(error.retry_after, 7)
        self.assertEqual((error.details[0].field, error.details[0].message), ("payload.users", "is missing"))
        self.assertIn("payload.users: is missing", str(error))

    def test_what_is_not_of_this_service_is_told_apart(self) -> None:
        with self.assertRaises(UnreachableError):
            Answer(502, {}, b"<html>").checked()
        for answer in (Answer(418, {}, b"<html>"), Answer(500, {}, b"[]"), Answer(500, {}, b'{"error": "no code"}')):
            with self.assertRaises(UnexpectedAnswerError):
                answer.checked()
        for broken in ({}, {"jobId": "x"}, job() | {"createdAt": "yesterday"}, job() | {"error": "none"}):
            with self.assertRaises(UnexpectedAnswerError):
                Job.from_wire(broken)

    def test_a_job_is_read_with_all_its_fields(self) -> None:
        seen = Job.from_wire(
            job(
                "failed",
                40,
                error={"kind": "timeout", "message": "too slow", "stackTrace": None},
                tags=["a"],
                completedAt="2026-11-24T09:40:00.000Z",
                fromTheFuture=1,
            )
        )
        self.assertTrue(seen.is_finished)
        self.assertEqual(seen.error and seen.error.kind, "timeout")
        self.assertEqual(seen.completed_at, datetime(2026, 11, 24, 9, 40, tzinfo=timezone.utc))
        self.assertEqual((seen.tags, seen.raw["fromTheFuture"]), (("a",), 1))

    def test_data_urls_are_decoded(self) -> None:
        self.assertEqual(Result.from_data_url("data:application/json;base64,eyJhIjoxfQ==").json(), {"a": 1})
        plain = Result.from_data_url("data:,a%20b")
        self.assertEqual((plain.content, plain.content_type), (b"a b", "text/plain;charset=US-ASCII"))
        self.assertEqual(Result("é".encode("latin-1"), "text/plain; charset=iso-8859-1").text(), "é")
        for wrong in ("http://somewhere", "data:nothing", "data:;base64,***"):
            with self.assertRaises(ValueError):
                Result.from_data_url(wrong)


class Requests(unittest.TestCase):
    def enqueue(self, **fields: object) -> Request:
        names = inspect.getfullargspec(calls.enqueue).kwonlyargs
        return calls.enqueue("sleep", {}, **(dict.fromkeys(names) | fields))  # type: ignore[arg-type]

    def test_what_is_left_out_is_not_sent(self) -> None:
        self.assertEqual(json.loads(self.enqueue().body or b""), {"subType": "sleep", "payload": {}})

    def test_times_and_spans_are_those_of_the_wire(self) -> None:
        berlin = timezone(timedelta(hours=1))
        request = self.enqueue(
            run_at=datetime(2026, 11, 24, 10, 0, tzinfo=berlin),
            timeout=timedelta(minutes=2),
            unique_key="a",
            unique_for="active",
            retry_policy=RetryPolicy(max_retries=2, delay=1.5),
        )
        body = json.loads(request.body or b"")
        self.assertEqual(body["runAt"], "2026-11-24T09:00:00.000Z")
        self.assertEqual((body["timeoutSeconds"], body["uniqueFor"]), (120.0, "active"))
        self.assertEqual(body["retryPolicy"], {"maxRetries": 2, "retryDelay": 1500})
        with self.assertRaises(ValueError):
            self.enqueue(run_at=datetime(2026, 11, 24))
        with self.assertRaises(ValueError):
            self.enqueue(delay=float("nan"))

    def test_each_enqueue_has_a_key_of_its_own(self) -> None:
        keys = {self.enqueue().headers["Idempotency-Key"] for _ in range(10)}
        self.assertEqual(len(keys), 10)
        self.assertTrue(self.enqueue().is_repeatable)
        self.assertFalse(calls.cancel("x").is_repeatable)

    def test_ids_are_escaped(self) -> None:
        self.assertEqual(calls.get("../keys?x").path, "/jobs/..%2Fkeys%3Fx")

    def test_addresses(self) -> None:
        address = Address.parse("https://[::1]:7700/queue/")
        self.assertEqual(address, Address(True, "::1", 7700, "/queue"))
        self.assertEqual(str(address), "https://[::1]:7700/queue")
        self.assertEqual(headers_of(calls.get("x"), Address.parse("http://h"), "k")["Authorization"], "Bearer k")
        for wrong in ("localhost:7700", "ftp://h", "http://", "http://h?x=1"):
            with self.assertRaises(ValueError):
                Address.parse(wrong)


class Pauses(unittest.TestCase):
    def setUp(self) -> None:
        self.now = 0.0

    def backoff(self, patience: float, chance: float = 1.0) -> Backoff:
        return Backoff(patience, lambda: self.now, lambda: chance)

    def test_pauses_double_up_to_a_bound_and_are_jittered(self) -> None:
        for chance, factor in ((1.0, 1.0), (0.0, 0.5)):
            backoff = self.backoff(1e9, chance)
            pauses = [backoff.pause(UnreachableError()) for _ in range(40)]
            self.assertEqual(pauses[:3], [0.1 * factor, 0.2 * factor, 0.4 * factor])
            self.assertEqual(pauses[-1], PAUSE_MAX * factor)

    def test_retry_after_is_waited_for(self) -> None:
        busy = UnavailableError(503, "unavailable", "later", retry_after=3)
        self.assertEqual(self.backoff(10).pause(busy), 3.1)
        self.assertIsNone(self.backoff(2).pause(busy))

    def test_patience_ends_and_begins_anew_with_an_answer(self) -> None:
        backoff = self.backoff(1)
        self.assertIsNotNone(backoff.pause(UnreachableError()))
        self.now = 1.0
        self.assertIsNone(backoff.pause(UnreachableError()))
        backoff.reset()
        self.assertIsNotNone(backoff.pause(UnreachableError()))

    def test_what_will_not_pass_is_not_tried_again(self) -> None:
        self.assertIsNone(self.backoff(10).pause(InvalidRequestError(400, "invalid_request", "no")))


if __name__ == "__main__":
    unittest.main()
