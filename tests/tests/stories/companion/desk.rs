//! A person's computer with the companion on it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use causeway_tests::{User, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// How long one run of the companion may take.
const ENDS_WITHIN: Duration = Duration::from_mins(2);

/// How often something is looked at that happens in the background.
const POLL: Duration = Duration::from_millis(50);

/// How the companion ends (`docs/companion.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Unchanged = 3,
    SavedAsCopy = 4,
    Kept = 5,
    LockRefused = 6,
    Unreachable = 7,
    BadLink = 8,
    NotAllowed = 9,
    Refused = 10,
    Discarded = 11,
    Busy = 12,
}

/// An editor in which somebody looks at the file, longer than a program runs that only hands it over to another one.
pub(super) const LOOKING: &str = "sleep 3.2 #";

/// A computer: its own home directory, one user of the product.
pub(super) struct Desk {
    home: TempDir,
    user: User,
    connection: String,
    /// Where links say that the product is.
    server: String,
    environment: Vec<(String, String)>,
}

/// A run of the companion that has ended.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    /// All it printed.
    pub(super) said: String,
}

impl Ended {
    /// Demands an exit code.
    #[track_caller]
    pub(super) fn is(&self, exit: Exit) {
        assert_eq!(self.code, Some(exit as i32), "{exit:?} was expected\n{}", self.said);
    }
}

/// A run of the companion that goes on.
pub(super) struct Running {
    child: Child,
}

impl Running {
    /// Answers a question, or several.
    pub(super) async fn answer(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("an input");
        input.write_all(text.as_bytes()).await.expect("written");
        input.flush().await.expect("written");
    }

    /// Says that there are no further answers.
    pub(super) fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it as a power failure would. The program that it started goes on.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Asks it to end.
    pub(super) async fn terminate(self) -> Ended {
        self.signal("TERM");
        self.ended().await
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().expect("a process").to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Waits for its end.
    pub(super) async fn ended(self) -> Ended {
        let output = tokio::time::timeout(ENDS_WITHIN, self.child.wait_with_output()).await;
        let output = output.expect("it ends some time").expect("an end");
        let said = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }
}

/// An editor that waits in the middle of its work.
pub(super) struct Waiting {
    /// What `--editor` is given.
    pub(super) command: String,
    at_work: PathBuf,
    go: PathBuf,
}

impl Waiting {
    /// Waits until it has done the first part.
    pub(super) async fn until_at_work(&self) {
        until("the editor is at work", || self.at_work.exists()).await;
    }

    /// Lets it do the rest.
    pub(super) fn go_on(&self) {
        std::fs::write(&self.go, "").expect("written");
    }
}

/// Waits for something.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < ENDS_WITHIN, "it never came true that {what}");
        tokio::time::sleep(POLL).await;
    }
}

impl Desk {
    /// A new one, whose companion may talk to the product.
    pub(super) fn of(world: &World, user: User) -> Self {
        let desk = Self::of_a_stranger(world, user);
        let list = desk.home.path().join("config/causeway-companion");
        std::fs::create_dir_all(&list).expect("a directory");
        std::fs::write(list.join("trusted-servers"), desk.user.address()).expect("a list");
        desk
    }

    /// A new one, whose companion has never talked to any server.
    pub(super) fn of_a_stranger(world: &World, user: User) -> Self {
        let home = tempfile::Builder::new().prefix("causeway-desk-").tempdir().expect("a directory");
        let (server, connection) = (user.address().to_owned(), world.connection().to_owned());
        let desk = Self { home, user, connection, server, environment: Vec::new() };
        // Whatever the machine has is not the desktop of a test.
        desk.has_a_desktop("exit 3");
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", desk.home.path().join("bin").display());
        desk.with_environment("PATH", &path)
    }

    /// The same with another variable in its environment.
    #[must_use]
    pub(super) fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(found, _)| found != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without that variable.
    #[must_use]
    pub(super) fn without_environment(mut self, name: &str) -> Self {
        self.environment.retain(|(found, _)| found != name);
        self
    }

