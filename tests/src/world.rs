//! Samba, the product, and people in it.

use std::io::Write as _;
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use causeway_samba::Samba;
use causeway_tokens::TokenKey;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::answer::Answer;
use crate::client::{Ask, User};
use crate::folder::Folder;
use crate::keeper;
use crate::product::{Product, ProductOptions};

/// The administrator's password in every test.
pub const ADMIN_PASSWORD: &str = "Tests-only-4dmin";

/// The password of the other users.
const USER_PASSWORD: &str = "Tests-only-us3r";

/// The share that the shared connection shows.
const SHARE: &str = "data";

/// How long something that happens in the background may take.
const IN_THE_BACKGROUND: Duration = Duration::from_secs(15);

/// How often it is looked at.
const POLL: Duration = Duration::from_millis(50);

static SHARED: OnceCell<World> = OnceCell::const_new();
static FOLDERS: AtomicUsize = AtomicUsize::new(0);

/// How a world is made.
#[derive(Debug, Default)]
pub struct WorldOptions {
    /// The product.
    pub product: ProductOptions,
    /// More shares, and settings of the server.
    pub samba: causeway_samba::Builder,
}

/// A Samba server, a running product, a connection between them, and three users.
#[derive(Debug)]
pub struct World {
    product: Product,
    samba: Samba,
    tokens: Tokens,
    connection: String,
}

#[derive(Debug)]
struct Tokens {
    admin: String,
    editor: String,
    viewer: String,
}

/// A case's stay in the shared world: shows the product's log when the case fails.
#[derive(Debug)]
pub struct Visit(&'static World);

impl Deref for Visit {
    type Target = World;

    fn deref(&self) -> &World {
        self.0
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("── log of the product (last lines)\n{}", self.0.product.last_log());
        }
    }
}

