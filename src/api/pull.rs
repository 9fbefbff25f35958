//! Reading what an account is made of: a handful of lists, asked once per run.

use super::{Client, Failure};
use crate::account::{Account, SNAPSHOT_SCHEMA};
use crate::entity::parts::{self, Basics};
use crate::entity::{Entity, Owner, PAGE_MAX, Wrapping, answer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Pages of a directory; more than this is a list that never ends.
const PAGES_MAX: u32 = 400;

/// A part of the account that could not be read, and why; the snapshot is without it.
pub type Gap = (&'static str, Failure);

/// Reads the account. Custom fields are read for `entities` only; lists that the token may not see are gaps, not
/// failures: a mapping that does not need them works all the same.
pub async fn pull(client: &Client, entities: &[Entity], now: i64) -> Result<(Account, Vec<Gap>), Failure> {
    let reply = client.read("account", &[("with", "datetime_settings")]).await?;
    let not_an_account = || Failure::Unreadable("this is not an account of amoCRM or Kommo".to_owned());
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| not_an_account())?;
    let basics: Basics = parts::basics(&value).ok_or_else(not_an_account)?;
    let mut gaps = Vec::new();
    let mut account = Account {
        schema: SNAPSHOT_SCHEMA,
        base: client.base().as_str().trim_end_matches('/').to_owned(),
        pulled_at: now,
        basics,
        pipelines: Vec::new(),
        users: Vec::new(),
        loss_reasons: Vec::new(),
        catalogs: Vec::new(),
        fields: BTreeMap::new(),
    };
    account.pipelines =
        optional(list(client, "leads/pipelines", "pipelines", parts::pipeline).await, "pipelines", &mut gaps)?;
    account.users = optional(list(client, "users", "users", parts::user).await, "users", &mut gaps)?;
    account.loss_reasons =
        optional(list(client, "leads/loss_reasons", "loss_reasons", parts::named).await, "loss reasons", &mut gaps)?;
    for entity in entities {
        let path = format!("{}/custom_fields", entity.path());
        let fields = optional(list(client, &path, "custom_fields", parts::field).await, entity.path(), &mut gaps)?;
        account.fields.insert(Owner::Entity(*entity), fields);
    }
    Ok((account, gaps))
}

/// Refusals of one list are gaps; what would hit every other request too is a failure.
fn optional<T>(list: Result<Vec<T>, Failure>, what: &'static str, gaps: &mut Vec<Gap>) -> Result<Vec<T>, Failure> {
    match list {
        Ok(list) => Ok(list),
        Err(
            failure @ (Failure::Forbidden(_) | Failure::Refused { .. } | Failure::Missing { .. } | Failure::Unpaid(_)),
        ) => {
            gaps.push((what, failure));
            Ok(Vec::new())
        }
        Err(failure) => Err(failure),
    }
}

/// A whole list, page by page. A page that is not full is the last, whatever its links say; a list that ignores
/// paging (`leads/pipelines`) repeats itself and is noticed by its ids. [client live]
async fn list<T>(
    client: &Client,
    path: &str,
    collection: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let limit = PAGE_MAX.to_string();
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for page in 1..=PAGES_MAX {
        let reply = client.read(path, &[("page", &page.to_string()), ("limit", &limit)]).await?;
        if reply.status == 204 || reply.body.is_empty() {
            break;
        }
        let unreadable = || Failure::Unreadable(format!("the list of {collection} is not what the documents say"));
        let value: Value = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
        let items = answer::items(&value, Wrapping::Embedded, collection).ok_or_else(unreadable)?;
        let count = items.len();
        let mut news = 0;
        for item in items {
            if parts::id(&item["id"]).is_none_or(|id| seen.insert(id)) {
                news += 1;
                found.extend(read(item));
            }
        }
        let more = !value["_links"]["next"].is_null();
        if news == 0 || (count < PAGE_MAX && !more) {
            break;
        }
    }
    Ok(found)
}
