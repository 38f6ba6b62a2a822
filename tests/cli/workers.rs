//! `faena workers` against a real server.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::program::Program;
use crate::served::Served;

/// What a worker says to a server, and the answer.
fn post(server: &Served, path: &str, body: &Value) -> Value {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let (host, body) = (server.address(), body.to_string());
    let length = body.len();
    let head = "content-type: application/json\r\nconnection: close";
    write!(stream, "POST {path} HTTP/1.1\r\nhost: {host}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn workers_are_listed_with_what_they_hold() {
    let program = Program::new();
    let server = Served::start(&program);
    let run = |args: &[&str]| server.run(&program, &[&["workers"], args].concat());
    assert!(run(&[]).ended(0).stderr.contains("no workers"));

    let body = json!({ "name": "gpu-3/4711", "subTypes": ["resize_image", "crop_image"], "concurrency": 2 });
    let registered = post(&server, "/workers", &body);
    let id = registered["data"]["workerId"].as_str().unwrap().to_owned();
    server.run(&program, &["enqueue", "crop_image", "{}"]).ended(0);
    post(&server, &format!("/workers/{id}/lease"), &json!({ "max": 1 }));

    let listed = run(&["--live"]).ended(0).stdout;
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[0].starts_with("NAME"), "{listed}");
    assert!(lines[1].starts_with("gpu-3/4711  crop_image, resize_image  1 of 2  live"), "{listed}");
    let json: Value = run(&["--json"]).ended(0).json_lines().remove(0);
    assert_eq!((&json["data"][0]["workerId"], &json["data"][0]["held"]), (&json!(id), &json!(1)));
}
