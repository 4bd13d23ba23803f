//! What administrators do to users.

use causeway_internal::accounts::{
    Account, ChangeUser, CreateUser, CreatedUser, DUPLICATE_EMAIL, DUPLICATE_USERNAME, DeleteUser,
    LAST_ADMIN, OWN_ACCOUNT, OWN_ADMIN_ACCESS, ResetPassword, Role,
};
use causeway_internal::{Fault, FaultCode, UnixMicros};
use sqlx::SqliteConnection;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Accounts, conflict, invalid, is_usable, password, rows, user_not_found};
use crate::follower::in_turn;
use crate::locks::{self, Owner};
use crate::store::StoreError;
use crate::store::audit::{self, Event};

/// Longest user name and full name, in characters.
const MAX_NAME_CHARS: usize = 255;

/// Longest mail address, in characters (RFC 5321 4.5.3.1: 64 for the local part, 255 for the domain).
const MAX_EMAIL_CHARS: usize = 320;

impl Accounts {
    /// All users. Fault: `NotPermitted`.
    #[expect(clippy::unused_async, reason = "as authorize: callers await it, and a shared database will")]
    pub(crate) async fn list_users(&self, caller: &Account) -> Result<Vec<Account>, Fault> {
        self.state.require_admin(caller.id)?;
        Ok(self.state.users.load().values().map(|account| (**account).clone()).collect())
    }

    /// Makes a user. Faults: `NotPermitted`, `Conflict` (name or address taken), `Invalid`.
    pub(crate) async fn create_user(&self, caller: &Account, call: CreateUser) -> Result<CreatedUser, Fault> {
        self.state.require_admin(caller.id)?;
        let username = username_of(&call.username)?;
        let name = call.name.as_deref().map(name_of).transpose()?.flatten();
        let email = call.email.as_deref().map(email_of).transpose()?.flatten();
        let given = call.password.map(Zeroizing::new).filter(|password| !password.trim().is_empty());
        let temporary_password = given.is_none().then(password::generate);
        let password = given.or_else(|| temporary_password.clone()).unwrap_or_default();
        let hash = self.state.hasher.hash(password).await?;

        let caller = caller.id;
        in_turn(&self.state, move |state| async move {
            let admin = state.require_admin(caller)?;
            let now = state.clock.now();
            let account = Account {
                id: Uuid::new_v4(),
                username,
                name,
                email,
                role: call.role,
                is_active: true,
                must_change_password: call.must_change_password,
                token_version: 0,
                expires_at: call.expires_at,
                created_at: now,
                updated_at: now,
                has_local_password: true,
            };
            let mut change = state.store.begin().await?;
            refuse_duplicates(&mut change, &account).await?;
            rows::insert(&mut change, &account, &hash).await?;
            audit::done(&mut change, now, Event::UserCreated, &admin, (account.id, &account.username), "")
                .await?;
            change.commit().await.map_err(StoreError::from)?;
            state.publish(account.clone());
            let temporary_password = temporary_password.map(|password| password.to_string());
            Ok(CreatedUser { account, temporary_password })
        })
        .await
    }

    /// Changes a user. Faults: `NotPermitted`, `UserNotFound`, `Conflict`, `Invalid`.
    pub(crate) async fn change_user(&self, caller: &Account, call: ChangeUser) -> Result<Account, Fault> {
        let caller = caller.id;
        in_turn(&self.state, move |state| async move {
            let admin = state.require_admin(caller)?;
            let now = state.clock.now();
            let mut change = state.store.begin().await?;
            let before = rows::one(&mut change, call.id).await?.ok_or_else(user_not_found)?;
            let mut after = apply(&before, &call)?;
            after.updated_at = now;
            refuse_duplicates(&mut change, &after).await?;
            if is_admin(&before, now) && !is_admin(&after, now) {
                if call.id == caller {
                    return Err(conflict(OWN_ADMIN_ACCESS));
                }
                refuse_last_admin(&mut change, call.id, now).await?;
            }
            rows::update(&mut change, &after).await?;
            audit::done(
                &mut change,
                now,
                Event::UserChanged,
                &admin,
                (after.id, &after.username),
                &changed_fields(&before, &after),
            )
            .await?;
            change.commit().await.map_err(StoreError::from)?;
            state.publish(after.clone());
            Ok(after)
        })
        .await
    }

    /// Sets a user's password and revokes his tokens. Faults: `NotPermitted`, `UserNotFound`, `Conflict` (there is none
    /// to replace), `Invalid`.
    pub(crate) async fn reset_password(&self, caller: &Account, call: ResetPassword) -> Result<(), Fault> {
        self.state.require_admin(caller.id)?;
        // Before the work of hashing; looked at again below.
        self.state.user(call.id).ok_or_else(user_not_found)?;
        let password = Zeroizing::new(call.new_password);
        if password.is_empty() {
            return Err(invalid("The new password cannot be empty"));
        }
        let hash = self.state.hasher.hash(password).await?;
        let caller = caller.id;
        in_turn(&self.state, move |state| async move {
            let admin = state.require_admin(caller)?;
            let now = state.clock.now();
            let mut change = state.store.begin().await?;
            let mut account = rows::one(&mut change, call.id).await?.ok_or_else(user_not_found)?;
            if !account.has_local_password {
                return Err(conflict("Password reset requires an existing local password"));
            }
            account.token_version = next_token_version(&account)?;
            account.must_change_password = call.must_change_password;
            account.updated_at = now;
            rows::update(&mut change, &account).await?;
            rows::set_password_hash(&mut change, call.id, &hash).await?;
            audit::done(&mut change, now, Event::PasswordReset, &admin, (account.id, &account.username), "")
                .await?;
            change.commit().await.map_err(StoreError::from)?;
            state.publish(account);
            Ok(())
        })
        .await
    }