    /// The same, whose companion reaches the product there.
    #[must_use]
    pub(super) fn by_way_of(mut self, server: &str) -> Self {
        let list = self.home.path().join("config/causeway-companion/trusted-servers");
        std::fs::write(list, server).expect("a list");
        server.clone_into(&mut self.server);
        self
    }

    /// Gives it an `xdg-open`: a shell script whose `$1` is the file.
    pub(super) fn has_a_desktop(&self, text: &str) {
        let (bin, file) = (self.home.path().join("bin"), self.home.path().join("bin/xdg-open"));
        std::fs::create_dir_all(&bin).expect("a directory");
        // Another file each time: the one before may be running.
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("a script");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// A link of the browser app to that file.
    pub(super) async fn link(&self, path: &str) -> String {
        let body = json!({"connection_id": self.connection, "path": path});
        let made = self.user.post("/api/companion/uri-token").json(body).send().await.expect(200).json();
        let token = made["uri_token"].as_str().expect("a token");
        let link = reqwest::Url::parse_with_params(
            "sambee://open",
            [
                ("server", self.server.as_str()),
                ("token", token),
                ("connId", &self.connection),
                ("path", path),
            ],
        );
        link.expect("a link").to_string()
    }

    /// Opens that file and waits for the end.
    pub(super) async fn open(&self, path: &str, arguments: &[&str]) -> Ended {
        self.open_and_answer(path, arguments, "").await
    }

    /// The same with answers to what will be asked.
    pub(super) async fn open_and_answer(&self, path: &str, arguments: &[&str], answers: &str) -> Ended {
        let mut running = self.begin(path, arguments).await;
        running.answer(answers).await;
        running.end_input();
        running.ended().await
    }

    /// Begins to open that file.
    pub(super) async fn begin(&self, path: &str, arguments: &[&str]) -> Running {
        let link = self.link(path).await;
        let all: Vec<&str> = ["open", &link].into_iter().chain(arguments.iter().copied()).collect();
        self.start(&all)
    }

    /// Runs the companion to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).ended().await
    }

    /// Runs the companion to its end with a terminal of its own, at which nobody sits.
    pub(super) async fn run_at_a_terminal(&self, arguments: &[&str]) -> Ended {
        let quoted = |argument: &str| format!("'{}'", argument.replace('\'', r"'\''"));
        let words: Vec<String> = [companion().to_string_lossy().as_ref()]
            .into_iter()
            .chain(arguments.iter().copied())
            .map(quoted)
            .collect();
        // `script` of util-linux: -e passes the exit code on.
        self.spawn(Path::new("script"), &["-q", "-e", "-c", &words.join(" "), "/dev/null"]).ended().await
    }

    /// Starts the companion.
    pub(super) fn start(&self, arguments: &[&str]) -> Running {
        self.spawn(&companion(), arguments)
    }

    fn spawn(&self, program: &Path, arguments: &[&str]) -> Running {
        let home = self.home.path();
        let child = Command::new(program)
            .args(arguments)
            .env_remove("VISUAL")
            .env_remove("EDITOR")
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("DESK", home)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let child = child.unwrap_or_else(|fault| panic!("{}: {fault}", program.display()));
        Running { child }
    }

    /// An editor: a shell script whose `$1` is the file.
    pub(super) fn script(&self, name: &str, text: &str) -> String {
        let file = self.home.path().join(format!("{name}.sh"));
        std::fs::write(&file, text).expect("a script");
        format!("sh {}", file.display())
    }

    /// An editor that does one thing, waits, and does another.
    pub(super) fn waiting_script(&self, name: &str, first: &str, then: &str) -> Waiting {
        let (at_work, go) =
            (self.home.path().join(format!("{name}.at-work")), self.home.path().join(format!("{name}.go")));
        // A companion that is killed leaves it alone: it ends by itself some time.
        let text = format!(
            "{first}\ntouch {}\nturns=0\nuntil [ -e {} ]; do\n  sleep 0.05; turns=$((turns+1)); [ $turns -lt 2400 ] || exit 9\n\
             done\n{then}\n",
            at_work.display(),
            go.display()
        );
        Waiting { command: self.script(name, &text), at_work, go }
    }

