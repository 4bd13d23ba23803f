use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Sealer, Secrets, SecretsError};
use crate::config::SecretOverrides;

fn load(dir: &TempDir) -> Result<Secrets, SecretsError> {
    Secrets::load_or_create(dir.path(), &SecretOverrides::default())
}

fn rewrite(dir: &TempDir, change: impl Fn(&str) -> String) {
    let path = dir.path().join("secrets.toml");
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(&path, change(&text)).expect("writable");
}

#[test]
fn the_first_start_makes_secrets_that_stay() {
    let dir = TempDir::new().expect("a directory");
    let first = load(&dir).expect("made");
    let mode = fs::metadata(dir.path().join("secrets.toml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "no draft stays behind");
    assert_eq!(first.token_secret().len(), 64);
    assert!(first.token_secret().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(first.token_secret(), first.service_token());

    let second = load(&dir).expect("read");
    assert_eq!(second.token_secret(), first.token_secret());
    assert_eq!(second.service_token(), first.service_token());
    let sealed = first.sealer().seal(Uuid::nil(), "field", "value").expect("sealed");
    assert_eq!(second.sealer().open(Uuid::nil(), "field", &sealed).expect("opened").as_str(), "value");
}

#[test]
fn the_data_directory_is_made_private() {
    let dir = TempDir::new().expect("a directory");
    let data = dir.path().join("a/b");
    Secrets::load_or_create(&data, &SecretOverrides::default()).expect("made");
    assert_eq!(fs::metadata(&data).expect("there").permissions().mode() & 0o777, 0o700);
}

#[test]
fn secrets_that_others_can_read_are_refused() {
    let dir = TempDir::new().expect("a directory");
    load(&dir).expect("made");
    let path = dir.path().join("secrets.toml");
    for mode in [0o640, 0o604, 0o666, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
        let error = load(&dir).expect_err("exposed").to_string();
        assert!(error.contains("chmod 600") && error.contains(&format!("{mode:03o}")), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("changed");
    load(&dir).expect("readable by the owner alone");
}

#[test]
fn a_damaged_file_is_refused_without_showing_it() {
    for damage in [
        |_: &str| String::new(),
        |text: &str| text.replace("token_secret", "tokensecret"),
        |text: &str| text.replace("encryption_key = \"", "encryption_key = \"AA"),
        |text: &str| {
            text.lines().filter(|line| !line.starts_with("service_token")).collect::<Vec<_>>().join("\n")
        },
        |text: &str| format!("{text}\nanother = 1"),
        |_: &str| "token_secret = \"x\"\nservice_token = \"y\"\nencryption_key = \"z\"".to_owned(),
    ] {
        let dir = TempDir::new().expect("a directory");
        let secrets = load(&dir).expect("made");
        rewrite(&dir, damage);
        let error = load(&dir).expect_err("damaged");
        assert!(matches!(error, SecretsError::Malformed { .. }), "{error}");
        assert!(!error.to_string().contains(secrets.token_secret()), "{error}");
    }
}

#[test]
fn secrets_from_outside_take_precedence_and_are_not_kept() {
    let dir = TempDir::new().expect("a directory");
    let given = SecretOverrides {
        token_secret: Some("t".repeat(40)),
        service_token: Some(format!(" {}\n", "s".repeat(32))),
    };
    let secrets = Secrets::load_or_create(dir.path(), &given).expect("made");
    assert_eq!(secrets.token_secret(), "t".repeat(40));
    assert_eq!(secrets.service_token(), "s".repeat(32), "as it comes from a file with a line end");
    assert_ne!(load(&dir).expect("read").token_secret(), "t".repeat(40));

    let short = SecretOverrides { service_token: Some("guess".to_owned()), ..SecretOverrides::default() };
    assert!(matches!(Secrets::load_or_create(dir.path(), &short), Err(SecretsError::TooShort(_))));
    let blank = SecretOverrides { service_token: Some(String::new()), ..SecretOverrides::default() };
    assert_eq!(Secrets::load_or_create(dir.path(), &blank).expect("as if absent").service_token().len(), 64);
}

#[test]
fn two_first_starts_at_once_agree() {
    let dir = TempDir::new().expect("a directory");
    let tokens: Vec<String> = std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| load(&dir).expect("made").token_secret().to_owned())).collect();
        starts.into_iter().map(|start| start.join().expect("no panic")).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
}

#[test]
fn nothing_secret_is_shown() {
    let dir = TempDir::new().expect("a directory");
    let secrets = load(&dir).expect("made");
    let shown = format!("{secrets:?} {:?}", secrets.sealer());
    assert!(!shown.contains(secrets.token_secret()) && !shown.contains(secrets.service_token()), "{shown}");
}

#[test]
fn a_sealed_value_opens_only_where_it_belongs() {
    let sealer = Sealer::new(&[7; 32]);
    let (row, other_row) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let value = sealer.seal(row, "password", "secret").expect("sealed");
    assert_eq!(sealer.open(row, "password", &value).expect("opened").as_str(), "secret");
    assert!(sealer.open(other_row, "password", &value).is_err());
    assert!(sealer.open(row, "token", &value).is_err());
    assert!(Sealer::new(&[8; 32]).open(row, "password", &value).is_err());
    assert_ne!(sealer.seal(row, "password", "secret").expect("sealed"), value, "never twice the same");
}

proptest! {
    #[test]
    fn what_is_sealed_opens(value in ".{0,200}", row in any::<u128>()) {
        let (sealer, row) = (Sealer::new(&[7; 32]), Uuid::from_u128(row));
        let sealed = sealer.seal(row, "password", &value).expect("sealed");
        let opened = sealer.open(row, "password", &sealed).expect("opened");
        prop_assert_eq!(opened.as_str(), value.as_str());
    }

    #[test]
    fn what_was_altered_does_not_open(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
        let (sealer, row) = (Sealer::new(&[7; 32]), Uuid::nil());
        let sealed = sealer.seal(row, "password", "secret").expect("sealed");
        let at = at.index(sealed.len());
        let altered = format!("{}{with}{}", &sealed[..at], &sealed[at + 1..]);
        prop_assume!(altered != sealed);
        prop_assert!(sealer.open(row, "password", &altered).is_err());
        prop_assert!(sealer.open(row, "password", &sealed[..at]).is_err());
    }
}
