//! Whether a program may still have a working copy whose companion has ended.

use std::path::Path;

use crate::beside::mark_of_a_program;
use crate::session::{EditorProcess, Session};

/// How it is known, or feared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StillOpen {
    /// The program that the companion started runs, as this process.
    Process(u32),
    /// A file beside the working copy says so. A program that was killed leaves it behind, too.
    Mark(String),
    /// The desktop opened it, or the person himself, and nobody has said that the editing is over.
    Perhaps,
}

/// Whether a program may still have the session's working copy, in that directory, open.
pub fn still_open(session: &Session, work: &Path) -> Option<StillOpen> {
    if is_from_an_earlier_boot(session) {
        // Whatever had it open has ended with the machine.
        return None;
    }
    if let Some(editor) = session.editor.filter(|editor| is_alive(*editor)) {
        return Some(StillOpen::Process(editor.pid));
    }
    if let Some(mark) = mark_of_a_program(work, &session.file_name) {
        return Some(StillOpen::Mark(mark));
    }
    session.handed_over.then_some(StillOpen::Perhaps)
}

/// Whether the program that the companion started for the session runs.
pub fn is_being_edited(session: &Session) -> bool {
    !is_from_an_earlier_boot(session) && session.editor.is_some_and(is_alive)
}

/// A name for this start of the machine (random(4)); `None` where there is no `/proc`.
pub fn this_boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

fn is_from_an_earlier_boot(session: &Session) -> bool {
    matches!((&session.boot, this_boot()), (Some(then), Some(now)) if *then != now)
}

fn is_alive(editor: EditorProcess) -> bool {
    editor.started.is_some() && started(editor.pid) == editor.started
}

/// When a running process began, in ticks since boot (proc(5), `/proc/pid/stat`, field 22); `None` for one that has
/// ended, and where there is no `/proc`.
pub fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in field 2 may have spaces and brackets in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{StillOpen, is_alive, started, still_open, this_boot};
    use crate::server_address::ServerAddress;
    use crate::session::{EditorProcess, Session};

    #[test]
    fn a_program_is_known_by_its_id_and_its_beginning() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("a program");
        let editor = EditorProcess { pid: child.id(), started: started(child.id()) };
        if cfg!(target_os = "linux") {
            assert!(is_alive(editor));
            assert!(!is_alive(EditorProcess { started: Some(1), ..editor }), "another one with this id");
        }
        child.kill().expect("killed");
        let begun = Instant::now();
        while is_alive(editor) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it ends, though nobody has waited for it");
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait().expect("ended");
        assert!(!is_alive(editor));
    }

    #[test]
    fn nothing_is_open_any_more_after_a_reboot() {
        let work = tempfile::tempdir().expect("a directory");
        let server = ServerAddress::parse("https://a.example").expect("an address");
        let mut session = Session::new(server, "c".to_owned(), "a.odt".to_owned(), "a.odt".to_owned());
        session.boot = this_boot();
        assert_eq!(still_open(&session, work.path()), None);
        session.handed_over = true;
        assert_eq!(still_open(&session, work.path()), Some(StillOpen::Perhaps));
        std::fs::write(work.path().join(".~lock.a.odt#"), "ann").expect("written");
        assert_eq!(still_open(&session, work.path()), Some(StillOpen::Mark(".~lock.a.odt#".to_owned())));
        if session.boot.is_some() {
            session.boot = Some("another".to_owned());
            assert_eq!(still_open(&session, work.path()), None);
        }
    }
}
