//! What lies beside a working copy: backups, marks of programs that have it open, and files that are worth something.
//!
//! Nothing that is not known by its whole name is rubbish. A program that ended well takes its marks along; after one
//! that was killed they may be all that is left of the work (emacs saves by itself to `#name#`, vim to `.name.swp`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Letters at the end of vim's swap files: the first one, and those of further vims that have the same file open.
const SWAPS: [&str; 4] = ["swp", "swo", "swn", "swm"];

/// What a file in the working directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The working copy.
    Copy,
    /// What programs leave there that ended well, and what holds nothing new.
    Leftover,
    /// What programs take along when they end well.
    Trace,
    /// Anything else: "save as", or what somebody put there.
    Other,
}

impl Kind {
    fn of(found: &str, name: &str) -> Self {
        if found == name {
            return Self::Copy;
        }
        // The version before the last save; vim's undo history, which it keeps from one edit to the next; how a
        // Macintosh shows the directory.
        if found == format!("{name}~") || found == format!(".{name}.un~") || found == ".DS_Store" {
            return Self::Leftover;
        }
        let is_trace = found == format!("#{name}#") || owners_marks(name).iter().any(|mark| mark == found);
        if is_trace { Self::Trace } else { Self::Other }
    }
}

/// Marks that say who has the file open, and hold nothing of it: LibreOffice, Microsoft Office, emacs.
fn owners_marks(name: &str) -> Vec<String> {
    // Office leaves out the first one or two letters of longer names.
    let office = (0..=2).map(|left_out| format!("~${}", name.chars().skip(left_out).collect::<String>()));
    [format!(".~lock.{name}#"), format!(".#{name}")].into_iter().chain(office).collect()
}

/// Files that hold what is being edited: vim, kate. They are not there any more when the program ended well.
fn swap_files(name: &str) -> Vec<String> {
    // vim does not put a second dot before a name that begins with one.
    let hidden = if name.starts_with('.') { name.to_owned() } else { format!(".{name}") };
    let vim = SWAPS.iter().map(|ending| format!("{hidden}.{ending}"));
    vim.chain([format!("{hidden}.kate-swp")]).collect()
}

/// The file by which a program says that it still has the working copy open, if there is one. One that was killed says so
/// for ever.
pub fn mark_of_a_program(work: &Path, name: &str) -> Option<String> {
    // A mark of emacs is a link to nowhere.
    let is_there = |mark: &String| work.join(mark).symlink_metadata().is_ok();
    owners_marks(name).into_iter().chain(swap_files(name)).find(is_there)
}

/// Files in the working directory that are not to be removed with it. If it is doubtful that the program ended well,
/// those that such a program would have taken along are among them.
pub fn others_beside(work: &Path, name: &str, doubtful: bool) -> io::Result<Vec<PathBuf>> {
    let mut others = Vec::new();
    for entry in fs::read_dir(work)? {
        let entry = entry?;
        let kind = Kind::of(&entry.file_name().to_string_lossy(), name);
        let is_rubbish = match kind {
            Kind::Copy => true,
            Kind::Leftover => !entry.file_type()?.is_dir(),
            Kind::Trace => !doubtful && !entry.file_type()?.is_dir(),
            Kind::Other => false,
        };
        if !is_rubbish {
            others.push(entry.path());
        }
    }
    others.sort();
    Ok(others)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{mark_of_a_program, others_beside};

    const RUBBISH: [&str; 3] = ["a.odt~", ".a.odt.un~", ".DS_Store"];
    const TRACES: [&str; 6] = ["#a.odt#", ".#a.odt", ".~lock.a.odt#", "~$a.odt", "~$.odt", "~$odt"];

    fn names(directory: &Path, doubtful: bool) -> Vec<String> {
        let others = others_beside(directory, "a.odt", doubtful).expect("a list");
        let name =
            |path: &std::path::PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
        others.iter().map(name).collect()
    }

    #[test]
    fn what_may_be_worth_something_is_never_rubbish() {
        for name in [
            "#1 plan.odt",
            ".env",
            "x.tmp",
            "a.odt.bak",
            ".a.odt.swp",
            "a.docx",
            "b.odt~",
            "#b.odt#",
            "~$b.odt",
            "a.odt.save",
        ] {
            let temporary = tempfile::tempdir().expect("a directory");
            std::fs::write(temporary.path().join(name), "x").expect("written");
            assert_eq!(names(temporary.path(), false), [name]);
        }
        let temporary = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(temporary.path().join("a.odt~")).expect("a directory");
        assert_eq!(names(temporary.path(), false), ["a.odt~"], "a directory is no backup");
    }

    #[test]
    fn traces_of_programs_count_when_they_may_not_have_ended_well() {
        let temporary = tempfile::tempdir().expect("a directory");
        for name in ["a.odt"].iter().chain(&RUBBISH).chain(&TRACES) {
            std::fs::write(temporary.path().join(name), "x").expect("written");
        }
        assert!(names(temporary.path(), false).is_empty(), "{:?}", names(temporary.path(), false));
        let mut traces = TRACES;
        traces.sort_unstable();
        assert_eq!(names(temporary.path(), true), traces);
    }

    #[test]
    fn programs_that_still_have_it_are_noticed() {
        for file in [".~lock.Plan B.odt#", "~$Plan B.odt", "~$an B.odt", ".Plan B.odt.swp", ".Plan B.odt.swo"]
        {
            let temporary = tempfile::tempdir().expect("a directory");
            assert_eq!(mark_of_a_program(temporary.path(), "Plan B.odt"), None);
            std::fs::write(temporary.path().join(file), "x").expect("written");
            assert_eq!(mark_of_a_program(temporary.path(), "Plan B.odt").as_deref(), Some(file));
        }
        let temporary = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("ann@desk.1:2", temporary.path().join(".#a.txt")).expect("a link");
        assert!(mark_of_a_program(temporary.path(), "a.txt").is_some(), "a link to nowhere");
        std::fs::write(temporary.path().join(".profile.swp"), "x").expect("written");
        assert!(mark_of_a_program(temporary.path(), ".profile").is_some());
    }
}
