//! What strangers and broken programs send.

use std::time::{SystemTime, UNIX_EPOCH};

use causeway_api::{Auth, RequestBody, Route, routes};
use causeway_tests::{Ask, Proxy, RawRequest, Share, User, World};
use causeway_tokens::TokenKey;
use futures::StreamExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

/// Requests under way at the same time.
const AT_ONCE: usize = 16;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// The route's path with an id for every parameter.
fn path_of(route: &Route) -> String {
    let segments = route.path.split('/').map(|segment| {
        if segment.starts_with('{') { Uuid::new_v4().to_string() } else { segment.to_owned() }
    });
    segments.collect::<Vec<_>>().join("/")
}

fn ask(user: &User, route: &Route, path: &str) -> Ask {
    let method = reqwest::Method::from_bytes(route.method.as_str().as_bytes()).expect("a method");
    user.ask(method, path)
}

#[tokio::test]
async fn no_route_answers_a_stranger() {
    let world = World::shared().await;
    let me = world.admin().get("/api/auth/me").send().await.expect(200).json();
    let id: Uuid = me["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let secret = world.product().token_secret();
    let mint = |secret: &str, id: Uuid, version: u32, lifetime: u64, at: u64| {
        TokenKey::new(secret).mint(id, version, lifetime, at).expect("a token").token
    };
    let sign = |algorithm: Algorithm, claims: &Value| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("a token")
    };
    let good = mint(secret, id, 0, 600, now());
    let _ = world.anonymous().with_token(&good).get("/api/auth/me").send().await.expect(200);
    let (head, rest) = good.split_once('.').expect("three parts");
    let (claims, signature) = rest.split_once('.').expect("three parts");
    let unsigned = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";
    let until = now() + 600;
    // Signed and not expired: only the sidecar knows, and it is not asked about a request that is malformed anyway.
    let revoked = [
        ("of another generation", mint(secret, id, 7, 600, now())),
        ("of nobody", mint(secret, Uuid::new_v4(), 0, 600, now())),
    ];
    let refused = [
        ("forged", mint(&"0".repeat(64), id, 0, 600, now())),
        ("expired", mint(secret, id, 0, 60, now() - 3600)),
        (
            "for the companion",
            sign(Algorithm::HS256, &json!({"sub": id, "tv": 0, "exp": until, "companion_uri": true})),
        ),
        (
            "of a companion session",
            sign(Algorithm::HS256, &json!({"sub": id, "exp": until, "token_class": "companion_session"})),
        ),
        ("of another algorithm", sign(Algorithm::HS512, &json!({"sub": id, "tv": 0, "exp": until}))),
        ("without an end", sign(Algorithm::HS256, &json!({"sub": id, "tv": 0}))),
        ("without a subject", sign(Algorithm::HS256, &json!({"tv": 0, "exp": until}))),
        ("unsigned", format!("{unsigned}.{claims}.")),
        ("with the claims of another", format!("{head}.{claims}x.{signature}")),
        ("no token", "garbage".to_owned()),
        ("of a megabyte's fraction", "x".repeat(6000)),
        ("the service token", world.product().service_token().to_owned()),
    ];
    let for_browsers = |route: &&Route| matches!(route.auth, Auth::Browser | Auth::BrowserOrOperation);
    let guarded: Vec<&Route> = routes::all().filter(for_browsers).collect();
    assert!(guarded.len() >= 25, "{} guarded routes", guarded.len());
    for route in guarded {
        let path = path_of(route);
        let nobody = world.anonymous();
        for answer in [
            ask(&nobody, route, &path).send().await,
            ask(&nobody, route, &path).header("authorization", "Basic YWRtaW46YWRtaW4=").send().await,
            ask(&nobody, route, &path).query("token", &good).send().await,
        ] {
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", route.path);
            answer.refused(401, "Not authenticated");
        }
        for (what, token) in &refused {
            let answer = ask(&nobody.with_token(token), route, &path).send().await;
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}: {}", route.path);
            answer.refused(401, "Could not validate credentials");
        }
        for (what, token) in &revoked {
            let answer = ask(&nobody.with_token(token), route, &path).send().await;
            match answer.status() {
                400 | 422 => assert!(
                    !matches!(route.body, RequestBody::None) || !route.parameters.is_empty(),
                    "{what}: {}",
                    route.path
                ),
                _ => {
                    assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}: {}", route.path);
                    answer.refused(401, "Could not validate credentials");
                }
            }
        }
    }
    let scheme = world.anonymous().get("/api/auth/me").header("authorization", &format!("bEaReR {good}"));
    let _ = scheme.send().await.expect(200);
}

