//! Mail and messages in TLS: to whoever has a certificate of an authority that is trusted, for the name that was called, or to
//! nobody. Who is trusted is said to a process from outside, so each try is a process of its own.

use std::process::Stdio;
use std::sync::Arc;

use faena::clock::{Clock, Timestamp};
use faena::event::{Aggregate, Event, EventType};
use faena::publish::email::Letter;
use faena::publish::{Amqp, Attempt, Parcel, Publisher, Smtp};
use tempfile::TempDir;
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::authority::Authority;
use crate::broker::Own;
use crate::post_office::{PostOffice, Tls};

/// Names where to send to, in the process that does.
const PART: &str = "FAENA_TLS_PART";
/// The test that it plays it in.
const TEST: &str = "in_tls::letters_go_to_a_server_that_is_trusted_and_to_no_other";

const TAKEN: &str = "Taken: ";

/// Two authorities, and a server's certificate by the first of them for the address of loopback.
struct Papers {
    folder: TempDir,
    good: Authority,
    other: Authority,
}

impl Papers {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [good, other] = ["good", "other"].map(|name| Authority::new(folder.path(), name));
        good.sign(folder.path());
        Self { folder, good, other }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let file = |name: &str| self.folder.path().join(name);
        let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()))
    }
}

/// What comes of a try of a process that trusts this authority alone.
async fn tried(url: &str, trusted: &Authority) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).env(PART, url).env("SSL_CERT_FILE", trusted.path());
    let ended = command.env_remove("SSL_CERT_DIR").stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    let line = said.lines().find_map(|line| Some(line.split_once("attempt ")?.1.to_owned()));
    line.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&ended.stderr)))
}

async fn play(url: &str) {
    let Attempt { heard, said, .. } = match url.starts_with("amqp") {
        true => {
            let aggregate = Aggregate { sort: "Order".into(), id: "17".into() };
            let kind = EventType::new("order.paid").unwrap();
            let event = Event::own(kind, aggregate, &17, Timestamp::from_millis(0)).unwrap();
            let parcel = Parcel { event: &event, to: "", secrets: &[] };
            Amqp::to(url, "test.tls").unwrap().publish(parcel, Clock::System.now()).await
        }
        false => {
            let letter = Letter { to: "ops@example.com", subject: "hello", text: "It is so.\n", id: "letter.1" };
            Smtp::by(url, "faena@localhost").unwrap().send(letter).await
        }
    };
    println!("attempt {heard:?}: {}", said.replace('\n', " "));
}

#[tokio::test]
async fn letters_go_to_a_server_that_is_trusted_and_to_no_other() {
    if let Ok(url) = std::env::var(PART) {
        return play(&url).await;
    }
    let papers = Papers::new();
    let at_once = PostOffice::in_tls(Tls::AtOnce(papers.acceptor())).await;
    let started = PostOffice::in_tls(Tls::Started(papers.acceptor())).await;
    let in_the_clear = PostOffice::open().await;
    let url = |scheme: &str, office: &PostOffice, host: &str, tls: &str| {
        format!("{scheme}://{host}:{}{tls}", office.address.port())
    };
    let loopback = "127.0.0.1";
    for (url, office) in [
        (url("smtps", &at_once, loopback, ""), &at_once),
        (url("smtp", &started, loopback, "?tls=required"), &started),
        (url("smtp", &started, loopback, "?tls=opportunistic"), &started),
    ] {
        let before = office.taken().len();
        let said = tried(&url, &papers.good).await;
        assert!(said.starts_with(TAKEN), "{url}: {said}");
        assert_eq!(office.taken().len(), before + 1, "{url}");

        let untrusted = tried(&url, &papers.other).await;
        assert!(untrusted.starts_with("Nothing: the SMTP server cannot be trusted: "), "{url}: {untrusted}");
        assert!(untrusted.contains("UnknownIssuer"), "{url}: {untrusted}");
        let misnamed = tried(&url.replace(loopback, "localhost"), &papers.good).await;
        assert!(misnamed.starts_with("Nothing: the SMTP server cannot be trusted: "), "{url}: {misnamed}");
        assert_eq!(office.taken().len(), before + 1, "{url}");
    }
    let refused = tried(&url("smtps", &in_the_clear, loopback, ""), &papers.good).await;
    assert!(refused.starts_with("Nothing: "), "{refused}");
    assert_eq!(in_the_clear.taken(), []);
}

#[tokio::test]
async fn messages_go_to_a_broker_that_is_trusted_and_to_no_other() {
    let papers = Papers::new();
    let Some(own) = Own::in_tls(papers.folder.path()) else { return };
    let said = tried(&own.url, &papers.good).await;
    assert!(said.starts_with(TAKEN), "{said}");
    let misnamed = own.url.replace("127.0.0.1", "localhost");
    for (url, trusted, why) in [(&own.url, &papers.other, "UnknownIssuer"), (&misnamed, &papers.good, "not valid for")]
    {
        let refused = tried(url, trusted).await;
        assert!(refused.starts_with("Nothing: the broker cannot be trusted: "), "{url}: {refused}");
        assert!(refused.contains(why) && !refused.contains("faena:faena"), "{url}: {refused}");
    }
}
