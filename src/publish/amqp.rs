//! RabbitMQ and its kin: one persistent message to a durable topic exchange, whose routing key is the type of the event. It was
//! taken when the broker has confirmed it. The broker is the operator's own, so it is not called through the guard.
//!
//! One connection carries all messages. What breaks it fails the tries that are under way; the next one connects anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use tokio::sync::Mutex;

use super::{Attempt, Parcel, Publisher, distrust};
use crate::clock::Timestamp;
use crate::event::{Event, Heard};
use crate::limits;

/// The exchange when none is named.
pub const EXCHANGE_DEFAULT: &str = "faena.events";

/// A message that outlives its broker's process.
const PERSISTENT: u8 = 2;

/// Sends messages to a broker.
pub struct Amqp {
    broker: AMQPUri,
    exchange: ShortString,
    routed_only: bool,
    /// Held while a message is under way that must be routed.
    turn: Mutex<()>,
    within: Duration,
    link: Mutex<Option<Arc<Link>>>,
}

/// A connection, and the channel on which messages are confirmed.
struct Link {
    channel: Channel,
    // The channel ends with it.
    _connection: Connection,
}

impl Amqp {
    /// A sender to an exchange of the broker with this URL, which may hold a password. Nobody connects before the first try.
    ///
    /// # Errors
    /// A sentence without the URL in it, when that is none of a broker, or when the name of the exchange is empty or too long.
    pub fn to(url: &str, exchange: &str) -> Result<Self, String> {
        let broker = url.parse().map_err(|_| {
            "is no URL of a broker; use amqp://USER:PASSWORD@HOST:5672/%2f, or amqps:// for one that speaks TLS"
                .to_owned()
        })?;
        let exchange = ShortString::try_new(exchange).map_err(|error| error.to_string())?;
        if exchange.as_str().is_empty() {
            return Err("the exchange must have a name".to_owned());
        }
        let within = limits::WEBHOOK_CALL_MAX;
        Ok(Self { broker, exchange, routed_only: false, turn: Mutex::default(), within, link: Mutex::default() })
    }

    /// The same, for which a message that no queue is bound for has not been taken. Otherwise it has: nobody wanted it.
    #[must_use]
    pub fn routed_only(self) -> Self {
        Self { routed_only: true, ..self }
    }

    /// The same, with another time in which a try must be confirmed, connecting included.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// What the broker said when it took the event, or why it did not. `used` tells by which link.
    async fn send(&self, event: &Event, used: &mut Option<Arc<Link>>) -> Result<&'static str, String> {
        let body = serde_json::to_vec(event).map_err(|error| format!("the event cannot be written: {error}"))?;
        let key = ShortString::try_new(event.kind.as_str()).map_err(|error| error.to_string())?;
        let link = used.insert(self.linked().await.map_err(|error| unlinked(&error))?);
        // Of several that are under way the client does not tell for sure which one came back.
        let _turn = if self.routed_only { Some(self.turn.lock().await) } else { None };
        // It says so of a message that no queue is bound for.
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let exchange = self.exchange.clone();
        let sent = async { link.channel.basic_publish(exchange, key, options, &body, properties(event)).await?.await };
        match sent.await {
            Ok(Confirmation::Ack(None)) => Ok(""),
            Ok(Confirmation::Ack(Some(_))) if !self.routed_only => Ok("no queue is bound for it"),
            Ok(Confirmation::Ack(Some(back))) => Err(format!("no queue is bound for it: {}", back.reply_text)),
            Ok(Confirmation::Nack(_)) => Err("the broker has refused it".to_owned()),
            Ok(Confirmation::NotRequested) => Err("the broker has confirmed nothing".to_owned()),
            Err(error) => Err(format!("the broker broke off: {error}")),
        }
    }

    /// The link, connected if it is not.
    async fn linked(&self) -> lapin::Result<Arc<Link>> {
        let mut link = self.link.lock().await;
        if let Some(link) = link.as_ref().filter(|link| link.channel.status().connected()) {
            return Ok(link.clone());
        }
        *link = None;
        let properties = ConnectionProperties::default().with_connection_name("faena".into());
        let connection = Connection::connect_uri(self.broker.clone(), properties).await?;
        let channel = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(self.exchange.clone(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(link.insert(Arc::new(Link { channel, _connection: connection })).clone())
    }

    /// Lets go of a link on which nothing was heard in time. Who connects meanwhile has let go of it already.
    fn forget(&self, used: &Arc<Link>) {
        if let Ok(mut link) = self.link.try_lock() {
            link.take_if(|link| Arc::ptr_eq(link, used));
        }
    }
}

impl Publisher for Amqp {
    fn publish<'a>(&'a self, parcel: Parcel<'a>, _now: Timestamp) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let began = Instant::now();
            let mut used = None;
            let (heard, said) = match tokio::time::timeout(self.within, self.send(parcel.event, &mut used)).await {
                Ok(Ok(said)) => (Heard::Taken, said.to_owned()),
                Ok(Err(why)) => (Heard::Nothing, why),
                Err(_) => {
                    if let Some(used) = used {
                        self.forget(&used);
                    }
                    (Heard::Nothing, "the broker took too long".to_owned())
                }
            };
            Attempt::new(heard, began.elapsed(), &said)
        })
    }
}

/// Why there is no link.
fn unlinked(error: &lapin::Error) -> String {
    match distrust(error) {
        Some(advice) => format!("the broker cannot be trusted: {error}; {advice}"),
        None => format!("the broker cannot be reached: {error}"),
    }
}

/// What a message says of itself.
fn properties(event: &Event) -> BasicProperties {
    let short = |text: &str| ShortString::try_new(text).unwrap_or_default();
    BasicProperties::default()
        .with_message_id(short(event.id.as_str()))
        .with_type(short(event.kind.as_str()))
        .with_content_type(short("application/json"))
        .with_timestamp(event.occurred_at.as_millis().max(0).unsigned_abs() / 1_000)
        .with_delivery_mode(PERSISTENT)
        .with_app_id(short("faena"))
}
