//! People who look at directories and are told of changes: `/api/ws`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::client::User;

/// How long a case waits for a message. They come within milliseconds; a server that was away takes longer.
const MESSAGE_WITHIN: Duration = Duration::from_mins(1);

/// How long a message that must not come is waited for.
const NOTHING_WITHIN: Duration = Duration::from_millis(600);

/// Silence after which a burst is over: several times what the product gathers changes for.
const CALM: Duration = Duration::from_millis(400);

/// Bytes read at once. Little, because a measurement opens ten thousand.
const READ_BUFFER: usize = 1024;

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// Read while something else was waited for.
    kept: VecDeque<Value>,
}

/// The answer to a handshake that was refused.
#[derive(Debug)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// How a socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With a close frame of this code.
    Closed(u16),
    /// Without one.
    Broken,
}

impl User {
    /// Opens a socket; panics when that is refused.
    pub async fn socket(&self) -> Socket {
        match self.try_socket(&[]).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(refusal)) => panic!("the handshake was answered with {}", refusal.status),
            Err(fault) => panic!("{fault:#}"),
        }
    }

    /// Opens a socket with these further headers. The token goes into the query, as in browsers.
    pub async fn try_socket(&self, headers: &[(&str, &str)]) -> Result<Result<Socket, Refusal>> {
        self.open_socket(headers, None).await
    }

    /// Opens a socket from that address of this machine: each has its own ports, of which there are not enough for
    /// tens of thousands of sockets.
    pub async fn socket_from(&self, local: IpAddr) -> Result<Socket> {
        match self.open_socket(&[], Some(local)).await? {
            Ok(socket) => Ok(socket),
            Err(refusal) => bail!("the handshake was answered with {}", refusal.status),
        }
    }

    async fn open_socket(
        &self,
        headers: &[(&str, &str)],
        local: Option<IpAddr>,
    ) -> Result<Result<Socket, Refusal>> {
        let live = self.live_address();
        let place = live.trim_start_matches("ws://").split('/').next().unwrap_or_default();
        let server: SocketAddr = place.parse().context("an address")?;
        let tcp = TcpSocket::new_v4()?;
        if let Some(local) = local {
            tcp.bind((local, 0).into()).context("an address of this machine")?;
        }
        let tcp = tcp.connect(server).await.context("no connection")?;
        tcp.set_nodelay(true)?;
        let token = self.token();
        let query = if token.is_empty() { String::new() } else { format!("?token={token}") };
        let mut request = ClientRequestBuilder::new(format!("{live}{query}").parse()?);
        for (name, value) in headers {
            request = request.with_header(*name, *value);
        }
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
        let handshake = client_async_with_config(request, tcp, Some(config));
        match timeout(MESSAGE_WITHIN, handshake).await.context("no answer to the handshake")? {
            Ok((stream, _)) => Ok(Ok(Socket { stream, kept: VecDeque::new() })),
            Err(Error::Http(answer)) => {
                let status = answer.status().as_u16();
                Ok(Err(Refusal { status, body: answer.into_body().unwrap_or_default() }))
            }
            Err(fault) => Err(fault).context("the handshake failed"),
        }
    }
}

