//! A page of users out of all of them: filtered, sorted, counted.

use std::cmp::Ordering;

use causeway_api::auth::UserRole;
use causeway_api::users::{
    AdminUser, Expiration, OidcState, RoleSource, SortDirection, UserPage, UserSignIn, UserSort, UserState,
    UserSummary,
};
use causeway_internal::UnixMicros;
use causeway_internal::accounts::Account;

use super::query::UserQuery;

/// An account that ends within this many microseconds ends soon: 30 days.
const SOON: i64 = 30 * 24 * 3600 * 1_000_000;

/// The page that is asked for. `now` decides which accounts have ended.
pub(super) fn page(accounts: &[Account], query: &UserQuery, now: UnixMicros) -> UserPage {
    let mut matching: Vec<_> = accounts.iter().filter(|account| matches(account, query, now)).collect();
    let summary = summary(&matching, now);
    matching.sort_by(|a, b| order(a, b, query, now));
    let first = (query.page as usize - 1).saturating_mul(query.page_size as usize);
    let items = matching.iter().skip(first).take(query.page_size as usize);
    UserPage {
        items: items.map(|account| AdminUser::from(*account)).collect(),
        total: summary.total,
        summary,
    }
}

fn matches(account: &Account, query: &UserQuery, now: UnixMicros) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(&query.search);
    let optionally = |text: &Option<String>| text.as_deref().is_some_and(contains);
    let is_found = query.search.is_empty()
        || contains(&account.username)
        || optionally(&account.name)
        || optionally(&account.email);
    let role = UserRole::from(account.role);
    is_found
        && lets_through(&query.roles, |wanted| *wanted == role)
        && lets_through(&query.states, |wanted| is_in_state(account, *wanted, now))
        && lets_through(&query.sign_ins, |wanted| *wanted == sign_in(account))
        && lets_through(&query.oidc_states, |wanted| *wanted == OidcState::Unlinked)
        && lets_through(&query.role_sources, |wanted| *wanted == RoleSource::LocalAssignment)
        && query
            .expiration
            .is_none_or(|wanted| (wanted == Expiration::HasExpiration) == account.expires_at.is_some())
}

fn lets_through<T>(filter: &[T], is_wanted: impl Fn(&T) -> bool) -> bool {
    filter.is_empty() || filter.iter().any(is_wanted)
}

/// The one state that is shown.
fn state(account: &Account, now: UnixMicros) -> UserState {
    match account.expires_at {
        _ if !account.is_active => UserState::Disabled,
        Some(end) if end <= now => UserState::Expired,
        Some(end) if end.0.saturating_sub(now.0) <= SOON => UserState::ExpiringSoon,
        _ => UserState::Active,
    }
}

/// Whether a filter by state finds an account: who can sign in is active, also when not for long.
fn is_in_state(account: &Account, wanted: UserState, now: UnixMicros) -> bool {
    let state = state(account, now);
    state == wanted || (wanted == UserState::Active && state == UserState::ExpiringSoon)
}

fn sign_in(account: &Account) -> UserSignIn {
    if account.has_local_password { UserSignIn::Password } else { UserSignIn::Unavailable }
}

fn summary(matching: &[&Account], now: UnixMicros) -> UserSummary {
    let count = |is_counted: &dyn Fn(&Account) -> bool| {
        matching.iter().filter(|account| is_counted(account)).count() as u64
    };
    UserSummary {
        total: matching.len() as u64,
        active_admins: count(&|account| {
            UserRole::from(account.role) == UserRole::Admin && is_in_state(account, UserState::Active, now)
        }),
        disabled: count(&|account| state(account, now) == UserState::Disabled),
        expiring_soon: count(&|account| state(account, now) == UserState::ExpiringSoon),
        pending_oidc: 0,
        unavailable_sign_in: count(&|account| sign_in(account) == UserSignIn::Unavailable),
    }
}

/// By the column asked for, what has no value last in both directions; then by user name and id.
fn order(a: &Account, b: &Account, query: &UserQuery, now: UnixMicros) -> Ordering {
    let directed = |ordering: Ordering| match query.direction {
        SortDirection::Asc => ordering,
        SortDirection::Desc => ordering.reverse(),
    };
    let by_column = match query.sort {
        UserSort::Username => directed(a.username.cmp(&b.username)),
        UserSort::Role => directed(a.role.cmp(&b.role)),
        UserSort::Status => directed(state(a, now).cmp(&state(b, now))),
        UserSort::SignIn => directed(sign_in(a).cmp(&sign_in(b))),
        UserSort::Expiration => nulls_last(a.expires_at.as_ref(), b.expires_at.as_ref(), directed),
        UserSort::Email => nulls_last(a.email.as_ref(), b.email.as_ref(), directed),
        UserSort::CreatedAt => directed(a.created_at.cmp(&b.created_at)),
        UserSort::UpdatedAt => directed(a.updated_at.cmp(&b.updated_at)),
        // The same for all as long as there is no identity provider.
        UserSort::LastSignIn | UserSort::OidcState | UserSort::RoleSource | UserSort::OidcProvider => {
            Ordering::Equal
        }
    };
    by_column.then_with(|| a.username.cmp(&b.username)).then_with(|| a.id.cmp(&b.id))
}

