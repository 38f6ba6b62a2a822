//! Who may come in: every operation of the description, with no key, a wrong one, each scope, and keys of two users. The table
//! here says what each needs; an operation that it does not name fails the first test.

use std::collections::BTreeMap;

use faena::job::JobId;
use faena::key::{NewKey, Scope};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// What each operation needs: a scope, `-` for nothing; with `!` it is not for a key of one user.
const NEEDS: &[(&str, &str)] = &[
    (
        "jobs:write",
        "post /jobs, delete /jobs, post /jobs/batch, post /jobs/retry, delete /jobs/{id}, post /jobs/{id}/retry",
    ),
    (
        "jobs:write",
        "delete /dead-letters, post /dead-letters/retry, delete /dead-letters/{id}, post /dead-letters/{id}/retry",
    ),
    (
        "jobs:read",
        "get /jobs, get /jobs/{id}, get /jobs/{id}/events, post /jobs/{id}/events/token, get /jobs/{id}/attempts",
    ),
    ("jobs:read", "get /jobs/{id}/logs, get /jobs/{id}/result, get /jobs/{id}/explain, get /dead-letters"),
    ("!jobs:read", "get /jobs/status, get /jobs/statistics/overview, get /dashboard/data, get /processors"),
    (
        "schedules",
        "post /schedules, get /schedules, post /schedules/validate/cron, get /schedules/{id}, put /schedules/{id}",
    ),
    (
        "schedules",
        "patch /schedules/{id}, delete /schedules/{id}, post /schedules/{id}/enable, post /schedules/{id}/disable",
    ),
    ("schedules", "post /schedules/{id}/pause, post /schedules/{id}/resume, post /schedules/{id}/execute"),
    ("schedules", "put /schedules/{id}/enable, put /schedules/{id}/disable, post /schedules/{id}/backfill"),
    ("schedules", "get /schedules/{id}/executions, get /executions, get /executions/{id}"),
    ("!workers", "put /locks/{name}, get /locks/{name}, delete /locks/{name}"),
    ("!workers", "put /state/{name}, get /state/{name}, delete /state/{name}"),
    (
        "!workers",
        "post /workers, get /workers, delete /workers/{id}, post /workers/{id}/lease, post /workers/{id}/reports",
    ),
    ("!workers", "put /leases/{token}/result"),
    (
        "events",
        "get /events, post /subscriptions, get /subscriptions, get /subscriptions/{id}, patch /subscriptions/{id}",
    ),
    ("events", "delete /subscriptions/{id}, post /subscriptions/{id}/secret, post /subscriptions/{id}/test"),
    ("events", "get /subscriptions/{id}/deliveries, post /subscriptions/{id}/deliveries/replay"),
    ("events", "post /subscriptions/{id}/deliveries/{eventId}/replay"),
    ("!events", "get /outbox/stats"),
    ("!admin", "post /outbox/process, post /outbox/cleanup"),
    ("!events", "get /alerts, get /alerts/{id}, get /alerts/rules, get /alerts/rules/{name}, get /nodes, get /metrics"),
    ("!admin", "put /alerts/rules/{name}, delete /alerts/rules/{name}, post /cleanup"),
    ("!admin", "post /processors/{subType}/pause, post /processors/{subType}/resume"),
    ("!admin", "post /keys, get /keys, delete /keys/{id}"),
    ("-", "get /health/live, get /health/ready, get /openapi.json, get /openapi.yaml, get /"),
];

/// What one operation needs: a scope, if any, and whether it is not for a key of one user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Needed {
    scope: Option<Scope>,
    whole: bool,
}

fn table() -> BTreeMap<String, Needed> {
    let needed = |word: &str| Needed { scope: word.trim_start_matches('!').parse().ok(), whole: word.starts_with('!') };
    NEEDS.iter().flat_map(|(word, all)| all.split(", ").map(move |one| (one.to_owned(), needed(word)))).collect()
}

/// The operations of the description, and the scope that each names.
fn described() -> BTreeMap<String, Option<Scope>> {
    let document = serde_json::to_value(faena::http::openapi()).unwrap();
    let mut all = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["key"][0].as_str().map(|scope| scope.parse().unwrap());
            all.insert(format!("{method} {path}"), scope);
        }
    }
    all
}

/// A server with a first key, and others beside it.
pub struct Keyed {
    pub server: Server,
    pub admin: String,
}

impl Keyed {
    pub async fn start() -> Self {
        let server = Server::start();
        let admin = key(&server, &[Scope::Admin], None).await;
        Self { server, admin }
    }

    pub async fn key(&self, scopes: &[Scope], user: Option<&str>) -> String {
        key(&self.server, scopes, user).await
    }

    pub fn request(&self, method: &str, path: &str, key: Option<&str>) -> reqwest::RequestBuilder {
        let method = method.to_uppercase().parse().unwrap();
        let request = self.server.client.request(method, self.server.url(path));
        match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub async fn ask(&self, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path, Some(key));
        self.server
            .send(match body {
                Some(body) => request.json(&body),
                None => request,
            })
            .await
    }

    /// The status and code of an answer whose body may never end.
    async fn status(&self, method: &str, path: &str, key: Option<&str>) -> (u16, String) {
        let answer = self.request(method, path, key).send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 401 {
            assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{method} {path}");
        }
        let code = match status {
            401 | 403 | 404 => answer.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned(),
            _ => String::new(),
        };
        (status, code)
    }

    pub async fn job(&self, key: &str, more: Value) -> Answer {
        let mut body = json!({ "subType": "noop", "payload": {} });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask("post", "/jobs", key, Some(body)).await
    }

