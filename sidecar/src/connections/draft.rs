//! What may stand in a connection.

use std::net::Ipv6Addr;

use causeway_internal::Fault;
use causeway_internal::connections::{ConnectionDraft, ConnectionPatch};
use causeway_paths::SharePath;
use zeroize::Zeroizing;

use super::invalid;
use super::rows::Stored;
use crate::shares::ProbeTarget;

/// The only kind there is.
const KIND: &str = "smb";

/// Longest display name and user name, in characters.
const MAX_NAME_CHARS: usize = 255;

/// Longest host name, in bytes (RFC 1035 2.3.4).
const MAX_HOST_BYTES: usize = 255;

/// Longest name of a share, in characters (MS-SRVS 2.2.4.23 allows 80; servers other than Windows may not care).
const MAX_SHARE_CHARS: usize = 255;

/// Longest password, in bytes; Windows ends at 256 UTF-16 units.
const MAX_PASSWORD_BYTES: usize = 1024;

/// Refuses a draft with anything in it that cannot be.
pub(super) fn check(draft: &ConnectionDraft) -> Result<(), Fault> {
    if draft.kind != KIND {
        return Err(invalid("Only connections of type smb are supported"));
    }
    check_name(&draft.name)?;
    check_host(&draft.host)?;
    check_port(draft.port)?;
    check_share(&draft.share_name)?;
    check_username(&draft.username)?;
    check_password(&draft.password)?;
    prefix_of(draft.path_prefix.as_deref())?;
    Ok(())
}

/// What to try for a draft that was checked.
pub(super) fn target(draft: &ConnectionDraft) -> Result<ProbeTarget, Fault> {
    Ok(ProbeTarget {
        host: draft.host.clone(),
        port: draft.port,
        share: draft.share_name.clone(),
        username: draft.username.clone(),
        password: Zeroizing::new(draft.password.clone()),
        prefix: prefix_of(draft.path_prefix.as_deref())?,
    })
}

/// The connection with the patch applied, but for scope and password. Blank fields (and port 0) keep what is stored, as
/// an absent one does: forms send them for fields that nobody touched. A blank name is refused.
pub(super) fn patched(before: &Stored, patch: &ConnectionPatch) -> Result<Stored, Fault> {
    let mut after = before.clone();
    if let Some(name) = &patch.name {
        check_name(name)?;
        after.name.clone_from(name);
    }
    if let Some(host) = given(patch.host.as_deref()) {
        check_host(host)?;
        host.clone_into(&mut after.host);
    }
    if let Some(port) = patch.port.filter(|port| *port != 0) {
        after.port = port;
    }
    if let Some(share) = given(patch.share_name.as_deref()) {
        check_share(share)?;
        after.share_name = Some(share.to_owned());
    }
    if let Some(username) = given(patch.username.as_deref()) {
        check_username(username)?;
        username.clone_into(&mut after.username);
    }
    if let Some(prefix) = &patch.path_prefix {
        prefix_of(prefix.as_deref())?;
        after.path_prefix.clone_from(prefix);
    }
    after.access_mode = patch.access_mode.unwrap_or(before.access_mode);
    Ok(after)
}

/// The new password, if there is one. Fault: `Invalid`.
pub(super) fn new_password(patch: &ConnectionPatch) -> Result<Option<Zeroizing<String>>, Fault> {
    let password = patch.password.as_deref().filter(|password| !password.is_empty());
    password
        .map(|password| check_password(password).map(|()| Zeroizing::new(password.to_owned())))
        .transpose()
}

/// Whether the patch names anything that the server has a say in.
pub(super) fn concerns_server(patch: &ConnectionPatch) -> bool {
    let ConnectionPatch {
        name: _,
        host,
        port,
        share_name,
        username,
        password,
        path_prefix,
        scope: _,
        access_mode: _,
    } = patch;
    host.is_some()
        || port.is_some()
        || share_name.is_some()
        || username.is_some()
        || password.is_some()
        || path_prefix.is_some()
}

