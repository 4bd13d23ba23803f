//! `secrets.toml`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Secrets, hex, random, sealer};
use crate::store::prepare_data_dir;

/// The file within the data directory.
const SECRETS_FILE: &str = "secrets.toml";

/// Largest file that is read: ours has some 300 bytes, an operator may add comments.
const MAX_FILE_BYTES: u64 = 64 * 1024;

const PREFACE: &str = "# The secrets of this installation. Keep a copy of this file with every backup of the database:\n\
                       # without the encryption key the passwords of the connections in it are lost.\n\n";

/// Why there are no secrets to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretsError {
    /// The directory or the file is not for us.
    #[error("{} cannot be used: {error}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Others on this machine may have read the secrets.
    #[error("{path} can be read by others (mode {mode:03o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not what this program wrote. The text itself stays out of the message.
    #[error("{} cannot be read: {why}; put the copy from a backup in its place", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A secret from outside that somebody could guess.
    #[error("{0} must have at least 32 characters")]
    TooShort(&'static str),
    /// The system's source of randomness fails.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(String),
}

/// The file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Signs access tokens.
    token_secret: String,
    /// Admits functions to the internal API.
    service_token: String,
    /// 32 bytes in base64.
    encryption_key: String,
}

impl Drop for Document {
    fn drop(&mut self) {
        self.token_secret.zeroize();
        self.service_token.zeroize();
        self.encryption_key.zeroize();
    }
}

/// The stored secrets; `None` when there are none yet.
pub(super) fn load(data_dir: &Path) -> Result<Option<Secrets>, SecretsError> {
    let path = data_dir.join(SECRETS_FILE);
    let unusable = |error| SecretsError::Unusable { path: path.clone(), error };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    let metadata = file.metadata().map_err(unusable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretsError::Exposed { path, mode });
    }
    let malformed = |why| SecretsError::Malformed { path: path.clone(), why };
    if metadata.len() > MAX_FILE_BYTES {
        return Err(malformed("it is too large"));
    }
    let mut text = Zeroizing::new(String::new());
    match io::Read::by_ref(&mut file).take(MAX_FILE_BYTES).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(malformed("it is not text")),
        Err(error) => return Err(unusable(error)),
    }
    let document: Document =
        toml::from_str(&text).map_err(|_| malformed("it does not hold the three secrets as TOML"))?;
    parse(&document).map(Some).map_err(malformed)
}

fn parse(document: &Document) -> Result<Secrets, &'static str> {
    if [&document.token_secret, &document.service_token]
        .iter()
        .any(|secret| secret.len() < super::MIN_OVERRIDE_BYTES)
    {
        return Err("a token is too short");
    }
    let mut encryption_key = Zeroizing::new([0; sealer::KEY_BYTES]);
    match STANDARD.decode_slice(&document.encryption_key, encryption_key.as_mut_slice()) {
        Ok(sealer::KEY_BYTES) => {}
        _ => return Err("the encryption key is not 32 bytes in base64"),
    }
    Ok(Secrets {
        token_secret: Zeroizing::new(document.token_secret.clone()),
        service_token: Zeroizing::new(document.service_token.clone()),
        encryption_key,
    })
}

/// Writes the secrets: completely or not at all, and never over others. Answers with those that are there afterwards.
pub(super) fn create(data_dir: &Path, secrets: Secrets) -> Result<Secrets, SecretsError> {
    let path = data_dir.join(SECRETS_FILE);
    let unusable = |error| SecretsError::Unusable { path: path.clone(), error };
    prepare_data_dir(data_dir).map_err(unusable)?;

    let document = Document {
        token_secret: secrets.token_secret.to_string(),
        service_token: secrets.service_token.to_string(),
        encryption_key: STANDARD.encode(secrets.encryption_key.as_slice()),
    };
    let text = toml::to_string(&document)
        .map(Zeroizing::new)
        .map_err(|_| SecretsError::Malformed { path: path.clone(), why: "it cannot be written as TOML" })?;
    let draft = data_dir.join(format!("{SECRETS_FILE}.{}", hex(random::<8>()?.as_slice()).as_str()));
    let written = write_draft(&draft, &text).and_then(|()| fs::hard_link(&draft, &path));
    // The draft is another name of the file by now, or rubbish.
    let removed = fs::remove_file(&draft);
    match written {
        Ok(()) => removed.and_then(|()| File::open(data_dir)?.sync_all()).map_err(unusable).map(|()| secrets),
        // Another process was faster at the same first start.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            load(data_dir)?.ok_or_else(|| unusable(io::Error::other("it appeared and was gone again")))
        }
        Err(error) => Err(unusable(error)),
    }
}

fn write_draft(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(PREFACE.as_bytes())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