    pub async fn dead(&self, user: &str) -> JobId {
        let answer = self.job(&self.admin, json!({ "userId": user })).await;
        let id = job_id(&answer);
        self.server.claim(1_000).await;
        self.server.fail(id, "no luck").await;
        id
    }

    pub async fn schedule(&self, user: &str) -> String {
        let name = format!("s-{}", JobId::new());
        let body = json!({ "name": name, "subType": "noop", "cronExpression": "0 2 * * *", "createdBy": user });
        assert_eq!(self.ask("post", "/schedules", &self.admin, Some(body)).await.status, 201);
        name
    }

    pub async fn subscription(&self, user: &str) -> String {
        let body = json!({ "url": "https://example.com/", "events": ["job.*"], "userId": user });
        let made = self.ask("post", "/subscriptions", &self.admin, Some(body)).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["data"]["id"].as_str().unwrap().to_owned()
    }

    /// An operation's address, with something of that user in it.
    async fn place(&self, operation: &str, user: &str) -> (String, String) {
        let (method, path) = operation.split_once(' ').unwrap();
        let id = if path.starts_with("/schedules/{id}") {
            self.schedule(user).await
        } else if path.starts_with("/executions/{id}") {
            let path = format!("/schedules/{}/execute", self.schedule(user).await);
            job_id(&self.ask("post", &path, &self.admin, None).await).to_string()
        } else if path.starts_with("/subscriptions/{id}") {
            self.subscription(user).await
        } else if ["/jobs/{id}", "/dead-letters/{id}"].iter().any(|prefix| path.starts_with(prefix)) {
            self.dead(user).await.to_string()
        } else {
            JobId::new().to_string()
        };
        let path =
            path.replace("{id}", &id).replace("{name}", "x").replace("{token}", "x").replace("{subType}", "noop");
        (method.to_owned(), path)
    }
}

pub async fn key(server: &Server, scopes: &[Scope], user: Option<&str>) -> String {
    let user_id = user.map(Into::into);
    let new = NewKey { name: "test".into(), scopes: scopes.to_vec(), user_id, ..NewKey::default() };
    server.service.create_key(new).await.unwrap().1.reveal().to_owned()
}

pub fn job_id(answer: &Answer) -> JobId {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["data"]["jobId"].as_str().unwrap().parse().unwrap()
}

/// Whether a path names a thing that belongs to somebody.
fn names_a_thing(operation: &str) -> bool {
    ["/jobs/{id}", "/dead-letters/{id}", "/schedules/{id}", "/executions/{id}", "/subscriptions/{id}"]
        .iter()
        .any(|prefix| operation.split_once(' ').unwrap().1.starts_with(prefix))
}

#[test]
fn every_operation_says_what_it_needs() {
    let (table, described) = (table(), described());
    let missing: Vec<_> = described.keys().filter(|operation| !table.contains_key(*operation)).collect();
    assert!(missing.is_empty(), "these need a row in the table: {missing:?}");
    for (operation, needed) in &table {
        // What has two methods for one thing may be described once.
        if let Some(scope) = described.get(operation) {
            assert_eq!(*scope, needed.scope, "{operation}");
        }
    }
}

#[actix_web::test]
async fn nobody_comes_in_without_a_key_that_opens_it() {
    let keyed = Keyed::start().await;
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        keys.push((*scope, keyed.key(&[*scope], None).await));
    }
    for (operation, needed) in table() {
        let (method, path) = keyed.place(&operation, "ana").await;
        for wrong in [None, Some("fk_nonsense"), Some(""), Some(&*"x".repeat(300))] {
            let (status, code) = keyed.status(&method, &path, wrong).await;
            match needed.scope {
                None => assert_eq!(status, 200, "{operation}"),
                Some(_) => assert_eq!((status, &*code), (401, "unauthorized"), "{operation} {wrong:?}"),
            }
        }
        for (held, key) in &keys {
            let (method, path) = keyed.place(&operation, "ana").await;
            let (status, code) = keyed.status(&method, &path, Some(key)).await;
            let opens = needed.scope.is_none_or(|needed| needed == *held || *held == Scope::Admin);
            match opens {
                true => assert!(![401, 403].contains(&status), "{operation} {held}: {status}"),
                false => assert_eq!((status, &*code), (403, "forbidden"), "{operation} {held}"),
            }
        }
    }
}

#[actix_web::test]
async fn a_key_of_one_user_opens_what_is_of_that_user() {
    let keyed = Keyed::start().await;
    for (operation, needed) in table() {
        let Some(scope) = needed.scope.filter(|scope| scope.can_be_bound()) else { continue };
        let (anas, bos) = (keyed.key(&[scope], Some("ana")).await, keyed.key(&[scope], Some("bo")).await);
        let (method, path) = keyed.place(&operation, "ana").await;
        let other = keyed.status(&method, &path, Some(&bos)).await;
        let own = keyed.status(&method, &path, Some(&anas)).await;
        if needed.whole {
            assert_eq!([own.0, other.0], [403, 403], "{operation}");
        } else if names_a_thing(&operation) {
            assert_eq!((other.0, &*other.1), (404, "not_found"), "{operation}");
            // Only a result that was never made is not there, and a delivery of nothing.
            let may_lack = ["/result", "/{eventId}/replay"].iter().any(|end| operation.ends_with(end));
            let is_there = ![401, 403].contains(&own.0) && (own.0 != 404 || may_lack);
            assert!(is_there, "{operation}: {own:?}");
        } else {
            assert!(![401, 403, 404].contains(&own.0), "{operation}: {own:?}");
        }
    }
}
