//! Who may come in: every address of the dashboard, with no session, a wrong one, and one of each scope; and what keeps others
//! out.

use std::collections::BTreeMap;

use faena::key::{Need, Scope};

use crate::server::Server;

/// What each address needs: a scope, `-` for nothing.
const NEEDS: &[(&str, &str)] = &[
    ("-", "GET /dashboard/assets/{edition}/{file}, GET /dashboard/sign-in, POST /dashboard/sign-in"),
    ("-", "POST /dashboard/sign-out, POST /dashboard/language"),
    ("jobs:read", "GET /dashboard, GET /dashboard/live, GET /dashboard/jobs, GET /dashboard/jobs/{id}"),
    ("jobs:read", "GET /dashboard/jobs/{id}/live, GET /dashboard/jobs/{id}/result, GET /dashboard/jobs/{id}/shown"),
    ("jobs:write", "GET /dashboard/jobs/bulk, POST /dashboard/jobs/bulk, POST /dashboard/jobs/{id}/cancel"),
    ("jobs:read", "GET /dashboard/dead-letters"),
    ("schedules", "GET /dashboard/schedules, GET /dashboard/schedules/{id}, GET /dashboard/cron"),
    ("schedules", "GET /dashboard/schedules/new, POST /dashboard/schedules/new"),
    ("schedules", "GET /dashboard/schedules/{id}/edit, POST /dashboard/schedules/{id}/edit"),
    ("schedules", "POST /dashboard/schedules/{id}/run, POST /dashboard/schedules/{id}/pause"),
    ("schedules", "POST /dashboard/schedules/{id}/resume, POST /dashboard/schedules/{id}/enable"),
    ("!jobs:read", "GET /dashboard/system"),
    ("!admin", "POST /dashboard/processors/{subType}/pause, POST /dashboard/processors/{subType}/resume"),
    ("events", "GET /dashboard/subscriptions, GET /dashboard/subscriptions/{id}, GET /dashboard/events"),
    ("events", "POST /dashboard/subscriptions/{id}/replay"),
    ("!admin", "GET /dashboard/keys, POST /dashboard/keys, POST /dashboard/keys/{id}/revoke"),
    ("jobs:write", "GET /dashboard/enqueue, POST /dashboard/enqueue"),
    ("jobs:write", "POST /dashboard/jobs/{id}/retry, POST /dashboard/jobs/{id}/discard"),
];

fn table() -> BTreeMap<String, &'static str> {
    NEEDS.iter().flat_map(|(need, all)| all.split(", ").map(move |one| (one.to_owned(), *need))).collect()
}

