//! What people do: find a job, see it move, stop it, have it done again.

use faena::job::Status;

use crate::browser::{DESK, Look, browse};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_found_seen_moving_cancelled_and_tried_again() {
    let server = Server::start().await;
    let id = server.enqueue("sleep", r#"{"durationMs": 600000, "steps": 1000}"#).await;
    browse(server.app.url(), DESK, move |browser| async move {
        browser.go("/dashboard").await;
        browser.see_text("h1", "Overview").await;
        browser.see_text(".tile.running .number", "1").await;
        browser.picture("overview").await;
        browser.click(&format!("a[href$='/dashboard/jobs/{id}']")).await;
        // It moves, by the stream and by nothing else.
        browser.see_text("#connection", "Live").await;
        browser.until("document.querySelector('#now progress').value >= 1").await;
        browser.picture("job-running").await;
        browser.click("form[action$='/cancel'] button").await;
        browser.see_text(".title .status", "Cancelled").await;
        browser.picture("job-cancelled").await;
        browser.click("form[action$='/retry'] button").await;
        browser.see_text(".title .status", "Running").await;
        browser.click("nav a[href$='/dashboard/jobs']").await;
        browser.see_text("td .status", "Running").await;
        browser.picture("jobs").await;
        browser.stays_home().await;
    })
    .await;
    let job = server.service().cancel(id, "test").await.unwrap();
    assert!(job.status() != Status::Completed);
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filter_is_in_the_address_and_all_it_names_are_cancelled() {
    let server = Server::start().await;
    for user in ["ana", "ana", "bo"] {
        let later = server.service().now().plus_millis(3_600_000);
        server.enqueue_as("noop", "{}", |job| job.user(user).run_at(later)).await;
    }
    let look = Look { lang: "es", width: 390, dark: true };
    browse(server.app.url(), look, |browser| async move {
        browser.go("/dashboard/jobs").await;
        browser.see_text(".summary", "3 trabajos").await;
        browser.see("input[name=userId]").await.send_keys("ana").await.unwrap();
        browser.click(".filters .primary").await;
        browser.see_text(".summary", "2 trabajos").await;
        browser.until("location.search.includes('userId=ana')").await;
        browser.picture("jobs-phone-dark").await;
        browser.click("a[href*='act=cancel']").await;
        browser.see_text("h1", "¿Cancelar 2 trabajos?").await;
        browser.click(".ask .danger").await;
        browser.see_text("h1", "2 de 2 trabajos").await;
        browser.stays_home().await;
    })
    .await;
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_asked_for_by_a_form_and_anew_with_changes() {
    let server = Server::start().await;
    browse(server.app.url(), DESK, |browser| async move {
        browser.go("/dashboard/enqueue").await;
        browser.click("select[name=subType] option[value=sleep]").await;
        browser.click(".choose button").await;
        browser.see("input[name='payload.durationMs']").await.send_keys("soon").await.unwrap();
        browser.click(".enqueue .primary").await;
        // The server says what is wrong, beside the field, and what was written stays there.
        browser.see_text("label.field .complaint", "").await;
        browser.picture("enqueue-refused").await;
        let field = browser.see("input[name='payload.durationMs']").await;
        assert_eq!(field.prop("value").await.unwrap().as_deref(), Some("soon"));
        field.clear().await.unwrap();
        field.send_keys("20").await.unwrap();
        browser.see("input[name=tags]").await.send_keys("first, one").await.unwrap();
        browser.click(".enqueue .primary").await;
        browser.see_text(".title .status", "Completed").await;
        browser.see_text(".facts .tag", "first").await;
        browser.picture("job-completed").await;
        browser.click("a[href*='/enqueue?from=']").await;
        let field = browser.see("input[name='payload.durationMs']").await;
        assert_eq!(field.prop("value").await.unwrap().as_deref(), Some("20"));
        browser.see("input[name='payload.failAtStep']").await.send_keys("1").await.unwrap();
        browser.picture("enqueue").await;
        browser.click(".enqueue .primary").await;
        browser.see_text(".failure .told", "").await;
        browser.picture("job-retrying").await;
        browser.stays_home().await;
    })
    .await;
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_made_paused_resumed_run_and_changed_and_an_expression_tried() {
    let server = Server::start().await;
    browse(server.app.url(), DESK, |browser| async move {
        browser.go("/dashboard/schedules").await;
        browser.see_text(".empty", "No schedules").await;
        browser.click("a[href$='/schedules/new']").await;
        browser.see("input[name=name]").await.send_keys("nightly").await.unwrap();
        browser.see("input[name=cronExpression]").await.send_keys("30 2 *").await.unwrap();
        browser.see("input[name=timezone]").await.send_keys("Europe/Berlin").await.unwrap();
        browser.see("input[name=subType]").await.send_keys("noop").await.unwrap();
        browser.click(".enqueue .primary").await;
        browser.see(".terms .complaint").await;
        browser.picture("schedule-refused").await;
        let field = browser.see("input[name=cronExpression]").await;
        field.send_keys(" * *").await.unwrap();
        browser.click(".enqueue .primary").await;
        browser.see_text("h1", "nightly").await;
        browser.click("a[href$='/edit']").await;
        browser.see("input[name=description]").await.send_keys("Every night.").await.unwrap();
        browser.click(".enqueue .primary").await;
        browser.see_text(".lead", "Every night.").await;
        browser.go("/dashboard/schedules").await;
        browser.see_text("td.when code", "30 2 * * *").await;
        browser.click("form[action$='/run'] button").await;
        browser.see_text(".title .status", "Completed").await;
        browser.click("nav a[href$='/dashboard/schedules']").await;
        browser.see("svg.marks rect.completed").await;
        browser.picture("schedules").await;
        browser.click("form[action$='/pause'] button").await;
        browser.see_text(".title .status", "Paused").await;
        browser.click("form[action$='/resume'] button").await;
        browser.see_text(".title .status", "Enabled").await;
        browser.see(".ticks li:nth-child(10)").await;
        browser.see("svg.calendar rect.high").await;
        browser.picture("schedule").await;
        browser.go("/dashboard/cron").await;
        browser.see("input[name=expression]").await.send_keys("30 2 * * *").await.unwrap();
        browser.see("input[name=timezone]").await.send_keys("Europe/Berlin").await.unwrap();
        browser.see("input[name=after]").await.send_keys("2027-03-27T00:00:00Z").await.unwrap();
        browser.click(".filters .primary").await;
        browser.see_text("h2", "02:30").await;
        browser.see_text(".ticks li:nth-child(2) .change", "clock leaps over it").await;
        browser.picture("cron").await;
        browser.go("/dashboard/cron?expression=nonsense").await;
        browser.see_text(".notice.bad", "cronExpression").await;
        browser.stays_home().await;
    })
    .await;
    server.app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_is_made_and_from_then_on_everybody_signs_in() {
    let server = Server::start().await;
    browse(server.app.url(), DESK, |browser| async move {
        browser.go("/dashboard/keys").await;
        browser.see("form.enqueue input[name=name]").await.send_keys("ana").await.unwrap();
        browser.click("form.enqueue .primary").await;
        let secret = browser.see("#secret").await.text().await.unwrap();
        browser.picture("key-made").await;
        // No word of it is anywhere else.
        browser.go("/dashboard/jobs?q=x").await;
        browser.see_text("h1", "Sign in").await;
        browser.see("#key").await.send_keys("wrong").await.unwrap();
        browser.click(".primary").await;
        browser.see_text(".complaint", "not known").await;
        browser.picture("sign-in").await;
        browser.see("#key").await.send_keys(&secret).await.unwrap();
        browser.click(".primary").await;
        // It goes on where it was.
        browser.until("location.pathname === '/dashboard/jobs' && location.search === '?q=x'").await;
        browser.until("document.cookie === ''").await;
        browser.see_text(".who .name", "ana").await;
        browser.go("/dashboard/system").await;
        browser.click("#processor-noop form[action$='/pause'] button").await;
        browser.see("#processor-noop form[action$='/resume']").await;
        browser.picture("system").await;
        browser.click("form[action$='/sign-out'] button").await;
        browser.see_text("h1", "Sign in").await;
        browser.go("/dashboard").await;
        browser.see_text("h1", "Sign in").await;
        browser.stays_home().await;
    })
    .await;
    server.app.stop().await.unwrap();
}
