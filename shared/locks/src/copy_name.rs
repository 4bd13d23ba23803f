//! Names for what could not be saved in its place.

use causeway_paths::EntryName;

/// Longest part of a user's name, or of the time, that stands in a file's name, in characters.
const MAX_PART_CHARS: usize = 40;

/// Longest name, in UTF-16 units: what file systems take.
const MAX_UNITS: usize = 255;

/// `name (conflict copy, user, time).ext`; the `attempt`th of that time carries its number, from 2 on.
///
/// Characters of the user's name and of the time that a file's name cannot have become `_`; a name that would become too long loses the
/// end of its stem, never its extension. `None` for a name that is nobody's to give, such as one with a reserved character.
pub fn conflict_copy(name: &str, user: &str, time: &str, attempt: u32) -> Option<EntryName> {
    let plain = |text: &str| -> String {
        let taken = text.trim().chars().take(MAX_PART_CHARS);
        taken.map(|character| if is_plain(character) { character } else { '_' }).collect()
    };
    let number = if attempt > 1 { format!(" {attempt}") } else { String::new() };
    let mark = format!(" (conflict copy, {}, {}{number})", plain(user), plain(time));
    let (stem, extension) = split(name);
    let room = MAX_UNITS.checked_sub(units(&mark) + units(extension))?;
    let stem = shortened(stem, room);
    EntryName::parse(&format!("{stem}{mark}{extension}")).ok()
}

fn is_plain(character: char) -> bool {
    !character.is_control() && !matches!(character, '"' | '*' | '/' | ':' | '<' | '>' | '?' | '\\' | '|')
}

/// The name and its extension with the dot; a dot at the beginning begins no extension.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && units(&name[dot..]) <= MAX_UNITS / 4 => name.split_at(dot),
        _ => (name, ""),
    }
}

fn shortened(text: &str, most: usize) -> &str {
    let mut taken = 0;
    for (at, character) in text.char_indices() {
        taken += character.len_utf16();
        if taken > most {
            return &text[..at];
        }
    }
    text
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