#[tokio::test]
async fn the_internal_api_is_not_public() {
    let world = World::shared().await;
    let service = world.anonymous().with_token(world.product().service_token());
    for user in [world.anonymous(), world.admin(), service] {
        for path in ["/internal/v1/list-users", "/internal/v1/get-info", "/api/../internal/v1/list-users"] {
            let answer = user.post(path).json(json!({})).send().await;
            assert!(matches!(answer.status(), 404 | 405), "{path}: {}", answer.status());
        }
    }
}

#[tokio::test]
async fn malformed_json_is_refused_everywhere() {
    let world = World::shared().await;
    let admin = world.admin();
    let takes_json =
        |route: &&Route| matches!(route.body, causeway_api::RequestBody::Json { required: true, .. });
    for route in routes::all().filter(takes_json) {
        let path = route
            .path
            .replace("{connection_id}", world.connection())
            .replace("{user_id}", &Uuid::new_v4().to_string());
        for body in [
            "{",
            "",
            "null",
            "[]",
            "42",
            "\"text\"",
            "{\"a\":",
            "{\"path\": \"\\ud800\"}",
            "\u{0}",
            "{} trailing",
        ] {
            let answer =
                ask(&admin, route, &path).header("content-type", "application/json").body(body).send().await;
            assert!(
                matches!(answer.status(), 400 | 422),
                "{} with {body:?}: {}",
                route.path,
                answer.status()
            );
        }
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let answer =
            ask(&admin, route, &path).header("content-type", "application/json").body(deep).send().await;
        assert!(
            matches!(answer.status(), 400 | 413 | 422),
            "{} with deep nesting: {}",
            route.path,
            answer.status()
        );
        let huge = format!("{{\"name\": \"{}\"}}", "x".repeat(3_000_000));
        let answer =
            ask(&admin, route, &path).header("content-type", "application/json").body(huge).send().await;
        assert!(
            matches!(answer.status(), 400 | 413 | 422),
            "{} with megabytes: {}",
            route.path,
            answer.status()
        );
    }
}

