//! Telling the desktop that links of ours are for the companion (Desktop Entry Specification 1.5, freedesktop.org).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::context::Context;
use crate::outcome::{Exit, Failure};

/// The file that tells it.
const ENTRY: &str = "causeway-companion.desktop";

/// The kinds of links.
const SCHEMES: [&str; 2] = ["x-scheme-handler/sambee", "x-scheme-handler/causeway"];

/// Makes the companion the program for its links.
pub fn register(context: &Context) -> Result<Exit, Failure> {
    let program = std::env::current_exe()
        .map_err(|fault| Failure::Desktop(format!("the companion does not know where it is: {fault}")))?;
    let directory = context.places.applications();
    let file = directory.join(ENTRY);
    let written = || -> io::Result<()> {
        fs::create_dir_all(&directory)?;
        let next = directory.join(format!("{ENTRY}.next"));
        fs::write(&next, entry(&program))?;
        fs::rename(&next, &file)
    };
    written().map_err(|source| Failure::Disk { path: file.clone(), source })?;
    for scheme in SCHEMES {
        run_if_there("xdg-mime", &["default".as_ref(), ENTRY.as_ref(), scheme.as_ref()]);
    }
    run_if_there("update-desktop-database", &[&directory]);
    context.person.tell(format!(
        "Links are opened by {} from now on ({}).",
        program.display(),
        file.display()
    ));
    Ok(Exit::Done)
}

/// Undoes [`register`].
pub fn unregister(context: &Context) -> Result<Exit, Failure> {
    let directory = context.places.applications();
    let file: PathBuf = directory.join(ENTRY);
    match fs::remove_file(&file) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::Disk { path: file, source: fault });
        }
        _ => {}
    }
    run_if_there("update-desktop-database", &[&directory]);
    context.person.tell("Links are not opened by the companion any more.");
    Ok(Exit::Done)
}

/// Desktops that lack the program find the entry by themselves.
fn run_if_there(program: &str, arguments: &[&Path]) {
    let run = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    tracing::debug!(program, ?run, "told the desktop");
}

/// The entry. It asks questions, so that it wants a terminal, which stays until what it says is read.
fn entry(program: &Path) -> String {
    format!(
        "[Desktop Entry]\nType=Application\nName=Causeway Companion\nComment=Edit files of a share with the programs of this \
         computer\nExec={} open --pause %u\nTerminal=true\nNoDisplay=true\nMimeType={};\n",
        quoted(&program.to_string_lossy()),
        SCHEMES.join(";")
    )
}

/// An argument of `Exec`: quoted, then escaped once more as every value of the file is.
fn quoted(argument: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in argument.chars() {
        match letter {
            '"' | '`' | '$' => {
                quoted.push_str("\\\\");
                quoted.push(letter);
            }
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{entry, quoted};

    #[test]
    fn the_entry_names_program_and_links() {
        let entry = entry(Path::new("/opt/causeway/causeway-companion"));
        assert!(entry.contains("\nExec=\"/opt/causeway/causeway-companion\" open --pause %u\n"), "{entry}");
        assert!(entry.contains("\nMimeType=x-scheme-handler/sambee;x-scheme-handler/causeway;\n"), "{entry}");
    }

    #[test]
    fn strange_places_stay_one_argument() {
        assert_eq!(quoted("/a b/c"), "\"/a b/c\"");
        assert_eq!(quoted("/100%/$x"), "\"/100%%/\\\\$x\"");
        assert_eq!(quoted("a\\b\"c"), "\"a\\\\\\\\b\\\\\"c\"");
    }
}
