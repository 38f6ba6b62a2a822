//! A server that speaks TLS with a certificate of its own making, and the program as its client.

use rustix::process::Signal;

use crate::authority::Authority;
use crate::program::Program;
use crate::served::Served;

const TLS: [&str; 6] = ["--bind", "0", "--tls-cert", "server.pem", "--tls-key", "server.key"];

#[test]
fn a_server_speaks_tls_and_its_clients_know_it_by_its_authority() {
    let program = Program::new();
    let (good, other) = (Authority::new(program.path(), "good"), Authority::new(program.path(), "other"));
    good.sign(program.path());
    let served = Served::start_with(&program, &TLS);
    assert!(served.url.starts_with("https://127.0.0.1:"), "{}", served.url);

    let job = served.run(&program, &["enqueue", "noop", "--ca", good.path(), "--watch"]).ended(0);
    assert!(job.stdout.contains("completed"), "{job:?}");
    let stranger = served.run(&program, &["stats", "--ca", other.path()]).ended(5);
    assert!(stranger.stderr.contains("UnknownIssuer"), "{stranger:?}");
    served.run(&program, &["stats"]).ended(5);
    let mut by_variable = program.command(&["stats", "--server", &served.url]);
    assert!(by_variable.env("FAENA_CA", good.path()).output().unwrap().status.success());
    let plain = served.url.replace("https", "http");
    let plain = program.run(&["stats", "--server", &plain]);
    assert_ne!(plain.code, 0, "nothing is told without it: {plain:?}");

    // A certificate that is renewed is seen by those who come after.
    other.sign(program.path());
    served.signal(Signal::HUP);
    served.wait_for_log("the certificate was read again");
    served.run(&program, &["stats", "--ca", other.path()]).ended(0);
    served.run(&program, &["stats", "--ca", good.path()]).ended(5);

    // One that cannot be read takes nothing away.
    std::fs::write(program.path().join("server.key"), "no key").unwrap();
    served.signal(Signal::HUP);
    served.wait_for_log("cannot be read again");
    served.run(&program, &["stats", "--ca", other.path()]).ended(0);
    served.signal(Signal::TERM);
    assert_eq!(served.ended().0, Some(0));
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let program = Program::new();
    let authority = Authority::new(program.path(), "good");
    authority.sign(program.path());
    let refused = |args: &[&str]| program.run(&[&["serve", "--bind", "0"], args].concat()).ended(2).stderr;
    let alone = refused(&["--tls-cert", "server.pem"]);
    assert!(alone.contains("--tls-cert: needs the key of the certificate; name it in tls_key"), "{alone}");
    let alone = refused(&["--tls-key", "server.key"]);
    assert!(alone.contains("--tls-key: needs the certificate of the key; name it in tls_cert"), "{alone}");
    let missing = refused(&["--tls-cert", "none.pem", "--tls-key", "server.key"]);
    assert!(missing.contains("tls_cert: cannot read none.pem"), "{missing}");
    let empty = refused(&["--tls-cert", "server.key", "--tls-key", "server.key"]);
    assert!(empty.contains("server.key has no certificate in PEM"), "{empty}");
    let foreign = refused(&["--tls-cert", authority.path(), "--tls-key", "server.key"]);
    assert!(foreign.contains("do not belong together") || foreign.contains("KeyMismatch"), "{foreign}");
    let none = program.run(&["stats", "--server", "https://127.0.0.1:1", "--ca", "server.key"]).ended(2);
    assert!(none.stderr.contains("the certificates to trust cannot be read"), "{none:?}");
}
