//! What has become of records that were made: only what an administrator's token sees nowhere is gone.

use crate::writes::stage::Service;
use amo_client::clock::Clock;
use amo_client::{Client, List, Pace, RecordState, Visibility, parse_base};
use amo_model::Entity;
use serde_json::{Value, json};
use std::collections::HashSet;

const ADMIN: &str = r#"{"id":1,"name":"Анна","rights":{"is_admin":true}}"#;

fn client(service: &Service) -> Client {
    let token = secrecy::SecretString::from("token".to_owned());
    Client::new(parse_base(service.url()).unwrap(), token.into(), Pace::new(7, Clock::faster(100.0))).unwrap()
}

fn list(items: &[Value]) -> (u16, String) {
    match items {
        [] => (204, String::new()),
        items => (200, json!({"_embedded": {"leads": items}}).to_string()),
    }
}

fn of_ids(ids: std::ops::Range<u64>) -> (u16, String) {
    list(&ids.map(|id| json!({"id": id})).collect::<Vec<_>>())
}

async fn states(service: &Service, ids: &[u64], fresh: &[u64]) -> Vec<RecordState> {
    let fresh: HashSet<u64> = fresh.iter().copied().collect();
    let mut visibility = Visibility::of(1);
    let leads = List::of(Entity::Leads, None);
    let found = client(service).record_states(&leads, ids, &fresh, &mut visibility).await.unwrap();
    ids.iter().map(|id| found[id]).collect()
}

/// The list shows 5, and 6 as deleted; the trash has 7; 8 and 9 are nowhere.
fn account(line: &str, query: &str) -> (u16, String) {
    match line {
        "GET leads" if query.contains("only_deleted") => list(&[json!({"id": 7, "is_deleted": true})]),
        "GET leads" => list(&[json!({"id": 5, "is_deleted": false}), json!({"id": 6, "is_deleted": true})]),
        other => panic!("{other}?{query}"),
    }
}

#[tokio::test]
async fn a_record_is_gone_where_an_administrator_sees_it_neither_in_the_list_nor_in_the_trash() {
    use RecordState::{InTrash, NotFound, Present};
    let service = Service::start(|line, _, query| match line {
        "GET users/1" => (200, ADMIN.to_owned()),
        line => account(line, query),
    });
    assert_eq!(states(&service, &[5, 6, 7, 8, 9], &[]).await, [Present, InTrash, InTrash, NotFound, NotFound]);
    assert_eq!(service.sent("GET leads").len(), 3, "the list and its next page, and the trash");
}

/// 403 for users, an answer that says nothing of rights, a user who is no administrator.
#[tokio::test]
async fn what_a_token_that_may_see_a_part_does_not_see_is_not_called_gone() {
    use RecordState::{InTrash, NotVisible, Present};
    for (status, user) in [
        (403, r#"{"title":"Forbidden","status":403,"detail":"Forbidden"}"#),
        (200, r#"{"id":1,"name":"Анна"}"#),
        (200, r#"{"id":1,"rights":{"is_admin":false}}"#),
        (204, ""),
    ] {
        let service = Service::start(move |line, _, query| match line {
            "GET users/1" => (status, user.to_owned()),
            line => account(line, query),
        });
        let told = states(&service, &[5, 6, 7, 8], &[]).await;
        assert_eq!(told, [Present, InTrash, InTrash, NotVisible], "{status} {user}");
    }
}

/// A filter that is not known is ignored with a 200: a first page of the trash says nothing of the others.
#[tokio::test]
async fn a_trash_that_ignores_the_ids_is_looked_through_to_its_end() {
    let service = Service::start(|line, _, query| match line {
        "GET users/1" => (200, ADMIN.to_owned()),
        "GET leads" if !query.contains("only_deleted") => list(&[]),
        "GET leads" if query.contains("page=1&") => of_ids(1000..1250),
        "GET leads" => of_ids(1249..1300),
        other => panic!("{other}"),
    });
    assert_eq!(states(&service, &[1299, 1300], &[]).await, [RecordState::InTrash, RecordState::NotFound]);
    let endless = Service::start(|line, _, query| match line {
        "GET users/1" => (200, ADMIN.to_owned()),
        "GET leads" if !query.contains("only_deleted") => list(&[]),
        "GET leads" => of_ids(1000..1250),
        other => panic!("{other}"),
    });
    assert_eq!(states(&endless, &[5], &[]).await, [RecordState::NotVisible], "nobody has seen all of it");
}

/// Lists lag behind writes by seconds to minutes: what was made just now is asked for by its own address.
#[tokio::test]
async fn what_was_made_lately_is_not_called_gone_because_its_list_lags() {
    let service = Service::start(|line, _, _| match line {
        "GET users/1" => (200, ADMIN.to_owned()),
        "GET leads" | "GET leads/8" => list(&[]),
        "GET leads/5" => (200, r#"{"id":5,"name":"Окна"}"#.to_owned()),
        other => panic!("{other}"),
    });
    let told = states(&service, &[5, 8, 9], &[5, 8]).await;
    assert_eq!(told, [RecordState::Present, RecordState::NotFound, RecordState::NotFound]);
    assert_eq!(service.sent("GET leads/9").len(), 0, "what is old shows in its list");
}

/// A gateway that caps pages: what the first does not show is on the next.
#[tokio::test]
async fn what_a_capped_page_does_not_show_is_there() {
    let service = Service::start(|line, _, query| match line {
        "GET users/1" => (200, ADMIN.to_owned()),
        "GET leads" if query.contains("only_deleted") => list(&[]),
        "GET leads" if query.contains("page=1&") => of_ids(1..3),
        "GET leads" if query.contains("page=2&") => of_ids(3..5),
        "GET leads" => list(&[]),
        other => panic!("{other}"),
    });
    let told = states(&service, &[1, 2, 3, 4, 5], &[]).await;
    assert_eq!(
        told,
        [RecordState::Present, RecordState::Present, RecordState::Present, RecordState::Present, RecordState::NotFound]
    );
}
