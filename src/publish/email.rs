//! Mail: one try to hand one letter to the SMTP server that the operator named. It was taken when that server has taken it; what
//! becomes of it further on, only its own postmaster knows.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{Attempt, Parcel, Publisher, distrust};
use crate::clock::Timestamp;
use crate::event::{Event, Heard};
use crate::limits;

/// Hands letters to an SMTP server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    within: Duration,
}

/// A letter of plain text.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// The address that it goes to.
    pub to: &'a str,
    /// What it is about, on one line.
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Its id, without brackets: whoever gets it twice can tell.
    pub id: &'a str,
}

impl Smtp {
    /// A sender by the server with this URL, which may hold a password: `smtp://` speaks in the clear unless it says
    /// `?tls=required` (or `?tls=opportunistic`), `smtps://` speaks TLS from the start. `from` is who the letters are from.
    ///
    /// # Errors
    /// A sentence without the URL in it, when that is none of an SMTP server, or when `from` is no address.
    pub fn by(url: &str, from: &str) -> Result<Self, String> {
        let bad =
            "is no URL of an SMTP server; use smtp://HOST:25, smtp://USER:PASSWORD@HOST:587?tls=required or smtps://…";
        let within = limits::WEBHOOK_CALL_MAX;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| bad.to_owned())?;
        let transport = transport.timeout(Some(within)).build();
        let from = from.parse().map_err(|_| format!("`{}` is not an address to send from", from.escape_debug()))?;
        Ok(Self { transport, from, within })
    }

    /// The same, with another time in which a letter must be taken.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// One try. The status that is heard is the server's reply code: from 500 on it will never take this letter.
    pub async fn send(&self, letter: Letter<'_>) -> Attempt {
        let began = Instant::now();
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(why) => {
                let never = Heard::Answer { status: NO_SUCH_ADDRESS, retry_after: None };
                return Attempt::new(never, began.elapsed(), &why);
            }
        };
        let (heard, said) = match tokio::time::timeout(self.within, self.transport.send(message)).await {
            Ok(Ok(reply)) => (Heard::Taken, reply.message().collect::<Vec<_>>().join(" ")),
            Ok(Err(error)) => (heard(&error), unheard(&error)),
            Err(_) => (Heard::Nothing, "the SMTP server took too long".to_owned()),
        };
        Attempt::new(heard, began.elapsed(), &said)
    }

    fn message(&self, letter: Letter<'_>) -> Result<Message, String> {
        let to: Address = letter.to.parse().map_err(|_| "that is not an address of mail".to_owned())?;
        let place = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .message_id(Some(format!("<{}@{place}>", letter.id)))
            .header(ContentType::TEXT_PLAIN);
        let mut message = message.body(letter.text.to_owned()).map_err(|error| error.to_string())?;
        // Nobody's holiday answers it (RFC 3834).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}

/// What a server says of an address that it will never deliver to (RFC 5321).
const NO_SUCH_ADDRESS: u16 = 553;

impl Publisher for Smtp {
    fn publish<'a>(&'a self, parcel: Parcel<'a>, _now: Timestamp) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let Event { id, kind, aggregate, payload, occurred_at } = parcel.event;
            let subject = format!("[faena] {kind}: {} {}", aggregate.sort, aggregate.id);
            let text = format!("{occurred_at}\n{subject}\n\n{}\n", legible(payload));
            self.send(Letter { to: parcel.to, subject: &subject, text: &text, id: id.as_str() }).await
        })
    }
}

/// JSON text, a field a line.
fn legible(payload: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(payload);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| payload.to_owned())
}

/// The code that a server replied with, if it did.
fn heard(error: &smtp::Error) -> Heard {
    match error.status() {
        Some(code) => Heard::Answer { status: code.into(), retry_after: None },
        None => Heard::Nothing,
    }
}

/// Why a letter was not taken, without where it was sent from or to.
fn unheard(error: &smtp::Error) -> String {
    if let Some(advice) = distrust(error) {
        return format!("the SMTP server cannot be trusted: {error}; {advice}");
    }
    let what = match () {
        () if error.status().is_some() => "the SMTP server refused it",
        () if error.is_timeout() => "the SMTP server took too long",
        () if error.is_tls() => "no TLS with the SMTP server",
        () => "the SMTP server cannot be reached",
    };
    format!("{what}: {error}")
}
