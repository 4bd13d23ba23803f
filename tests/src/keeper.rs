//! Clears up after the tests however they end.
//!
//! A world that is shared by a test binary is never dropped, and a binary that is killed drops nothing at all. So a
//! shell sits at the other end of a pipe: when the pipe closes, whatever the reason, it kills the processes and removes
//! the directories that it was told about and that have not been reported gone.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Reads `process N`, `gone N` and `directory D` until the end of its input, then acts.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
processes=
set --
while IFS=' ' read -r what value; do
    case "$what" in
        process) processes="$processes $value" ;;
        directory) set -- "$@" "$value" ;;
        gone)
            left=
            for process in $processes; do [ "$process" = "$value" ] || left="$left $process"; done
            processes=$left ;;
    esac
done
for process in $processes; do kill -9 "$process" 2>/dev/null; done
[ -z "$processes" ] || sleep 0.3
[ $# -eq 0 ] || rm -rf -- "$@"
"#;

static KEEPER: OnceLock<Option<Mutex<Child>>> = OnceLock::new();

/// Has the process killed at the end. A negative number means a process group.
pub(crate) fn kill_at_the_end(process: i64) {
    tell(&format!("process {process}"));
}

/// The process has ended: its number may soon be somebody else's.
pub(crate) fn is_gone(process: i64) {
    tell(&format!("gone {process}"));
}

/// Has the directory removed at the end.
pub(crate) fn remove_at_the_end(directory: &Path) {
    tell(&format!("directory {}", directory.display()));
}

fn tell(line: &str) {
    let keeper = KEEPER.get_or_init(|| {
        let shell =
            Command::new("sh").args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        match shell {
            Ok(child) => Some(Mutex::new(child)),
            Err(fault) => {
                eprintln!("no shell to clear up with: {fault}");
                None
            }
        }
    });
    let Some(keeper) = keeper else { return };
    let mut keeper = keeper.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pipe) = keeper.stdin.as_mut()
        && let Err(fault) = writeln!(pipe, "{line}")
    {
        eprintln!("whoever clears up does not listen: {fault}");
    }
}
