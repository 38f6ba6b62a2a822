//! A database that is spoken to in TLS: with a certificate of the right hand for the right name, or not at all.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use faena::store::postgres::Postgres;
use faena::store::{Group, Inserted, Store};
use tokio::time::timeout;

use crate::house::{House, PATIENCE, store_at, task};
use crate::own::Own;

fn openssl(folder: &Path, arguments: &str) {
    let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let made = made.expect("openssl is there, as it comes with PostgreSQL");
    assert!(made.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&made.stderr));
}

/// Two authorities, and a server's certificate by the first of them for the address of loopback.
fn certificates(folder: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for authority in ["good", "other"] {
        openssl(
            folder,
            &format!("req -x509 {KEY} -keyout {authority}.key -out {authority}.crt -days 2 -subj /CN={authority}"),
        );
    }
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(folder, &format!("req -new {KEY} -keyout server.key -out server.csr -subj /CN=server"));
    openssl(
        folder,
        "x509 -req -in server.csr -CA good.crt -CAkey good.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
}

async fn version(url: String) -> Result<i32, String> {
    let version = tokio::task::spawn_blocking(move || faena::store::postgres::version(&url));
    version.await.unwrap().map_err(|error| error.to_string())
}

async fn accepted(store: &Postgres) -> bool {
    let answer = store.insert(vec![task().into()], Group::Each, store.clock().now()).await;
    answer.is_ok_and(|answers| matches!(answers[..], [Inserted::Accepted(_)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_reached_in_tls_if_its_certificate_is_good() {
    let Some(house) = House::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let Some(mut own) = Own::start(&[("FAENA_POSTGRES_TLS", folder.path().to_str().unwrap())]) else { return };
    let root = |name: &str| folder.path().join(name).display().to_string();
    let (good, other) = (root("good.crt"), root("other.crt"));

    for mode in ["require", "verify-ca", "verify-full"] {
        assert_eq!(version(format!("{}?sslmode={mode}&sslrootcert={good}", own.url)).await, Ok(0), "{mode}");
    }
    let by_name = own.url.replace("127.0.0.1", "localhost");
    for (url, told) in [
        (format!("{}?sslmode=verify-full&sslrootcert={good}", house.database.url), "server does not support TLS"),
        (format!("{}?sslmode=verify-full&sslrootcert={other}", own.url), "UnknownIssuer"),
        (format!("{}?sslmode=require", own.url), "UnknownIssuer"),
        (format!("{by_name}?sslmode=verify-full&sslrootcert={good}"), "not valid for"),
        (format!("{}?sslmode=require&sslrootcert={}", own.url, root("none.crt")), "cannot read the certificates in"),
    ] {
        let refused = version(url.clone()).await.unwrap_err();
        assert!(refused.contains(told), "{url}: {refused}");
        let of_the_certificate = refused.contains("is it signed by the authority that sslrootcert in the URL names");
        assert_eq!(of_the_certificate, refused.contains("certificate:"), "{url}: {refused}");
        assert!(!refused.contains("is it running"), "{url}: {refused}");
    }

    let store = store_at(&format!("{}?sslmode=verify-full&sslrootcert={good}", own.url), Arc::default()).await;
    assert!(accepted(&store).await);
    let (client, connection) = tokio_postgres::connect(&own.url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    const SPOKEN: &str = "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl \
        JOIN pg_stat_activity USING (pid) WHERE application_name = 'faena'";
    let row = client.query_one(SPOKEN, &[]).await.unwrap();
    let (spoken, plain): (i64, i64) = (row.get(0), row.get(1));
    assert!(spoken > 2 && plain == 0, "{spoken} in TLS, {plain} not");
    driver.abort();
    // And again, when the server is another one.
    own.say("fast");
    own.say("start");
    timeout(PATIENCE, async { while !accepted(&store).await {} }).await.expect("it is accepted again");
    store.close().await.unwrap();
}
