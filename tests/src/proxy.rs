//! A TCP relay between product and Samba: counts, cuts, and holds traffic up.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// How often a relay that is held up looks whether it may go on.
const POLL: Duration = Duration::from_millis(5);

/// Before the command of an SMB 2 message (MS-SMB2 2.2.1).
const SMB2: [u8; 4] = [0xFE, b'S', b'M', b'B'];

/// Bytes of the header of an SMB 2 message.
const SMB2_HEADER: usize = 64;

/// Waits for a rename to hold it up.
const WAITING: u8 = 1;

/// Holds one up.
const CAUGHT: u8 = 2;

/// The relay. Its threads end with the connections and, for the one that accepts, with the process.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    to_server: AtomicU64,
    to_client: AtomicU64,
    held_up: AtomicBool,
    refusing: AtomicBool,
    /// 0, [`WAITING`] or [`CAUGHT`].
    renames: AtomicU8,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Relays to that port on this machine.
    pub fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr().context("no address")?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.refusing.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                // A connection that cannot be relayed looks to the product like one that was cut.
                let _ = relay(&shared, &client, &server);
            }
        });
        Ok(Self { address, state })
    }

    /// The port to connect to instead of the server's.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Bytes that went to the server so far.
    pub fn bytes_to_server(&self) -> u64 {
        self.state.to_server.load(Ordering::SeqCst)
    }

    /// Bytes that came from the server so far.
    pub fn bytes_from_server(&self) -> u64 {
        self.state.to_client.load(Ordering::SeqCst)
    }

    /// Breaks all connections and takes no new ones until [`restore`](Self::restore).
    pub fn cut(&self) {
        self.state.refusing.store(true, Ordering::SeqCst);
        let mut open = self.state.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Stops passing anything on, as a server does that hangs.
    pub fn hold_up(&self) {
        self.state.held_up.store(true, Ordering::SeqCst);
    }

    /// Lets the next request for a rename wait, and everything behind it on its connection, as a server does that hangs in
    /// one of its processes, until [`restore`](Self::restore). Other connections go on. The connection must not be
    /// encrypted.
    pub fn catch_a_rename(&self) {
        self.state.renames.store(WAITING, Ordering::SeqCst);
    }

    /// Whether a rename waits.
    pub fn has_caught(&self) -> bool {
        self.state.renames.load(Ordering::SeqCst) == CAUGHT
    }

    /// Takes connections and passes on again.
    pub fn restore(&self) {
        self.state.renames.store(0, Ordering::SeqCst);
        self.state.refusing.store(false, Ordering::SeqCst);
        self.state.held_up.store(false, Ordering::SeqCst);
    }
}

fn relay(state: &Arc<State>, client: &TcpStream, server: &TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    {
        let mut open = state.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(client.try_clone()?);
        open.push(server.try_clone()?);
    }
    pass_on(state, client.try_clone()?, server.try_clone()?, |state| &state.to_server, asks_for_a_rename);
    pass_on(state, server.try_clone()?, client.try_clone()?, |state| &state.to_client, |_| false);
    Ok(())
}

/// Whether there is a SET_INFO with FileRenameInformation among what is sent (MS-SMB2 2.2.39, MS-FSCC 2.4.42).
fn asks_for_a_rename(bytes: &[u8]) -> bool {
    let is_rename = |message: &[u8]| {
        message.starts_with(&SMB2)
            && message[12..14] == [0x11, 0]
            && message[SMB2_HEADER..] == [0x21, 0, 1, 10]
    };
    bytes.windows(SMB2_HEADER + 4).any(is_rename)
}

fn pass_on(
    state: &Arc<State>,
    mut from: TcpStream,
    mut to: TcpStream,
    counter: fn(&State) -> &AtomicU64,
    is_caught: fn(&[u8]) -> bool,
) {
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        let mut buffer = vec![0; BUFFER];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while state.held_up.load(Ordering::SeqCst) {
                std::thread::sleep(POLL);
            }
            let renames = &state.renames;
            if renames.load(Ordering::SeqCst) == WAITING
                && is_caught(&buffer[..count])
                && renames.compare_exchange(WAITING, CAUGHT, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            {
                while renames.load(Ordering::SeqCst) == CAUGHT {
                    std::thread::sleep(POLL);
                }
            }
            counter(&state).fetch_add(count as u64, Ordering::SeqCst);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        // Either side's end is the end of both.
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
