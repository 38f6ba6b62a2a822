//! A whole server in this process, as `faena serve` starts it, on a port and in a folder of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use faena::app::settings::StoreChoice;
use faena::app::{App, Settings};
use faena::job::{JobId, Name, NewJob};
use faena::key::{NewKey, Scope};
use faena::service::Service;
use tempfile::TempDir;

const FORM: &str = "application/x-www-form-urlencoded";

/// A running server. It is asked to stop at the end of a test, and dropped with it otherwise.
pub struct Server {
    pub app: App,
    pub client: reqwest::Client,
    _folder: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|settings| settings).await
    }

    pub async fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            store: StoreChoice::Memory,
            ..Settings::in_folder(folder.path())
        };
        let app = App::start(change(settings)).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, client, _folder: folder }
    }

    pub fn service(&self) -> &Arc<Service> {
        self.app.service()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.app.url())
    }

    pub async fn enqueue(&self, sub_type: &str, payload: &str) -> JobId {
        self.enqueue_as(sub_type, payload, |job| job).await
    }

    pub async fn enqueue_as(&self, sub_type: &str, payload: &str, change: impl FnOnce(NewJob) -> NewJob) -> JobId {
        let job = NewJob::new(Name::new(sub_type).unwrap(), payload.to_owned());
        self.service().enqueue(change(job)).await.unwrap().id
    }

    /// A key with these scopes, of a user or of nobody.
    pub async fn key(&self, scopes: &[Scope], user: Option<&str>) -> String {
        if self.service().keys().await.unwrap().is_empty() {
            // The first one must be able to make others.
            let first = NewKey { name: "first".into(), scopes: vec![Scope::Admin], ..NewKey::default() };
            self.service().create_key(first).await.unwrap();
        }
        let new =
            NewKey { name: "test".into(), scopes: scopes.to_vec(), user_id: user.map(Into::into), ..NewKey::default() };
        self.service().create_key(new).await.unwrap().1.reveal().to_owned()
    }

    /// The cookie of somebody who signs in with a key.
    pub async fn sign_in(&self, key: &str) -> String {
        let request = self.client.post(self.url("/dashboard/sign-in")).header("sec-fetch-site", "same-origin");
        let answer = request.header("content-type", FORM).body(format!("key={key}")).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}
