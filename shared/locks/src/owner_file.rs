//! What office programs write next to a file that they have open.
//!
//! Microsoft Office makes a hidden `~$name` with the user's name in it; LibreOffice makes `.~lock.name#`. Both may be left
//! behind by a crash, and both may be made by anybody: what is read here is a name to show to people, nothing more.

/// Bytes of such a file that are worth reading: Office's have 162 or 165, LibreOffice's a line.
pub const MAX_BYTES: u32 = 1024;

/// Longest name that is shown, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Where Office keeps its user's name in UTF-16, behind its length: Word, then Excel and PowerPoint. Before it the name
/// stands in the machine's 8-bit code page, its length in the first byte.
const WIDE_NAMES_AT: [usize; 2] = [54, 55];

/// Whose lock file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Word, Excel, PowerPoint.
    Office,
    /// LibreOffice and its relatives.
    LibreOffice,
}

/// A name under which a program may have marked a file as open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whose mark it is.
    pub program: Program,
    /// The name.
    pub name: String,
    /// Whether no other file has the same mark.
    pub is_certain: bool,
}

/// The names under which programs may have marked the file `name` as open.
///
/// Word puts `~$` in place of the first one or two characters of longer names: of those with seven characters before the
/// extension and with eight or more. Such a mark may be another file's: `01 Plans.docx` and `02 Plans.docx` have one.
pub fn candidates(name: &str) -> Vec<Mark> {
    let mark = |program, name, is_certain| Mark { program, name, is_certain };
    let mut found = vec![
        mark(Program::LibreOffice, format!(".~lock.{name}#"), true),
        mark(Program::Office, format!("~${name}"), true),
    ];
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let replaced = match stem.chars().count() {
        0..=6 => 0,
        7 => 1,
        _ => 2,
    };
    if replaced > 0 {
        let rest: String = name.chars().skip(replaced).collect();
        found.push(mark(Program::Office, format!("~${rest}"), false));
    }
    found
}

/// The name of the user who has the file open, if the content tells one.
pub fn user(program: Program, content: &[u8]) -> Option<String> {
    let name = match program {
        Program::Office => office_user(content),
        Program::LibreOffice => libre_office_user(content),
    }?;
    let shown: String =
        name.chars().filter(|character| !character.is_control()).take(MAX_NAME_CHARS).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

fn office_user(content: &[u8]) -> Option<String> {
    let length = usize::from(*content.first()?);
    WIDE_NAMES_AT.into_iter().find_map(|at| wide_name(content, at, length)).or_else(|| {
        let name = content.get(1..=length)?;
        // The code page is unknown: only what all of them agree on is sure.
        (length > 0)
            .then(|| name.iter().map(|&byte| if byte.is_ascii() { byte as char } else { '?' }).collect())
    })
}

/// The UTF-16 name whose length stands at `at`. It is believed when it has as many characters as the other form of it has
/// bytes, or when there is none.
fn wide_name(content: &[u8], at: usize, narrow: usize) -> Option<String> {
    let length = usize::from(u16::from_le_bytes(content.get(at..at + 2)?.try_into().ok()?));
    if length == 0 || length > WIDE_NAMES_AT[0] || (narrow != 0 && narrow < length) {
        return None;
    }
    let bytes = content.get(at + 2..at + 2 + 2 * length)?;
    let units: Vec<u16> = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    let name = String::from_utf16(&units).ok()?;
    (!name.chars().any(char::is_control)).then_some(name)
}

/// A line of fields between commas (full name, user name, host, time, profile), with `\` before a comma that belongs to
/// a field.
fn libre_office_user(content: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let line = text.lines().next()?.split(';').next()?;
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ',' => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(characters.next()),
            other => fields.last_mut()?.push(other),
        }
    }
    fields.into_iter().take(2).find(|field| !field.trim().is_empty())
}
