//! The operations of workers of other processes.

use serde_json::json;

use super::operation::{Operation, delete, get, json as in_json, post, put, reply};
use super::schemas::{array, created, listed, named};
use super::view::{AnsweredView, LeasedView, RegisteredView, UploadView, WorkerView};
use crate::http::reports::ReportsRequest;
use crate::http::workers::{LeaseRequest, WorkerRequest};

pub(super) fn operations() -> Vec<Operation> {
    let about = |operation: Operation| operation.tag("workers");
    let worker = |operation: Operation| about(operation).part("id", "The worker, as its registration named it.");
    let token = "0192f1f4-5f3c-7d3e-9a51-0d3f8b7a6c5d-1";
    vec![
        about(post("/workers", "registerWorker", "Register a worker"))
            .about(
                "Every start of a worker registers anew. Its jobs are its own for `leaseSeconds`; each report begins that \
                 time anew. A worker of which nothing was heard for a day is forgotten.",
            )
            .takes(vec![(
                "application/json",
                named::<WorkerRequest>(),
                json!({ "name": "gpu-3/4711", "subTypes": ["resize_image"], "concurrency": 4 }),
            )])
            .gives(201, in_json("It is registered.", created(named::<RegisteredView>())))
            .failing(&[429]),
        about(get("/workers", "listWorkers", "The workers of other processes"))
            .gives(200, in_json("All of them, in the order in which they came.", listed(named::<WorkerView<'static>>()))),
        worker(delete("/workers/{id}", "removeWorker", "Leave"))
            .about("What it holds goes back to the queue at once, and no try is burnt.")
            .gives(204, reply("It is gone.")),
        worker(post("/workers/{id}/lease", "leaseJobs", "Take jobs"))
            .about(
                "The most urgent ones of its subtypes. They are on disk as this worker's when this answers, and stay so if the \
                 server restarts: then each lease has a full new term. Held for up to `waitSeconds` while there are none; \
                 an empty list when the time is up or the server is about to stop.",
            )
            .may_take(named::<LeaseRequest>(), json!({ "max": 4, "waitSeconds": 30 }))
            .gives(200, in_json("Jobs, each with its lease.", created(array(named::<LeasedView<'static>>())))),
        worker(post("/workers/{id}/reports", "reportOnJobs", "Report on jobs"))
            .about(
                "The answers come in the order of the reports. A report under a lease that is lost changes nothing and is \
                 answered `stale`; the same last report again is answered as before.",
            )
            .takes(vec![(
                "application/json",
                named::<ReportsRequest<'static>>(),
                json!({ "reports": [
                    { "leaseToken": token, "kind": "progress", "progress": 50, "message": "halfway" },
                    { "leaseToken": token, "kind": "complete", "result": { "width": 640 } },
                ] }),
            )])
            .gives(200, in_json("What became of each.", created(array(named::<AnsweredView<'static>>())))),
        about(put("/leases/{token}/result", "uploadResult", "Upload a large result"))
            .part("token", "The lease.")
            .about("The bytes as they are, with their media type. They are the job's when a report completes it.")
            .takes_bytes()
            .gives(200, in_json("It is kept.", created(named::<UploadView<'static>>())))
            .failing(&[409]),
    ]
}
