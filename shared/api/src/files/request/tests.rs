use super::*;

fn transfer(source: &str, dest: &str) -> Result<TransferRequest, ItemRequestError> {
    between(source, dest, None)
}

fn between(source: &str, dest: &str, other: Option<Uuid>) -> Result<TransferRequest, ItemRequestError> {
    let body = TransferBody {
        source_path: source.to_owned(),
        dest_path: dest.to_owned(),
        dest_connection_id: other,
        overwrite: false,
    };
    TransferRequest::new(TransferKind::Copy, Uuid::from_u128(1), &body)
}

fn create(parent: &str, name: &str) -> Result<CreateRequest, ItemRequestError> {
    let body =
        CreateBody { parent_path: parent.to_owned(), name: name.to_owned(), file_type: FileType::File };
    CreateRequest::new(&body)
}

fn rename(path: &str, new_name: &str) -> Result<RenameRequest, ItemRequestError> {
    RenameRequest::new(&RenameBody { path: path.to_owned(), new_name: new_name.to_owned() })
}

fn detail<T: std::fmt::Debug>(result: Result<T, ItemRequestError>) -> String {
    result.expect_err("must be refused").to_string()
}

#[test]
fn create_looks_at_the_name_before_the_directory() {
    let refused = |parent, name| detail(create(parent, name));
    assert_eq!(refused("../..", ""), "Name must not be empty");
    assert_eq!(refused("../..", ".."), "Name must not be '.' or '..'");
    assert_eq!(refused("../..", "a/b"), "Name contains invalid characters");
    assert_eq!(refused("../..", "trail."), "Name must not end with a space or period");
    assert_eq!(refused("tr", "a\u{1}b"), "SMB paths cannot contain control characters");
    assert_eq!(refused("../..", "evil"), "SMB paths cannot contain traversal segments");
}

#[test]
fn create_takes_its_directory_wrapped_in_slashes() {
    assert_eq!(create("/docs/reports/", " q1.txt").unwrap().path.as_str(), "docs/reports/ q1.txt");
    assert_eq!(create("", "a").unwrap().path.as_str(), "a");
    // Two slashes in front name a server, not a directory.
    assert!(create("//docs/reports", "a").is_err());
}

#[test]
fn rename_and_delete_leave_the_root_alone() {
    for root in ["", "/", "///", "\\"] {
        assert_eq!(detail(rename(root, "b")), "Cannot rename the share root", "{root:?}");
        assert_eq!(detail(item_to_delete(root)), "Cannot delete the share root", "{root:?}");
        assert_eq!(detail(file_to_write(root)), "Path is not a file", "{root:?}");
    }
    assert_eq!(detail(rename("", "a/b")), "Name contains invalid characters");
    assert_eq!(rename("/tr/f2.txt/", "F2.txt").unwrap().new_path.as_str(), "tr/F2.txt");
}

#[test]
fn a_transfer_is_checked_in_the_order_of_the_contract() {
    assert_eq!(detail(transfer("//", "")), "Source path must not be empty");
    assert_eq!(detail(transfer("a", "/")), "Destination path must not be empty");
    assert_eq!(detail(transfer("../x", "tr/a:b")), "Name contains invalid characters");
    assert_eq!(detail(transfer("../x", "tr/n")), "SMB paths cannot contain traversal segments");
    assert_eq!(detail(transfer("tr/cp", "tr/cp")), "Source and destination paths must be different");
    assert_eq!(detail(transfer("tr/cp", "/tr//cp/")), "Source and destination paths must be different");
    assert_eq!(detail(transfer("tr/cp", "tr/cp/sub")), "Cannot copy or move a directory into itself");
    assert!(transfer("tr/cp", "tr/cpx").is_ok());
    // Whether letter case matters is the server's to say.
    assert!(transfer("tr/cp", "TR/CP").is_ok());
}

#[test]
fn between_two_connections_the_same_path_is_another_item() {
    let other = Some(Uuid::from_u128(2));
    assert!(between("docs/a.txt", "docs/a.txt", other).is_ok());
    assert!(between("docs", "docs/inner", other).is_ok());
    let same = Some(Uuid::from_u128(1));
    assert_eq!(detail(between("docs", "docs", same)), "Source and destination paths must be different");
}
