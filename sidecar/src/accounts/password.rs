//! Passwords: hashing within bounds, and making them up.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use causeway_internal::{Fault, FaultCode};
use rand::Rng as _;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use rand::seq::SliceRandom as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Memory of one hash in KiB. With passes and lanes these are the second recommendation of RFC 9106 section 4.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// Hashes computed at once: each takes 64 MiB and a core for a good tenth of a second.
const HASHES_AT_ONCE: usize = 2;

/// Hashes that wait for their turn: some three seconds' work. Beyond it people had better try again.
const MAX_WAITING: usize = 32;

/// How long a hash waits for its turn at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// When a queue that is full is worth another try.
const RETRY_SECONDS: u32 = 3;

/// Dearest parameters that a stored hash may have. We write none such; a row from elsewhere must not stop the server.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 16;

/// Longest password, in bytes. Nobody types as much; hashing it costs nothing to speak of.
pub(super) const MAX_PASSWORD_BYTES: usize = 4096;

/// The hash of nobody's password, for those who do not exist: checking it takes as long as checking a real one.
const NOBODY: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const LOWER: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const DIGITS: &[u8] = b"23456789";
/// What neither a shell nor a mail program makes something else of.
const PUNCTUATION: &[u8] = b"-_.+=:@%";

/// Length of a made-up password: 117 bits out of these 65 characters.
const GENERATED_LENGTH: usize = 20;

/// Computes Argon2id hashes, few at once.
pub(super) struct PasswordHasher {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl PasswordHasher {
    pub(super) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            places: Arc::new(Semaphore::new(HASHES_AT_ONCE + MAX_WAITING)),
        }
    }

    /// The password's hash in PHC form. Faults: `Busy`, `Invalid` (too long).
    pub(super) async fn hash(&self, password: Zeroizing<String>) -> Result<String, Fault> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(Fault::new(FaultCode::Invalid, "The password is too long"));
        }
        self.run(move || hash(&password)).await?.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Fault::new(FaultCode::Internal, "Internal error")
        })
    }

    /// Whether the password belongs to that hash. Without one the answer is no, and takes as long. Fault: `Busy`.
    pub(super) async fn verify(
        &self,
        password: Zeroizing<String>,
        stored: Option<String>,
    ) -> Result<bool, Fault> {
        self.run(move || {
            let matches = verify(&password, stored.as_deref().unwrap_or(NOBODY));
            matches && stored.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.running).acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        // The permits go along: work whose caller has left still takes its memory.
        let work = move || {
            let _permits = (place, turn);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "hashing panicked or was ended by the shutdown");
            Fault::new(FaultCode::Internal, "Internal error")
        })
    }
}

fn busy() -> Fault {
    Fault::new(FaultCode::Busy, "The server is busy").retry_after(RETRY_SECONDS)
}

fn hash(password: &str) -> argon2::password_hash::Result<String> {
    let mut salt = [0; SALT_BYTES];
    OsRng.try_fill_bytes(&mut salt).map_err(|_| argon2::password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon2.hash_password(password.as_bytes(), &salt)?.to_string())
}

/// A stored hash that cannot be read matches nothing.
fn verify(password: &str, stored: &str) -> bool {
    match parse(stored) {
        Ok(parsed) => Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok(),
        Err(error) => {
            tracing::error!(%error, "a stored password hash cannot be used");
            false
        }
    }
}

fn parse(stored: &str) -> argon2::password_hash::Result<PasswordHash<'_>> {
    let parsed = PasswordHash::new(stored)?;
    let params = Params::try_from(&parsed)?;
    if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES {
        return Err(argon2::password_hash::Error::ParamValueInvalid(
            argon2::password_hash::errors::InvalidValue::TooLong,
        ));
    }
    Ok(parsed)
}

/// A password to be shown once: letters of both cases, digits and punctuation, none of which look alike.
pub(super) fn generate() -> Zeroizing<String> {
    let mut rng = rand::rng();
    let mut pick = |from: &[u8]| char::from(from[rng.random_range(0..from.len())]);
    let all = [LOWER, UPPER, DIGITS, PUNCTUATION].concat();
    let mut password: Vec<char> = [LOWER, UPPER, DIGITS, PUNCTUATION].map(&mut pick).to_vec();
    password.extend((password.len()..GENERATED_LENGTH).map(|_| pick(&all)));
    password.shuffle(&mut rng);
    Zeroizing::new(password.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_have_all_classes_and_differ() {
        let passwords: Vec<_> = (0..200).map(|_| generate()).collect();
        for password in &passwords {
            assert_eq!(password.chars().count(), 20);
            for class in [LOWER, UPPER, DIGITS, PUNCTUATION] {
                assert!(password.bytes().any(|byte| class.contains(&byte)), "{password:?}");
            }
        }
        let distinct: std::collections::HashSet<_> =
            passwords.iter().map(|password| password.as_str()).collect();
        assert_eq!(distinct.len(), passwords.len());
    }

    #[test]
    fn hashes_have_the_parameters_of_the_contract_and_a_salt_of_their_own() {
        let first = hash("secret").expect("hashed");
        let second = hash("secret").expect("hashed");
        assert!(first.starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{first}");
        assert_ne!(first, second);
        assert!(verify("secret", &first));
        assert!(!verify("Secret", &first));
    }

    #[test]
    fn hashes_of_other_parameters_are_verified() {
        // The example of the Argon2 command line's manual: argon2id would be ours, this is argon2i with less memory.
        let params = Params::new(1024, 2, 1, Some(24)).expect("valid");
        let argon2 = Argon2::new(Algorithm::Argon2i, Version::V0x10, params);
        let salt = SaltString::encode_b64(b"somesalt").expect("valid");
        let stored = argon2.hash_password(b"password", &salt).expect("hashed").to_string();
        assert!(verify("password", &stored), "{stored}");
        assert!(!verify("passwort", &stored));
    }

    #[test]
    fn a_hash_that_makes_no_sense_matches_nothing() {
        for stored in [
            "",
            "secret",
            "$argon2id$",
            "$argon2id$v=19$m=65536,t=3,p=4$short",
            "$argon2id$v=19$m=4294967295,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=65536,t=4294967295,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$2b$12$abcdefghijklmnopqrstuuFZ1nIHrV7ZrYUJUVm4dGmlnLwqIUe1u",
        ] {
            assert!(!verify("secret", stored), "{stored}");
        }
    }

    #[test]
    fn nobodys_hash_is_as_dear_as_ours() {
        let parsed = parse(NOBODY).expect("a valid hash");
        let params = Params::try_from(&parsed).expect("valid parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(parsed.hash.map(|hash| hash.len()), Some(HASH_BYTES));
    }

    #[tokio::test]
    async fn a_queue_that_is_full_says_so() {
        let hasher = PasswordHasher::new();
        let _taken = Arc::clone(&hasher.places)
            .try_acquire_many_owned(u32::try_from(HASHES_AT_ONCE + MAX_WAITING).expect("small"))
            .expect("all places");
        let refused = hasher.verify(Zeroizing::new("x".to_owned()), None).await.expect_err("no place");
        assert_eq!((refused.code, refused.retry_after_seconds), (FaultCode::Busy, Some(RETRY_SECONDS)));
    }
}
