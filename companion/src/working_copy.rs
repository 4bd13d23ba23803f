//! The file that the person edits: its name, its content, and what programs leave beside it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::session::Content;

/// Bytes of a name. File systems allow 255; editors add endings of their own.
const LONGEST_NAME: usize = 200;

/// Bytes of an extension that is kept when a name has to be cut.
const LONGEST_EXTENSION: usize = 32;

/// What a file without a usable name is called.
const NAMELESS: &str = "file";

/// Bytes read at once when a content is hashed.
const BUFFER: usize = 256 * 1024;

/// How long a file may be away: programs that save by rename or by writing anew take it away for a moment.
const AWAY_FOR: Duration = Duration::from_secs(2);

/// How often it is looked whether it is back.
const LOOK: Duration = Duration::from_millis(100);

/// Endings of files that a desktop runs rather than opens.
const PROGRAMS: [&str; 24] = [
    "appimage",
    "application",
    "bash",
    "bat",
    "cmd",
    "com",
    "command",
    "cpl",
    "desktop",
    "exe",
    "hta",
    "jar",
    "js",
    "jse",
    "lnk",
    "msi",
    "pif",
    "ps1",
    "scpt",
    "scr",
    "sh",
    "terminal",
    "vbs",
    "workflow",
];

/// A name for the working copy: the last part of the server's path, with everything taken out of it that could lead
/// elsewhere or deceive. The extension stays, because desktops choose the program by it.
pub fn safe_name(path: &str) -> String {
    let last = path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
    let cleaned: String = last.chars().map(|letter| if deceives(letter) { '_' } else { letter }).collect();
    let cleaned = cleaned.trim_end_matches([' ', '.']).trim_start();
    if cleaned.trim_start_matches('.').is_empty() {
        return NAMELESS.to_owned();
    }
    if cleaned.len() <= LONGEST_NAME {
        return cleaned.to_owned();
    }
    let extension = cleaned
        .rsplit_once('.')
        .map(|(_, extension)| extension)
        .filter(|extension| !extension.is_empty() && extension.len() <= LONGEST_EXTENSION)
        .map(|extension| format!(".{extension}"))
        .unwrap_or_default();
    let room = cleaned.floor_char_boundary(LONGEST_NAME - extension.len());
    format!("{}{extension}", &cleaned[..room])
}

/// Control characters, and those that turn the direction of writing: with U+202E in it, `report[U+202E]fdp.exe` looks like a PDF.
fn deceives(letter: char) -> bool {
    let turns = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    letter.is_control() || turns
}

/// Whether a desktop would run such a file instead of opening it.
pub fn looks_like_a_program(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| PROGRAMS.contains(&extension.as_str()))
}

/// The content of a file, by length and hash: whether it changed is not told by times, which programs set as they like.
pub fn content_of(path: &Path) -> io::Result<Content> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        size += count as u64;
    }
    Ok(Content { size, sha256: hex(&hash.finalize()) })
}

/// The digits of a hash.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Copies the working copy as it is now to where it is sent from, so that a program that saves meanwhile cannot change
/// what is sent. `None` when it is gone, and does not come back.
pub fn take_snapshot(working_copy: &Path, outgoing: &Path) -> io::Result<Option<Content>> {
    // A copy has its original's permissions: an earlier one may be for reading only.
    match fs::remove_file(outgoing) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
        _ => {}
    }
    let mut waited = Duration::ZERO;
    loop {
        match fs::copy(working_copy, outgoing) {
            Ok(_) => break,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound && waited < AWAY_FOR => {
                std::thread::sleep(LOOK);
                waited += LOOK;
            }
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        }
    }
    // It is what recovery compares with, so that it must be on the disk before the state says so.
    File::open(outgoing)?.sync_all()?;
    content_of(outgoing).map(Some)
}

/// Files in the working directory that somebody may have put there on purpose ("save as"), which are not to be
/// removed with it. Backups and lock files of programs are not among them.
pub fn others_beside(work: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let mut others = Vec::new();
    for entry in fs::read_dir(work)? {
        let entry = entry?;
        let found = entry.file_name().to_string_lossy().into_owned();
        let rubbish = found.starts_with(['.', '#', '~'])
            || found.ends_with(['~', '#'])
            || [".bak", ".swp", ".tmp", ".lock"].iter().any(|ending| found.ends_with(ending));
        if found != name && !rubbish {
            others.push(entry.path());
        }
    }
    others.sort();
    Ok(others)
}

