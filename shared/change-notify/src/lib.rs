//! Answers to CHANGE_NOTIFY (MS-SMB2 2.2.36) and the list of changes in them (MS-FSCC 2.7.1,
//! `FILE_NOTIFY_INFORMATION`).
//!
//! A crate of its own, without anything that talks to a server, so that it can be fuzzed.

use causeway_paths::SharePath;

/// One change of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemChange {
    /// What happened.
    pub action: ChangeAction,
    /// Relative to the watched directory.
    pub path: SharePath,
}

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeAction {
    /// It is new here: made, or moved here from outside.
    Added,
    /// It is not here any more: deleted, or moved away.
    Removed,
    /// Its content or its metadata changed.
    Modified,
    /// It had this name; the next change tells the new one.
    RenamedFrom,
    /// It has this name now.
    RenamedTo,
}

impl ChangeAction {
    /// MS-FSCC 2.7.1; a change of a named stream is one of its file.
    fn of(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Added),
            2 => Some(Self::Removed),
            3 | 6..=8 => Some(Self::Modified),
            4 => Some(Self::RenamedFrom),
            5 => Some(Self::RenamedTo),
            _ => None,
        }
    }
}

/// An answer that is not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The body ends before what it says it holds.
    #[error("an answer to CHANGE_NOTIFY is cut off")]
    Body,
    /// An entry ends before what it says it holds, or lies across another one.
    #[error("a list of changes is cut off")]
    List,
}

/// The header before a body, which offsets in it count too (MS-SMB2 2.2.1).
const HEADER: usize = 64;

/// Before the name in an entry: offset of the next one, action, length of the name.
const NAME: usize = 12;

/// Reads the body of a successful answer. `None` stands for what cannot be told in [`ItemChange`]s, so that everything
/// has to be looked at: an empty list (which is how servers say that it did not fit), actions that nobody knows, names
/// that no path can carry.
///
/// # Errors
///
/// When the body is not what the protocol says. Whatever it holds, there is no panic and no more memory than it takes
/// itself several times.
pub fn read_answer(body: &[u8]) -> Result<Option<Vec<ItemChange>>, Malformed> {
    let fixed = body.first_chunk::<8>().ok_or(Malformed::Body)?;
    let start = usize::from(u16::from_le_bytes([fixed[2], fixed[3]]));
    let length = u32::from_le_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]) as usize;
    if length == 0 {
        return Ok(None);
    }
    let list = start
        .checked_sub(HEADER)
        .filter(|start| *start >= fixed.len())
        .and_then(|start| body.get(start..)?.get(..length))
        .ok_or(Malformed::Body)?;
    read_list(list)
}

/// `None` when something happened that the list cannot tell.
fn read_list(mut list: &[u8]) -> Result<Option<Vec<ItemChange>>, Malformed> {
    let mut changes = Vec::new();
    let mut complete = true;
    loop {
        let fixed = list.first_chunk::<NAME>().ok_or(Malformed::List)?;
        let word = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let name = list.get(NAME..).and_then(|rest| rest.get(..word(8) as usize)).ok_or(Malformed::List)?;
        match (ChangeAction::of(word(4)), decode(name)) {
            (Some(action), Some(path)) => changes.push(ItemChange { action, path }),
            _ => complete = false,
        }
        match word(0) as usize {
            0 => return Ok(complete.then_some(changes)),
            // Entries do not overlap, or a short list could hold endless ones.
            next if next < NAME + name.len() => return Err(Malformed::List),
            next => list = list.get(next..).ok_or(Malformed::List)?,
        }
    }
}

