//! Paths that somebody sends who means harm: all are refused before a server hears of them.

use causeway_paths::{MAX_PATH_UNITS, MAX_SEGMENTS, SharePath};

/// One by one, what has opened doors in other products.
const HOSTILE: &[&str] = &[
    // Up and out.
    "..", "../", "/..", "/../", "..\\", "\\..", "\\..\\", "../..", "..\\..", "../../..", "..\\..\\..", "a/..", "a\\..", "a/../",
    "a/../..", "a/../../etc/passwd", "../etc/passwd", "../../../../../../etc/shadow", "..\\..\\..\\windows\\win.ini",
    "docs/../../secret", "docs\\..\\..\\secret", "docs/..\\../secret", "docs//..//..//secret", "docs/./../secret",
    "docs/sub/../../../other-prefix/file", "/docs/../x", "/docs/..", "./..", ".\\..", "..//", "..\\/", "a//..", "a/b/c/../../../..",
    // Standing still: a second spelling of the same place.
    ".", "./", "/.", "/./", ".\\", "a/.", "a/./b", "a\\.\\b", "./a", ".\\a", "a/b/.", "././.", "a/././b",
    // What Win32 strips to one of the above.
    "...", "....", ".. ", " ..", ". .", " .", ". ", "a/...", "a/.../b", "a/.. /b", "a/ ../b", "a/. ./b", "a/.. ./b", " ", "  ",
    "a/ /b", "a/   ", ". . .", "a\\...\\b", "a/ . /b",
    // Another server, another device.
    "\\\\server\\share", "\\\\server", "\\\\", "//", "//server/share", "//server", "\\/server/share", "/\\server\\share", "///",
    "\\\\?\\C:\\x", "\\\\.\\PhysicalDrive0", "\\\\.\\pipe\\lsarpc", "//?/C:/x", "//./pipe/svcctl", "\\\\127.0.0.1\\c$",
    "\\\\server@SSL\\DavWWWRoot", "\\\\?\\UNC\\server\\share", "//server/share/../other", "\\\\\\a", "////a",
    "\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1", "//..", "\\\\..",
    // Drives and streams.
    "C:", "C:\\", "C:/", "c:windows", "C:\\windows\\system32", "Z:/a", "file:///etc/passwd", "http://host/x", "smb://host/share",
    "a.txt:stream", "a.txt::$DATA", "a.txt:$DATA", "dir:$I30:$INDEX_ALLOCATION", "dir::$INDEX_ALLOCATION/a", ":", ":a", "a:", "a/:b",
    "a/b:c/d", "$MFT:$BITMAP", "a.asp::$DATA", "AFP_AfpInfo:x", "a:Zone.Identifier",
    // Wildcards, in both the plain and the DOS spelling.
    "*", "?", "*.*", "a*", "a?b", "a/*", "a/?", "a/*/b", "**", "<", ">", "\"", "a<b", "a>b", "a\"b", "<.<", ">>>", "\"\"", "a/<", "*/",
    // Pipes and shell.
    "|", "a|b", "|ls", "a/|", "a|", "a>out", "a<in", "\"quoted\"", "a\" -o b",
    // Control characters, NUL first.
    "\0", "a\0", "\0a", "a\0b", "a/\0/b", "a.txt\0.jpg", "..\0/", "\u{1}", "a\u{1}", "\u{2}b", "a\u{7}b", "a\u{8}b", "\t", "a\tb", "a/\t", "\n",
    "a\nb", "a\n", "\na", "\r", "a\rb", "a\r\nb", "a\r\nSet-Cookie: x", "\u{b}", "\u{c}", "a\u{1b}[2Jb", "\u{1b}", "\u{1f}", "a\u{1f}",
    "\u{7f}", "a\u{7f}", "\u{7f}/b", "a/b\u{7f}c/d", "\u{0}..", "..\u{1}/a", "a/..\n", "\t..", "..\t/..",
    // Mixtures.
    "\\..\\..\\C:\\x", "a/../\\\\server", "a/*/../b", "../*", "..|", "..:", "../:", ".:", "a/..:/b", "%00/..", "%2e%2e/..", "..%2f../..",
    "\u{2025}/..", "．．/..", "a/\u{202e}/..", "..;/..", "..\u{a0}/..", "~/../x", "$HOME/../x", "`id`/..", "${x}/..",
];

#[test]
fn hostile_paths_are_refused() {
    let mut paths: Vec<String> = HOSTILE.iter().map(|path| (*path).to_owned()).collect();
    // Each control character and each reserved one, alone and in each place of a path.
    for byte in (0..=0x1f_u8).chain(*b"\x7f:*?\"<>|") {
        let bad = char::from(byte);
        for form in [format!("{bad}"), format!("docs/{bad}"), format!("docs/a{bad}b/c"), format!("{bad}docs/a"), format!("a{bad}")] {
            paths.push(form);
        }
    }
    paths.extend([
        "x".repeat(256),
        "日".repeat(256),
        "🦀".repeat(128),
        format!("docs/{}", "x".repeat(256)),
        format!("{}/a", "x".repeat(4096)),
        "a/".repeat(MAX_SEGMENTS + 1),
        "../".repeat(1_000),
        "/".repeat(MAX_PATH_UNITS + 1),
        "\\".repeat(1_000),
        format!("{}a", "a/".repeat(MAX_PATH_UNITS)),
        "x".repeat(10_000_000),
        "日".repeat(MAX_PATH_UNITS + 1),
    ]);
    assert!(paths.len() > 400, "only {} paths", paths.len());
    for path in &paths {
        let shown: String = path.chars().take(80).collect();
        let fault = SharePath::parse(path).expect_err(&format!("{shown:?} was accepted"));
        let json = serde_json::to_string(path).unwrap();
        assert!(serde_json::from_str::<SharePath>(&json).is_err(), "{shown:?} was accepted as JSON");
        // The message is for people: short, and without what they sent.
        assert!(fault.to_string().len() < 100);
    }
}

#[test]
fn a_child_is_never_hostile() {
    let docs = SharePath::parse("docs").unwrap();
    for name in HOSTILE {
        // A server that lies about the names in its directory gets no further.
        assert!(docs.child(name).is_err(), "{name:?} was accepted");
    }
}