/// A file that somebody on the share has open for reading and writing, and lets nobody delete.
#[derive(Debug)]
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // It ends by itself when its input does.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// The world of this test binary, made by the first who asks.
    ///
    /// # Panics
    ///
    /// If it cannot be made: no binary, no Samba.
    pub async fn shared() -> Visit {
        let world = SHARED.get_or_init(async || {
            Self::start(WorldOptions::default())
                .await
                .unwrap_or_else(|fault| panic!("no world to test in: {fault:#}"))
        });
        Visit(world.await)
    }

    /// One of one's own.
    pub async fn start(options: WorldOptions) -> Result<Self> {
        let samba = options.samba.start()?;
        keeper::remove_at_the_end(samba.home());
        let product = Product::start(options.product)?;
        let admin = User::sign_in(product.address(), "admin", ADMIN_PASSWORD).await;
        let mut tokens = Vec::new();
        for role in ["editor", "viewer"] {
            let user = json!({"username": role, "password": USER_PASSWORD, "role": role, "must_change_password": false});
            let _ = admin.post("/api/admin/users").json(user).send().await.expect(201);
            tokens.push(User::sign_in(product.address(), role, USER_PASSWORD).await.token().to_owned());
        }
        let mut tokens = tokens.into_iter();
        let tokens = Tokens {
            admin: admin.token().to_owned(),
            editor: tokens.next().context("an editor")?,
            viewer: tokens.next().context("a viewer")?,
        };
        let mut world = Self { product, samba, tokens, connection: String::new() };
        let mut draft = world.draft("Shared data");
        draft["scope"] = json!("shared");
        world.connection = world.connect(&admin, draft).await;
        Ok(world)
    }

    /// The running product.
    pub fn product(&self) -> &Product {
        &self.product
    }

    /// The running product, to be killed and started again.
    pub fn product_mut(&mut self) -> &mut Product {
        &mut self.product
    }

    /// The SMB server.
    pub fn samba(&self) -> &Samba {
        &self.samba
    }

    /// The SMB server, to be killed and started again.
    pub fn samba_mut(&mut self) -> &mut Samba {
        &mut self.samba
    }

    /// The SMB server's port on 127.0.0.1.
    pub fn samba_port(&self) -> u16 {
        self.samba.port()
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> User {
        User::anonymous(self.product.address()).with_live_address(self.product.live_address())
    }

    /// The administrator.
    pub fn admin(&self) -> User {
        self.anonymous().with_token(&self.tokens.admin)
    }

    /// Somebody who reads and writes.
    pub fn editor(&self) -> User {
        self.anonymous().with_token(&self.tokens.editor)
    }

    /// Somebody who reads.
    pub fn viewer(&self) -> User {
        self.anonymous().with_token(&self.tokens.viewer)
    }

    /// More people, with a role and a token for an hour. They carry it without having signed in: so many at once would be
    /// held off.
    pub async fn newcomers(&self, names: &[String], role: &str) -> Vec<User> {
        let key = TokenKey::new(self.product.token_secret());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let admin = self.admin();
        let mut newcomers = Vec::with_capacity(names.len());
        for name in names {
            let user = json!({"username": name, "password": USER_PASSWORD, "role": role, "must_change_password": false});
            let made = admin.post("/api/admin/users").json(user).send().await.expect(201).json();
            let id = made["id"].as_str().and_then(|id| id.parse().ok());
            let token = id.and_then(|id| key.mint(id, 0, 3600, now).ok());
            let token = token.unwrap_or_else(|| panic!("no token for {made}"));
            newcomers.push(self.anonymous().with_token(&token.token));
        }
        newcomers
    }

    /// The id of the shared connection to the share `data`.
    pub fn connection(&self) -> &str {
        &self.connection
    }

    /// A private connection to the share `data`, as a body for `POST /api/connections`.
    pub fn draft(&self, name: &str) -> Value {
        self.draft_of(name, SHARE)
    }

    /// The same to a share that demands encryption.
    pub fn encrypted_draft(&self, name: &str) -> Value {
        self.draft_of(name, "enc")
    }

    /// The same to a second share on the same server.
    pub fn second_share_draft(&self, name: &str) -> Value {
        self.draft_of(name, "second")
    }

    /// The same to any share.
    pub fn draft_of(&self, name: &str, share: &str) -> Value {
        json!({
            "name": name,
            "type": "smb",
            "host": "127.0.0.1",
            "port": self.samba.port(),
            "share_name": share,
            "username": self.samba.user(),
            "password": self.samba.password(),
            "path_prefix": "/",
            "scope": "private",
            "access_mode": "read_write",
        })
    }

    /// Makes a connection; its id.
    pub async fn connect(&self, user: &User, draft: Value) -> String {
        let made = user.post("/api/connections").json(draft).send().await.expect(200).json();
        made["id"].as_str().unwrap_or_else(|| panic!("no id in {made}")).to_owned()
    }

    /// A fresh directory on the share `data`.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    pub fn folder(&self, topic: &str) -> Folder {
        self.folder_of(SHARE, topic)
    }

    /// A fresh directory on some share.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    pub fn folder_of(&self, share: &str, topic: &str) -> Folder {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let made = Folder::make(self.samba.share_dir(share), &format!("{topic}-{number}"));
        made.unwrap_or_else(|fault| panic!("{fault:#}"))
    }

    /// Whether a client of the share holds that file open.
    ///
    /// # Panics
    ///
    /// If Samba does not tell.
    pub fn is_open(&self, folder: &Folder, name: &str) -> bool {
        let open = self.samba.open_files().unwrap_or_else(|fault| panic!("{fault:#}"));
        open.iter().any(|line| line.contains(&folder.at(name)))
    }

    /// Has a desktop user open the file; until what is returned is dropped, nobody can delete or rename it.
    ///
    /// # Panics
    ///
    /// If it cannot be opened.
    pub fn hold_open(&self, folder: &Folder, name: &str) -> Held {
        let child = Command::new("smbclient")
            .arg("--configfile")
            .arg(self.samba.home().join("smb.conf"))
            .args(["--port", &self.samba.port().to_string()])
            .args(["--user", &format!("{}%{}", self.samba.user(), self.samba.password())])
            .arg(format!("//127.0.0.1/{SHARE}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut held = Held(child.unwrap_or_else(|fault| panic!("smbclient: {fault}")));
        if let Some(input) = held.0.stdin.as_mut() {
            let asked = writeln!(input, "open \"{}\"", folder.at(name).replace('/', "\\"));
            asked.unwrap_or_else(|fault| panic!("smbclient: {fault}"));
        }
        let start = Instant::now();
        while !self.is_open(folder, name) {
            assert!(start.elapsed() < IN_THE_BACKGROUND, "smbclient does not open {name}");
            std::thread::sleep(POLL);
        }
        held
    }

    /// Asks until the answer has that status: a server that has just failed is not tried again for a moment, so that
    /// nobody waits for it in vain.
    ///
    /// # Panics
    ///
    /// If it never has within 15 seconds.
    pub async fn until_answered(&self, status: u16, ask: impl Fn() -> Ask) -> Answer {
        let start = Instant::now();
        loop {
            let answer = ask().send().await;
            if answer.status() == status {
                return answer;
            }
            assert!(start.elapsed() < IN_THE_BACKGROUND, "still {}: {}", answer.status(), answer.text());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for something that happens in the background.
    ///
    /// # Panics
    ///
    /// If it does not happen within 15 seconds.
    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < IN_THE_BACKGROUND, "it never came true that {what}");
            tokio::time::sleep(POLL).await;
        }
    }
}