/// Whether a program says by a lock file of its own that it still has the working copy open: LibreOffice, Microsoft
/// Office, vim.
pub fn is_open_in_a_program(work: &Path, name: &str) -> bool {
    // Office leaves out the first two letters of longer names.
    let short: String = name.chars().skip(2).collect();
    [format!(".~lock.{name}#"), format!("~${name}"), format!("~${short}"), format!(".{name}.swp")]
        .iter()
        .any(|file| work.join(file).exists())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::{
        content_of, is_open_in_a_program, looks_like_a_program, others_beside, safe_name, take_snapshot,
    };

    #[test]
    fn names_stay_as_they_are_when_they_can() {
        for (path, name) in [
            ("docs/Plan B.odt", "Plan B.odt"),
            ("a.txt", "a.txt"),
            ("docs/.profile", ".profile"),
            ("Ünïcödé 漢字.docx", "Ünïcödé 漢字.docx"),
            ("docs//x.tar.gz", "x.tar.gz"),
        ] {
            assert_eq!(safe_name(path), name);
        }
    }

    #[test]
    fn names_lead_nowhere_and_deceive_nobody() {
        for (path, name) in [
            ("..", "file"),
            ("../..", "file"),
            ("a/.", "file"),
            ("", "file"),
            ("///", "file"),
            ("a/..\\..\\evil.txt", "evil.txt"),
            ("report\u{202e}fdp.exe", "report_fdp.exe"),
            ("a\nb\0c.txt", "a_b_c.txt"),
            ("trailing. . ", "trailing"),
        ] {
            assert_eq!(safe_name(path), name, "{path:?}");
        }
        let long = safe_name(&format!("{}.docx", "ä".repeat(300)));
        assert!(long.len() <= 200 && long.ends_with("ä.docx") && long.starts_with('ä'), "{long}");
    }

    #[test]
    fn programs_are_known_by_their_endings() {
        for name in ["Setup.EXE", "run.sh", "x.desktop", "a.pdf.lnk"] {
            assert!(looks_like_a_program(name), "{name}");
        }
        for name in ["a.txt", "sh", "exe", "notes.sh.txt", "a.odt"] {
            assert!(!looks_like_a_program(name), "{name}");
        }
    }

    #[test]
    fn content_is_told_apart_by_what_is_in_it() {
        let temporary = tempfile::tempdir().expect("a directory");
        let file = temporary.path().join("a");
        std::fs::write(&file, "abc").expect("written");
        let content = content_of(&file).expect("a content");
        assert_eq!(content.size, 3);
        // FIPS 180-2, appendix B.1.
        assert_eq!(content.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        // Saved by rename, the same content: another file, another time.
        std::fs::write(temporary.path().join("b"), "abc").expect("written");
        std::fs::rename(temporary.path().join("b"), &file).expect("renamed");
        assert_eq!(content_of(&file).expect("a content"), content);
    }

    #[test]
    fn a_snapshot_is_what_was_there_at_that_moment() {
        let temporary = tempfile::tempdir().expect("a directory");
        let (file, outgoing) = (temporary.path().join("a"), temporary.path().join("out"));
        std::fs::write(&file, "first").expect("written");
        let content = take_snapshot(&file, &outgoing).expect("a copy").expect("a file");
        std::fs::write(&file, "second").expect("written");
        assert_eq!(content_of(&outgoing).expect("a content"), content);
        std::fs::remove_file(&file).expect("removed");
        assert_eq!(take_snapshot(&file, &outgoing).expect("no fault"), None);
    }

    #[test]
    fn a_file_that_is_away_for_a_moment_is_waited_for() {
        let temporary = tempfile::tempdir().expect("a directory");
        let (file, outgoing) = (temporary.path().join("a"), temporary.path().join("out"));
        let coming = file.clone();
        let program = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            std::fs::write(coming, "saved").expect("written");
        });
        assert!(take_snapshot(&file, &outgoing).expect("no fault").is_some());
        program.join().expect("a thread");
    }

    #[test]
    fn what_was_saved_under_another_name_is_noticed() {
        let temporary = tempfile::tempdir().expect("a directory");
        for name in ["a.odt", "a.odt~", ".~lock.a.odt#", ".a.odt.swp", "#a.odt#", "a.odt.bak"] {
            std::fs::write(temporary.path().join(name), "x").expect("written");
        }
        assert!(others_beside(temporary.path(), "a.odt").expect("a list").is_empty());
        std::fs::write(temporary.path().join("a.docx"), "x").expect("written");
        let others = others_beside(temporary.path(), "a.odt").expect("a list");
        assert_eq!(others, [temporary.path().join("a.docx")]);
    }

    #[test]
    fn programs_that_still_have_it_are_noticed() {
        for file in [".~lock.Plan B.odt#", "~$Plan B.odt", "~$an B.odt", ".Plan B.odt.swp"] {
            let temporary = tempfile::tempdir().expect("a directory");
            assert!(!is_open_in_a_program(temporary.path(), "Plan B.odt"));
            std::fs::write(temporary.path().join(file), "x").expect("written");
            assert!(is_open_in_a_program(temporary.path(), "Plan B.odt"), "{file}");
        }
    }

    proptest! {
        #[test]
        fn every_path_gives_one_plain_name(path in "\\PC*|[./\\\\ ]*|.{0,300}") {
            let name = safe_name(&path);
            prop_assert!(!name.is_empty() && name.len() <= 200);
            prop_assert!(!name.contains(['/', '\\', '\0']));
            let mut parts = Path::new(&name).components();
            prop_assert!(matches!(parts.next(), Some(Component::Normal(_))));
            prop_assert!(parts.next().is_none());
        }

        #[test]
        fn a_short_extension_is_kept(stem in "[a-zä漢 ]{1,400}", extension in "[a-z0-9]{1,8}") {
            let name = safe_name(&format!("{stem}x.{extension}"));
            prop_assert!(name.ends_with(&format!(".{extension}")), "{}", name);
        }
    }
}
