//! Whatever a server answers, what is read from it are paths below the watched directory, and no more than it holds;
//! what a server packs comes out as it went in.
#![no_main]

use causeway_change_notify::{ChangeAction, read_answer};
use causeway_paths::SharePath;
use libfuzzer_sys::fuzz_target;

/// Offset of the next entry, action, length of the name.
const BEFORE_NAME: usize = 12;

fuzz_target!(|input: (&[u8], Vec<(u8, String)>)| {
    let (bytes, entries) = input;
    for body in [bytes.to_vec(), answer(bytes)] {
        let Ok(Some(changes)) = read_answer(&body) else { continue };
        assert!(!changes.is_empty() && changes.len() * BEFORE_NAME <= body.len());
        for change in changes {
            assert!(!change.path.is_root());
            assert_eq!(SharePath::parse(change.path.as_str()).as_ref(), Ok(&change.path));
        }
    }

    let good = entries.into_iter().filter_map(|(action, name)| {
        let path = SharePath::parse(&name).ok().filter(|path| !path.is_root())?;
        Some((u32::from(action % 5) + 1, path))
    });
    let good: Vec<(u32, SharePath)> = good.collect();
    let Ok(read) = read_answer(&answer(&pack(&good))) else { panic!("a good list is refused") };
    let read: Vec<(u32, SharePath)> =
        read.into_iter().flatten().map(|change| (code(change.action), change.path)).collect();
    assert_eq!(read, good);
});

fn code(action: ChangeAction) -> u32 {
    match action {
        ChangeAction::Added => 1,
        ChangeAction::Removed => 2,
        ChangeAction::Modified => 3,
        ChangeAction::RenamedFrom => 4,
        ChangeAction::RenamedTo => 5,
    }
}

/// The body of an answer that holds this list.
fn answer(list: &[u8]) -> Vec<u8> {
    let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
    [&[9, 0, 72, 0][..], &length.to_le_bytes(), list].concat()
}

/// Entries at multiples of four, as servers pack them.
fn pack(entries: &[(u32, SharePath)]) -> Vec<u8> {
    let mut packed = Vec::new();
    for (position, (action, path)) in entries.iter().enumerate() {
        let name: Vec<u8> =
            path.as_str().replace('/', "\\").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let size = (BEFORE_NAME + name.len()).next_multiple_of(4);
        let is_last = position + 1 == entries.len();
        let [next, length] =
            [if is_last { 0 } else { size }, name.len()].map(|size| u32::try_from(size).unwrap_or(0));
        packed.extend([next, *action, length].iter().flat_map(|word| word.to_le_bytes()));
        packed.extend(name);
        if !is_last {
            packed.resize(packed.len().next_multiple_of(4), 0);
        }
    }
    packed
}
