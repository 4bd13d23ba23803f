use causeway_api::{Found, Method, find, routes};
use causeway_internal::{Fault, FaultCode};
use causeway_tokens::{CompanionScope, HeldLock};
use uuid::Uuid;

use super::proves_lock;
use crate::authentication::unix_seconds;
use crate::{Headers, Problem, Query, Request, Settings};

const CONNECTION: Uuid = Uuid::from_u128(0xc);
const PATH: &str = "docs//a.txt";
const OPERATION: &str = "54b44323e208454293b0a3ddcf1a9cf9";
const LOCK: Uuid = Uuid::from_u128(0x10c);

fn settings() -> &'static Settings {
    Box::leak(Box::new(Settings::for_tests("0123456789abcdef0123456789abcdef")))
}

fn scope() -> CompanionScope {
    CompanionScope {
        user_id: Uuid::from_u128(1),
        token_version: 2,
        connection: CONNECTION.to_string(),
        path: PATH.to_owned(),
    }
}

/// An operation token with so many seconds left, negative ones being over.
fn operation_token(left: i64, scope: &CompanionScope) -> String {
    let lock =
        HeldLock { lock_id: LOCK, operation_id: OPERATION.to_owned(), fence: 5, session: Uuid::from_u128(6) };
    let now = unix_seconds().checked_add_signed(left - 900).unwrap();
    settings().token_key.mint_operation(scope, &lock, Uuid::from_u128(7), now).unwrap().token
}

fn with(token: &str) -> Headers {
    Headers::new(vec![("authorization".into(), format!("Bearer {token}").into())])
}

/// A request to `…/info` with that token and query.
fn request(token: &str, query: &str) -> Request {
    let path = format!("/api/browse/{CONNECTION}/info");
    let Found::Operation { parameters, .. } = find(routes::files::ENDPOINTS, Some(Method::Get), &path) else {
        panic!("no such route");
    };
    Request {
        id: Uuid::nil(),
        method: Some(Method::Get),
        path,
        query: Query::parse(query).unwrap(),
        headers: with(token),
        parameters,
        principal: None,
        operation: None,
        settings: Some(settings()),
        body: None,
    }
}

