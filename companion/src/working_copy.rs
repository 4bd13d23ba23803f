//! The file that the person edits: its name and its content.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// How long a file may be written to without a pause before it is given up.
const UNSTEADY_FOR: Duration = Duration::from_secs(10);

/// How often it is looked whether it is back, and how long nothing may have been written to it before it is copied.
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
pub fn deceives(letter: char) -> bool {
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

/// By what it shows that a file was written to or replaced, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// What it is now.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&fs::metadata(path)?))
    }

    /// Whether something was written to it a moment ago, so that more may follow.
    fn is_fresh(&self) -> bool {
        let seconds = u64::try_from(self.modified.0).unwrap_or_default();
        let nanoseconds = u64::try_from(self.modified.1).unwrap_or_default();
        let modified = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
        SystemTime::now().duration_since(modified).is_ok_and(|age| age < LOOK)
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What came of copying the working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// It is copied.
    Taken(Content),
    /// It is gone, and does not come back.
    Gone,
    /// It is written to all the time, so that no copy would be whole.
    Unsteady,
}

/// Copies the working copy as it is now to where it is sent from, so that a program that saves meanwhile cannot change
/// what is sent.
pub fn take_snapshot(working_copy: &Path, outgoing: &Path) -> io::Result<Snapshot> {
    let mut waited = Duration::ZERO;
    loop {
        let missing = match copy_if_steady(working_copy, outgoing) {
            Ok(true) => break,
            Ok(false) => false,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => true,
            Err(fault) => return Err(fault),
        };
        if missing && waited >= AWAY_FOR {
            return Ok(Snapshot::Gone);
        }
        if waited >= UNSTEADY_FOR {
            return Ok(Snapshot::Unsteady);
        }
        std::thread::sleep(LOOK);
        waited += LOOK;
    }
    // It is what recovery compares with, so that it must be on the disk before the state says so.
    File::open(outgoing)?.sync_all()?;
    content_of(outgoing).map(Snapshot::Taken)
}

/// Copies, and says whether nothing was written meanwhile.
fn copy_if_steady(from: &Path, to: &Path) -> io::Result<bool> {
    let before = Stamp::of(from)?;
    if before.is_fresh() {
        return Ok(false);
    }
    // A copy has its original's permissions: an earlier one may be for reading only.
    match fs::remove_file(to) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
        _ => {}
    }
    let copied = fs::copy(from, to)?;
    Ok(copied == before.size && Stamp::of(from)? == before)
}

/// Whether there is nothing in a file, or nothing but zeros: what file systems make of one that was being written when the
/// power failed.
pub fn is_blank(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(true);
        }
        if buffer[..count].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::{Snapshot, content_of, is_blank, looks_like_a_program, safe_name, take_snapshot};

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
        let content = take_snapshot(&file, &outgoing).expect("a copy");
        std::fs::write(&file, "second").expect("written");
        assert_eq!(Snapshot::Taken(content_of(&outgoing).expect("a content")), content);
        std::fs::remove_file(&file).expect("removed");
        assert_eq!(take_snapshot(&file, &outgoing).expect("no fault"), Snapshot::Gone);
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
        assert!(matches!(take_snapshot(&file, &outgoing).expect("no fault"), Snapshot::Taken(_)));
        program.join().expect("a thread");
    }

    #[test]
    fn half_of_what_a_program_writes_is_not_taken() {
        use std::io::Write as _;
        let temporary = tempfile::tempdir().expect("a directory");
        let (path, outgoing) = (temporary.path().join("a"), temporary.path().join("out"));
        let mut file = std::fs::File::create(&path).expect("a file");
        let program = std::thread::spawn(move || {
            for _ in 0..20 {
                file.write_all(b"piece ").expect("written");
                std::thread::sleep(std::time::Duration::from_millis(30));
            }
        });
        let taken = take_snapshot(&path, &outgoing).expect("a copy");
        program.join().expect("a thread");
        assert_eq!(taken, Snapshot::Taken(content_of(&path).expect("a content")));
    }

    #[test]
    fn what_a_power_failure_leaves_of_a_file_is_known() {
        let temporary = tempfile::tempdir().expect("a directory");
        let file = temporary.path().join("a");
        for (content, blank) in [("", true), ("\0\0\0", true), ("\0\0a", false), ("a", false)] {
            std::fs::write(&file, content).expect("written");
            assert_eq!(is_blank(&file).expect("readable"), blank, "{content:?}");
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
