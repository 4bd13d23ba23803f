//! The sample files: a few of each kind that one meets on a share.

use std::fs;
use std::io;
use std::path::Path;

/// Written once: what the visitor changes or deletes stays changed or deleted.
const MARK: &str = ".samples-written";

const FILES: &[(&str, &str)] = &[
    (
        "Welcome.md",
        "# Welcome\n\nThese files are on a real SMB 3.1.1 share, served by this very program.\n\n\
         * Rename, copy, upload: it is your copy.\n* Point any SMB client at the address that the demo printed.\n",
    ),
    ("Notes/shopping.txt", "milk\nbread\ncoffee\n"),
    ("Notes/meeting 2026-11-20.md", "# Meeting\n\n1. Locks\n2. Watches\n3. Previews\n"),
    ("Projects/Causeway/plan.csv", "step,weeks\nfoundation,3\nfreshness,2\nediting,3\n"),
    ("Projects/Causeway/settings.json", "{\n  \"theme\": \"light\",\n  \"rows\": 50\n}\n"),
    (
        "Pictures/lighthouse.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 120 80\">\
         <rect width=\"120\" height=\"80\" fill=\"#9cc7e4\"/><rect y=\"60\" width=\"120\" height=\"20\" fill=\"#2b5d7d\"/>\
         <path d=\"M52 60 L56 20 H64 L68 60 Z\" fill=\"#fff\"/><path d=\"M54.5 40 H65.5 L66.5 50 H53.5 Z\" fill=\"#c33\"/>\
         <rect x=\"55\" y=\"14\" width=\"10\" height=\"6\" fill=\"#fd6\"/></svg>\n",
    ),
    ("Straße/Übersicht ☂.txt", "Names may hold any letter.\n"),
];

/// A file large enough to see ranges and streaming with, in bytes.
const LARGE: u64 = 32 * 1024 * 1024;

/// Makes the folder and, the first time, what is in it.
pub(super) fn fill(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mark = folder.with_file_name(MARK);
    if mark.exists() {
        return Ok(());
    }
    for (path, content) in FILES {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    let mut large = io::BufWriter::new(fs::File::create(folder.join("Projects/measurements.bin"))?);
    for number in 0..LARGE / 8 {
        io::Write::write_all(&mut large, &number.to_le_bytes())?;
    }
    io::Write::flush(&mut large)?;
    fs::write(mark, "")
}