/// The path, unless it is half a character, nothing, or what no path may be.
fn decode(name: &[u8]) -> Option<SharePath> {
    if !name.len().is_multiple_of(2) {
        return None;
    }
    let units = name.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    SharePath::parse(&text).ok().filter(|path| !path.is_root())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a server packs it: entries begin at multiples of four.
    fn list(entries: &[(u32, Vec<u16>)]) -> Vec<u8> {
        let mut packed = Vec::new();
        for (position, (action, name)) in entries.iter().enumerate() {
            let bytes: Vec<u8> = name.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let size = (NAME + bytes.len()).next_multiple_of(4);
            let next = if position + 1 == entries.len() { 0 } else { size };
            packed.extend(u32::try_from(next).expect("small").to_le_bytes());
            packed.extend(action.to_le_bytes());
            packed.extend(u32::try_from(bytes.len()).expect("small").to_le_bytes());
            packed.extend(&bytes);
            if next != 0 {
                packed.resize(packed.len().next_multiple_of(4), 0);
            }
        }
        packed
    }

    fn answer(list: &[u8]) -> Vec<u8> {
        let mut body = vec![9, 0, 72, 0];
        body.extend(u32::try_from(list.len()).expect("small").to_le_bytes());
        body.extend(list);
        body
    }

    fn wide(name: &str) -> Vec<u16> {
        name.encode_utf16().collect()
    }

    fn change(action: ChangeAction, path: &str) -> ItemChange {
        ItemChange { action, path: SharePath::parse(path).expect("a path") }
    }

    #[test]
    fn changes_come_in_order_with_paths_below_the_directory() {
        let packed = list(&[
            (1, wide("new.txt")),
            (3, wide("sub\\deeper\\e\u{301} 😀")),
            (4, wide("from")),
            (5, wide("to")),
            (7, wide("with a stream")),
            (2, wide("x")),
        ]);
        let event = read_answer(&answer(&packed)).expect("reads");
        let expected = vec![
            change(ChangeAction::Added, "new.txt"),
            change(ChangeAction::Modified, "sub/deeper/e\u{301} 😀"),
            change(ChangeAction::RenamedFrom, "from"),
            change(ChangeAction::RenamedTo, "to"),
            change(ChangeAction::Modified, "with a stream"),
            change(ChangeAction::Removed, "x"),
        ];
        assert_eq!(event, Some(expected));
    }

    #[test]
    fn what_cannot_be_told_is_not_lost() {
        let overflows = |entries: &[(u32, Vec<u16>)]| {
            assert_eq!(read_answer(&answer(&list(entries))).expect("reads"), None);
        };
        overflows(&[(1, wide("good")), (99, wide("unknown action"))]);
        overflows(&[(1, vec![0xd800]), (1, wide("good"))]);
        overflows(&[(1, wide("control\u{7}"))]);
        overflows(&[(1, wide("..\\up"))]);
        overflows(&[(1, Vec::new())]);
        overflows(&[(1, wide("\\\\server\\share"))]);
        assert_eq!(read_answer(&[9, 0, 0, 0, 0, 0, 0, 0]).expect("reads"), None);
        let mut odd = list(&[(1, wide("ab"))]);
        odd[8] = 3;
        assert_eq!(read_answer(&answer(&odd)).expect("reads"), None);
    }

    #[test]
    fn offsets_that_lead_astray_are_refused() {
        let good = list(&[(1, wide("ab")), (2, wide("cd"))]);
        for next in [1_u32, 8, 12, 15, 0x7fff_ffff, u32::MAX] {
            let mut bad = good.clone();
            bad[..4].copy_from_slice(&next.to_le_bytes());
            assert!(read_answer(&answer(&bad)).is_err(), "{next}");
        }
        for length in [100_u32, u32::MAX] {
            let mut bad = good.clone();
            bad[8..12].copy_from_slice(&length.to_le_bytes());
            assert!(read_answer(&answer(&bad)).is_err(), "{length}");
        }
        for offset in [0_u8, 63, 64, 71, 200] {
            let mut bad = answer(&good);
            bad[2] = offset;
            assert!(read_answer(&bad).is_err(), "{offset}");
        }
        let whole = answer(&good);
        for cut in 0..whole.len() {
            assert!(read_answer(&whole[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_server_sends_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_answer(&bytes);
            let _ = read_answer(&answer(&bytes));
        }

        #[test]
        fn what_is_packed_is_read(names in proptest::collection::vec(("[a-zé😀]{1,20}", 1_u32..=5), 1..40)) {
            let entries: Vec<_> = names.iter().map(|(name, action)| (*action, wide(name))).collect();
            let expected = names
                .iter()
                .map(|(name, action)| change(ChangeAction::of(*action).expect("known"), name))
                .collect();
            let packed = answer(&list(&entries));
            prop_assert_eq!(read_answer(&packed).expect("reads"), Some(expected));
        }

        #[test]
        fn one_wrong_byte_breaks_nothing(at in 0_usize..80, value: u8) {
            let mut packed = answer(&list(&[(1, wide("first")), (4, wide("second")), (5, wide("third"))]));
            if let Some(byte) = packed.get_mut(at) {
                *byte = value;
            }
            let _ = read_answer(&packed);
        }
    }
}
