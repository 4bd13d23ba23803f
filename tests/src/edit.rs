//! Editing a file as the desktop companion does: a link, a lock, the content, a save.

use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::client::{Ask, Share, User};

/// A file that is open in an editor.
#[derive(Debug, Clone)]
pub struct Edit {
    anonymous: User,
    connection: String,
    path: String,
    /// What the lock was answered with.
    lock: Value,
}

impl Share {
    /// A bootstrap token for a file: the browser's link, exchanged.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub async fn bootstrap(&self, path: &str) -> User {
        let asked = json!({"connection_id": self.connection(), "path": path});
        let link = self.user().post("/api/companion/uri-token").json(asked).send().await.expect(200).json();
        let anonymous = User::anonymous(self.user().address());
        let token = json!({"token": link["uri_token"]});
        let exchanged = anonymous.post("/api/companion/token").json(token).send().await.expect(200).json();
        anonymous.with_token(exchanged["token"].as_str().unwrap_or_default())
    }

    /// Asks for the lock of a file with a bootstrap token.
    pub fn ask_lock(&self, bootstrap: &User, path: &str) -> Ask {
        bootstrap.post(&format!("/api/companion/{}/lock", self.connection())).query("path", path)
    }

    /// Opens a file for editing.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub async fn edit(&self, path: &str) -> Edit {
        let bootstrap = self.bootstrap(path).await;
        let lock = self.ask_lock(&bootstrap, path).send().await.expect(200).json();
        Edit::new(self, path, lock)
    }

    /// `POST …/lock`, as the browser's own editor asks for it.
    pub fn browser_lock(&self, path: &str) -> Ask {
        self.user().post(&format!("/api/browse/{}/lock", self.connection())).query("path", path)
    }

    /// `DELETE …/lock` of the browser's own editor, with what the lock was answered with.
    pub fn browser_unlock(&self, path: &str, lock: &Value) -> Ask {
        let route = format!("/api/browse/{}/lock", self.connection());
        self.user().delete(&route).query("path", path).json(proof(lock))
    }

    /// `GET …/lock-status` of the browser.
    pub fn lock_status(&self, path: &str) -> Ask {
        self.user().get(&format!("/api/browse/{}/lock-status", self.connection())).query("path", path)
    }

    /// Takes the lock of a file away from whoever has it.
    pub fn force_unlock(&self, path: &str) -> Ask {
        self.user().delete(&format!("/api/companion/{}/lock/force", self.connection())).query("path", path)
    }
}

impl Edit {
    /// An edit by what its lock was answered with.
    pub fn new(share: &Share, path: &str, lock: Value) -> Self {
        Self {
            anonymous: User::anonymous(share.user().address()),
            connection: share.connection().to_owned(),
            path: path.to_owned(),
            lock,
        }
    }

    /// What the lock was answered with.
    pub fn lock(&self) -> &Value {
        &self.lock
    }

    fn holder(&self) -> User {
        self.anonymous.with_token(self.lock["operation_token"].as_str().unwrap_or_default())
    }

    fn at(&self, route: &str) -> String {
        format!("/api/companion/{}/{route}", self.connection)
    }

    fn text(&self, field: &str) -> String {
        self.lock[field].as_str().unwrap_or_default().to_owned()
    }

    /// `GET …/file-info`, which also says: I have seen what is there now.
    pub fn info(&self) -> Ask {
        let asked = self.holder().get(&self.at("file-info")).query("path", &self.path);
        asked.query("operation_id", &self.text("operation_id")).query("lock_id", &self.text("lock_id"))
    }

    /// `GET …/download`
    pub fn download(&self) -> Ask {
        let asked = self.holder().get(&self.at("download")).query("path", &self.path);
        asked.query("operation_id", &self.text("operation_id")).query("lock_id", &self.text("lock_id"))
    }

    /// `POST …/lock/heartbeat`
    pub fn heartbeat(&self) -> Ask {
        self.holder().post(&self.at("lock/heartbeat")).json(proof(&self.lock))
    }

    /// `POST …/session/renew`
    pub fn renew(&self) -> Ask {
        self.holder().post(&self.at("session/renew")).json(proof(&self.lock))
    }

    /// `DELETE …/lock`
    pub fn release(&self) -> Ask {
        self.holder().delete(&self.at("lock")).json(proof(&self.lock))
    }

    /// `POST …/upload`
    pub fn save(&self, content: impl Into<Body>) -> Ask {
        let mut form = Form::new();
        for field in ["operation_id", "lock_id", "lock_capability"] {
            form = form.text(field, self.text(field));
        }
        let part = Part::stream(content).file_name("ignored-copy.bin");
        self.holder().post(&self.at("upload")).form(form.part("file", part))
    }

    /// The same, to be kept beside the file when it cannot take its place.
    pub fn save_or_copy(&self, content: impl Into<Body>) -> Ask {
        self.save(content).query("on_conflict", "copy")
    }
}

/// What proves a lock, out of what it was answered with.
pub fn proof(lock: &Value) -> Value {
    json!({
        "operation_id": lock["operation_id"],
        "lock_id": lock["lock_id"],
        "lock_capability": lock["lock_capability"],
    })
}
