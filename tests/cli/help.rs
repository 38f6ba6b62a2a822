//! Help that teaches.

use crate::program::Program;

const COMMANDS: &[&str] = &[
    "serve",
    "demo",
    "run",
    "enqueue",
    "watch",
    "jobs",
    "cancel",
    "retry",
    "result",
    "stats",
    "cleanup",
    "backup",
    "schedules",
    "alerts",
    "events",
    "subscriptions",
    "keys",
    "outbox",
    "workers",
    "cron",
    "openapi",
    "doctor",
    "completions",
    "man",
];

#[test]
fn every_command_explains_itself_with_an_example() {
    let program = Program::new();
    for command in COMMANDS {
        for args in [&[*command, "--help"][..], &[*command, "-h"], &["help", *command]] {
            let help = program.run(args).ended(0);
            let examples = help.stdout.split("Examples:").nth(1).unwrap_or_else(|| panic!("{args:?} has no examples"));
            assert!(examples.contains(&format!("faena {command}")), "{args:?}: {examples}");
            assert_eq!(help.stderr, "", "{args:?}");
        }
        let long = program.run(&[command, "--help"]).stdout;
        let about = long.split("Usage:").next().unwrap();
        assert!(about.trim().len() > 80, "{command} says too little about itself: {about}");
    }
}

#[test]
fn the_overview_names_every_command_and_the_exit_codes() {
    let program = Program::new();
    let overview = program.run(&["--help"]).ended(0).stdout;
    for command in COMMANDS {
        assert!(overview.contains(&format!("\n  {command} ")), "{command} is missing: {overview}");
    }
    for code in ["3  the job failed", "4  the job was cancelled", "5  the server cannot be reached"] {
        assert!(overview.contains(code), "{code}");
    }
    assert!(program.run(&["--version"]).ended(0).stdout.starts_with("faena "));
}

#[test]
fn nothing_at_all_is_wrong_usage_with_the_overview_on_stderr() {
    let run = Program::new().run(&[]).ended(2);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("faena demo"), "{}", run.stderr);
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Program::new().run(&["completions", shell]).ended(0).stdout;
        assert!(script.contains("enqueue") && script.contains("cleanup"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page_that_says_what_its_help_says() {
    let program = Program::new();
    let page = program.run(&["man"]).ended(0).stdout;
    assert!(page.contains(".TH faena 1") && page.contains("durable queue"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    program.run(&["man", "--folder", folder.path().to_str().unwrap()]).ended(0);
    for command in COMMANDS {
        let page = std::fs::read_to_string(folder.path().join(format!("faena-{command}.1"))).unwrap();
        assert!(page.contains("Examples:"), "{command}: {page}");
    }
    assert!(folder.path().join("faena-schedules-list.1").exists());
}