#[test]
fn every_address_says_what_it_needs() {
    let word = |need| match need {
        Need::Nothing => "-".to_owned(),
        Need::Scope(scope) => scope.to_string(),
        Need::Whole(scope) => format!("!{scope}"),
    };
    let mounted: BTreeMap<_, _> =
        faena::dashboard::needs().iter().map(|one| (format!("{} {}", one.method, one.path), word(one.need))).collect();
    let expected: BTreeMap<_, _> = table().into_iter().map(|(name, need)| (name, need.to_owned())).collect();
    assert_eq!(mounted, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_session_that_opens_it() {
    let server = Server::start().await;
    let mut sessions = Vec::new();
    for scope in Scope::ALL {
        let key = server.key(&[*scope], None).await;
        sessions.push((*scope, server.sign_in(&key).await));
    }
    let bound = server.key(&[Scope::JobsRead, Scope::Schedules, Scope::Events], Some("ana")).await;
    let bound = server.sign_in(&bound).await;
    for (address, need) in table() {
        let (method, path) = address.split_once(' ').unwrap();
        let id = server.enqueue("noop", "{}").await.to_string();
        let path = path
            .replace("{id}", &id)
            .replace("{edition}", "x")
            .replace("{file}", "style.css")
            .replace("{subType}", "noop");
        let ask = |cookie: Option<&str>| {
            let request = server.client.request(method.parse().unwrap(), server.url(&path));
            let request = request.header("sec-fetch-site", "same-origin").header("accept", "text/html");
            match cookie {
                Some(cookie) => request.header("cookie", cookie),
                None => request,
            }
        };
        for wrong in [None, Some("faena_session=nonsense"), Some("faena_session=fs_AAAA")] {
            let answer = ask(wrong).send().await.unwrap();
            match (need, method) {
                ("-", _) => assert!(![403].contains(&answer.status().as_u16()), "{address}"),
                (_, "GET") => {
                    assert_eq!(answer.status(), 303, "{address}");
                    let place = answer.headers()["location"].to_str().unwrap();
                    assert!(place.starts_with("/dashboard/sign-in?next="), "{address}: {place}");
                }
                _ => assert_eq!(answer.status(), 401, "{address}"),
            }
        }
        if need.starts_with('!') {
            // It concerns everybody, and a key of one user is refused.
            let answer = ask(Some(&bound)).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{address}");
        }
        for (held, cookie) in sessions.iter().filter(|_| need != "-") {
            let status = ask(Some(cookie)).send().await.unwrap().status().as_u16();
            let opens = need.trim_start_matches('!') == held.as_str() || *held == Scope::Admin;
            assert_eq!(status != 403 && status != 401, opens, "{address} with {held}: {status}");
        }
    }
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_another_site_asks_for_is_refused() {
    let server = Server::start().await;
    let id = server.enqueue("sleep", r#"{"durationMs": 600000}"#).await;
    let place = server.url(&format!("/dashboard/jobs/{id}/cancel"));
    let origin = server.app.url();
    let sent = [
        (&[("sec-fetch-site", "cross-site")][..], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[], 403),
        (&[("origin", "http://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", &origin)], 403),
        (&[("sec-fetch-site", "same-origin"), ("host", "evil.example")], 403),
        (&[("origin", &origin)], 303),
        (&[("sec-fetch-site", "same-origin")], 303),
    ];
    for (headers, status) in sent {
        let request =
            headers.iter().fold(server.client.post(&place), |request, (name, value)| request.header(*name, *value));
        assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{headers:?}");
    }
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_holds_no_key_and_ends_with_it() {
    let server = Server::start().await;
    let secret = server.key(&[Scope::JobsRead], Some("ana")).await;
    let cookie = server.sign_in(&secret).await;
    assert!(!cookie.contains(secret.trim_start_matches("fk_")), "the key is in the cookie");
    let (mine, others) = (
        server.enqueue_as("noop", "{}", |job| job.user("ana")).await,
        server.enqueue_as("noop", "{}", |job| job.user("bo")).await,
    );
    let get = |path: String| server.client.get(server.url(&path)).header("cookie", &cookie).send();
    assert_eq!(get(format!("/dashboard/jobs/{mine}")).await.unwrap().status(), 200);
    assert_eq!(get(format!("/dashboard/jobs/{others}")).await.unwrap().status(), 404);
    let list = get("/dashboard/jobs".to_owned()).await.unwrap().text().await.unwrap();
    assert!(list.contains(&mine.to_string()) && !list.contains(&others.to_string()));
    // As a bearer it opens nothing: it is for pages alone.
    let text = cookie.split_once('=').unwrap().1;
    let bearer = server.client.get(server.url("/jobs")).bearer_auth(text).send().await.unwrap();
    assert_eq!(bearer.status(), 401);
    for key in server.service().keys().await.unwrap() {
        server.service().revoke_key(key.id, "test").await.unwrap();
    }
    let answer = get("/dashboard/jobs".to_owned()).await.unwrap();
    assert_eq!(answer.status(), 401, "it does not accept pages");
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_forbids_what_is_not_the_servers_own() {
    let server = Server::start().await;
    let id = server.enqueue("noop", "{}").await;
    for path in [
        "/dashboard".to_owned(),
        "/dashboard/jobs".to_owned(),
        format!("/dashboard/jobs/{id}"),
        "/dashboard/jobs/x".to_owned(),
    ] {
        let answer = server.client.get(server.url(&path)).send().await.unwrap();
        let headers = answer.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store");
        let page = answer.text().await.unwrap();
        assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick="), "{path}");
        assert_eq!(page.matches("<script").count(), 1, "{path}");
        let asset = page.split('"').find(|part| part.ends_with("/style.css")).unwrap();
        let asset = server.client.get(server.url(asset)).send().await.unwrap();
        assert_eq!(asset.headers()["cache-control"], "public, max-age=31536000, immutable");
    }
    server.app.stop().await.unwrap();
}
