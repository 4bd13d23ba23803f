//! Editing a file as the desktop companion does: a link, a lock, the content, a save.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use crate::answer::Answer;
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
        let link = self.ask_link(path).send().await.expect(200).json();
        let exchanged = self.exchange(&link).send().await.expect(200).json();
        self.user().bearing(exchanged["token"].as_str().unwrap_or_default())
    }

    /// Asks for the link that the browser hands to the companion.
    pub fn ask_link(&self, path: &str) -> Ask {
        let asked = json!({"connection_id": self.connection(), "path": path});
        self.user().post("/api/companion/uri-token").json(asked)
    }

    /// Asks for a bootstrap token, with what the link was answered with.
    pub fn exchange(&self, link: &Value) -> Ask {
        let token = json!({"token": link["uri_token"]});
        self.user().without_token().post("/api/companion/token").json(token)
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

    /// `POST …/lock/heartbeat` of the browser's own editor, with what the lock was answered with.
    pub fn browser_heartbeat(&self, path: &str, lock: &Value) -> Ask {
        let route = format!("/api/browse/{}/lock/heartbeat", self.connection());
        self.user().post(&route).query("path", path).json(proof(lock))
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

    /// What its operation token says, which only the product can check: the number of the lock's grant among it.
    ///
    /// # Panics
    ///
    /// If it is no token.
    pub fn claims(&self) -> Value {
        let token = self.text("operation_token");
        let payload = token.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        payload
            .and_then(|payload| serde_json::from_slice(&payload).ok())
            .unwrap_or_else(|| panic!("{token:?} is no token"))
    }

    /// With a connection of his own each time: an edit outlives the product.
    fn holder(&self) -> User {
        self.anonymous.with_token(self.lock["operation_token"].as_str().unwrap_or_default())
    }

    fn at(&self, route: &str) -> String {
        format!("/api/companion/{}/{route}", self.connection)
    }

    /// A field of that: `operation_id`, `lock_id`, `lock_capability`, `operation_token`.
    pub fn text(&self, field: &str) -> String {
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
        let part = Part::stream(content).file_name("ignored-copy.bin");
        self.save_form(self.form().part("file", part))
    }

    /// The same with any form.
    pub fn save_form(&self, form: Form) -> Ask {
        self.holder().post(&self.at("upload")).form(form)
    }

    /// The parts of the form that prove the lock.
    pub fn form(&self) -> Form {
        let fields = ["operation_id", "lock_id", "lock_capability"];
        fields.into_iter().fold(Form::new(), |form, field| form.text(field, self.text(field)))
    }

    /// A request to a route for browsers that proves the lock in its query.
    pub fn prove(&self, method: Method, route: &str) -> Ask {
        let fields = ["operation_id", "lock_id", "lock_capability"];
        let asked = self.holder().ask(method, route).query("path", &self.path);
        fields.into_iter().fold(asked, |asked, field| asked.query(field, &self.text(field)))
    }

    /// The same edit, showing something else in one of the fields that a lock was answered with.
    #[must_use]
    pub fn showing(&self, field: &str, value: &str) -> Self {
        let mut edit = self.clone();
        edit.lock[field] = value.into();
        edit
    }

    /// The same edit, asking for another file.
    #[must_use]
    pub fn elsewhere(&self, connection: &str, path: &str) -> Self {
        Self { connection: connection.to_owned(), path: path.to_owned(), ..self.clone() }
    }

    /// The same, to be kept beside the file when it cannot take its place.
    pub fn save_or_copy(&self, content: impl Into<Body>) -> Ask {
        self.save(content).query("on_conflict", "copy")
    }
}

impl Answer {
    /// Demands a refusal of an edit: status, code and a sentence.
    #[track_caller]
    pub fn edit_refused(self, status: u16, code: &str) {
        let answer = self.expect(status).is_for_a_companion();
        let detail = &answer.json()["detail"];
        assert_eq!(detail["code"], code, "{detail}");
        assert!(detail["message"].as_str().is_some_and(|message| message.contains(' ')), "{detail}");
    }

    /// Demands that a save was kept beside its file; the name of the copy.
    #[track_caller]
    #[must_use]
    pub fn kept_copy(self) -> String {
        let kept = self.expect(200).json();
        assert_eq!(kept["status"], "conflict_copy", "{kept}");
        let name = kept["path"].as_str().and_then(|copy| copy.rsplit('/').next());
        name.unwrap_or_else(|| panic!("no path in {kept}")).to_owned()
    }

    /// Demands that a companion does not take it for a proxy's: no challenge, no page, no redirection.
    #[track_caller]
    #[must_use]
    pub fn is_for_a_companion(self) -> Self {
        assert_eq!(self.header("www-authenticate"), "");
        assert!(!self.header("content-type").contains("html"), "{}", self.header("content-type"));
        assert!(!(300..400).contains(&self.status()), "{}", self.status());
        self
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
