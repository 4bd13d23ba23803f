use super::*;

fn said(wording: Wording<'_>, code: FaultCode) -> (u16, String) {
    wording.word(&Fault::new(code, "3 of 7 items were deleted")).expect("a sentence of the route's own")
}

fn is(wording: Wording<'_>, code: FaultCode, status: u16, text: &str) {
    assert_eq!(said(wording, code), (status, text.to_owned()));
}

#[test]
fn a_missing_item_is_named_as_the_client_spelled_it() {
    is(Wording::info("/docs//none"), FaultCode::NotFound, 404, "Path not found: /docs//none");
    is(Wording::list("nope"), FaultCode::NotFound, 404, "Directory not found: nope");
    is(Wording::rename("tr/zzz", "y"), FaultCode::NotFound, 404, "Item not found: tr/zzz");
    is(Wording::delete("tr/none"), FaultCode::NotFound, 404, "Item not found: tr/none");
    is(Wording::copy("none", "tr/n"), FaultCode::NotFound, 404, "Source not found: none");
    is(
        Wording::create("tr/none/a", "a"),
        FaultCode::ParentNotFound,
        404,
        "Parent directory not found for: tr/none/a",
    );
    is(Wording::r#move("a", "x/b"), FaultCode::ParentNotFound, 404, "Parent directory not found for: x/b");
}

#[test]
fn what_stands_in_the_way_is_named() {
    is(Wording::create("tr/d1", "d1"), FaultCode::AlreadyExists, 409, "An item named 'd1' already exists");
    is(
        Wording::rename("tr/f2.txt", "f3.txt"),
        FaultCode::AlreadyExists,
        409,
        "An item named 'f3.txt' already exists",
    );
    is(Wording::copy("a", "tr/b"), FaultCode::DestinationExists, 409, "Destination already exists: tr/b");
}

#[test]
fn an_item_in_use_is_a_conflict_for_editors_and_locked_for_all_others() {
    let text = "File is locked and cannot be written: tr/up.txt";
    is(Wording::upload("tr/up.txt"), FaultCode::InUse, 409, text);
    assert_eq!(said(Wording::delete("tr/up.txt"), FaultCode::InUse).0, 423);
}

#[test]
fn a_locked_file_is_named_with_its_holder() {
    let since = UnixMicros(1_795_265_526_056_768);
    let fault = Fault::new(FaultCode::Locked, "").held_by(Holder { name: "ada".into(), since });
    let by = "File is locked for editing by ada since 2026-11-21T12:52:06Z";
    for (wording, status, items) in [
        (Wording::rename("tr//a", "b"), 423, "tr//a"),
        (Wording::delete("a"), 423, "a"),
        (Wording::create("tr/a", "a"), 423, "tr/a"),
        (Wording::copy("a", "b"), 423, "b"),
        (Wording::r#move("a", "b"), 423, "a or b"),
        (Wording::upload("a"), 409, "a"),
    ] {
        assert_eq!(wording.word(&fault), Some((status, format!("{by}: {items}"))));
    }
    is(Wording::delete("a"), FaultCode::Locked, 423, "File is locked for editing: a");
}

#[test]
fn every_route_says_what_took_too_long() {
    for (wording, what) in [
        (Wording::list(""), "Directory listing"),
        (Wording::info(""), "File info request"),
        (Wording::create("", ""), "Create"),
        (Wording::rename("", ""), "Rename"),
        (Wording::delete(""), "Delete"),
        (Wording::copy("", ""), "Copy"),
        (Wording::r#move("", ""), "Move"),
        (Wording::upload(""), "Upload"),
    ] {
        is(
            wording,
            FaultCode::TimedOut,
            504,
            &format!("{what} timed out. The remote share did not respond in time."),
        );
    }
}

#[test]
fn a_half_done_deletion_says_how_far_it_got() {
    is(Wording::delete("tr"), FaultCode::Partial, 500, "Failed to delete item: 3 of 7 items were deleted");
}
