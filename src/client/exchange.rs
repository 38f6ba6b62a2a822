//! One request and its answer: addresses, time limits, and telling a refusal from an answer.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::error::{ClientError, Refusal};

/// Time to open a connection. A server that is there answers in milliseconds.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Time for a whole answer, besides what a long poll is asked to hold.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How one server is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    http: reqwest::Client,
    /// Without a slash at its end.
    base: String,
    /// What every request presents; it is not shown.
    key: Option<HeaderValue>,
}

impl Exchange {
    pub(super) fn new(base: &str, authority: Option<&[u8]>) -> Result<Self, ClientError> {
        let bad = || ClientError::Address(base.to_owned());
        let url = Url::parse(base).map_err(|_| bad())?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(bad());
        }
        let host = url.host_str().ok_or_else(bad)?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .user_agent(concat!("faena/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        // A proxy that the environment names cannot reach this machine's own loopback.
        if host == "localhost" || host.starts_with("127.") || host == "[::1]" {
            builder = builder.no_proxy();
        }
        if let Some(pem) = authority {
            let bad = |error: reqwest::Error| ClientError::Authority(error.to_string());
            let trusted = reqwest::Certificate::from_pem_bundle(pem).map_err(bad)?;
            if trusted.is_empty() {
                return Err(ClientError::Authority("there is no certificate in it".to_owned()));
            }
            builder = builder.tls_certs_only(trusted);
        }
        let http = builder.build().map_err(|error| ClientError::strange(error.to_string()))?;
        Ok(Self { http, base: url.as_str().trim_end_matches('/').to_owned(), key: None })
    }

    pub(super) fn with_key(self, key: &str) -> Result<Self, ClientError> {
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| ClientError::Key)?;
        value.set_sensitive(true);
        Ok(Self { key: Some(value), ..self })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request that has to be answered in whole within [`ANSWER_MAX`].
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.streaming(method, path).timeout(ANSWER_MAX)
    }

    /// A request whose answer may take as long as it keeps coming.
    pub(super) fn streaming(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        match &self.key {
            Some(key) => request.header(AUTHORIZATION, key.clone()),
            None => request,
        }
    }

    /// Sends a request; a refusal is an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let answer = request.send().await.map_err(|error| broken(&self.base, &error))?;
        if answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        Err(self.refusal(answer).await)
    }

    /// Fetches something large, from elsewhere if the server says so. The other place is not ours: it is asked by a
    /// client that knows nothing of this server.
    pub(super) async fn fetch(&self, path: &str) -> Result<Response, ClientError> {
        let answer = self.streaming(Method::GET, path).send().await.map_err(|error| broken(&self.base, &error))?;
        let location = answer.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        match location.filter(|_| answer.status().is_redirection()) {
            None if answer.status().is_success() => Ok(answer),
            None => Err(self.refusal(answer).await),
            Some(place) => {
                let there = reqwest::get(place).await.and_then(Response::error_for_status);
                there.map_err(|error| broken(place, &error))
            }
        }
    }

    pub(super) async fn json<T: DeserializeOwned>(&self, answer: Response) -> Result<T, ClientError> {
        let body = answer.bytes().await.map_err(|error| broken(&self.base, &error))?;
        serde_json::from_slice(&body).map_err(|error| ClientError::strange(format!("a body that is not it: {error}")))
    }

    pub(super) async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let answer = self.send(request).await?;
        self.json(answer).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(self.request(Method::GET, path)).await
    }

    async fn refusal(&self, answer: Response) -> ClientError {
        let status = answer.status();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = match answer.bytes().await {
            Ok(body) => body,
            Err(error) => return broken(&self.base, &error),
        };
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) if !refusal.error.is_empty() => ClientError::Refused(Box::new(Refusal {
                status: status.as_u16(),
                retry_after: retry_after.map(Duration::from_secs),
                ..refusal
            })),
            _ => ClientError::strange(format!("{status} without an error of the kind this program gives")),
        }
    }
}

/// An error of the network, down to the cause that says something.
pub(super) fn broken(server: &str, error: &reqwest::Error) -> ClientError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let reason = if error.is_timeout() { "it does not answer in time".to_owned() } else { cause.to_string() };
    ClientError::Unreachable { server: server.to_owned(), reason }
}

/// A text as part of a path or query, percent-encoded but for RFC 3986's unreserved characters.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
