//! The task of one socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use causeway_socket_messages::{Address, Incoming, read};
use serde::Serialize;
use tokio::time::timeout;

use super::All;
use super::outbox::{Closing, Outgoing};
use super::socket::Socket;
use crate::watches::{Event, Topic, Welcome};

/// Directories that one socket may subscribe to. A browser shows two.
const MOST_SUBSCRIPTIONS: usize = 1000;

/// How long a client may take nothing of what it is sent. What comes meanwhile waits as one message for each directory.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// How long a client may take to answer a close frame.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// Messages a second that are read in the long run; more wait in the client's system.
const MESSAGES_A_SECOND: f64 = 200.0;

/// Messages that are read at once: a browser that comes back subscribes to everything it shows.
const MESSAGES_AT_ONCE: f64 = 2000.0;

/// Malformed messages after which a client is taken for none. All are answered; a client that is of another version than
/// this program, or has a fault, stays far below.
const MALFORMED_AT_ONCE: f64 = 1000.0;

/// Malformed messages a second that are forgiven.
const FORGIVEN_A_SECOND: f64 = 10.0;

#[derive(Serialize)]
struct ErrorMessage<'a> {
    r#type: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
}

/// An error for a client, of a directory by its own strings or of no directory.
pub(super) fn error(message: &str, topic: Option<(&str, &str)>) -> Utf8Bytes {
    let error = ErrorMessage {
        r#type: "error",
        message,
        connection_id: topic.map(|topic| topic.0),
        path: topic.map(|topic| topic.1),
    };
    serde_json::to_string(&error).unwrap_or_default().into()
}

/// Talks with a client until one of the two ends it.
pub(super) async fn hold(all: &Arc<All>, socket: &Arc<Socket>, mut connection: WebSocket) {
    let mut budget = Budget::new(MESSAGES_AT_ONCE, MESSAGES_A_SECOND);
    let mut forgiveness = Budget::new(MALFORMED_AT_ONCE, FORGIVEN_A_SECOND);
    loop {
        // What waits is sent before more is read, so that answers cannot pile up.
        tokio::select! {
            biased;
            outgoing = socket.next() => {
                let message = match outgoing {
                    Outgoing::Text(text) => Message::Text(text),
                    Outgoing::Event(topic, event) => Message::Text(worded(socket, &topic, event)),
                    Outgoing::Ping => Message::Ping(Bytes::new()),
                    Outgoing::Close(closing) => return leave(all, connection, closing).await,
                };
                all.metrics.messages.count();
                if !matches!(timeout(SEND_WITHIN, connection.send(message)).await, Ok(Ok(()))) {
                    return;
                }
            }
            incoming = receive(&mut connection, &mut budget) => {
                let message = match incoming {
                    Some(Ok(message)) => message,
                    Some(Err(fault)) if is_too_long(&fault) => {
                        return leave(all, connection, Closing::TooLong).await;
                    }
                    Some(Err(_)) | None => return,
                };
                socket.hear(all.now());
                let fault = match message {
                    Message::Text(text) => match read(&text) {
                        Ok(incoming) => {
                            answer(all, socket, incoming).await;
                            None
                        }
                        Err(fault) => Some(fault.to_string()),
                    },
                    Message::Binary(_) => Some("Messages must be text".to_owned()),
                    // Pings are answered by the library.
                    Message::Ping(_) | Message::Pong(_) => None,
                    Message::Close(_) => return,
                };
                if let Some(fault) = fault {
                    socket.text(error(&fault, None));
                    if forgiveness.wait().is_some() {
                        socket.close(Closing::Misbehaved);
                    }
                    forgiveness.spend();
                }
            }
        }
    }
}

async fn receive(connection: &mut WebSocket, budget: &mut Budget) -> Option<Result<Message, axum::Error>> {
    if let Some(wait) = budget.wait() {
        tokio::time::sleep(wait).await;
    }
    let message = connection.recv().await;
    budget.spend();
    message
}

/// Whether a message was longer than it may be. The library tells its faults apart in words only.
fn is_too_long(fault: &axum::Error) -> bool {
    fault.to_string().starts_with("Space limit exceeded")
}

/// Says goodbye and gives the client a moment to say it, too.
async fn leave(all: &All, mut connection: WebSocket, closing: Closing) {
    all.metrics.sockets_ended.count();
    if closing == Closing::Dead {
        return;
    }
    let (code, reason) = closing.frame();
    let goodbye = async {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        if connection.send(Message::Close(Some(frame))).await.is_ok() {
            if closing == Closing::TooLong {
                // The rest of the message is read by nobody: at the end of the connection the client's system may throw
                // away what he has not taken by then.
                tokio::time::sleep(LEAVE_WITHIN).await;
            }
            while let Some(Ok(_)) = connection.recv().await {}
        }
    };
    if timeout(LEAVE_WITHIN, goodbye).await.is_err() {
        tracing::debug!("a client did not say goodbye");
    }
}

