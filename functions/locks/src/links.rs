//! Links: how a click in the browser becomes a session of the companion.

use causeway_api::companion::{BootstrapAnswer, LinkAnswer, LinkBody, LinkExchange};
use causeway_function_kit::{Answer, Problem, Request, Wording, unix_seconds};
use causeway_internal::locks::{PrepareEdit, RedeemLink};
use causeway_internal::{FaultCode, Principal};
use causeway_tokens::{BOOTSTRAP_SECONDS, CompanionScope, LINK_SECONDS, Link, MAX_COMPANION_PATH_BYTES};
use uuid::Uuid;

use crate::wording::file_to_edit;

/// `POST …/uri-token`: a link to a file that the caller sees.
pub(crate) async fn make(mut request: Request) -> Result<Answer, Problem> {
    let LinkBody { connection_id, path: text } = request.json().await?;
    // What is no id is the id of no connection.
    let connection =
        Uuid::parse_str(&connection_id).map_err(|_| Problem::not_found("Connection not found"))?;
    if text.len() > MAX_COMPANION_PATH_BYTES {
        return Err(Problem::bad_request("The path is too long to be opened in the companion"));
    }
    let path = file_to_edit(&text)?;
    let seen = request.sidecar()?.call(&PrepareEdit { connection, path }).await;
    seen.map_err(|refusal| refusal.or_else(|fault| Wording::info(&text).refuse(fault)))?;
    let Principal { user_id, token_version } = request.principal()?;
    let scope = CompanionScope { user_id, token_version, connection: connection_id, path: text };
    let link = request.settings()?.token_key.mint_link(&scope, Uuid::new_v4(), unix_seconds());
    let link = link.map_err(Problem::internal)?;
    Answer::json(200, &LinkAnswer { uri_token: link.token, expires_in: LINK_SECONDS })
}

/// `POST …/token`: a bootstrap token for a link, once.
pub(crate) async fn exchange(mut request: Request) -> Result<Answer, Problem> {
    let LinkExchange { token } = request.json().await?;
    let key = &request.settings()?.token_key;
    let now = unix_seconds();
    let Link { scope, id, expires_at } =
        key.verify_link(&token, now).map_err(|refused| refused_link().because(refused))?;
    let user = Principal { user_id: scope.user_id, token_version: scope.token_version };
    let redeemed = request.sidecar_for(user)?.call(&RedeemLink { id, expires_at }).await;
    redeemed.map_err(|refusal| {
        refusal.or_else(|fault| match fault.code {
            FaultCode::Conflict => Some(Problem::conflict("Token has already been used")),
            FaultCode::PrincipalRefused => Some(refused_link()),
            _ => None,
        })
    })?;
    let bootstrap = key.mint_bootstrap(&scope, now).map_err(Problem::internal)?;
    let answer = BootstrapAnswer::new(bootstrap.token, BOOTSTRAP_SECONDS, scope.connection, scope.path);
    Answer::json(200, &answer)
}

/// 401 without a challenge: the companion would take it for a proxy's.
fn refused_link() -> Problem {
    Problem::new(401, "Invalid or expired URI token")
}
