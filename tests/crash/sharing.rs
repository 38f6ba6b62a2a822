//! Locks and states of a real server that is killed: what it granted stays granted, and numbers never come back.

use serde_json::{Value, json};

use crate::server::Home;
use crate::wire::Wire;

fn ask(wire: &mut Wire, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let reply = wire.ask(method, path, None, body).unwrap();
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

#[test]
fn rule_02_a_killed_server_keeps_its_grants_and_its_numbers() {
    let home = Home::new();
    let (mut last_token, mut last_revision) = (0, 0);
    for round in 0..3 {
        let server = home.start();
        let mut wire = server.wire();
        if round > 0 {
            let (_, held) = ask(&mut wire, "GET", "/locks/kept", None);
            assert_eq!(held["fencingToken"].as_u64(), Some(last_token - 1), "{held}");
            let (status, _) = ask(&mut wire, "PUT", "/locks/kept", Some(&json!({ "owner": "bob", "ttlSeconds": 9 })));
            assert_eq!(status, 409);
            let (_, state) = ask(&mut wire, "GET", "/state/block", None);
            assert_eq!((&state["value"], state["revision"].as_u64()), (&json!(round - 1), Some(last_revision)));
            ask(&mut wire, "DELETE", "/locks/kept?owner=ana", None);
            ask(&mut wire, "DELETE", "/state/block", None);
        }
        let wish = json!({ "owner": "ana", "ttlSeconds": 3600 });
        for name in ["kept", "given-up"] {
            let (status, acquired) = ask(&mut wire, "PUT", &format!("/locks/{name}"), Some(&wish));
            assert_eq!(status, 201, "{acquired}");
            let token = acquired["data"]["fencingToken"].as_u64().unwrap();
            assert!(token > last_token, "{token} after {last_token}");
            last_token = token;
        }
        ask(&mut wire, "DELETE", "/locks/given-up?owner=ana", None);
        let (status, kept) = ask(&mut wire, "PUT", "/state/block", Some(&json!({ "value": round })));
        assert_eq!(status, 201, "{kept}");
        let revision = kept["data"]["revision"].as_u64().unwrap();
        assert!(revision > last_revision, "{revision} after {last_revision}");
        last_revision = revision;
        server.kill();
    }
}
