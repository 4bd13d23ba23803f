//! What office programs leave beside a file, and what becomes of a save that came too late.

use causeway_locks::copy_name::conflict_copy;
use causeway_locks::owner_file::{Program, candidates, user};
use causeway_paths::EntryName;
use proptest::prelude::*;

const NOON: &str = "2026-11-21 12.03.09";

fn word_owner_file(name: &str) -> Vec<u8> {
    let wide: Vec<u16> = name.encode_utf16().collect();
    let mut content = vec![0; 162];
    content[0] = u8::try_from(wide.len()).unwrap();
    for (at, character) in name.chars().enumerate() {
        content[1 + at] = u8::try_from(u32::from(character)).unwrap_or(b'?');
    }
    content[54] = content[0];
    for (at, unit) in wide.iter().enumerate() {
        content[56 + 2 * at..58 + 2 * at].copy_from_slice(&unit.to_le_bytes());
    }
    content
}

#[test]
fn word_and_excel_tell_who_has_the_file() {
    let word = word_owner_file("Zoë Łukasz");
    assert_eq!(user(Program::Office, &word).as_deref(), Some("Zoë Łukasz"));
    let mut excel = word.clone();
    excel.splice(54..54, [b' ']);
    excel[11..55].fill(b' ');
    assert_eq!(user(Program::Office, &excel).as_deref(), Some("Zoë Łukasz"));
    // Cut off or of another origin: what is plain is shown.
    assert_eq!(user(Program::Office, &word[..20]).as_deref(), Some("Zo? ?ukasz"));
    assert_eq!(user(Program::Office, &[]), None);
    assert_eq!(user(Program::Office, &[9, b'x']), None);
}

#[test]
fn libre_office_tells_who_has_the_file() {
    let line = "Anna\\, Müller,anna,host.local,21.11.2026 12:03,file:///home/anna;";
    assert_eq!(user(Program::LibreOffice, line.as_bytes()).as_deref(), Some("Anna, Müller"));
    assert_eq!(user(Program::LibreOffice, b",anna,host,,;").as_deref(), Some("anna"));
    assert_eq!(user(Program::LibreOffice, b""), None);
    assert_eq!(user(Program::LibreOffice, b",,,,;"), None);
}

#[test]
fn the_names_of_lock_files_are_those_that_programs_use() {
    let names = |name| candidates(name).into_iter().map(|mark| mark.name).collect::<Vec<_>>();
    assert_eq!(names("plan.docx"), [".~lock.plan.docx#", "~$plan.docx"]);
    assert_eq!(names("reports.docx"), [".~lock.reports.docx#", "~$reports.docx", "~$eports.docx"]);
    assert_eq!(names("quarterly.docx"), [".~lock.quarterly.docx#", "~$quarterly.docx", "~$arterly.docx"]);
}

#[test]
fn a_copy_tells_of_what_whose_and_when() {
    let copy = |name, user, attempt| conflict_copy(name, user, NOON, attempt).map(|name| name.to_string());
    assert_eq!(
        copy("plan.tar.gz", "anna", 1).as_deref(),
        Some("plan.tar (conflict copy, anna, 2026-11-21 12.03.09).gz")
    );
    assert_eq!(
        copy(".profile", "a/b:c", 2).as_deref(),
        Some(".profile (conflict copy, a_b_c, 2026-11-21 12.03.09 2)")
    );
    assert_eq!(copy("what?.txt", "anna", 1), None);
    let long = copy(&format!("{}.docx", "ä".repeat(250)), "anna", 1).expect("shortened");
    assert!(long.encode_utf16().count() <= 255 && long.ends_with(").docx"), "{long}");
}

proptest! {
    #[test]
    fn whatever_lies_there_a_name_is_short_and_plain(content in proptest::collection::vec(any::<u8>(), 0..400)) {
        for program in [Program::Office, Program::LibreOffice] {
            if let Some(name) = user(program, &content) {
                prop_assert!(!name.is_empty() && name.chars().count() <= 64);
                prop_assert!(!name.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn a_name_survives_words_own_form(name in "[a-zA-Z][a-zA-Zäöüßéñ ]{0,40}[a-zA-Z]") {
        prop_assert_eq!(user(Program::Office, &word_owner_file(&name)), Some(name));
    }

    #[test]
    fn a_copy_can_always_be_made_beside_what_could_be_made(
        name in "[^\\x00-\\x1f\\x7f\"*/:<>?\\\\|]{1,120}[a-z]", user in ".{0,80}", attempt in 1_u32..99,
    ) {
        prop_assume!(EntryName::parse(&name).is_ok());
        prop_assert!(conflict_copy(&name, &user, NOON, attempt).is_some(), "{name}");
    }
}
