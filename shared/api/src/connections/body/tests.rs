use serde_json::from_value;

use super::*;

fn create(body: Value) -> Result<ConnectionDraft, Vec<FieldError>> {
    from_value::<ConnectionCreateBody>(body).expect("well typed").into_draft()
}

fn update(body: Value) -> ConnectionPatch {
    from_value::<ConnectionUpdateBody>(body).expect("well typed").into_patch().expect("well formed")
}

fn whole() -> Value {
    json!({"name": "NAS", "host": "nas", "share_name": "data", "username": "alice", "password": ""})
}

#[test]
fn what_a_client_leaves_out_has_a_default() {
    let draft = create(whole()).unwrap();
    assert_eq!((draft.kind.as_str(), draft.port, draft.path_prefix.as_deref()), ("smb", 445, Some("/")));
    assert_eq!((draft.scope, draft.access_mode), (Scope::Private, AccessMode::ReadWrite));
}

#[test]
fn unknown_fields_are_ignored_and_nothing_is_trimmed() {
    let mut body = whole();
    body["name"] = json!(" NAS ");
    body["path_prefix"] = json!(null);
    body["colour"] = json!("red");
    let draft = create(body).unwrap();
    assert_eq!((draft.name.as_str(), draft.path_prefix), (" NAS ", None));
}

#[test]
fn every_blank_field_and_a_wrong_port_are_named() {
    let mut body = whole();
    body["host"] = json!("  ");
    body["username"] = json!("");
    body["port"] = json!(70_000);
    let errors = create(body).unwrap_err();
    let named: Vec<_> =
        errors.iter().map(|error| (error.kind.as_str(), error.loc[1].as_str().unwrap())).collect();
    assert_eq!(named, [("value_error", "host"), ("value_error", "username"), ("less_than_equal", "port")]);
    assert_eq!(errors[0].msg, "Value error, Field cannot be empty");
    assert_eq!(errors[2].ctx, Some(json!({"le": 65_535})));
}

#[test]
fn an_update_keeps_apart_what_is_absent_and_what_is_null() {
    assert_eq!(update(json!({})).path_prefix, None);
    assert_eq!(update(json!({"path_prefix": null})).path_prefix, Some(None));
    assert_eq!(update(json!({"path_prefix": ""})).path_prefix, Some(Some(String::new())));
    let patch = update(json!({"scope": null, "name": null, "password": "", "port": 0}));
    assert!(patch.scope.is_none() && patch.name.is_none() && patch.port.is_none());
    assert_eq!(patch.password.as_deref(), Some(""));
}
