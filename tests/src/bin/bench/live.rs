//! How soon those who look at a directory are told that it changed, and what it costs to have many of them.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causeway_paths::SharePath;
use causeway_smb::{PoolLimits, SharePool, Target};
use causeway_tests::{Process, Socket};
use tokio::task::JoinSet;

use crate::rig::{MANY, Rig, median, percentile};
use crate::table::{Table, milliseconds};

/// Changes of each kind.
const CHANGES: usize = 200;

/// Between two changes: several times what the product gathers changes for, so that each is the first of its own burst.
/// What a server reports of one change in several steps makes two messages.
const APART: Duration = Duration::from_millis(350);

/// From the beginning of a change to its message, in the middle and in 99 of 100 cases.
const USUALLY_WITHIN: Duration = Duration::from_millis(5);
const MOSTLY_WITHIN: Duration = Duration::from_millis(25);

/// Sockets on one directory.
const SOCKETS: usize = 10_000;

/// Handshakes at the same time.
const HANDSHAKES: usize = 64;

/// Addresses of this machine that they come from: each has its own 28,000 ports.
const SOURCES: u8 = 4;

/// Descriptors that both sides need for it, each.
const DESCRIPTORS: usize = 15_000;

/// Until the last of them is told.
const LAST_WITHIN: Duration = Duration::from_millis(150);

/// Memory of the product for each of them, in bytes.
const MEMORY_EACH: u64 = 25_000;

/// Rounds of which the middle one counts.
const ROUNDS: usize = 7;

/// Listings of which the middle one counts.
const LISTINGS: usize = 50;

/// A listing of a watched directory of 10,000 entries.
const LISTING_WITHIN: Duration = Duration::from_millis(40);

/// Lets this process and those that it starts open many files. Where that is not allowed, the sockets say so.
pub(crate) fn allow_many_descriptors() {
    let pid = std::process::id().to_string();
    let limit = format!("--nofile={DESCRIPTORS}:");
    if !Command::new("prlimit").args(["--pid", &pid, &limit]).status().is_ok_and(|status| status.success()) {
        eprintln!("bench: no more descriptors are allowed; `sockets` may fail");
    }
}

/// Another client of the share, in this process.
fn other_client(rig: &Rig) -> SharePool {
    let samba = rig.samba();
    let target = Target::new("127.0.0.1", samba.port(), "data", samba.user(), samba.password());
    SharePool::new(target, PoolLimits::default())
}

async fn watched(rig: &Rig, directory: &str) -> Result<(Socket, String)> {
    rig.folder().make_directory(directory);
    let path = rig.folder().at(directory);
    let mut socket = rig.user().socket().await;
    socket.subscribe(rig.connection(), &path).await;
    let _ = socket.settle().await;
    Ok((socket, path))
}

pub(crate) async fn change_to_message(rig: &Rig, table: &mut Table) -> Result<()> {
    let (mut socket, path) = watched(rig, "live").await?;
    let other = other_client(rig);
    for by_smb in [true, false] {
        let mut times = Vec::new();
        for number in 0..=CHANGES {
            tokio::time::sleep(APART).await;
            while socket.next_within(Duration::ZERO).await.is_some() {}
            let name = format!("{number} by smb: {by_smb}").replace(':', "");
            let start = Instant::now();
            if by_smb {
                let item = SharePath::parse(&format!("{path}/{name}")).context("a path")?;
                other.create_file(&item).await?;
            } else {
                rig.folder().write(&format!("live/{name}"), "");
            }
            socket.changed(rig.connection(), &path).await;
            // The first one opens the session.
            if number > 0 {
                times.push(start.elapsed());
            }
        }
        let (half, most) = (percentile(&mut times, 50), percentile(&mut times, 99));
        let who = if by_smb { "another SMB client" } else { "a program on the server" };
        table.add(
            &format!("change by {who} to message"),
            format!("p50 {}, p99 {}", milliseconds(half), milliseconds(most)),
            String::new(),
            "p50 < 5 ms, p99 < 25 ms",
            half < USUALLY_WITHIN && most < MOSTLY_WITHIN,
        );
    }
    socket.close().await;
    Ok(())
}