/// Whether sessions for the one are of no use for the other, the password aside.
pub(super) fn differs_for_server(one: &Stored, other: &Stored) -> bool {
    one.host != other.host
        || one.port != other.port
        || one.share_name != other.share_name
        || one.username != other.username
        || one.path_prefix != other.path_prefix
}

/// The directory that is the connection's root. Fault: `Invalid`.
pub(super) fn prefix_of(text: Option<&str>) -> Result<SharePath, Fault> {
    SharePath::parse(text.unwrap_or_default())
        .map_err(|error| invalid(format!("The path prefix is invalid: {error}")))
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

fn check_name(name: &str) -> Result<(), Fault> {
    check_text("name", name, MAX_NAME_CHARS)
}

fn check_username(username: &str) -> Result<(), Fault> {
    check_text("user name", username, MAX_NAME_CHARS)
}

fn check_share(share: &str) -> Result<(), Fault> {
    check_text("share name", share, MAX_SHARE_CHARS)?;
    if share.contains(['/', '\\']) {
        return Err(invalid(
            "The share name cannot contain slashes; a directory on the share goes into the path prefix",
        ));
    }
    Ok(())
}

fn check_text(what: &str, text: &str, max_chars: usize) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(invalid(format!("The {what} cannot be empty")));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(format!("The {what} cannot contain control characters")));
    }
    if text.chars().count() > max_chars {
        return Err(invalid(format!("The {what} cannot be longer than {max_chars} characters")));
    }
    Ok(())
}

fn check_password(password: &str) -> Result<(), Fault> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(invalid(format!("The password cannot be longer than {MAX_PASSWORD_BYTES} bytes")));
    }
    Ok(())
}

fn check_port(port: u16) -> Result<(), Fault> {
    if port == 0 { Err(invalid("The port must be between 1 and 65535")) } else { Ok(()) }
}

/// A name or an address and nothing around it: no scheme, no port, no user, no share.
fn check_host(host: &str) -> Result<(), Fault> {
    if host.trim().is_empty() {
        return Err(invalid("The host cannot be empty"));
    }
    if host.len() > MAX_HOST_BYTES {
        return Err(invalid(format!("The host cannot be longer than {MAX_HOST_BYTES} bytes")));
    }
    if host.chars().any(|char| char.is_control() || char.is_whitespace() || matches!(char, '/' | '\\' | '@'))
    {
        return Err(invalid("The host must be a host name or an IP address"));
    }
    if host.contains([':', '[', ']']) {
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if literal.parse::<Ipv6Addr>().is_err() {
            return Err(invalid(
                "The host must be a host name or an IP address; the port has a field of its own",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for host in [
            "nas",
            "nas.example",
            "192.0.2.1",
            "2001:db8::1",
            "[2001:db8::1]",
            "büro",
            "nas_1",
            &"a".repeat(255),
        ] {
            assert_eq!(check_host(host), Ok(()), "{host}");
        }
        for host in [
            "",
            " ",
            "nas ",
            "smb://nas",
            "\\\\nas",
            "nas/share",
            "nas:445",
            "192.0.2.1:445",
            "user@nas",
            "nas\0",
            "n\nas",
            "[nas]",
            "[2001:db8::1",
            "2001:db8::1]:445",
            "na s",
            "nas\u{2028}",
            &"a".repeat(256),
        ] {
            assert!(check_host(host).is_err(), "{host:?}");
        }
    }

    #[test]
    fn a_share_is_one_name() {
        assert_eq!(check_share("data$"), Ok(()));
        for share in ["", " ", "data/sub", "\\data", "da\tta", &"x".repeat(256)] {
            assert!(check_share(share).is_err(), "{share:?}");
        }
    }

    #[test]
    fn a_prefix_stays_on_the_share() {
        assert_eq!(prefix_of(None), Ok(SharePath::root()));
        assert_eq!(prefix_of(Some("/")), Ok(SharePath::root()));
        assert_eq!(prefix_of(Some("/a/b/")).map(|prefix| prefix.to_string()), Ok("a/b".to_owned()));
        for prefix in ["..", "a/../..", "/a/./b", "a\0b"] {
            assert!(prefix_of(Some(prefix)).is_err(), "{prefix:?}");
        }
    }
}
