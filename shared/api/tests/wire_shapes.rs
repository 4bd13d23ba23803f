//! How the public types are written, to the letter where clients depend on it.

use causeway_api::auth::{AccountDetails, Me};
use causeway_api::settings::UserSettingsPatch;
use causeway_api::users::{AdminUser, UserCreate};
use causeway_api::{FieldError, Timestamp};
use causeway_internal::UnixMicros;
use causeway_internal::accounts::{Account, Role};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn admin() -> Account {
    Account {
        id: Uuid::from_u128(0x149a_50e4_a6ea_46cf_b66c_ae17_5ebe_e915),
        username: "admin".into(),
        name: None,
        email: None,
        role: Role::Admin,
        is_active: true,
        must_change_password: false,
        token_version: 3,
        expires_at: None,
        created_at: UnixMicros(1_795_265_526_056_768),
        updated_at: UnixMicros(1_795_265_526_000_000),
        has_local_password: true,
    }
}

#[test]
fn nothing_is_left_out_when_it_is_null() {
    let me = json!({
        "id": "149a50e4-a6ea-46cf-b66c-ae175ebee915", "username": "admin", "name": null, "email": null,
        "role": "admin", "is_active": true, "must_change_password": false, "expires_at": null,
        "created_at": "2026-11-21T12:52:06.056768Z",
    });
    assert_eq!(serde_json::to_value(Me::from(&admin())).unwrap(), me);

    let mut account = me.clone();
    account.as_object_mut().unwrap().extend(
        json!({
            "has_local_password": true, "identity_source": "local", "password_change_available": true,
            "browser_session_management_available": false, "oidc_provider_name": null,
            "current_session": { "kind": "password", "id": null, "started_at": null, "last_active_at": null,
                "browser_name": null, "operating_system": null },
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    assert_eq!(serde_json::to_value(AccountDetails::from(&admin())).unwrap(), account);

    let mut user = me;
    user.as_object_mut().unwrap().extend(
        json!({
            "updated_at": "2026-11-21T12:52:06Z", "has_local_password": true, "oidc_role_assignment": null,
            "oidc": null, "pending_oidc": null,
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    assert_eq!(serde_json::to_value(AdminUser::from(&admin())).unwrap(), user);
}

#[test]
fn a_mistake_names_its_place() {
    let missing = FieldError::missing(&["query", "path"], serde_json::Value::Null);
    let expected =
        json!({ "type": "missing", "loc": ["query", "path"], "msg": "Field required", "input": null });
    assert_eq!(serde_json::to_value(missing).unwrap(), expected);
}

#[test]
fn what_a_new_user_lacks_has_its_default() {
    let user: UserCreate = serde_json::from_value(json!({ "username": "anna" })).unwrap();
    assert!(user.must_change_password);
    assert_eq!(serde_json::to_value(user.role).unwrap(), "editor");
    assert!(serde_json::from_value::<UserCreate>(json!({ "username": "anna", "role": "regular" })).is_err());
}

#[test]
fn absent_and_null_are_two_things_in_settings() {
    let patch: UserSettingsPatch =
        serde_json::from_value(json!({ "browser": { "selected_connection_id": null } })).unwrap();
    let browser = patch.browser.unwrap();
    assert_eq!(browser.selected_connection_id, Some(None));
    assert_eq!(browser.viewer_associations, None);
}

#[test]
fn moments_are_read_with_any_zone_and_written_in_utc() {
    let written = |text| Timestamp::parse(text).map(|moment| moment.to_string());
    assert_eq!(written("2026-12-31T23:30:00+01:00").unwrap(), "2026-12-31T22:30:00Z");
    assert_eq!(written("2026-12-31T23:30:00.5Z").unwrap(), "2026-12-31T23:30:00.500000Z");
    assert_eq!(written("2026-12-31T23:30:00").unwrap(), "2026-12-31T23:30:00Z");
    assert_eq!(written("2026-12-31 23:30").unwrap(), "2026-12-31T23:30:00Z");
    assert_eq!(written("2026-12-31").unwrap(), "2026-12-31T00:00:00Z");
    for none in ["", "tomorrow", "2026-13-01", "2026-12-31T25:00:00Z"] {
        assert!(written(none).is_err(), "{none}");
    }
    let end = Timestamp(UnixMicros(1_795_265_526_056_768));
    assert_eq!(end.to_offset_form(), "2026-11-21T12:52:06.056768+00:00");
}

proptest! {
    #[test]
    fn a_moment_survives_its_text(micros in -10_000_000_000_000_000i64..250_000_000_000_000_000) {
        let moment = Timestamp(UnixMicros(micros));
        prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".*") {
        let _ = Timestamp::parse(&text);
    }
}
