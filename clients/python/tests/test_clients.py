"""Both clients against a server that does as it is told."""

import json
import threading
import unittest
from collections.abc import Callable
from typing import Any

from faena import Client, ConflictError, Job, NotFoundError, UnavailableError, UnreachableError, WaitTimeoutError

from .facade import Awaited
from .fake import FakeServer, Reply, Seen, broken_off, event, job, one_by_one, refusal

ID = job()["jobId"]


class Cases:
    """The cases; the classes below run them for each client."""

    client_class: Any

    def start(self, answer: Callable[[Seen], Reply], **settings: Any) -> tuple[FakeServer, Any]:
        fake = FakeServer(answer)
        self.addCleanup(fake.close)
        client = self.client_class(fake.url, **settings)
        client.__enter__()
        self.addCleanup(client.__exit__, None, None, None)
        return fake, client

    def test_enqueue_is_repeated_under_its_key_until_it_is_answered(self) -> None:
        replies = [Reply(drop=True), refusal(503, "unavailable", retry_after="0"), Reply(202, {"data": job()})]
        fake, client = self.start(one_by_one(*replies), key="secret")
        accepted = client.enqueue("sleep", {"durationMs": 1}, priority="high", delay=5)
        self.assertEqual((accepted.id, accepted.status), (ID, "queued"))
        self.assertEqual(len({seen.headers["idempotency-key"] for seen in fake.seen}), 1)
        self.assertEqual([seen.headers["authorization"] for seen in fake.seen], ["Bearer secret"] * 3)
        self.assertEqual(fake.seen[2].json()["delaySeconds"], 5)

    def test_an_answer_that_breaks_off_is_asked_for_again(self) -> None:
        fake, client = self.start(one_by_one(broken_off(), Reply(200, job())))
        self.assertEqual(client.get(ID).id, ID)
        self.assertEqual(len(fake.seen), 2)

    def test_patience_ends(self) -> None:
        fake, client = self.start(lambda _: refusal(503, "unavailable", retry_after="60"), patience=1)
        with self.assertRaises(UnavailableError) as caught:
            client.get(ID)
        self.assertEqual(caught.exception.retry_after, 60)
        self.assertEqual(len(fake.seen), 1)

    def test_what_may_not_be_repeated_is_sent_once(self) -> None:
        fake, client = self.start(lambda _: Reply(drop=True))
        for call in (client.cancel, client.retry):
            with self.assertRaises(UnreachableError):
                call(ID)
        self.assertEqual([seen.method for seen in fake.seen], ["DELETE", "POST"])

    def test_refusals_are_raised_as_what_they_are(self) -> None:
        _, client = self.start(one_by_one(refusal(404, "not_found"), refusal(409, "already_finished")))
        with self.assertRaises(NotFoundError):
            client.get(ID)
        with self.assertRaises(ConflictError) as caught:
            client.cancel(ID)
        self.assertEqual(caught.exception.code, "already_finished")

    def test_a_server_that_is_not_there(self) -> None:
        fake, client = self.start(lambda _: Reply(), patience=0)
        fake.close()
        with self.assertRaises(UnreachableError):
            client.get(ID)

    def test_waiting_shows_each_change_once(self) -> None:
        fake, client = self.start(
            one_by_one(
                Reply(200, job("started"), {"ETag": '"1"'}),
                Reply(304, headers={"ETag": '"1"'}),
                Reply(200, job("progress", 50), {"ETag": '"2"'}),
                Reply(200, job("completed", 100), {"ETag": '"3"'}),
            )
        )
        seen: list[tuple[str, int]] = []
        ended = client.wait(ID, on_progress=lambda job: seen.append((job.status, job.progress)))
        self.assertEqual(ended.status, "completed")
        self.assertEqual(seen, [("started", 0), ("progress", 50), ("completed", 100)])
        self.assertEqual([each.headers.get("if-none-match") for each in fake.seen], [None, '"1"', '"1"', '"2"'])
        self.assertEqual(fake.seen[1].path, f"/jobs/{ID}?wait=30")

    def test_waiting_without_looking_asks_for_the_end(self) -> None:
        fake, client = self.start(one_by_one(Reply(200, job("progress", 9)), Reply(200, job("failed"))))
        self.assertEqual(client.wait(ID).status, "failed")
        self.assertEqual([each.headers.get("if-none-match") for each in fake.seen], [None, None])

    def test_waiting_has_a_time_limit(self) -> None:
        _, client = self.start(lambda _: Reply(200, job("progress", 9)))
        with self.assertRaises(WaitTimeoutError) as caught:
            client.wait(ID, timeout=0.01)
        self.assertEqual(caught.exception.job.progress, 9)

    def test_a_stream_that_breaks_is_taken_up_where_it_broke(self) -> None:
        fake, client = self.start(
            one_by_one(
                Reply(200, iter([b": hello\n\n", event("a", job("started"))])),
                Reply(drop=True),
                Reply(200, iter([event("b", job("progress", 5))[:20], event("b", job("progress", 5))[20:]])),
                Reply(200, iter([event("c", job("completed", 100))])),
            )
        )
        self.assertEqual([each.status for each in client.watch(ID)], ["started", "progress", "completed"])
        self.assertEqual([each.headers.get("last-event-id") for each in fake.seen], [None, "a", "a", "b"])

    def test_a_stream_without_news_is_over(self) -> None:
        _, client = self.start(one_by_one(Reply(204)))
        self.assertEqual(list(client.watch(ID)), [])

    def test_events_arrive_as_they_are_sent(self) -> None:
        first_seen = threading.Event()

        def pieces() -> Any:
            yield event("a", job("started"))
            self.assertTrue(first_seen.wait(10), "the first event was kept back")
            yield event("b", job("completed", 100))

        _, client = self.start(one_by_one(Reply(200, pieces())))
        statuses = []
        for each in client.watch(ID):
            statuses.append(each.status)
            first_seen.set()
        self.assertEqual(statuses, ["started", "completed"])

    def test_a_list_is_followed_to_its_end(self) -> None:
        def page(jobs: int, cursor: str | None) -> Reply:
            return Reply(
                200, {"data": [job()] * jobs, "pagination": {"hasMore": cursor is not None, "nextCursor": cursor}}
            )

        fake, client = self.start(one_by_one(page(2, "x y"), page(0, "z"), page(1, None)))
        found = list(client.jobs(status=["queued", "started"], sub_type="sleep", page_size=2))
        self.assertEqual(len(found), 3)
        self.assertEqual(fake.seen[0].path, "/jobs?status=queued%2Cstarted&subType=sleep&limit=2")
        self.assertTrue(fake.seen[1].path.endswith("&cursor=x+y"))

    def test_results(self) -> None:
        fake, client = self.start(one_by_one(Reply(200, b"a,b\n", {"Content-Type": "text/csv"})))
        self.assertEqual(client.result(Job.from_wire(job(resultUrl="data:text/plain,hi"))).content, b"hi")
        self.assertEqual(fake.seen, [])
        result = client.result(ID)
        self.assertEqual((result.content, result.content_type), (b"a,b\n", "text/csv"))

    def test_a_result_elsewhere_is_fetched_without_the_key(self) -> None:
        elsewhere = FakeServer(one_by_one(Reply(200, b"far", {"Content-Type": "text/plain"})))
        self.addCleanup(elsewhere.close)
        _, client = self.start(one_by_one(Reply(302, b"", {"Location": f"{elsewhere.url}/a?b=c"})), key="secret")
        self.assertEqual(client.result(ID).content, b"far")
        self.assertEqual(elsewhere.seen[0].path, "/a?b=c")
        self.assertNotIn("authorization", elsewhere.seen[0].headers)

    def test_connections_are_kept_and_a_closed_one_is_replaced(self) -> None:
        fake, client = self.start(
            one_by_one(
                Reply(200, iter([json.dumps(job()).encode()])),
                Reply(200, job(), {"Connection": "close"}),
                Reply(200, job()),
            )
        )
        self.assertEqual([client.get(ID).id for _ in range(3)], [ID] * 3)
        self.assertEqual(len(fake.seen), 3)


class Blocking(Cases, unittest.TestCase):
    client_class = Client


class Asynchronous(Cases, unittest.TestCase):
    client_class = Awaited


if __name__ == "__main__":
    unittest.main()