    /// Whether the caller administers users. Fault: `NotPermitted`.
    pub(crate) fn require_admin(&self, caller: &Account) -> Result<(), Fault> {
        self.state.require_admin(caller.id).map(drop)
    }

    /// Deletes a user with his settings and private connections; the caller tells
    /// [`Connections::forget_owner`](crate::connections::Connections::forget_owner) afterwards. Faults: `NotPermitted`,
    /// `UserNotFound`, `Conflict` (himself, or the last administrator).
    pub(crate) async fn delete_user(&self, caller: &Account, call: DeleteUser) -> Result<(), Fault> {
        let caller = caller.id;
        in_turn(&self.state, move |state| async move {
            let admin = state.require_admin(caller)?;
            let now = state.clock.now();
            let mut change = state.store.begin().await?;
            let account = rows::one(&mut change, call.id).await?.ok_or_else(user_not_found)?;
            if call.id == caller {
                return Err(conflict(OWN_ACCOUNT));
            }
            if is_admin(&account, now) {
                refuse_last_admin(&mut change, call.id, now).await?;
            }
            locks::record_ends(&mut change, Owner::User(call.id), now).await?;
            rows::delete(&mut change, call.id).await?;
            audit::done(&mut change, now, Event::UserDeleted, &admin, (account.id, &account.username), "")
                .await?;
            change.commit().await.map_err(StoreError::from)?;
            state.withdraw(call.id);
            Ok(())
        })
        .await
    }
}

/// The user with the changes made.
fn apply(before: &Account, call: &ChangeUser) -> Result<Account, Fault> {
    let mut after = before.clone();
    if let Some(username) = &call.username {
        after.username = username_of(username)?;
    }
    if let Some(name) = &call.name {
        after.name = name_of(name)?;
    }
    if let Some(email) = &call.email {
        after.email = email_of(email)?;
    }
    after.role = call.role.unwrap_or(before.role);
    after.is_active = call.is_active.unwrap_or(before.is_active);
    after.expires_at = call.expires_at.or(before.expires_at);
    Ok(after)
}

/// Whether that user administers at that moment. One whose account has ended does not.
fn is_admin(account: &Account, now: UnixMicros) -> bool {
    account.role == Role::Admin && is_usable(account, now)
}

async fn refuse_last_admin(from: &mut SqliteConnection, id: Uuid, now: UnixMicros) -> Result<(), Fault> {
    if rows::other_admin(from, id, now).await? { Ok(()) } else { Err(conflict(LAST_ADMIN)) }
}

/// The indexes would refuse them too, without a word on which of the two it is.
async fn refuse_duplicates(from: &mut SqliteConnection, account: &Account) -> Result<(), Fault> {
    if rows::username_taken(&mut *from, &account.username, account.id).await? {
        return Err(conflict(DUPLICATE_USERNAME));
    }
    if let Some(email) = &account.email
        && rows::email_taken(from, email, account.id).await?
    {
        return Err(conflict(DUPLICATE_EMAIL));
    }
    Ok(())
}

/// Tokens of earlier versions are refused from now on.
pub(super) fn next_token_version(account: &Account) -> Result<u32, Fault> {
    account.token_version.checked_add(1).ok_or_else(|| {
        tracing::error!(user = %account.id, "the user's token versions are used up");
        Fault::new(FaultCode::Internal, "Internal error")
    })
}

pub(super) fn username_of(text: &str) -> Result<String, Fault> {
    text_of("The username", text, MAX_NAME_CHARS)?.ok_or_else(|| invalid("The username cannot be empty"))
}

fn name_of(text: &str) -> Result<Option<String>, Fault> {
    text_of("The name", text, MAX_NAME_CHARS)
}

fn email_of(text: &str) -> Result<Option<String>, Fault> {
    Ok(text_of("The email address", text, MAX_EMAIL_CHARS)?.map(|email| email.to_lowercase()))
}

/// Trimmed; `None` when nothing is left.
fn text_of(what: &str, text: &str, max_chars: usize) -> Result<Option<String>, Fault> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(invalid(format!("{what} cannot contain control characters")));
    }
    if text.chars().count() > max_chars {
        return Err(invalid(format!("{what} cannot be longer than {max_chars} characters")));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The names of the fields that differ.
fn changed_fields(before: &Account, after: &Account) -> String {
    let fields = [
        ("username", before.username != after.username),
        ("name", before.name != after.name),
        ("email", before.email != after.email),
        ("role", before.role != after.role),
        ("is_active", before.is_active != after.is_active),
        ("expires_at", before.expires_at != after.expires_at),
    ];
    let changed: Vec<&str> = fields.iter().filter(|(_, differs)| *differs).map(|(field, _)| *field).collect();
    changed.join(" ")
}