impl Socket {
    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.send_frame(Message::text(message.to_string())).await;
    }

    /// Sends text, whatever it is.
    pub async fn send_text(&mut self, text: &str) {
        self.send_frame(Message::text(text)).await;
    }

    /// Sends a binary frame.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.send_frame(Message::binary(bytes.to_vec())).await;
    }

    async fn send_frame(&mut self, frame: Message) {
        self.stream.send(frame).await.unwrap_or_else(|fault| panic!("a message cannot be sent: {fault}"));
    }

    /// Sends a message if the other side takes it at once; whether it did.
    pub async fn offer(&mut self, message: &Value) -> bool {
        let frame = Message::text(message.to_string());
        matches!(timeout(Duration::from_millis(50), self.stream.send(frame)).await, Ok(Ok(())))
    }

    /// Subscribes and waits until the product says so, in exactly these words.
    pub async fn subscribe(&mut self, connection: &str, path: &str) {
        self.ask(connection, path, "subscribe").await;
        self.until(&json!({"type": "subscribed", "connection_id": connection, "path": path})).await;
    }

    /// Unsubscribes and waits until the product says so, in exactly these words.
    pub async fn unsubscribe(&mut self, connection: &str, path: &str) {
        self.ask(connection, path, "unsubscribe").await;
        self.until(&json!({"type": "unsubscribed", "connection_id": connection, "path": path})).await;
    }

    /// Sends a message about a directory and waits for nothing.
    pub async fn ask(&mut self, connection: &str, path: &str, action: &str) {
        self.send(json!({"action": action, "connection_id": connection, "path": path})).await;
    }

    /// Waits until the product says that the directory changed, in exactly these words.
    pub async fn changed(&mut self, connection: &str, path: &str) {
        self.until(&changed(connection, path)).await;
    }

    /// Waits for this message; others are kept for later.
    pub async fn until(&mut self, wanted: &Value) {
        self.find(&wanted.to_string(), |message| message == wanted).await;
    }

    /// Waits for a message that satisfies this; others are kept for later.
    pub async fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&wanted)
            && let Some(message) = self.kept.remove(at)
        {
            return message;
        }
        let read = async {
            loop {
                let message = self.read().await;
                if wanted(&message) {
                    return message;
                }
                self.kept.push_back(message);
            }
        };
        match timeout(MESSAGE_WITHIN, read).await {
            Ok(message) => message,
            Err(late) => panic!("{what} never came ({late}), but {:?}", self.kept),
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        if let Some(message) = self.kept.pop_front() {
            return message;
        }
        timeout(MESSAGE_WITHIN, self.read()).await.unwrap_or_else(|_| panic!("no message came"))
    }

    /// The next message, if one comes within that time.
    pub async fn next_within(&mut self, time: Duration) -> Option<Value> {
        if let Some(message) = self.kept.pop_front() {
            return Some(message);
        }
        timeout(time, self.read()).await.ok()
    }

    /// Reads everything until a while nothing comes; what came.
    pub async fn settle(&mut self) -> Vec<Value> {
        let mut seen: Vec<_> = self.kept.drain(..).collect();
        while let Ok(message) = timeout(CALM, self.read()).await {
            seen.push(message);
        }
        seen
    }

    /// Demands that nothing comes for a while.
    pub async fn hears_nothing(&mut self) {
        assert!(self.kept.is_empty(), "nothing should have come: {:?}", self.kept);
        if let Some(message) = self.next_within(NOTHING_WITHIN).await {
            panic!("nothing should come: {message}");
        }
    }

    /// Whether the product still answers here.
    pub async fn is_answered(&mut self) {
        self.send(json!({"action": "ping"})).await;
        self.until(&json!({"type": "pong"})).await;
    }

    /// Whether the product pings within that time, by the protocol; messages that come before it are kept for later.
    pub async fn is_pinged_within(&mut self, time: Duration) -> bool {
        let pinged = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Ping(_))) => return,
                    Some(Ok(Message::Text(text))) => {
                        let message = serde_json::from_str(&text);
                        self.kept.push_back(message.unwrap_or_else(|fault| panic!("{fault}: {text}")));
                    }
                    Some(Ok(_)) => {}
                    end => panic!("the socket ended: {end:?}; before that {:?}", self.kept),
                }
            }
        };
        timeout(time, pinged).await.is_ok()
    }

    /// Waits for the end; messages before it are passed over.
    pub async fn ending(&mut self) -> Ending {
        let end = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return Ending::Closed(frame.code.into()),
                    Some(Ok(Message::Close(None)) | Err(_)) | None => return Ending::Broken,
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(MESSAGE_WITHIN, end).await.unwrap_or_else(|_| panic!("the socket does not end"))
    }

    /// Says goodbye, as a browser does whose tab is closed.
    pub async fn close(mut self) {
        // Who says goodbye to somebody who has gone is not answered.
        let _ = timeout(MESSAGE_WITHIN, self.stream.close(None)).await;
    }

    /// The next message on the wire. May be dropped at any point; protocol pings are answered on the way.
    async fn read(&mut self) -> Value {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value =
                        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
                    assert!(message["type"].is_string(), "a message without a type: {text}");
                    return message;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?} instead of a message; before it {:?}", self.kept),
                Some(Err(fault)) => panic!("the socket broke: {fault}; before that {:?}", self.kept),
                None => panic!("the socket ended; before that {:?}", self.kept),
            }
        }
    }
}

/// The message that a directory changed.
pub(crate) fn changed(connection: &str, path: &str) -> Value {
    json!({"type": "directory_changed", "connection_id": connection, "path": path})
}
