"""How little a worker needs: checksums of large files, in plain Python, against the HTTP API alone.

    python3 examples/workers/worker.py http://127.0.0.1:7700 FOLDER
    curl localhost:7700/jobs -H 'Content-Type: application/json' \
         -d '{"subType": "checksum_file", "payload": {"file": "name-below-FOLDER"}}'

After each chunk it saves how far it is: whoever gets the job after a crash goes on from there. The package in
clients/python has the same loop with several jobs at once; this one shows what happens in it.
"""

import http.client
import json
import signal
import sys
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

URL, FOLDER = sys.argv[1].rstrip("/"), Path(sys.argv[2]).resolve()
stopping = False


class Stopped(Exception):
    """The job is not ours any more, or we have to go."""


def call(method, path, body=None):
    """One call. A server that is away or cannot take it now is asked again."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/json"}, method=method)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text)["data"] if text else None
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise
        except (OSError, http.client.HTTPException):
            pass  # nobody there, or an answer that broke off
        time.sleep(0.2)


def register():
    worker = call("POST", "/workers", {"name": "checksums", "subTypes": ["checksum_file"], "concurrency": 1})
    print("registered", worker["workerId"], flush=True)
    return worker["workerId"]


def work(worker, job):
    """Does one job, and says how it ended."""

    def report(*reports):
        reports = [{"leaseToken": job["leaseToken"], **report} for report in reports]
        answers = call("POST", f"/workers/{worker}/reports", {"reports": reports})
        if any(answer["answer"] != "accepted" for answer in answers):
            raise Stopped  # it was cancelled, or our lease is lost and another worker has it

    try:
        result = checksum(job["payload"], job["state"] or {"offset": 0, "crc": 0}, report)
        report({"kind": "complete", "result": result})
    except Stopped:
        report_if_possible(report, {"kind": "release"})
    except (OSError, KeyError, TypeError, ValueError) as error:
        failure = {"message": f"{type(error).__name__}: {error}", "retryable": isinstance(error, OSError)}
        report_if_possible(report, {"kind": "fail", "error": failure})


def report_if_possible(report, last):
    """The last word about a job. When the lease is lost, nobody wants to hear it."""
    try:
        report(last)
    except (Stopped, urllib.error.HTTPError):
        pass


def checksum(payload, state, report):
    """The CRC-32 of a file, from where an earlier try has left off. Every report is a sign of life, too."""
    path = (FOLDER / payload["file"]).resolve()
    if not path.is_relative_to(FOLDER):
        raise ValueError("the file has to be below the worker's folder")
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(state["offset"])
        while chunk := file.read(payload.get("chunkBytes", 1 << 20)):
            state = {"offset": state["offset"] + len(chunk), "crc": zlib.crc32(chunk, state["crc"])}
            message = f"{state['offset']} of {size} bytes"
            percent = min(100, 100 * state["offset"] / size)
            report({"kind": "state", "state": state}, {"kind": "progress", "progress": percent, "message": message})
            if stopping:
                raise Stopped
    return {"file": payload["file"], "bytes": state["offset"], "crc32": f"{state['crc']:08x}"}


def main():
    worker = register()
    while not stopping:
        try:
            for job in call("POST", f"/workers/{worker}/lease", {"max": 1, "waitSeconds": 2}):
                work(worker, job)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            worker = register()  # we were silent for so long that we are forgotten
    call("DELETE", f"/workers/{worker}")


def stop(*_):
    global stopping
    stopping = True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    main()
