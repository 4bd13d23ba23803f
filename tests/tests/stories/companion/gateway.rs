//! What may be between the companion and the product: it loses requests and answers, gives other ones, and holds them up.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of the beginning of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// How long a request is held up at most.
const HELD_FOR: Duration = Duration::from_secs(25);

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// It comes through, and its answer does not.
    AnswerLost,
    /// Half of its body comes through.
    RequestCut,
    /// Half of its answer comes back.
    AnswerCut,
    /// It does not come through, and this comes back.
    Instead(&'static str),
    /// It waits until it is let go.
    HeldUp,
}

/// A relay to the product that takes one request a connection.
pub(super) struct Gateway {
    address: String,
    state: Arc<State>,
}

struct State {
    product: String,
    /// The request that it is for (`POST upload`: method and end of the path), how often, and what.
    faults: Mutex<Vec<(&'static str, usize, Fault)>>,
    holds: AtomicBool,
    may_go: AtomicBool,
}

impl Gateway {
    /// In front of the product at that address.
    pub(super) fn to(product: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State {
            product: product.trim_start_matches("http://").to_owned(),
            faults: Mutex::default(),
            holds: AtomicBool::new(false),
            may_go: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A request that cannot be relayed looks to the companion like one that was cut.
                std::thread::spawn(move || state.relay(client));
            }
        });
        Self { address, state }
    }

    /// Where it is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Does that to the next so many requests of that kind.
    pub(super) fn does(&self, fault: Fault, times: usize, request: &'static str) {
        self.state.faults.lock().unwrap_or_else(PoisonError::into_inner).push((request, times, fault));
    }

    /// Whether it holds a request up.
    pub(super) fn holds(&self) -> bool {
        self.state.holds.load(Ordering::SeqCst)
    }

    /// Lets go what it holds up.
    pub(super) fn let_go(&self) {
        self.state.may_go.store(true, Ordering::SeqCst);
    }
}

impl State {
    fn relay(&self, mut client: TcpStream) -> Option<()> {
        let (head, begun) = read_head(&mut client)?;
        let mut words = head.split_whitespace();
        let (method, target) = (words.next()?, words.next()?);
        let path = target.split('?').next()?;
        let fault = self.fault(method, path);
        let length =
            header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
        let rest = length.saturating_sub(begun.len());
        if let Some(Fault::Instead(answer)) = fault {
            copy(&mut client, &mut std::io::sink(), rest)?;
            client.write_all(answer.as_bytes()).ok()?;
            return client.shutdown(Shutdown::Write).ok();
        }
        if let Some(Fault::HeldUp) = fault {
            self.holds.store(true, Ordering::SeqCst);
            let start = Instant::now();
            while !self.may_go.load(Ordering::SeqCst) && start.elapsed() < HELD_FOR {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let mut product = TcpStream::connect(&self.product).ok()?;
        product.write_all(format!("{}\r\nconnection: close\r\n\r\n", head.trim_end()).as_bytes()).ok()?;
        product.write_all(&begun).ok()?;
        if let Some(Fault::RequestCut) = fault {
            copy(&mut client, &mut product, rest / 2)?;
            return None;
        }
        copy(&mut client, &mut product, rest)?;
        let mut answer = Vec::new();
        product.read_to_end(&mut answer).ok()?;
        match fault {
            Some(Fault::AnswerLost) => return None,
            Some(Fault::AnswerCut) => client.write_all(&answer[..answer.len() / 2]).ok()?,
            _ => client.write_all(&answer).ok()?,
        }
        client.shutdown(Shutdown::Write).ok()
    }

    fn fault(&self, method: &str, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |request: &str| {
            request.split_once(' ').is_some_and(|(asked, end)| asked == method && path.ends_with(end))
        };
        let (_, times, fault) =
            faults.iter_mut().find(|(request, times, _)| *times > 0 && is_meant(request))?;
        *times -= 1;
        Some(fault.clone())
    }
}

/// The head of a request, and what came with it of the body.
fn read_head(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    while read.len() < LARGEST_HEAD {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Some((String::from_utf8(read).ok()?, body));
        }
        let count = client.read(&mut buffer).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
    }
    None
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Passes so many bytes on.
fn copy(from: &mut TcpStream, to: &mut impl std::io::Write, count: usize) -> Option<()> {
    let count = u64::try_from(count).ok()?;
    let copied = std::io::copy(&mut std::io::Read::take(from, count), to).ok()?;
    (copied == count).then_some(())
}
