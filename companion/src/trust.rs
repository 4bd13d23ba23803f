//! Which servers the companion may talk to.
//!
//! A deep link can come from any web page. Talking to whatever server it names would download files of strangers and
//! open them, so that the person is asked once for each server.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use crate::places::make_private;
use crate::server_address::ServerAddress;

/// The list of trusted origins: a file with one in each line; lines that begin with `#` are remarks.
#[derive(Debug, Clone)]
pub struct TrustedServers {
    file: PathBuf,
}

impl TrustedServers {
    /// The list in that file, which need not be there.
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// Whether the server is on the list.
    pub fn contains(&self, server: &ServerAddress) -> io::Result<bool> {
        Ok(self.lines()?.contains(&server.origin()))
    }

    /// Puts the server on the list.
    pub fn add(&self, server: &ServerAddress) -> io::Result<()> {
        if self.contains(server)? {
            return Ok(());
        }
        if let Some(directory) = self.file.parent() {
            make_private(directory)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.file)?;
        // One call, so that two companions do not mix their lines; with a break before it, because somebody may have
        // edited the list and left its last line without one.
        file.write_all(format!("\n{}\n", server.origin()).as_bytes())?;
        file.sync_all()
    }

    fn lines(&self) -> io::Result<Vec<String>> {
        let text = match std::fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        let kept = |line: &&str| !line.is_empty() && !line.starts_with('#');
        Ok(text.lines().map(str::trim).filter(kept).map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::TrustedServers;
    use crate::server_address::ServerAddress;

    fn server(text: &str) -> ServerAddress {
        ServerAddress::parse(text).expect(text)
    }

    #[test]
    fn a_server_is_trusted_by_its_origin_and_no_other() {
        let temporary = tempfile::tempdir().expect("a directory");
        let list = TrustedServers::new(temporary.path().join("config/trusted-servers"));
        let office = server("https://office.example/files");
        assert!(!list.contains(&office).expect("no list yet"));
        list.add(&office).expect("added");
        list.add(&office).expect("added once");
        assert!(list.contains(&server("https://office.example")).expect("a list"));
        for other in [
            "http://office.example",
            "https://office.example:8443",
            "https://office.example.evil.example",
            "https://evil.example/office.example",
        ] {
            assert!(!list.contains(&server(other)).expect("a list"), "{other}");
        }
        let text = std::fs::read_to_string(temporary.path().join("config/trusted-servers")).expect("a file");
        assert_eq!(text.trim(), "https://office.example");
    }

    #[test]
    fn remarks_and_blank_lines_are_no_servers() {
        let temporary = tempfile::tempdir().expect("a directory");
        let file = temporary.path().join("list");
        std::fs::write(&file, "# mine\n\n  https://a.example  \n#https://b.example").expect("a file");
        let list = TrustedServers::new(file);
        list.add(&server("https://c.example")).expect("added below a line without an end");
        assert!(list.contains(&server("https://c.example")).expect("a list"));
        assert!(list.contains(&server("https://a.example")).expect("a list"));
        assert!(!list.contains(&server("https://b.example")).expect("a list"));
    }
}