    /// What an editor left in the home directory.
    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        read(&self.home.path().join(name))
    }

    fn sessions_directory(&self) -> PathBuf {
        self.home.path().join("state/causeway-companion/sessions")
    }

    /// The ids of the sessions on disk.
    pub(super) fn sessions(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.sessions_directory()) else { return Vec::new() };
        let mut ids: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        ids.sort();
        ids
    }

    /// Waits until there is a session.
    pub(super) async fn until_session(&self) -> String {
        until("there is a session", || !self.sessions().is_empty()).await;
        self.sessions().remove(0)
    }

    /// Waits until a session's working copy is there.
    pub(super) async fn until_file(&self, session: &str, name: &str) {
        let file = self.work(session, name);
        until("there is a working copy", || file.exists()).await;
    }

    fn work(&self, session: &str, name: &str) -> PathBuf {
        self.sessions_directory().join(session).join("work").join(name)
    }

    /// Whether there is such a file in the working directory of a session.
    pub(super) fn has(&self, session: &str, name: &str) -> bool {
        self.work(session, name).exists()
    }

    /// Whether an editor left that in the home directory.
    pub(super) fn has_left(&self, name: &str) -> bool {
        self.home.path().join(name).exists()
    }

    /// Removes what an editor left there.
    pub(super) fn forget(&self, name: &str) {
        let _ = std::fs::remove_file(self.home.path().join(name));
    }

    /// What is remembered of a session.
    pub(super) fn state(&self, session: &str) -> Value {
        serde_json::from_slice(&read(&self.sessions_directory().join(session).join("state.json")))
            .expect("a state")
    }

    /// Removes a file in the working directory of a session.
    pub(super) fn remove(&self, session: &str, name: &str) {
        std::fs::remove_file(self.work(session, name)).expect("removed");
    }

    /// A file in the working directory of a session.
    pub(super) fn kept(&self, session: &str, name: &str) -> Vec<u8> {
        read(&self.work(session, name))
    }

    /// Edits it.
    pub(super) fn overwrite(&self, session: &str, name: &str, content: &str) {
        std::fs::write(self.work(session, name), content).expect("written");
    }

    /// Waits until something is remembered of a session.
    pub(super) async fn until_remembered(&self, session: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        let file = self.sessions_directory().join(session).join("state.json");
        // The directory of a session is there before its state.
        let state = || std::fs::read(&file).ok().and_then(|state| serde_json::from_slice(&state).ok());
        until(what, || state().is_some_and(|state| holds(&state))).await;
    }

    /// Changes what is remembered of a session.
    pub(super) fn change_state(&self, session: &str, change: impl FnOnce(&mut Value)) {
        let file = self.sessions_directory().join(session).join("state.json");
        let mut state = serde_json::from_slice(&read(&file)).expect("a state");
        change(&mut state);
        std::fs::write(&file, state.to_string()).expect("written");
    }

    /// Whether somebody has the file.
    pub(super) async fn is_locked(&self, path: &str) -> bool {
        let route = format!("/api/companion/{}/lock-status", self.connection);
        let status = self.user.get(&route).query("path", path).send().await.expect(200).json();
        status["lock_active"].as_bool().expect("a status")
    }

    /// Takes the lock away from whoever has it.
    pub(super) async fn force_unlock(&self, path: &str) {
        let route = format!("/api/companion/{}/lock/force", self.connection);
        let _ = self.user.delete(&route).query("path", path).send().await.expect(200);
    }
}

fn companion() -> PathBuf {
    causeway_tests::binary().expect("a binary").with_file_name("causeway-companion")
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
