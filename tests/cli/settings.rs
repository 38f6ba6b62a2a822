//! Sources and their order, typos, and complaints that name their origin.

use std::path::PathBuf;
use std::time::Duration;

use faena::app::settings::{LogFormat, StoreChoice};

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    Variables::from_pairs(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faena.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn complaints(text: &str, pairs: &[(&str, &str)], flags: Vec<Flag>) -> Vec<String> {
    let (_folder, path) = file(text);
    let shown = path.display().to_string();
    let complaints = gather(Settings::default(), flags, Some(&path), variables(pairs)).unwrap_err();
    complaints.into_iter().map(|complaint| complaint.replace(&shown, "faena.toml")).collect()
}

#[test]
fn flags_win_over_variables_and_those_over_the_file() {
    let (_folder, path) = file("threads = 1\nio_slots = 1\ngrace = 1\n");
    let pairs = [("FAENA_IO_SLOTS", "2"), ("FAENA_GRACE", "2")];
    let flags = vec![("grace", Some("3".to_owned())), ("threads", None)];
    let settings = gather(Settings::default(), flags, Some(&path), variables(&pairs)).unwrap().settings;
    assert_eq!((settings.threads, settings.io_slots, settings.grace), (1, 2, Duration::from_secs(3)));
}

#[test]
fn every_key_is_read_from_the_file() {
    let (_folder, path) = file(
        r#"
        bind = "localhost:0"
        admin_key = "0123456789abcdef0123456789abcdef"
        hosts = ["jobs.example.com"]
        data = "somewhere"
        store = "sqlite:jobs.db"
        durability = "relaxed"
        threads = 3
        io_slots = 5
        grace = "2m"
        no_jobs = true
        input = "in"
        http_allow = ["api.example.com:8443"]
        webhook_allow = ["127.0.0.1:9000"]
        public_url = "https://jobs.example.com/"
        alert_emails = ["ops@example.com"]
        unsafe_diagnostics = true
        queue_depth = 10
        results = "out"
        log = "json"
        log_filter = "warn"
        [smtp]
        url = "smtp://me:hush@mail.example.com:587?tls=required"
        from = "faena <faena@example.com>"
        [retention]
        completed = "1h"
        failed = 60
        events = "3d"
        [maintenance]
        schedules = true
        timezone = "Europe/Madrid"
        cleanup = "0 * * * *"
        retry = "@daily"
        check = "0 3 * * *"
        backup = "0 4 * * *"
        backups = "safe"
        backups_kept = 7
        [commands.resize]
        program = "convert"
        args = ["-resize", "50%"]
        env = { LANG = "C" }
        timeout_seconds = 9
        "#,
    );
    let settings = gather(Settings::default(), vec![], Some(&path), variables(&[])).unwrap().settings;
    assert_eq!(settings.bind, "127.0.0.1:0".parse().unwrap());
    assert_eq!(settings.store, StoreChoice::Sqlite(Some("jobs.db".into())));
    assert_eq!(settings.hosts, ["jobs.example.com"]);
    assert_eq!(settings.admin_key.as_ref().map(|key| key.reveal()), Some("0123456789abcdef0123456789abcdef"));
    assert!(!format!("{settings:?}").contains("0123456789abcdef"));
    assert_eq!(settings.log, LogFormat::Json);
    assert_eq!(settings.retention.completed, Duration::from_secs(3_600));
    assert_eq!(settings.retention.failed, Duration::from_secs(60));
    assert_eq!(settings.retention.events, Duration::from_secs(3 * 86_400));
    let kept = &settings.maintenance;
    assert_eq!(kept.timezone.as_ref().map(|zone| zone.as_str()), Some("Europe/Madrid"));
    let crons = [&kept.cleanup, &kept.retry, &kept.check, &kept.backup].map(|cron| cron.as_ref().unwrap().as_str());
    assert_eq!(crons, ["0 * * * *", "@daily", "0 3 * * *", "0 4 * * *"]);
    assert_eq!((settings.backups_folder(), settings.backups_kept()), ("safe".into(), 7));
    assert!(kept.schedules);
    let command = &settings.commands["resize"];
    assert_eq!((command.args.len(), command.env["LANG"].as_str()), (2, "C"));
    assert_eq!(command.timeout, Some(Duration::from_secs(9)));
    let untouched = Settings::default();
    assert!(settings.no_jobs && settings.unsafe_diagnostics && settings.http_allow != untouched.http_allow);
    assert_eq!(settings.webhook_allow, ["127.0.0.1:9000"]);
    assert_eq!(settings.base_url(), "https://jobs.example.com");
    assert_eq!(settings.mail.alerts, ["ops@example.com"]);
    assert_eq!(settings.mail.from, "faena <faena@example.com>");
    assert!(settings.mail.smtp.as_ref().is_some_and(|url| url.reveal().contains("hush")));
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn a_typo_in_the_file_is_refused_with_its_line_and_what_was_meant() {
    let text = "bind = \"7701\"\nthread = 4\n[retention]\nfialed = 3\n[commands.x]\nprogramme = \"true\"\n";
    assert_eq!(
        complaints(text, &[], vec![]),
        [
            "faena.toml, line 4: there is no key `retention.fialed`; did you mean `retention.failed`?",
            "faena.toml, line 2: there is no key `thread`; did you mean `threads`?",
        ]
    );
    assert_eq!(
        complaints("[commands.x]\nprogramme = \"true\"\n", &[], vec![]),
        ["faena.toml, line 1: commands.x: programme: there is no key `programme`; did you mean `program`?"]
    );
}

#[test]
fn a_value_of_the_wrong_sort_is_refused_where_it_stands() {
    assert_eq!(
        complaints("threads = \"four\"\n", &[], vec![]),
        ["faena.toml, line 1: threads: must be a whole number, not a text"]
    );
    assert_eq!(
        complaints("\n\nbind = \n", &[], vec![])[0].split(':').next(),
        Some("faena.toml, line 3"),
        "a fault of syntax names its line too"
    );
    let texts = "[maintenance]\ntimezone = \"Mars\"\nbackup = \"0 25 * * *\"\n";
    let found = complaints(texts, &[], vec![]);
    assert!(found[0].starts_with("faena.toml, line 3: maintenance.backup: "), "{found:?}");
    assert!(found[1].starts_with("faena.toml, line 2: maintenance.timezone: "), "{found:?}");
    assert_eq!(
        complaints("", &[("FAENA_MAINTENANCE_BACKUPS_KEPT", "0")], vec![("maintenance.backups", Some(String::new()))]),
        ["--maintenance.backups: must name a folder", "FAENA_MAINTENANCE_BACKUPS_KEPT: 0 is not between 1 and 1000",]
    );
    assert_eq!(
        complaints("", &[("FAENA_GRACE", "soon")], vec![("durability", Some("none".into()))]),
        [
            "FAENA_GRACE: `soon` is not a time such as 90, 30s, 5m, 2h or 30d",
            "--durability: `none` is not one of full, relaxed",
        ]
    );
}

#[test]
fn a_key_of_an_operator_that_is_none_is_refused_and_not_shown() {
    let complaint = complaints("", &[("FAENA_ADMIN_KEY", "too short: hush")], vec![]).remove(0);
    assert!(complaint.starts_with("FAENA_ADMIN_KEY: "), "{complaint}");
    assert!(!complaint.contains("hush"), "{complaint}");
}

#[test]
#[cfg(feature = "email")]
fn mail_is_checked_before_anything_is_opened() {
    let file = "public_url = \"jobs\"\nalert_emails = [\"ops\"]\n[smtp]\nurl = \"http://me:hush@mail.example.com\"\n";
    let found = complaints(file, &[], vec![]);
    assert!(
        found.iter().any(|fault| fault.starts_with("faena.toml, line 4: smtp.url: is no URL of an SMTP")),
        "{found:?}"
    );
    assert!(found.iter().any(|fault| fault.contains("alert_emails: `ops` is not an e-mail address")), "{found:?}");
    assert!(found.iter().any(|fault| fault.contains("public_url: must be a URL")), "{found:?}");
    assert!(!found.iter().any(|fault| fault.contains("hush")), "{found:?}");
    let lonely = complaints("", &[("FAENA_ALERT_EMAILS", "ops@example.com")], vec![]);
    assert_eq!(lonely, ["FAENA_ALERT_EMAILS: nothing is mailed without a server; name one as smtp.url"]);
}

#[test]
fn enable_jobs_keeps_its_meaning_and_ours_wins() {
    let no_jobs = |pairs: &[(&str, &str)]| {
        let (_folder, path) = file("");
        gather(Settings::default(), vec![], Some(&path), variables(pairs)).unwrap().settings.no_jobs
    };
    assert!(no_jobs(&[("ENABLE_JOBS", "false")]));
    assert!(!no_jobs(&[("ENABLE_JOBS", "true")]));
    assert!(!no_jobs(&[("ENABLE_JOBS", "false"), ("FAENA_NO_JOBS", "0")]));
    assert_eq!(complaints("", &[("ENABLE_JOBS", "perhaps")], vec![]), ["ENABLE_JOBS: `perhaps` is not true or false"]);
}

#[test]
fn a_misspelt_variable_is_mentioned_and_a_foreign_one_is_not() {
    let pairs = variables(&[("FAENA_THREAD", "3"), ("FAENA_SERVICE_HOST", "10.0.0.1"), ("FAENA_SERVER", "x")]);
    assert_eq!(pairs.warnings(), ["the variable FAENA_THREAD means nothing here; did you mean FAENA_THREADS?"]);
}

#[test]
fn a_file_that_is_named_must_exist() {
    let missing = PathBuf::from("/nonexistent/faena.toml");
    let complaints = gather(Settings::default(), vec![], Some(&missing), variables(&[])).unwrap_err();
    assert!(complaints[0].starts_with("cannot read /nonexistent/faena.toml"), "{complaints:?}");
}
