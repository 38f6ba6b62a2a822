//! An example that serves, as a child process, and a client of it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::example;

/// A serving example; it is killed when it is dropped.
pub struct Served {
    url: String,
    child: Child,
    client: Client,
}

impl Served {
    /// Starts one that says where it listens in its first line.
    pub fn start(name: &str, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = example(name, folder);
        let mut child = command.envs(variables.iter().copied()).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        // Read byte by byte: what comes after the first line is left for the end.
        let mut stdout = BufReader::with_capacity(1, child.stdout.as_mut().unwrap());
        stdout.read_line(&mut first).unwrap();
        let url = first.strip_prefix("listening on ").map(str::trim);
        let url = url.unwrap_or_else(|| panic!("{name} gave no address: {first:?}")).to_owned();
        Self { url, child, client: Client::builder().no_proxy().build().unwrap() }
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::with_capacity(1, self.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.url))
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).json(body)
    }

    /// The id of the job that a request is accepted as.
    pub async fn accepted(&self, path: &str, body: &Value) -> String {
        let answer = answered(self.post(path, body), StatusCode::ACCEPTED).await;
        answer["data"]["jobId"].as_str().unwrap().to_owned()
    }

    /// The job as soon as `enough` says so, held by the server from one change to the next.
    pub async fn job_once(&self, id: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let mut tag = None;
        loop {
            let request = match &tag {
                None => self.get(&format!("/jobs/{id}")),
                Some(tag) => self.get(&format!("/jobs/{id}?wait=30")).header("If-None-Match", tag),
            };
            let answer = request.send().await.unwrap();
            if answer.status() == StatusCode::NOT_MODIFIED {
                continue;
            }
            assert_eq!(answer.status(), StatusCode::OK);
            tag = Some(answer.headers()["etag"].to_str().unwrap().to_owned());
            let job: Value = answer.json().await.unwrap();
            if enough(&job) {
                return job;
            }
            let terminal = ["completed", "failed", "cancelled"].contains(&job["status"].as_str().unwrap());
            assert!(!terminal, "it ended too early: {job:#}");
        }
    }

    /// The job once it has ended as `status`.
    pub async fn ended(&self, id: &str, status: &str) -> Value {
        self.job_once(id, |job| job["status"] == status).await
    }

    /// Waits for a job to complete; its result, decoded from its `data:` URL.
    pub async fn result(&self, id: &str) -> Value {
        decoded(self.ended(id, "completed").await["resultUrl"].as_str().unwrap())
    }

    /// Sends a signal and waits for the end; the code, if it ended by itself, and what else it printed.
    pub fn signalled(mut self, signal: Signal) -> (Option<i32>, String) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
        let status = self.child.wait().unwrap();
        let mut rest = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        (status.code(), rest)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer to a request, if it has this status.
pub async fn answered(request: RequestBuilder, status: StatusCode) -> Value {
    let answer: Response = request.send().await.unwrap();
    let got = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The JSON in a `data:` URL.
pub fn decoded(url: &str) -> Value {
    let data = url.strip_prefix("data:application/json;base64,").unwrap_or_else(|| panic!("another sort: {url:.80}"));
    serde_json::from_slice(&STANDARD.decode(data).unwrap()).unwrap()
}
