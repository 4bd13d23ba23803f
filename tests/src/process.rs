//! One running `causeway` process.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::keeper;

/// How long a start may take: the first one compiles the components, on a machine that builds something else as well.
const START_WITHIN: Duration = Duration::from_mins(2);

/// How long a stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Lines of the log that are kept; a failed case shows the last of them.
const KEPT_LINES: usize = 4000;

/// What the product prints when it answers.
const READY: &str = "listening on ";

type Lines = Arc<Mutex<VecDeque<String>>>;

/// A process of the product.
#[derive(Debug)]
pub struct Process {
    child: Child,
    address: String,
    started_in: Duration,
    log: Lines,
    output: Lines,
}

impl Process {
    /// Starts `binary` and waits until it answers.
    pub(crate) fn start(
        binary: &Path,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<Self> {
        let start = Instant::now();
        let mut command = Command::new(binary);
        command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{} cannot be started", binary.display()))?;
        keeper::kill_at_the_end(i64::from(child.id()));
        let (found, address) = mpsc::channel();
        let output = collect(child.stdout.take(), Some(found));
        let log = collect(child.stderr.take(), None);
        let mut process = Self { child, address: String::new(), started_in: Duration::ZERO, log, output };
        loop {
            match address.recv_timeout(Duration::from_millis(100)) {
                Ok(address) => {
                    process.address = address;
                    process.started_in = start.elapsed();
                    return Ok(process);
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() < START_WITHIN => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("no answer within {START_WITHIN:?}:\n{}", process.last_log(40))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = process.child.wait().context("its end cannot be waited for")?;
                    keeper::is_gone(i64::from(process.child.id()));
                    bail!("{} ended at the start ({status}):\n{}", arguments.join(" "), process.last_log(40));
                }
            }
        }
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From the start until it answered.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed to stdout.
    pub fn output(&self) -> String {
        joined(&self.output, KEPT_LINES)
    }

    /// What it has logged, as far as it is kept.
    pub fn log(&self) -> String {
        joined(&self.log, KEPT_LINES)
    }

    /// The last lines that it has logged.
    pub fn last_log(&self, lines: usize) -> String {
        joined(&self.log, lines)
    }

    /// Memory that it has needed at most so far, in bytes (`VmHWM`).
    pub fn peak_memory(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    /// How much of the memory that it occupies now is files, above all the program itself, in bytes (`RssFile`).
    pub fn file_memory(&self) -> Result<u64> {
        self.memory("RssFile:")
    }

    /// Memory that it occupies now, in bytes (`VmRSS`).
    pub fn resident_memory(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    fn memory(&self, field: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = status
            .lines()
            .find(|line| line.starts_with(field))
            .with_context(|| format!("{path}: no {field}"))?;
        let kib: u64 = line[field.len()..].trim().trim_end_matches("kB").trim().parse().context(path)?;
        Ok(kib * 1024)
    }

    /// How many file descriptors it has open.
    pub fn open_descriptors(&self) -> Result<usize> {
        let path = format!("/proc/{}/fd", self.child.id());
        Ok(std::fs::read_dir(&path).context(path)?.count())
    }

    /// Ends it at once, as a power failure would (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("it cannot be killed")?;
        self.child.wait().context("its end cannot be waited for")?;
        keeper::is_gone(i64::from(self.child.id()));
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            bail!("process {} cannot be asked to stop", self.child.id());
        }
        let start = Instant::now();
        while start.elapsed() < STOP_WITHIN {
            if let Some(status) = self.child.try_wait().context("its end cannot be waited for")? {
                keeper::is_gone(i64::from(self.child.id()));
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill()?;
        bail!("it did not stop within {STOP_WITHIN:?} and was killed:\n{}", self.last_log(40))
    }

    /// Freezes it (SIGSTOP): its connections stay open, and it does nothing any more.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Undoes [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "process {} gets no signal", self.child.id());
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("── log of {} (last lines)\n{}", self.address, self.last_log(80));
        }
        if self.runs()
            && let Err(fault) = self.kill()
        {
            eprintln!("process {}: {fault:#}", self.child.id());
        }
    }
}

/// Reads lines in the background; tells the address once it is printed.
fn collect(source: Option<impl Read + Send + 'static>, address: Option<Sender<String>>) -> Lines {
    let lines = Lines::default();
    let Some(source) = source else { return lines };
    let kept = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n').map_while(std::result::Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some(place) = line.strip_prefix(READY)
                && let Some(address) = &address
            {
                // Whoever started it may have given up waiting.
                let _ = address.send(place.trim().to_owned());
            }
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(line);
        }
    });
    lines
}

fn joined(lines: &Lines, last: usize) -> String {
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    let skipped = lines.len().saturating_sub(last);
    lines.iter().skip(skipped).cloned().collect::<Vec<_>>().join("\n")
}