pub(crate) async fn many_sockets(rig: &Rig, table: &mut Table) -> Result<()> {
    let memory = || rig.processes().map(Process::resident_memory).sum::<Result<u64>>();
    rig.folder().make_directory("crowd");
    let path = rig.folder().at("crowd");
    // The first one opens the watch, and whatever is made once.
    let mut first = rig.user().socket().await;
    first.subscribe(rig.connection(), &path).await;
    let before = memory()?;
    let opening = Instant::now();
    let mut sockets = Vec::with_capacity(SOCKETS);
    let mut handshakes = JoinSet::new();
    for number in 0..SOCKETS {
        if handshakes.len() >= HANDSHAKES
            && let Some(socket) = handshakes.join_next().await
        {
            sockets.push(socket??);
        }
        let (user, path, connection) = (rig.user(), path.clone(), rig.connection().to_owned());
        let source = u8::try_from(number % usize::from(SOURCES)).unwrap_or(0) + 1;
        handshakes.spawn(async move {
            let mut socket = user.socket_from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, source))).await?;
            socket.subscribe(&connection, &path).await;
            anyhow::Ok(socket)
        });
    }
    while let Some(socket) = handshakes.join_next().await {
        sockets.push(socket??);
    }
    let opened = opening.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = memory()?.saturating_sub(before) / SOCKETS as u64;

    let mut lasts = Vec::new();
    for round in 0..ROUNDS {
        let mut waiting = JoinSet::new();
        for mut socket in sockets.drain(..) {
            let (path, connection) = (path.clone(), rig.connection().to_owned());
            waiting.spawn(async move {
                socket.changed(&connection, &path).await;
                (socket, Instant::now())
            });
        }
        // All of them wait before it begins, and nothing of the round before is under way.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        rig.folder().make_directory(&format!("crowd/{round}"));
        let mut last = Duration::ZERO;
        while let Some(told) = waiting.join_next().await {
            let (socket, at) = told?;
            last = last.max(at.duration_since(start));
            sockets.push(socket);
        }
        lasts.push(last);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut rest = JoinSet::new();
        for mut socket in sockets.drain(..) {
            rest.spawn(async move {
                while socket.next_within(Duration::from_millis(5)).await.is_some() {}
                socket
            });
        }
        sockets.extend(rest.join_all().await);
    }
    ensure!(sockets.len() == SOCKETS, "{} sockets are left", sockets.len());
    let last = median(lasts);
    table.add(
        "10,000 sockets on one directory: the last one told",
        format!("{} (opened in {:.1} s)", milliseconds(last), opened.as_secs_f64()),
        String::new(),
        "<= 150 ms",
        last <= LAST_WITHIN,
    );
    let shown = format!("{:.1} KB", f64::from(u32::try_from(each).unwrap_or(u32::MAX)) / 1000.0);
    table.add("memory for each of them", shown, String::new(), "< 25 KB", each < MEMORY_EACH);
    Ok(())
}

pub(crate) async fn watched_listing(rig: &Rig, table: &mut Table) -> Result<()> {
    let path = rig.folder().at("many");
    let mut socket = rig.user().socket().await;
    socket.subscribe(rig.connection(), &path).await;
    let share = rig.share();
    let mut times = Vec::new();
    for run in 0..=LISTINGS {
        let start = Instant::now();
        let answer = share.list(&path).try_send().await?;
        let time = start.elapsed();
        let ending = format!("\"total\":{MANY}");
        ensure!(answer.text().contains(&ending), "a listing is not whole");
        if run > 0 {
            times.push(time);
        }
    }
    socket.close().await;
    let half = median(times);
    table.add(
        "list of 10,000 entries that somebody watches",
        milliseconds(half),
        String::new(),
        "< 40 ms",
        half < LISTING_WITHIN,
    );
    Ok(())
}
