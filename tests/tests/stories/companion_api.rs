//! Edit with native programs, request by request: links, sessions, saves, and everything that can be wrong with them.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_tests::{Answer, Ask, Edit, Product, Share, User, World, WorldOptions};
use causeway_tokens::{CompanionScope, HeldLock, Operation, TokenKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use uuid::Uuid;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

fn key(product: &Product) -> TokenKey {
    TokenKey::new(product.token_secret())
}

fn sign(product: &Product, claims: &Value) -> String {
    let key = EncodingKey::from_secret(product.token_secret().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).expect("a token")
}

/// What an operation token says.
fn operation(product: &Product, editing: &Edit) -> Operation {
    key(product).verify_operation(&editing.text("operation_token"), now()).expect("an operation token")
}

/// The same edit with a token of that age in seconds.
fn aged(product: &Product, editing: &Edit, age: u64) -> Edit {
    let Operation { scope, lock, .. } = operation(product, editing);
    let token = key(product).mint_operation(&scope, &lock, Uuid::new_v4(), now() - age).expect("a token");
    editing.showing("operation_token", &token.token)
}

/// The same edit with a token that says something else.
fn forged(
    product: &Product,
    editing: &Edit,
    change: impl FnOnce(&mut CompanionScope, &mut HeldLock),
) -> Edit {
    let Operation { mut scope, mut lock, .. } = operation(product, editing);
    change(&mut scope, &mut lock);
    let token = key(product).mint_operation(&scope, &lock, Uuid::new_v4(), now()).expect("a token");
    editing.showing("operation_token", &token.token)
}

/// A file that a browser has asked the companion to open.
#[derive(Clone)]
struct Opened {
    /// Carries the bootstrap token.
    user: User,
    share: Share,
    path: String,
}

async fn open(user: &User, connection: &str, path: &str) -> Opened {
    let share = user.on(connection);
    Opened { user: share.bootstrap(path).await, share, path: path.to_owned() }
}

impl Opened {
    fn info(&self) -> Ask {
        let route = format!("/api/companion/{}/file-info", self.share.connection());
        self.user.get(&route).query("path", &self.path)
    }

    fn lock(&self) -> Ask {
        self.share.ask_lock(&self.user, &self.path)
    }

    async fn locked(&self) -> Edit {
        Edit::new(&self.share, &self.path, self.lock().send().await.expect(200).json())
    }

    fn token(&self) -> &str {
        self.user.token()
    }

    fn with_token(&self, token: &str) -> Self {
        Self { user: self.user.with_token(token), ..self.clone() }
    }

    /// The same for another file, which its token does not know.
    fn at(&self, connection: &str, path: &str) -> Self {
        Self { share: self.share.user().on(connection), path: path.to_owned(), ..self.clone() }
    }
}

fn make_link(user: &User, connection: &str, path: &str) -> Ask {
    user.post("/api/companion/uri-token").json(json!({"connection_id": connection, "path": path}))
}

fn exchange_link(world: &World, token: &str) -> Ask {
    world.anonymous().post("/api/companion/token").json(json!({ "token": token }))
}

pub(crate) fn missing(place: &str, names: &[&str], input: &Value) -> Value {
    let one =
        |name| json!({"type": "missing", "loc": [place, name], "msg": "Field required", "input": input});
    json!(names.iter().map(one).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_file_is_opened_edited_saved_and_closed() {
    let world = World::shared().await;
    let folder = world.folder("edit-life");
    folder.write("up.txt", "first content\n");
    let path = folder.at("up.txt");
    let companion = open(&world.editor(), world.connection(), &path).await;

    let seen = companion.info().send().await.expect(200).is_for_a_companion().json();
    let known = world.editor().on(world.connection()).info(&path).send().await.expect(200).json();
    assert_eq!(seen, known);
    assert_eq!((&seen["path"], &seen["size"]), (&json!(path), &json!(14)));

    let lock = companion.lock().send().await.expect(200).is_for_a_companion().json();
    assert_eq!(
        (&lock["operation_expires_in"], &lock["renew_after_seconds"]),
        (&json!(900), &json!(600)),
        "{lock}"
    );
    assert_eq!((&lock["file_path"], &lock["locked_by"]), (&json!(path), &json!("editor")));
    assert_eq!(lock.as_object().map(serde_json::Map::len), Some(9), "{lock}");
    let editing = Edit::new(&companion.share, &path, lock);

    // The same string, whatever the token: companions compare nothing else.
    let again = editing.info().send().await.expect(200).is_for_a_companion().json();
    assert_eq!(again["modified_at"], seen["modified_at"]);
    let content = editing.download().send().await.expect(200).is_for_a_companion();
    assert_eq!(content.text(), "first content\n");
    assert_eq!(content.header("content-type"), "application/octet-stream");
    assert_eq!(content.header("content-length"), "14");
    assert_eq!(content.header("content-disposition"), "attachment; filename*=UTF-8''up.txt");

    let beat = editing.heartbeat().send().await.expect(200).is_for_a_companion().json();
    assert_eq!((&beat["ok"], &beat["lock_expires_in"]), (&json!(true), &json!(120)));
    assert!(beat["operation_expires_in"].as_u64().is_some_and(|left| (800..=900).contains(&left)), "{beat}");

    let saved = editing.save("second content").send().await.expect(200).is_for_a_companion().json();
    assert_eq!((&saved["status"], &saved["path"], &saved["size"]), (&json!("ok"), &json!(path), &json!(14)));
    assert!(saved["last_modified"].is_string(), "{saved}");
    assert_eq!(folder.read("up.txt"), b"second content");
    // And once more: what was saved is what the next save is compared with.
    let _ = editing.save("third").send().await.expect(200);
    assert_eq!(folder.read("up.txt"), b"third");

    for _ in 0..2 {
        let released = editing.release().send().await.expect(200).is_for_a_companion().json();
        assert_eq!(released, json!({"released": true}));
    }
    editing.heartbeat().send().await.edit_refused(404, "lock_lost");
    editing.info().send().await.edit_refused(404, "lock_lost");
    editing.download().send().await.edit_refused(404, "lock_lost");
    editing.save("late").send().await.edit_refused(404, "lock_lost");
    assert_eq!(folder.read("up.txt"), b"third");
    assert!(folder.rubbish().is_empty(), "{:?}", folder.rubbish());
}

#[tokio::test]
async fn a_page_comes_as_bytes_and_an_empty_file_with_its_length() {
    let world = World::shared().await;
    let folder = world.folder("edit-types");
    for (name, content) in [("page.html", "<html>login</html>"), ("empty.svg", ""), ("ü 1.xhtml", "<p/>")] {
        folder.write(name, content);
        let path = folder.at(name);
        let editing = open(&world.editor(), world.connection(), &path).await.locked().await;
        let answer = editing.download().send().await.expect(200).is_for_a_companion();
        assert_eq!(answer.header("content-type"), "application/octet-stream", "{name}");
        assert_eq!(answer.header("content-length"), content.len().to_string());
        assert_eq!(answer.text(), content);
        let _ = editing.release().send().await.expect(200);
    }
}

#[tokio::test]
async fn a_link_works_once_for_one_file_that_its_user_sees() {
    let world = World::shared().await;
    let folder = world.folder("edit-link");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let editor = world.editor();
    let link = make_link(&editor, world.connection(), &path).send().await.expect(200).json();
    assert_eq!(link["expires_in"], 300);
    let token = link["uri_token"].as_str().expect("a token");
    let answer = exchange_link(&world, token).send().await.expect(200).is_for_a_companion().json();
    for (field, value) in [
        ("expires_in", json!(300)),
        ("token_class", json!("companion_session")),
        ("purpose", json!("bootstrap")),
        ("connection_id", json!(world.connection())),
        ("path", json!(path)),
    ] {
        assert_eq!(answer[field], value);
    }
    let replay = exchange_link(&world, token).send().await.is_for_a_companion();
    replay.refused(409, "Token has already been used");

    // Links to what is not there, or not for this user, are not made.
    let private = world.connect(&world.admin(), world.draft("a private one")).await;
    for connection in [private.as_str(), &Uuid::new_v4().to_string(), "local-drive:c", ""] {
        make_link(&editor, connection, &path).send().await.refused(404, "Connection not found");
    }
    make_link(&editor, world.connection(), "").send().await.refused(400, "Path is not a file");
    for bad in ["../a.txt", "a\u{1}.txt", &"x/".repeat(2100)] {
        let answer = make_link(&editor, world.connection(), bad).send().await;
        assert_eq!((answer.status(), answer.detail().is_empty()), (400, false), "{bad}");
    }
    let lacking = editor.post("/api/companion/uri-token").json(json!({"path": "a"})).send().await.expect(422);
    assert_eq!(lacking.json()["detail"], missing("body", &["connection_id"], &json!({"path": "a"})));
    let lacking = editor.post("/api/companion/token").json(json!({})).send().await.expect(422);
    assert_eq!(lacking.json()["detail"], missing("body", &["token"], &json!({})));
}

#[tokio::test]
async fn only_a_link_of_a_user_who_may_call_is_exchanged() {
    let world = World::shared().await;
    let folder = world.folder("edit-link-kinds");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let companion = open(&world.editor(), world.connection(), &path).await;
    let editing = companion.locked().await;
    let (product, key) = (world.product(), key(world.product()));
    let scope = operation(product, &editing).scope;
    let link =
        |scope: &CompanionScope, at: u64| key.mint_link(scope, Uuid::new_v4(), at).expect("a token").token;
    let foreign = TokenKey::new(&"0".repeat(64)).mint_link(&scope, Uuid::new_v4(), now()).expect("a token");
    let mut claims = json!({
        "sub": scope.user_id, "tv": scope.token_version, "companion_uri": true, "token_class": "uri_bootstrap",
        "purpose": "open_in_companion", "jti": Uuid::new_v4().simple().to_string(), "conn_id": scope.connection,
        "path": path, "exp": now() + 60,
    });
    let _ = exchange_link(&world, &sign(product, &claims)).send().await.expect(200);
    claims["purpose"] = json!("edit_operation");
    let refused = [
        ("no token", "garbage".to_owned()),
        ("a browser's", world.editor().token().to_owned()),
        ("a bootstrap token", companion.token().to_owned()),
        ("an operation token", editing.text("operation_token").to_owned()),
        ("expired", link(&scope, now() - 301)),
        ("of another generation", link(&CompanionScope { token_version: 9, ..scope.clone() }, now())),
        ("of nobody", link(&CompanionScope { user_id: Uuid::new_v4(), ..scope.clone() }, now())),
        ("forged", foreign.token),
        ("of another purpose", sign(product, &claims)),
    ];
    for (what, token) in refused {
        let answer = exchange_link(&world, &token).send().await.is_for_a_companion();
        assert_eq!((what, answer.status()), (what, 401));
        answer.refused(401, "Invalid or expired URI token");
    }
    let _ = editing.release().send().await.expect(200);
}

#[tokio::test]
async fn a_bootstrap_token_is_good_for_one_file_and_nothing_else() {
    let world = World::shared().await;
    let folder = world.folder("edit-bootstrap");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let companion = open(&world.editor(), world.connection(), &path).await;
    let editing = companion.locked().await;
    let (product, key) = (world.product(), key(world.product()));
    let scope = operation(product, &editing).scope;

    let scope_mismatch = "Companion bootstrap token scope mismatch";
    let others = [
        companion.at(world.connection(), &folder.at("b.txt")),
        companion.at(world.connection(), &path.replace('/', "//")),
        companion.at(&Uuid::new_v4().to_string(), &path),
    ];
    for other in others {
        other.info().send().await.is_for_a_companion().refused(403, scope_mismatch);
        other.lock().send().await.is_for_a_companion().refused(403, scope_mismatch);
    }
    let bootstrap = |scope: &CompanionScope, at| key.mint_bootstrap(scope, at).expect("a token").token;
    for token in [
        "garbage".to_owned(),
        world.editor().token().to_owned(),
        editing.text("operation_token").to_owned(),
        bootstrap(&scope, now() - 301),
        bootstrap(&CompanionScope { token_version: 9, ..scope.clone() }, now()),
        bootstrap(&CompanionScope { user_id: Uuid::new_v4(), ..scope.clone() }, now()),
    ] {
        let invalid = "Invalid or expired companion bootstrap token";
        let other = companion.with_token(&token);
        other.info().send().await.is_for_a_companion().refused(401, invalid);
        other.lock().send().await.is_for_a_companion().refused(401, invalid);
    }
    // No token of the companion's is one for browsers.
    for token in [companion.token(), &editing.text("operation_token")] {
        let browser = world.anonymous().with_token(token);
        for path in ["/api/auth/me", "/api/companion/downloads", "/api/companion/proxy-auth-check"] {
            browser.get(path).send().await.refused(401, "Could not validate credentials");
        }
        browser
            .on(world.connection())
            .force_unlock(&path)
            .send()
            .await
            .refused(401, "Could not validate credentials");
    }
    // It may be used again, and who has the file already gets his own lock.
    let again = companion.locked().await;
    assert_eq!(
        (again.text("lock_id"), again.text("operation_id"), again.text("lock_capability")),
        (editing.text("lock_id"), editing.text("operation_id"), editing.text("lock_capability"))
    );
    let _ = companion.info().send().await.expect(200);
    let theirs = open(&world.admin(), world.connection(), &path).await;
    theirs.lock().send().await.is_for_a_companion().refused(409, "File is locked for editing by editor");
    world
        .admin()
        .on(world.connection())
        .browser_lock(&path)
        .send()
        .await
        .refused(409, "File is locked for editing by editor");
    let viewer = open(&world.viewer(), world.connection(), &path).await;
    let _ = viewer.info().send().await.expect(200);
    viewer.lock().send().await.is_for_a_companion().refused(403, "Your user role is read-only");
    let _ = editing.release().send().await.expect(200);
    let gone = companion.at(world.connection(), &path);
    std::fs::remove_file(folder.on_disk("a.txt")).expect("a file");
    gone.info().send().await.is_for_a_companion().refused(404, &format!("Path not found: {path}"));
}

async fn every_route(editing: &Edit) -> Vec<Answer> {
    let mut answers = Vec::new();
    for ask in [
        editing.info(),
        editing.download(),
        editing.save("never"),
        editing.heartbeat(),
        editing.renew(),
        editing.release(),
    ] {
        answers.push(ask.send().await);
    }
    answers
}

#[tokio::test]
async fn an_operation_token_is_checked_in_the_order_that_companions_know() {
    let world = World::shared().await;
    let folder = world.folder("edit-order");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let product = world.product();
    let companion = open(&world.editor(), world.connection(), &path).await;
    let editing = companion.locked().await;
    let all = async |editing: &Edit, status: u16, code: &str| {
        for answer in every_route(editing).await {
            answer.edit_refused(status, code);
        }
    };
    // Expired comes before everything else that is wrong.
    all(&aged(product, &editing, 900), 401, "recovery_required").await;
    let elsewhere = editing.elsewhere(&Uuid::new_v4().to_string(), &path);
    all(&aged(product, &elsewhere, 5000), 401, "recovery_required").await;
    for token in ["garbage", world.editor().token(), companion.token()] {
        all(&editing.showing("operation_token", token), 401, "auth_failed").await;
    }
    let foreign = TokenKey::new(&"0".repeat(64));
    let Operation { scope, lock, .. } = operation(product, &editing);
    let foreign = foreign.mint_operation(&scope, &lock, Uuid::new_v4(), now() - 5000).expect("a token");
    all(&editing.showing("operation_token", &foreign.token), 401, "auth_failed").await;
    all(&forged(product, &editing, |scope, _| scope.token_version = 9), 401, "auth_failed").await;
    all(&forged(product, &editing, |scope, _| scope.user_id = Uuid::new_v4()), 401, "auth_failed").await;
    all(&forged(product, &editing, |scope, _| scope.path = String::new()), 401, "auth_failed").await;
    all(&elsewhere, 403, "lock_lost").await;
    let other_path = editing.elsewhere(world.connection(), &folder.at("b.txt"));
    other_path.info().send().await.edit_refused(403, "lock_lost");
    other_path.download().send().await.edit_refused(403, "lock_lost");
    all(&editing.showing("operation_id", &"0".repeat(32)), 403, "lock_lost").await;
    let other_lock = editing.showing("lock_id", &Uuid::new_v4().to_string());
    all(&other_lock, 404, "lock_lost").await;
    all(&editing.showing("lock_id", "nonsense"), 404, "lock_lost").await;
    // A token that says so itself is compared with the lock.
    let claims = forged(product, &editing, |_, lock| lock.lock_id = Uuid::nil());
    for answer in [
        claims.showing("lock_id", &Uuid::nil().to_string()).info().send().await,
        claims.showing("lock_id", &Uuid::nil().to_string()).heartbeat().send().await,
        claims.showing("lock_id", &Uuid::nil().to_string()).save("never").send().await,
    ] {
        answer.edit_refused(404, "lock_lost");
    }
    let claims = forged(product, &editing, |_, lock| lock.operation_id = "0".repeat(32));
    claims.showing("operation_id", &"0".repeat(32)).heartbeat().send().await.edit_refused(403, "lock_lost");
    // A grant before this one has the smaller number.
    let stale = forged(product, &editing, |_, lock| lock.fence -= 1);
    stale.save("never").send().await.edit_refused(404, "lock_lost");

    let wrong = editing.showing("lock_capability", "x");
    wrong.heartbeat().send().await.edit_refused(403, "capability_mismatch");
    wrong.save("never").send().await.edit_refused(403, "capability_mismatch");
    wrong.release().send().await.edit_refused(403, "capability_mismatch");
    aged(product, &wrong, 650).renew().send().await.edit_refused(403, "capability_mismatch");

    assert_eq!(folder.read("a.txt"), b"content");
    let _ = editing.heartbeat().send().await.expect(200);
    let _ = editing.release().send().await.expect(200);
}

#[tokio::test]
async fn a_session_is_renewed_in_its_last_minutes() {
    let world = World::shared().await;
    let folder = world.folder("edit-renew");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let product = world.product();
    let editing = open(&world.editor(), world.connection(), &path).await.locked().await;
    for young in [editing.clone(), aged(product, &editing, 500)] {
        let early = young.renew().send().await.is_for_a_companion();
        early.refused(409, "Operation session is not yet eligible for renewal");
    }
    let old = aged(product, &editing, 650);
    let _ = old.heartbeat().send().await.expect(200);
    let renewed = old.renew().send().await.expect(200).is_for_a_companion().json();
    assert_eq!((&renewed["expires_in"], &renewed["renew_after_seconds"]), (&json!(900), &json!(600)));
    let renewed = editing.showing("operation_token", renewed["token"].as_str().expect("a token"));
    assert_eq!(operation(product, &renewed).lock, operation(product, &editing).lock);
    let _ = renewed.save("saved by the new").send().await.expect(200);
    let _ = old.save("saved by the old").send().await.expect(200);

    // In the last two minutes nothing new may begin; renewing and giving up is possible to the end.
    let ending = aged(product, &editing, 790);
    for ask in [ending.info(), ending.download(), ending.save("never"), ending.heartbeat()] {
        ask.send().await.edit_refused(409, "renewal_required");
    }
    let _ = ending.renew().send().await.expect(200);
    for _ in 0..2 {
        assert_eq!(ending.release().send().await.expect(200).json(), json!({"released": true}));
    }
    aged(product, &editing, 650).renew().send().await.edit_refused(404, "lock_lost");
    editing.heartbeat().send().await.edit_refused(404, "lock_lost");
    assert_eq!(folder.read("a.txt"), b"saved by the old");
}

#[tokio::test]
async fn what_a_companion_leaves_out_is_named() {
    let world = World::shared().await;
    let folder = world.folder("edit-lacks");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let companion = open(&world.editor(), world.connection(), &path).await;
    let editing = companion.locked().await;
    let base = format!("/api/companion/{}", world.connection());
    let bootstrap = world.anonymous().with_token(companion.token());
    let holder = world.anonymous().with_token(&editing.text("operation_token"));
    let nothing = Value::Null;

    let answer = bootstrap.get(&format!("{base}/download")).query("path", &path).send().await.expect(422);
    assert_eq!(answer.json()["detail"], missing("query", &["operation_id", "lock_id"], &nothing));
    let answer = bootstrap.get(&format!("{base}/file-info")).send().await.expect(422);
    assert_eq!(answer.json()["detail"], missing("query", &["path"], &nothing));
    for half in ["operation_id", "lock_id"] {
        let answer =
            holder.get(&format!("{base}/file-info")).query("path", &path).query(half, "x").send().await;
        answer.is_for_a_companion().refused(400, "Missing companion operation context");
    }
    let control = ["operation_id", "lock_id", "lock_capability"];
    for (method, route) in
        [(Method::POST, "lock/heartbeat"), (Method::POST, "session/renew"), (Method::DELETE, "lock")]
    {
        let ask = holder.ask(method.clone(), &format!("{base}/{route}"));
        assert_eq!(
            ask.json(json!({})).send().await.expect(422).json()["detail"],
            missing("body", &control, &json!({}))
        );
        let ask = holder.ask(method, &format!("{base}/{route}"));
        assert_eq!(ask.body("no JSON").send().await.is_for_a_companion().status(), 422);
    }
    let file = || Part::bytes(b"x".to_vec()).file_name("a");
    for (form, lacking) in [
        (Form::new().text("other", "x"), &["operation_id", "lock_id", "lock_capability", "file"][..]),
        (editing.form(), &["file"][..]),
        (Form::new().part("file", file()), &control[..]),
        (editing.form().text("file", "x"), &[][..]),
    ] {
        let answer = editing.save_form(form).send().await.is_for_a_companion();
        if lacking.is_empty() {
            assert!(matches!(answer.status(), 200 | 422), "{}", answer.text());
        } else {
            assert_eq!(answer.expect(422).json()["detail"], missing("body", lacking, &nothing));
        }
    }
    let no_form = holder.post(&format!("{base}/upload")).body("x").send().await.expect(422);
    let parts = ["operation_id", "lock_id", "lock_capability", "file"];
    assert_eq!(no_form.json()["detail"], missing("body", &parts, &nothing));
    // The content may stand before what proves the lock.
    let ahead = Form::new()
        .part("file", file())
        .text("lock_capability", editing.text("lock_capability"))
        .text("lock_id", editing.text("lock_id"))
        .text("operation_id", editing.text("operation_id"));
    let _ = editing.save_form(ahead).send().await.expect(200);
    assert_eq!(folder.read("a.txt"), b"x");
    let _ = editing.release().send().await.expect(200);

    // Without any token it is no challenge either.
    for route in ["file-info?path=a", "download?path=a&operation_id=b&lock_id=c"] {
        let answer = world.anonymous().get(&format!("{base}/{route}")).send().await.is_for_a_companion();
        answer.refused(401, "Not authenticated");
    }
    let answer = world.anonymous().post(&format!("{base}/upload")).send().await.is_for_a_companion();
    answer.refused(401, "Not authenticated");
    let answer = holder.get("/api/companion/nothing/here").send().await.is_for_a_companion();
    answer.refused(404, "Not Found");
    assert_eq!(holder.put(&format!("{base}/lock")).send().await.is_for_a_companion().status(), 405);
}

#[tokio::test]
async fn a_file_that_was_changed_meanwhile_is_not_overwritten() {
    let world = World::shared().await;
    let folder = world.folder("edit-conflict");
    folder.write("plan.txt", "as it was opened");
    let path = folder.at("plan.txt");
    let companion = open(&world.editor(), world.connection(), &path).await;
    let editing = companion.locked().await;
    let _ = editing.download().send().await.expect(200);
    // Somebody at the server itself, whom no lock keeps out.
    folder.write("plan.txt", "changed by somebody");

    let conflict = editing.save("my work").send().await.expect(409).is_for_a_companion().json();
    let detail = &conflict["detail"];
    assert_eq!(detail["code"], "conflict", "{conflict}");
    assert!(detail["message"].as_str().is_some_and(|message| message.contains(&path)), "{conflict}");
    let (existing, base) = (&detail["existing_file"], &detail["base_file"]);
    assert_eq!((&existing["size"], &base["size"]), (&json!(19), &json!(16)), "{conflict}");
    assert_eq!(
        (&existing["name"], &existing["path"], &existing["type"]),
        (&json!("plan.txt"), &json!(path), &json!("file"))
    );
    assert!(existing["modified_at"].is_string() && base["modified_at"].is_string());
    assert_ne!(existing["version"], base["version"]);
    assert_eq!(folder.read("plan.txt"), b"changed by somebody");
    editing.save("my work").send().await.expect(409).json();

    let copied = editing.save_or_copy("my work").send().await.expect(200).json();
    assert_eq!(copied["status"], "conflict_copy", "{copied}");
    let copy = copied["path"].as_str().and_then(|copy| copy.rsplit('/').next()).expect("a path");
    assert!(copy.starts_with("plan (conflict copy, editor, ") && copy.ends_with(").txt"), "{copy}");
    assert_eq!(folder.read(copy), b"my work");
    assert_eq!(folder.read("plan.txt"), b"changed by somebody");
    let mut choice = editing.save("my work").query("on_conflict", "maybe").send().await.expect(422).json();
    assert_eq!(choice["detail"][0]["loc"].take(), json!(["query", "on_conflict"]));

    // A companion that has looked again, and whose user says so, overwrites.
    let seen = editing.info().send().await.expect(200).json();
    assert_eq!(seen["size"], 19);
    let _ = editing.save("my work after all").send().await.expect(200);
    assert_eq!(folder.read("plan.txt"), b"my work after all");

    // It has been removed, and made anew.
    std::fs::remove_file(folder.on_disk("plan.txt")).expect("a file");
    let gone = editing.save("again").send().await.expect(409).json();
    assert!(gone["detail"]["existing_file"].is_null(), "{gone}");
    editing.info().send().await.is_for_a_companion().refused(404, &format!("Path not found: {path}"));
    let _ = editing.save("again").send().await.expect(200);
    assert_eq!(folder.read("plan.txt"), b"again");
    let _ = editing.release().send().await.expect(200);
    assert!(folder.rubbish().is_empty(), "{:?}", folder.rubbish());
}

#[tokio::test]
async fn work_whose_lock_was_lost_is_kept_on_request() {
    let world = World::shared().await;
    let folder = world.folder("edit-lost");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let editing = open(&world.editor(), world.connection(), &path).await.locked().await;
    let _ = world.admin().on(world.connection()).force_unlock(&path).send().await.expect(200);
    let theirs = open(&world.admin(), world.connection(), &path).await.locked().await;
    editing.heartbeat().send().await.edit_refused(404, "lock_lost");
    editing.save("my work").send().await.edit_refused(404, "lock_lost");
    let copy = editing.save_or_copy("my work").send().await.kept_copy();
    assert_eq!(folder.read(&copy), b"my work");
    assert_eq!(folder.read("a.txt"), b"content");
    // Another lock of the same user on the same file does not make the old session's work good.
    let _ = theirs.release().send().await.expect(200);
    let next = open(&world.editor(), world.connection(), &path).await.locked().await;
    editing.save("stale").send().await.edit_refused(404, "lock_lost");
    let _ = next.save("fresh").send().await.expect(200);
    assert_eq!(folder.read("a.txt"), b"fresh");
    let _ = next.release().send().await.expect(200);
}

#[tokio::test]
async fn an_edit_is_proved_on_routes_for_browsers_too() {
    let world = World::shared().await;
    let folder = world.folder("edit-triple");
    folder.write("a.html", "<p>as it was</p>");
    let path = folder.at("a.html");
    let product = world.product();
    let editing = open(&world.editor(), world.connection(), &path).await.locked().await;
    let info = format!("/api/browse/{}/info", world.connection());
    let upload = format!("/api/browse/{}/upload", world.connection());
    let download = format!("/api/viewer/{}/download", world.connection());
    let form =
        |content: &str| Form::new().part("file", Part::bytes(content.as_bytes().to_vec()).file_name("x"));

    let seen = editing.prove(Method::GET, &info).send().await.expect(200).json();
    assert_eq!(seen["size"], 16);
    let content = editing.prove(Method::GET, &download).send().await.expect(200);
    assert_eq!(
        (content.text().as_str(), content.header("content-type")),
        ("<p>as it was</p>", "application/octet-stream")
    );
    let saved = editing.prove(Method::POST, &upload).form(form("saved")).send().await.expect(200).json();
    assert_eq!((&saved["status"], &saved["path"]), (&json!("ok"), &json!(path)));
    folder.write("a.html", "changed by somebody");
    let conflict = editing.prove(Method::POST, &upload).form(form("mine")).send().await.expect(409).json();
    assert_eq!(conflict["detail"]["code"], "conflict");
    let _ = editing.prove(Method::GET, &download).send().await.expect(200);
    let _ = editing.prove(Method::POST, &upload).form(form("mine")).send().await.expect(200);
    assert_eq!(folder.read("a.html"), b"mine");

    let routes = [(Method::GET, &info), (Method::GET, &download), (Method::POST, &upload)];
    for (editing, status, code) in [
        (editing.showing("operation_id", "x"), 403, "lock_lost"),
        (editing.showing("lock_id", "x"), 404, "lock_lost"),
        (editing.showing("lock_capability", "x"), 403, "capability_mismatch"),
        (editing.elsewhere(world.connection(), &folder.at("b.html")), 403, "lock_lost"),
        (aged(product, &editing, 790), 409, "renewal_required"),
        (aged(product, &editing, 901), 401, "recovery_required"),
        (editing.showing("operation_token", "garbage"), 401, "auth_failed"),
        (forged(product, &editing, |scope, _| scope.token_version = 9), 401, "auth_failed"),
    ] {
        for (method, route) in routes.clone() {
            editing.prove(method, route).form(form("never")).send().await.edit_refused(status, code);
        }
    }
    // Without all three an operation token is nothing, and with them a browser's is what it was.
    let bare = world.anonymous().with_token(&editing.text("operation_token"));
    for (method, route) in routes.clone() {
        let answer = bare.ask(method.clone(), route).query("path", &path).send().await;
        answer.refused(401, "Could not validate credentials");
        let browser = editing.showing("operation_token", world.editor().token());
        let _ = browser.prove(method, route).form(form("mine")).send().await.expect(200);
    }
    let _ = editing.release().send().await.expect(200);
    editing.prove(Method::GET, &info).send().await.edit_refused(404, "lock_lost");
    assert_eq!(folder.read("a.html"), b"mine");
}

#[tokio::test]
async fn a_link_that_was_used_stays_used_after_a_crash() {
    let mut world = World::start(WorldOptions::default()).await.expect("a world");
    let folder = world.folder("edit-restart");
    folder.write("a.txt", "content");
    let path = folder.at("a.txt");
    let link = make_link(&world.editor(), world.connection(), &path).send().await.expect(200).json();
    let link = link["uri_token"].as_str().expect("a token").to_owned();
    let bootstrap = exchange_link(&world, &link).send().await.expect(200).json();
    world.product_mut().kill().expect("killed");
    world.product_mut().start_again().expect("started");

    exchange_link(&world, &link).send().await.refused(409, "Token has already been used");
    let bootstrap = world.anonymous().with_token(bootstrap["token"].as_str().expect("a token"));
    let share = world.editor().on(world.connection());
    let lock = share.ask_lock(&bootstrap, &path).send().await.expect(200).json();
    let editing = Edit::new(&share, &path, lock);
    let _ = editing.save("saved after it").send().await.expect(200);
    assert_eq!(folder.read("a.txt"), b"saved after it");
    let _ = editing.release().send().await.expect(200);
}