fn said(problem: &Problem) -> (u16, String) {
    let detail = problem.body().detail;
    let text = detail.get("code").unwrap_or(&detail);
    assert!(detail.is_string() || detail["message"].is_string(), "{detail}");
    (problem.status(), text.as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_session_is_checked_in_the_order_of_the_contract() {
    let begin = |token: &str| request(token, "").authenticate_session(CONNECTION);
    let refused = |token: &str| said(&begin(token).unwrap_err());
    assert_eq!(refused(&operation_token(-1, &scope())), (401, "recovery_required".into()));
    let elsewhere = CompanionScope { connection: Uuid::from_u128(0xd).to_string(), ..scope() };
    assert_eq!(refused(&operation_token(-1, &elsewhere)), (401, "recovery_required".into()));
    let key = &settings().token_key;
    for other in [
        "garbage".to_owned(),
        key.mint_bootstrap(&scope(), unix_seconds()).unwrap().token,
        key.mint_link(&scope(), Uuid::nil(), unix_seconds()).unwrap().token,
        key.mint(scope().user_id, 2, 60, unix_seconds()).unwrap().token,
        operation_token(600, &CompanionScope { path: String::new(), ..scope() }),
    ] {
        assert_eq!(refused(&other), (401, "auth_failed".into()));
    }
    assert_eq!(refused(&operation_token(60, &elsewhere)), (403, "lock_lost".into()));

    let session = begin(&operation_token(60, &scope())).unwrap();
    let lock = LOCK.to_string();
    assert_eq!(said(&session.is_about("docs/a.txt").unwrap_err()), (403, "lock_lost".into()));
    assert_eq!(said(&session.is_under("other", "other").unwrap_err()), (403, "lock_lost".into()));
    assert_eq!(said(&session.is_under(OPERATION, "other").unwrap_err()), (404, "lock_lost".into()));
    session.is_about(PATH).unwrap();
    session.is_under(OPERATION, &lock).unwrap();
    assert_eq!(said(&session.is_not_ending().unwrap_err()), (409, "renewal_required".into()));
    // A second passes between making and looking, or none.
    assert!(begin(&operation_token(119, &scope())).unwrap().is_not_ending().is_err());
    begin(&operation_token(125, &scope())).unwrap().is_not_ending().unwrap();
}

#[test]
fn a_session_acts_for_the_user_of_its_token_and_proves_his_lock() {
    let mut request = request(&operation_token(600, &scope()), "");
    let session = request.authenticate_session(CONNECTION).unwrap();
    let caller = request.principal().unwrap();
    assert_eq!((caller.user_id, caller.token_version), (Uuid::from_u128(1), 2));
    let edit = session.showing("secret").edit();
    assert_eq!((edit.proof.lock_id, edit.proof.fence, edit.session), (LOCK, Some(5), Uuid::from_u128(6)));
    assert_eq!(
        (edit.proof.operation_id.as_str(), edit.proof.capability.as_deref()),
        (OPERATION, Some("secret"))
    );
}

#[test]
fn a_bootstrap_token_is_for_one_file() {
    let token = settings().token_key.mint_bootstrap(&scope(), unix_seconds()).unwrap().token;
    let refused = |token: &str, connection: Uuid, path: &str| {
        said(&request(token, "").authenticate_bootstrap(connection, path).unwrap_err())
    };
    let mismatch = (403, "Companion bootstrap token scope mismatch".to_owned());
    assert_eq!(refused(&token, CONNECTION, "docs/a.txt"), mismatch);
    assert_eq!(refused(&token, Uuid::from_u128(0xd), PATH), mismatch);
    let invalid = (401, "Invalid or expired companion bootstrap token".to_owned());
    assert_eq!(refused(&operation_token(600, &scope()), CONNECTION, PATH), invalid);
    assert_eq!(refused("garbage", CONNECTION, PATH), invalid);
    assert_eq!(request(&token, "").authenticate_bootstrap(CONNECTION, PATH).unwrap(), scope());
}

#[test]
fn no_refusal_of_a_companion_is_a_challenge() {
    let problems = [
        request("", "").authenticate_session(CONNECTION).unwrap_err(),
        request("x", "").authenticate_session(CONNECTION).unwrap_err(),
        request("x", "").authenticate_bootstrap(CONNECTION, PATH).unwrap_err(),
        request(&operation_token(-1, &scope()), "").authenticate_session(CONNECTION).unwrap_err(),
    ];
    for problem in problems {
        assert_eq!(problem.status(), 401);
        assert!(problem.into_headers().is_empty());
    }
    let session = request(&operation_token(600, &scope()), "").authenticate_session(CONNECTION).unwrap();
    let of_fault = |code| session.refuse(&Fault::new(code, "as the sidecar says"));
    let expected = [
        (FaultCode::PrincipalRefused, 401, "auth_failed"),
        (FaultCode::LockLost, 404, "lock_lost"),
        (FaultCode::LockMismatch, 403, "lock_lost"),
        (FaultCode::LockForeign, 403, "lock_lost"),
        (FaultCode::CapabilityMismatch, 403, "capability_mismatch"),
    ];
    for (code, status, name) in expected {
        let problem = of_fault(code).unwrap();
        assert_eq!(said(&problem), (status, name.to_owned()));
        assert!(problem.into_headers().is_empty());
    }
    assert!(of_fault(FaultCode::NotFound).is_none());
}

#[test]
fn all_three_parameters_and_a_token_that_is_no_browsers_make_an_edit() {
    let whole = format!("path=docs%2F%2Fa.txt&operation_id={OPERATION}&lock_id={LOCK}&lock_capability=c");
    let operation = operation_token(600, &scope());
    let browser = settings().token_key.mint(Uuid::nil(), 0, 60, unix_seconds()).unwrap().token;
    let proves =
        |token: &str, query: &str| proves_lock(&Query::parse(query).unwrap(), &with(token), settings());
    assert!(proves(&operation, &whole) && proves("garbage", &whole));
    assert!(!proves(&browser, &whole) && !proves("", &whole));
    for name in causeway_api::OPERATION_PARAMETERS {
        assert!(!proves(&operation, &whole.replace(name, "else")), "{name}");
    }
    let admitted = |query: &str| {
        let mut request = request(&operation, query);
        request.authenticate_operation().map(|()| request.operation().unwrap().proof().capability)
    };
    assert_eq!(admitted(&whole).unwrap().as_deref(), Some("c"));
    let refused = |from: &str, to: &str| said(&admitted(&whole.replace(from, to)).unwrap_err());
    assert_eq!(refused("docs%2F%2F", "docs%2F"), (403, "lock_lost".into()));
    assert_eq!(refused(OPERATION, "other"), (403, "lock_lost".into()));
    assert_eq!(refused(&LOCK.to_string(), "other"), (404, "lock_lost".into()));
}
