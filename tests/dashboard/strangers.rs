//! What strangers write is text: in every field that a person can write, in what processors say, and in results. And what every page
//! must have for those who do not see it, or have no mouse.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use faena::app::Settings;

use crate::browser::{Browser, DESK, browse};
use crate::server::Server;

/// It would run in an element, in an attribute and in a script.
const EVIL: &str = r#""'><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>"#;

/// The same without what a name must not have.
const EVIL_NAME: &str = r#""'><img src=x onerror=window.pwned=1>"#;

/// A server on which everything that can be written is evil: two jobs that have ended, one that runs and one that waits.
async fn written_by_strangers() -> (Server, Vec<String>) {
    let allow = vec!["127.0.0.1:9".to_owned()];
    let server = Server::with(|settings| Settings { webhook_allow: allow, ..settings }).await;
    let post = async |path: &str, body: Value| {
        let answer = server.client.post(server.url(path)).json(&body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let worker = post("/workers", json!({ "name": EVIL, "subTypes": ["evil"], "concurrency": 9 })).await;
    let worker = worker["data"]["workerId"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        let payload = json!({ EVIL: [EVIL, { "deep": EVIL }] });
        post("/jobs", json!({ "subType": "evil", "payload": payload, "tags": [EVIL], "userId": EVIL })).await;
    }
    let leased = post(&format!("/workers/{worker}/lease"), json!({ "max": 3, "waitSeconds": 5 })).await;
    let leased = leased["data"].as_array().unwrap().clone();
    assert_eq!(leased.len(), 3);
    let page = format!("<h1 id=\"inside\">{EVIL}</h1><script>parent.pwned = 1; top.pwned = 1</script>");
    let page = format!("data:text/html;base64,{}", STANDARD.encode(page));
    let table = format!("data:text/csv;base64,{}", STANDARD.encode("a,b\n\"<img src=x onerror=alert(1)>\",2\n"));
    for (job, ending) in leased.iter().zip([
        Some(json!({ "kind": "complete", "resultUrl": page })),
        Some(json!({ "kind": "complete", "resultUrl": table })),
        None,
    ]) {
        let token = &job["leaseToken"];
        let mut reports = vec![
            json!({ "leaseToken": token, "kind": "progress", "progress": 40, "message": EVIL }),
            json!({ "leaseToken": token, "kind": "log", "lines": [EVIL] }),
        ];
        reports.extend(ending.map(|mut ending| {
            ending["leaseToken"] = token.clone();
            ending
        }));
        post(&format!("/workers/{worker}/reports"), json!({ "reports": reports })).await;
    }
    post("/jobs", json!({ "subType": "evil", "payload": {}, "retryPolicy": { "maxRetries": 0 } })).await;
    let taken = post(&format!("/workers/{worker}/lease"), json!({ "max": 1, "waitSeconds": 5 })).await;
    let error = json!({ "kind": EVIL, "message": EVIL, "stackTrace": EVIL, "retryable": false });
    let report = json!({ "leaseToken": taken["data"][0]["leaseToken"], "kind": "fail", "error": error });
    post(&format!("/workers/{worker}/reports"), json!({ "reports": [report] })).await;
    let schedule = json!({
        "name": EVIL_NAME, "description": EVIL, "subType": "noop", "payload": {}, "cronExpression": "0 2 * * *",
    });
    post("/schedules", schedule).await;
    let subscription = json!({ "url": "http://127.0.0.1:9/", "events": ["job.*"], "description": EVIL });
    post("/subscriptions", subscription).await;
    let ids = leased.iter().chain(taken["data"].as_array().unwrap());
    (server, ids.map(|job| job["jobId"].as_str().unwrap().to_owned()).collect())
}

/// The pages of the dashboard that need nothing in their address.
const PAGES: &[&str] = &[
    "/dashboard",
    "/dashboard?span=day",
    "/dashboard/jobs",
    "/dashboard/dead-letters",
    "/dashboard/enqueue?subType=evil",
    "/dashboard/enqueue?subType=train_model",
    "/dashboard/schedules",
    "/dashboard/schedules/%22'%3E%3Cimg%20src=x%20onerror=window.pwned=1%3E",
    "/dashboard/schedules/new",
    "/dashboard/schedules/%22'%3E%3Cimg%20src=x%20onerror=window.pwned=1%3E/edit",
    "/dashboard/cron?expression=0+2+*+*+*",
    "/dashboard/system",
    "/dashboard/subscriptions",
    "/dashboard/events",
    "/dashboard/keys",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_stranger_wrote_is_markup() {
    let (server, ids) = written_by_strangers().await;
    browse(server.app.url(), DESK, move |browser| async move {
        let escaped: String = url::form_urlencoded::byte_serialize(EVIL.as_bytes()).collect();
        let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
        pages.extend(ids.iter().map(|id| format!("/dashboard/jobs/{id}")));
        pages.extend(ids.iter().map(|id| format!("/dashboard/enqueue?from={id}")));
        pages.push(format!("/dashboard/jobs?q={escaped}&userId={escaped}&tag={escaped}"));
        pages.push(format!("/dashboard/jobs?status={escaped}"));
        pages.push(format!("/dashboard/cron?expression={escaped}&timezone={escaped}&after={escaped}"));
        pages.push(format!("/dashboard/events?type={escaped}&aggregateId={escaped}"));
        pages.push(format!("/dashboard/schedules?q={escaped}"));
        pages.push(format!("/dashboard/jobs/{escaped}"));
        pages.push(format!("/dashboard/sign-in?next={escaped}"));
        for page in &pages {
            browser.go(page).await;
            browser.see("main").await;
            is_harmless(&browser, page).await;
        }
        // What a stream brings is text as well.
        browser.go(&format!("/dashboard/jobs/{}", ids[2])).await;
        browser.see_text("#connection", "Live").await;
        browser.see_text("#log .line", "onerror").await;
        browser.see_text("#now .told", "onerror").await;
        is_harmless(&browser, "live").await;
        // A result that is a page is seen in its frame, and does nothing.
        browser.go(&format!("/dashboard/jobs/{}", ids[0])).await;
        let frame = browser.see("iframe.page").await;
        browser.picture("job-page-result").await;
        frame.enter_frame().await.unwrap();
        browser.see("#inside").await;
        browser.driver.enter_default_frame().await.unwrap();
        is_harmless(&browser, "frame").await;
        browser.go(&format!("/dashboard/jobs/{}", ids[1])).await;
        browser.see_text("table.data td", "onerror").await;
        browser.stays_home().await;
    })
    .await;
    server.app.stop().await.unwrap();
}

async fn is_harmless(browser: &Browser, page: &str) {
    let ran: bool = browser.ask("window.pwned !== undefined").await;
    let made: u64 = browser.ask("document.querySelectorAll('img[src=x], script:not([src]), [onerror]').length").await;
    assert!(!ran && made == 0, "{page}: {made} elements of a stranger");
}

/// What is wrong with a page for those who do not see it or have no mouse, found in the page itself.
const FAULTS: &str = r#"(() => {
    const faults = [];
    const name = (element) => element.outerHTML.slice(0, 120);
    const shown = (element) => element.getClientRects().length > 0;
    const named = (element) => (element.textContent + (element.getAttribute('aria-label') ?? '') + (element.title ?? '')).trim();
    for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
        if (!field.labels?.length && !field.getAttribute('aria-label')) faults.push('no label: ' + name(field));
    }
    for (const one of document.querySelectorAll('a, button')) if (!named(one)) faults.push('no name: ' + name(one));
    for (const one of document.querySelectorAll('svg[role=img], iframe, progress')) {
        if (!one.getAttribute('aria-label') && !one.title) faults.push('no name: ' + name(one));
    }
    for (const one of document.querySelectorAll('th')) if (!named(one)) faults.push('no name: ' + name(one));
    if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
    if (!document.documentElement.lang) faults.push('no language');
    const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
    if (new Set(ids).size !== ids.length) faults.push('an id twice');
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgb = (color) => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
        const part = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const ground = (element) => {
        for (; element; element = element.parentElement) {
            const color = rgb(getComputedStyle(element).backgroundColor);
            if (color[3] > 250) return color;
        }
        return [255, 255, 255, 255];
    };
    let looked = 0;
    for (const one of document.querySelectorAll('main *, header *')) {
        const texts = [...one.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
        if (!texts || !shown(one) || one.closest('svg, option')) continue;
        looked += 1;
        const [low, high] = [light(rgb(getComputedStyle(one).color)), light(ground(one))].sort((a, b) => a - b);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < 4.5) faults.push('contrast ' + contrast.toFixed(2) + ': ' + name(one));
    }
    if (looked < 5) faults.push('only so many texts: ' + looked);
    return faults;
})()"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_those_who_do_not_see_it_too() {
    let (server, ids) = written_by_strangers().await;
    for dark in [false, true] {
        let ids = ids.clone();
        browse(server.app.url(), crate::browser::Look { dark, ..DESK }, move |browser| async move {
            let jobs = ids.iter().map(|id| format!("/dashboard/jobs/{id}"));
            for page in PAGES.iter().map(|page| (*page).to_owned()).chain(jobs).chain(["/dashboard/sign-in".to_owned()])
            {
                browser.go(&page).await;
                browser.see("main").await;
                let is_dark: bool = browser.ask("matchMedia('(prefers-color-scheme: dark)').matches").await;
                assert_eq!(is_dark, dark);
                let faults: Vec<String> = browser.ask(FAULTS).await;
                assert!(faults.is_empty(), "{page}, dark {dark}: {faults:#?}");
            }
            // The first key leads past the bar, and what has the focus is seen.
            browser.go("/dashboard").await;
            browser.driver.active_element().await.unwrap().send_keys("\u{e004}").await.unwrap();
            let focused: String = browser.ask("document.activeElement.className").await;
            assert_eq!(focused, "skip");
            let outline: String = browser.ask("getComputedStyle(document.activeElement).outlineStyle").await;
            assert_eq!(outline, "solid");
        })
        .await;
    }
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_on_a_phone() {
    let (server, ids) = written_by_strangers().await;
    let look = crate::browser::Look { width: 390, dark: true, lang: "es" };
    browse(server.app.url(), look, move |browser| async move {
        let jobs = ids.iter().map(|id| format!("/dashboard/jobs/{id}"));
        for page in PAGES.iter().map(|page| (*page).to_owned()).chain(jobs) {
            browser.go(&page).await;
            browser.see("main").await;
            let beyond: Vec<String> = browser
                .ask("innerWidth <= 390 && document.documentElement.scrollWidth <= 390 ? [] : [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > 391 && !one.closest('table, nav, .skip, .tree, pre, .unseen')).map((one) => one.outerHTML.slice(0, 160)).concat('too wide')")
                .await;
            assert!(beyond.is_empty(), "{page}: {beyond:#?}");
        }
        for (page, name) in [("/dashboard", "phone-overview"), ("/dashboard/schedules", "phone-schedules")] {
            browser.go(page).await;
            browser.see_text("#connection", "En vivo").await;
            browser.shot(name).await;
        }
        browser.go(&format!("/dashboard/jobs/{}", ids[2])).await;
        browser.see_text("#log .line", "onerror").await;
        browser.shot("phone-job").await;
    })
    .await;
    server.app.stop().await.unwrap();
}