fn nulls_last<T: Ord>(a: Option<&T>, b: Option<&T>, directed: impl Fn(Ordering) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => directed(a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use causeway_function_kit::Query;
    use causeway_internal::UnixMicros;
    use causeway_internal::accounts::{Account, Role};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::page;
    use crate::users::query::UserQuery;

    const DAY: i64 = 24 * 3600 * 1_000_000;
    const NOW: UnixMicros = UnixMicros(1_000 * DAY);

    fn account(id: u128, username: &str, role: Role, ends_in_days: Option<i64>) -> Account {
        Account {
            id: Uuid::from_u128(id),
            username: username.to_owned(),
            name: None,
            email: id.is_multiple_of(2).then(|| format!("{username}@nas.example")),
            role,
            is_active: username != "dora",
            must_change_password: false,
            token_version: 0,
            expires_at: ends_in_days.map(|days| UnixMicros(NOW.0 + days * DAY)),
            created_at: UnixMicros(i64::try_from(id).unwrap()),
            updated_at: UnixMicros(0),
            has_local_password: id != 5,
        }
    }

    fn household() -> Vec<Account> {
        vec![
            account(1, "anna", Role::Admin, None),
            account(2, "bert", Role::Editor, Some(10)),
            account(3, "carl", Role::Viewer, Some(-1)),
            account(4, "dora", Role::Admin, Some(400)),
            account(5, "emil", Role::Editor, None),
        ]
    }

    fn names(query: &str) -> Vec<String> {
        let query = UserQuery::parse(&Query::parse(query).unwrap()).unwrap();
        page(&household(), &query, NOW).items.into_iter().map(|user| user.me.username).collect()
    }

    #[test]
    fn users_are_found_by_what_they_are() {
        assert_eq!(names(""), ["anna", "bert", "carl", "dora", "emil"]);
        assert_eq!(names("q=ER"), ["bert"]);
        assert_eq!(names("q=%40nas"), ["bert", "dora"]);
        assert_eq!(names("role=admin&role=viewer"), ["anna", "carl", "dora"]);
        assert_eq!(names("role=admin&state=active"), ["anna"]);
        assert_eq!(names("state=active"), ["anna", "bert", "emil"]);
        assert_eq!(names("state=expiring_soon&state=expired"), ["bert", "carl"]);
        assert_eq!(names("state=disabled"), ["dora"]);
        assert_eq!(names("auth=unavailable"), ["emil"]);
        assert_eq!(names("expiration=no_expiration"), ["anna", "emil"]);
        assert_eq!(names("oidc_state=linked"), [""; 0]);
    }

    #[test]
    fn users_come_in_order_and_in_pages() {
        assert_eq!(names("direction=desc"), ["emil", "dora", "carl", "bert", "anna"]);
        assert_eq!(names("sort=expiration"), ["carl", "bert", "dora", "anna", "emil"]);
        assert_eq!(names("sort=expiration&direction=desc"), ["dora", "bert", "carl", "anna", "emil"]);
        assert_eq!(names("sort=role&direction=desc"), ["carl", "bert", "emil", "anna", "dora"]);
        assert_eq!(names("sort=email"), ["bert", "dora", "anna", "carl", "emil"]);
        assert_eq!(names("page=2&page_size=2"), ["carl", "dora"]);
        assert_eq!(names("page=4294967295&page_size=100"), [""; 0]);
    }

    #[test]
    fn counts_are_over_all_that_match() {
        let query = UserQuery::parse(&Query::parse("page_size=1").unwrap()).unwrap();
        let page = page(&household(), &query, NOW);
        assert_eq!((page.items.len(), page.total), (1, 5));
        let summary = page.summary;
        assert_eq!((summary.active_admins, summary.disabled), (1, 1));
        assert_eq!((summary.expiring_soon, summary.unavailable_sign_in), (1, 1));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let long = format!("q={}", "x".repeat(201));
        for query in [
            "page=0",
            "page=-1",
            "page=x",
            "page_size=0",
            "page_size=101",
            "sort=size",
            "role=regular",
            "state=x",
            "direction=up",
            &long,
        ] {
            let problem = UserQuery::parse(&Query::parse(query).unwrap()).err().unwrap();
            assert_eq!(problem.status(), 422, "{query}");
        }
    }

    proptest! {
        #[test]
        fn pages_cut_the_same_row_without_gap_or_overlap(
            ids in proptest::collection::btree_set(1u128..10_000, 0..60),
            sort in prop::sample::select(vec!["username", "role", "email", "expiration", "status", "created_at"]),
            direction in prop::sample::select(vec!["asc", "desc"]),
            size in 1usize..20,
        ) {
            let users: Vec<_> = ids.iter().map(|id| {
                let ends = id.is_multiple_of(3).then(|| i64::try_from(id % 50).unwrap() - 10);
                account(*id, &format!("u{}", id % 7), Role::Editor, ends)
            }).collect();
            let ask = |text: String| {
                let query = UserQuery::parse(&Query::parse(&text).unwrap()).unwrap();
                page(&users, &query, NOW).items.into_iter().map(|user| user.me.id).collect::<Vec<_>>()
            };
            let whole = ask(format!("sort={sort}&direction={direction}&page_size=100"));
            let pieces: Vec<_> = (1..=users.len().div_ceil(size).max(1))
                .flat_map(|number| ask(format!("sort={sort}&direction={direction}&page={number}&page_size={size}")))
                .collect();
            prop_assert_eq!(whole, pieces);
        }
    }
}
