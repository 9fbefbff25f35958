//! `POST /oauth2/access_token`: a code or a refresh token for a new pair. [doc], the errors [client]

use serde_json::{Value, json};

use crate::endpoints::Call;
use crate::endpoints::reply::{ApiResponse, Media};
use crate::read::query::Query;
use crate::world::Commit;
use crate::world::auth::{ACCESS_LIFE_S, GrantError, TokenPair};

pub fn token(call: &Call) -> ApiResponse {
    let form = std::str::from_utf8(call.body).map(Query::parse).unwrap_or_default();
    let json = call.json();
    if json.is_none() && form.get("grant_type").is_none() {
        return Call::blank_body();
    }
    // JSON [doc], or a form, as OAuth libraries send it. [client]
    let sent = |key: &str| match &json {
        Some(body) => body.get(key).and_then(Value::as_str).unwrap_or(""),
        None => form.get(key).unwrap_or(""),
    };
    let known = &call.world.auth;
    if sent("client_id") != known.client_id || sent("client_secret") != known.client_secret {
        return refused("Некорректный клиент", "Авторизация клиента не прошла", None);
    }
    let mut auth = known.clone();
    let pair = match sent("grant_type") {
        "authorization_code" => auth.exchange(sent("code"), call.now),
        "refresh_token" => auth.refresh(sent("refresh_token"), call.now),
        _ => return ApiResponse::problem(400, "The authorization grant type is not supported"), // [inferred]
    };
    match pair.cloned() {
        Ok(TokenPair { access, refresh, .. }) => {
            let commit = Commit::of_tokens(call.now, auth);
            let pair = json!({
                "token_type": "Bearer", "expires_in": ACCESS_LIFE_S, "access_token": access, "refresh_token": refresh
            });
            ApiResponse::json(200, &pair).with_commit(commit)
        }
        Err(why) => {
            let detail = "В запросе отсутствует ряд параметров или параметры невалидны";
            // A code is used up even where it has expired.
            let commit = Commit::of_tokens(call.now, auth);
            refused("Некорректный запрос", detail, Some(why)).with_commit(commit)
        }
    }
}

fn refused(title: &str, detail: &str, why: Option<GrantError>) -> ApiResponse {
    let mut body = json!({});
    if let Some(why) = why {
        body["hint"] = json!(why.hint());
    }
    body["title"] = json!(title);
    body["type"] = json!("https://developers.amocrm.ru/v3/errors/OAuthProblemJson");
    body["status"] = json!(401);
    body["detail"] = json!(detail);
    let mut reply = ApiResponse::json(401, &body);
    reply.media = Media::Problem;
    reply
}