/// An event as a message.
fn worded(socket: &Socket, topic: &Topic, event: Event) -> Utf8Bytes {
    match event {
        Event::Changed => topic.changed(),
        Event::Subscribed => topic.message("subscribed"),
        Event::Progress { message, .. } => message,
        Event::Failed(failure) => error(failure.message(), Some(strings(topic))),
        Event::Ended(failure) => {
            drop(socket.take_seat(topic.connection_id(), topic.path()));
            error(failure.message(), Some(strings(topic)))
        }
    }
}

fn strings(topic: &Topic) -> (&str, &str) {
    (topic.connection_id(), topic.path())
}

async fn answer(all: &Arc<All>, socket: &Arc<Socket>, incoming: Incoming) {
    match incoming {
        Incoming::Ping => socket.text(Utf8Bytes::from_static(r#"{"type":"pong"}"#)),
        Incoming::Unsubscribe(Address { connection_id, path }) => {
            // First the seat, so that nothing comes after it.
            drop(socket.take_seat(&connection_id, &path));
            let topic = Topic::new(&connection_id, &path);
            socket.forget(&topic);
            socket.text(topic.message("unsubscribed"));
        }
        Incoming::Subscribe(address) => subscribe(all, socket, &address).await,
    }
}

async fn subscribe(all: &Arc<All>, socket: &Arc<Socket>, address: &Address) {
    let topic = (address.connection_id.as_str(), address.path.as_str());
    let refuse = |message| socket.text(error(message, Some(topic)));
    let known = socket.seats(|seats| {
        let seat = seats.iter().find(|seat| seat.topic().is(topic.0, topic.1));
        if let Some(seat) = seat {
            seat.again(Arc::clone(socket) as _);
        } else if seats.len() >= MOST_SUBSCRIPTIONS {
            refuse("There are too many subscriptions on this socket");
        } else {
            return false;
        }
        true
    });
    if known != Some(false) {
        return;
    }
    // Asked each time: the pulse ends the socket of a user who is not let in any more.
    let Ok(account) = all.accounts.authorize(socket.principal).await else {
        return socket.close(Closing::Revoked);
    };
    let Some((connection, path)) = all.resolve(&account, topic).await else {
        return refuse(crate::watches::Failure::NoDirectory.message());
    };
    let pool = all.shares.pool(&connection);
    let subscriber = (socket.id, Arc::clone(socket) as _);
    match all.watches.subscribe(&connection, &pool, path, topic, subscriber, Welcome::Acknowledge) {
        Ok(seat) => drop(socket.seats(|seats| seats.push(seat))),
        Err(too_many) => return refuse(&too_many.to_string()),
    }
    confirm(all, socket, topic, connection.revision).await;
}

/// Asks once more whether the client may have the subscription that he has got. Who changes a connection or a user while
/// it is being made looks through subscriptions in which this one may not be yet; from here on it is.
async fn confirm(all: &Arc<All>, socket: &Arc<Socket>, topic: (&str, &str), revision: u64) {
    let Ok(account) = all.accounts.authorize(socket.principal).await else {
        return socket.close(Closing::Revoked);
    };
    let resolved = all.resolve(&account, topic).await;
    if resolved.is_none_or(|(connection, _)| connection.revision != revision) {
        all.review_one(socket, &account, &|_| true).await;
    }
}

/// How many messages may come: so many at once, and so many a second.
struct Budget {
    at_once: f64,
    a_second: f64,
    left: f64,
    counted: Instant,
}

impl Budget {
    fn new(at_once: f64, a_second: f64) -> Self {
        Self { at_once, a_second, left: at_once, counted: Instant::now() }
    }

    /// How long until another message may come, if not now.
    fn wait(&mut self) -> Option<Duration> {
        if self.left >= 1.0 {
            return None;
        }
        let now = Instant::now();
        let gained = now.duration_since(self.counted).as_secs_f64() * self.a_second;
        self.left = (self.left + gained).min(self.at_once);
        self.counted = now;
        (self.left < 1.0).then(|| Duration::from_secs_f64((1.0 - self.left) / self.a_second))
    }

    fn spend(&mut self) {
        self.left -= 1.0;
    }
}