#[tokio::test]
async fn ids_that_are_none_are_validation_errors() {
    let world = World::shared().await;
    let admin = world.admin();
    for route in routes::all().filter(|route| route.path.contains('{')) {
        let path = route.path.split('/').map(|part| if part.starts_with('{') { "not-a-uuid" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let answer = ask(&admin, route, &path).query("path", "x").send().await.expect(422).json();
        assert_eq!(answer["detail"][0]["loc"][0], "path", "{answer}");
    }
    let without_hyphens = world.connection().replace('-', "");
    let _ = admin.on(&without_hyphens).list("").send().await.expect(200).json();
    let unknown = admin.on(&Uuid::new_v4().to_string());
    for ask in [
        unknown.list(""),
        unknown.info("a"),
        unknown.download("a"),
        unknown.upload("a", "x"),
        unknown.delete("a"),
    ] {
        ask.send().await.refused(404, "Connection not found");
    }
    let missing = format!("/api/browse/{}/info", world.connection());
    let answer = admin.get(&missing).send().await.expect(422).json();
    assert_eq!(answer["detail"][0]["loc"], json!(["query", "path"]));
}

/// Texts that must never reach a server.
fn hostile_paths() -> Vec<String> {
    let segments = [
        "..",
        ".",
        "...",
        ".. ",
        ". .",
        " ",
        "a\u{0}b",
        "a\u{1}b",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "a\u{1b}b",
        "a\u{1f}b",
        "a\u{7f}b",
        "a:b",
        "a.txt:stream",
        "a.txt::$DATA",
        "C:",
        "*",
        "?",
        "a*b",
        "a?b",
        "a\"b",
        "a<b",
        "a>b",
        "a|b",
    ];
    let mut paths = Vec::new();
    for segment in segments {
        for around in [
            "{}",
            "/{}",
            "docs/{}",
            "{}/docs",
            "docs/{}/a.txt",
            "docs\\{}",
            "{}\\docs\\a",
            "a/b/c/{}/d",
            "docs/{}/",
        ] {
            paths.push(around.replace("{}", segment));
        }
    }
    let long = "n".repeat(256);
    let wide = "ü".repeat(256);
    let emoji = "😀".repeat(128);
    for name in [long, wide, emoji] {
        paths.extend([name.clone(), format!("docs/{name}"), format!("{name}/docs")]);
    }
    for unc in [
        "\\\\server\\share",
        "//server/share",
        "\\\\?\\C:\\x",
        "\\\\.\\pipe\\x",
        "\\/server/x",
        "/\\server\\x",
        "\\\\127.0.0.1\\data\\x",
    ] {
        paths.push(unc.to_owned());
    }
    for climb in [
        "../../../../etc/passwd",
        "..\\..\\windows",
        "a/../../b",
        "a/b/../c",
        "./a",
        "a/./b",
        "/../a",
        "a/..",
        "a\\..",
    ] {
        paths.push(climb.to_owned());
    }
    paths.push("d/".repeat(600));
    paths
}

fn attempts(share: &Share, path: &str) -> Vec<Ask> {
    vec![
        share.list(path),
        share.info(path),
        share.delete(path),
        share.download(path),
        share.view(path),
        share.put(path, "evil"),
        share.upload(path, "evil"),
        share.create(path, "x", "file"),
        share.rename(path, "x"),
        share.copy(path, "copied", true),
        share.copy("a.txt", path, true),
        share.r#move(path, "moved", true),
        share.r#move("a.txt", path, true),
    ]
}

#[tokio::test]
async fn hostile_paths_never_reach_the_server() {
    let world = World::shared().await;
    let folder = world.folder("hostile");
    folder.write("a.txt", "content");
    folder.write("docs/a.txt", "content");
    let proxy = Proxy::start(world.samba_port()).expect("a relay");
    let mut draft = world.draft("watched");
    draft["port"] = proxy.port().into();
    draft["path_prefix"] = folder.path().into();
    let share = world.admin().on(&world.connect(&world.admin(), draft).await);
    let _ = share.info("a.txt").send().await.expect(200);
    assert!(proxy.bytes_to_server() > 0);

    let paths = hostile_paths();
    assert!(paths.len() >= 200, "{} paths", paths.len());
    let before = proxy.bytes_to_server();
    let requests =
        paths.iter().flat_map(|path| attempts(&share, path).into_iter().map(move |ask| (path, ask)));
    let wrong: Vec<String> = futures::stream::iter(requests)
        .map(async |(path, ask)| {
            let shown = format!("{ask:?}");
            let answer = ask.send().await;
            let _ = (answer.status() == 400).then(|| answer.detail());
            (answer.status() != 400).then(|| {
                format!("{}: {path:?} ({})", answer.status(), shown.chars().take(80).collect::<String>())
            })
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} not refused with 400:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(proxy.bytes_to_server(), before, "something was said to the server");
    assert_eq!(folder.names(""), ["a.txt", "docs"]);
    assert_eq!(folder.read("a.txt"), b"content");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let world = World::shared().await;
    let admin = world.admin();
    for bytes in
        ["%FF", "%C3", "a%ED%A0%80b", "%F8%88%80%80%80", "%C0%AE%C0%AE%2F", "%00", "%2e%2e%2fx", "..%5Cx"]
    {
        for route in ["list", "info"] {
            let target = format!("/api/browse/{}/{route}?path={bytes}", world.connection());
            let request = RawRequest::new(admin.address(), "GET", &target)
                .header("authorization", &format!("Bearer {}", admin.token()));
            let answer = request.body(b"").send().await.expect("an answer");
            assert!(matches!(answer.status, 400 | 422), "{bytes}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_prefix_cannot_climb_out_either() {
    let world = World::shared().await;
    for prefix in ["../x", "a/../..", "a\u{1}", "\\\\server\\share", "a:b", "*"] {
        let mut draft = world.draft("climbing");
        draft["path_prefix"] = prefix.into();
        let answer = world.admin().post("/api/connections").json(draft).send().await;
        assert!(matches!(answer.status(), 400 | 422), "{prefix:?}: {}", answer.status());
    }
}
