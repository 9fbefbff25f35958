//! Every answer of the documents is read by the types the program reads the service with.

use amo_model::answer::{embedded_errors, items, written_items};
use amo_model::compare::compare;
use amo_model::parts::{id, named as id_and_name, text};
use amo_model::{Entity, Needs, Wrapping};
use serde_json::{Value, json};

use crate::documents::index::{Body, EXAMPLES, Example, named};

/// Items of a write's answer: id, request ids, contact, company, merged.
pub type Item = (u64, Vec<String>, Option<u64>, Option<u64>, bool);

/// What a write's answer gives, or nothing where it cannot be read.
pub fn written(body: &str, wrapping: Wrapping, collection: &str) -> Option<Vec<Item>> {
    let items = written_items(body.as_bytes(), wrapping, collection)?;
    Some(items.into_iter().map(|i| (i.id, i.request_ids, i.contact_id, i.company_id, i.merged)).collect())
}

fn wrapping(example: &Example) -> Wrapping {
    match example.body {
        Body::Array => Wrapping::Array,
        Body::Embedded | Body::One => Wrapping::Embedded,
    }
}

/// Ids and request ids, in their order.
type Written = &'static [(u64, &'static [&'static str])];

/// Answers to writes.
const WRITES: &[(&str, Written)] = &[
    ("leads/04-create-answer", &[(10_185_151, &["0"]), (10_185_153, &["1"])]),
    ("leads/06-complex-answer", &[(15_198_335, &["qweasd"]), (15_198_337, &["uns_qweasd"])]),
    ("leads/08-update-answer", &[(54_886, &[]), (54_884, &[])]),
    ("customers/06-create-answer", &[(134_957, &["0"]), (134_959, &["1"])]),
    ("customers/08-update-answer", &[(1_299_433, &["0"])]),
    ("customers/12-transactions-create-answer", &[(134_957, &["0"]), (134_959, &["1"])]),
    ("catalogs/04-create-answer", &[(5_785, &["123"])]),
    ("catalogs/06-update-one-answer", &[(5_787, &["5787"])]),
    ("catalogs/10-elements-create-answer", &[(1_163_197, &["0"])]),
    ("catalogs/12-elements-update-answer", &[(986_757, &["986757"]), (986_753, &["986753"])]),
    ("statuses-and-segments/04-statuses-create-answer", &[(5_649_280, &["0"]), (5_649_283, &["1"])]),
    ("statuses-and-segments/06-status-update-answer", &[(5_649_280, &["0"])]),
    ("statuses-and-segments/10-segment-create-answer", &[(17, &[])]),
    ("statuses-and-segments/12-segment-update-answer", &[(17, &[])]),
];

/// Answers to reads: the ids and the names. Purchases have no names.
const READS: &[(&str, &[(u64, &str)])] = &[
    ("leads/01-list-answer", &[(19_619, "Сделка для примера"), (14_460, "Сделка для примера 2")]),
    ("leads/02-get-answer", &[(3_912_171, "Example")]),
    ("customers/03-list-answer", &[(1, "1"), (134_923, "12412")]),
    ("customers/04-get-answer", &[(1, "покупатель")]),
    ("customers/09-transactions-list-answer", &[(134_643, "")]),
    ("customers/10-transaction-get-answer", &[(14_755, "")]),
    ("catalogs/01-list-answer", &[(4_589, "Просто список"), (4_521, "Товары"), (4_517, "Счета")]),
    ("catalogs/02-get-answer", &[(4_589, "Просто список")]),
    ("catalogs/07-elements-list-answer", &[(525_439, "Элемент")]),
    ("catalogs/08-element-get-answer", &[(525_439, "Элемент")]),
    (
        "statuses-and-segments/01-statuses-list-answer",
        &[
            (4_740_010, "Recently purchased"),
            (4_740_013, "Stage 1"),
            (4_740_025, "Expected purchase"),
            (4_740_028, "Did not purchase"),
            (4_740_031, "Closed"),
        ],
    ),
    ("statuses-and-segments/02-status-get-answer", &[(4_051_135, "Статус покупателя для примера")]),
    ("statuses-and-segments/07-segments-list-answer", &[(51, "Сегмент 1"), (21, "Сегмент 2")]),
    ("statuses-and-segments/08-segment-get-answer", &[(51, "Новый сегмент")]),
];

#[test]
fn every_answer_has_its_row() {
    let rows = WRITES.iter().map(|(name, _)| *name).chain(READS.iter().map(|(name, _)| *name));
    let mut rows: Vec<&str> = rows.chain(["customers/02-mode-answer"]).collect();
    let mut answers: Vec<&str> = EXAMPLES.iter().filter(|e| !e.is_request()).map(|e| e.name).collect();
    rows.sort();
    answers.sort();
    assert_eq!(rows, answers);
}

#[test]
fn answers_to_writes_give_their_ids_and_request_ids() {
    for (name, wanted) in WRITES {
        let example = named(name);
        let collection = example.entity.expect("a record").collection();
        let read = written(&example.text(), wrapping(example), collection).unwrap_or_else(|| panic!("{name}"));
        let read: Vec<(u64, Vec<&str>)> =
            read.iter().map(|(id, requests, ..)| (*id, requests.iter().map(String::as_str).collect())).collect();
        let wanted: Vec<(u64, Vec<&str>)> = wanted.iter().map(|(id, requests)| (*id, requests.to_vec())).collect();
        assert_eq!(read, wanted, "{name}");
        assert_eq!(embedded_errors(example.text().as_bytes()), None, "{name}");
    }
}

#[test]
fn complex_leads_give_their_people() {
    let read = written(&named("leads/06-complex-answer").text(), Wrapping::Array, "leads").expect("an array");
    let people: Vec<_> = read.into_iter().map(|(_, _, contact, company, merged)| (contact, company, merged)).collect();
    assert_eq!(people, [(Some(19_663_157), Some(19_663_155), false), (Some(19_663_161), Some(19_663_159), false)]);
}

#[test]
fn answers_to_reads_give_their_ids_and_names() {
    for (name, wanted) in READS {
        let example = named(name);
        let json = example.json();
        let entity = example.entity.expect("a record");
        let read = items(&json, wrapping(example), entity.collection()).unwrap_or_else(|| panic!("{name}"));
        let read: Vec<(u64, String)> = read
            .into_iter()
            .map(|item| id_and_name(item).map(|named| (named.id, named.name)).unwrap_or_else(|| panic!("{name}")))
            .collect();
        let read: Vec<(u64, &str)> = read.iter().map(|(id, name)| (*id, name.as_str())).collect();
        assert_eq!(read, *wanted, "{name}");
    }
}

#[test]
fn a_mode_of_customers_says_what_can_be_imported() {
    let json = named("customers/02-mode-answer").json();
    let mode = text(&json["mode"]);
    let met = [Needs::Customers, Needs::Segments, Needs::Periodicity].map(|needs| needs.met_by(&mode));
    assert_eq!(met, [true, true, false]);
}

/// What is embedded in an answer, and where in the item.
#[test]
fn what_stands_within_records_is_read() {
    let ids = |name: &str, pointer: &str| -> Vec<u64> {
        let json = named(name).json();
        let found = json.pointer(pointer).unwrap_or_else(|| panic!("{name}{pointer}"));
        amo_model::parts::list(found).into_iter().filter_map(|item| id(&item["id"])).collect()
    };
    for (name, pointer, wanted) in [
        ("leads/02-get-answer", "/_embedded/tags", &[100_667][..]),
        ("leads/02-get-answer", "/_embedded/catalog_elements", &[525_439]),
        ("leads/02-get-answer", "/_embedded/loss_reason", &[4_203_748]),
        ("leads/02-get-answer", "/_embedded/companies", &[10_971_463]),
        ("leads/02-get-answer", "/_embedded/contacts", &[10_971_465]),
        ("customers/03-list-answer", "/_embedded/customers/0/_embedded/segments", &[43, 45, 47, 51]),
        ("customers/03-list-answer", "/_embedded/customers/0/_embedded/contacts", &[7_143_559, 9_820_781]),
        ("customers/04-get-answer", "/_embedded/segments", &[43, 45, 47, 51]),
        ("customers/09-transactions-list-answer", "/_embedded/transactions/0/_embedded/catalog_elements", &[1_677]),
    ] {
        assert_eq!(ids(name, pointer), wanted, "{name}{pointer}");
    }
    let reason = id_and_name(&named("leads/02-get-answer").json()["_embedded"]["loss_reason"][0]).expect("a reason");
    assert_eq!(reason.name, "Пропала потребность");
}

/// What a reading finds of something sent: how many values agree, and the paths of those that do not.
fn held(sent: &Value, held: &Value) -> (u32, Vec<String>) {
    let comparison = compare(sent, held);
    (comparison.agreed, comparison.differences.into_iter().map(|d| d.path).collect())
}

/// Requests and the records that their own answers show.
#[test]
fn an_answer_that_shows_the_record_holds_what_was_sent() {
    for (request, answer, agreed) in [
        ("catalogs/03-create-request", "catalogs/04-create-answer", &[3][..]),
        ("catalogs/05-update-one-request", "catalogs/06-update-one-answer", &[3]),
        ("catalogs/09-elements-create-request", "catalogs/10-elements-create-answer", &[5]),
        ("catalogs/11-elements-update-request", "catalogs/12-elements-update-answer", &[2, 2]),
        ("statuses-and-segments/05-status-update-request", "statuses-and-segments/06-status-update-answer", &[2]),
        ("statuses-and-segments/09-segment-create-request", "statuses-and-segments/10-segment-create-answer", &[4]),
        ("statuses-and-segments/11-segment-update-request", "statuses-and-segments/12-segment-update-answer", &[3]),
    ] {
        let (sent, shown) = (named(request).json(), named(answer));
        let json = shown.json();
        let shown = items(&json, wrapping(shown), shown.entity.map_or("", Entity::collection)).expect("items");
        let sent: Vec<&Value> = sent.as_array().map_or_else(|| vec![&sent], |items| items.iter().collect());
        assert_eq!(sent.len(), shown.len(), "{answer}");
        for ((sent, shown), agreed) in sent.into_iter().zip(shown).zip(agreed) {
            assert_eq!(held(sent, shown), (*agreed, Vec::new()), "{answer}: {sent}");
        }
    }
}

/// Custom fields as a read shows them, against how a mapping would have sent them.
#[test]
fn custom_fields_of_answers_are_compared_by_value() {
    let value = |field: u64, value: Value| json!({"field_id": field, "values": [{"value": value}]});
    let option = |field: u64, option: u64| json!({"field_id": field, "values": [{"enum_id": option}]});
    let element = "catalogs/08-element-get-answer";
    let segment = "statuses-and-segments/08-segment-get-answer";
    for (answer, field, agrees) in [
        (element, value(271_207, json!("dsg")), true),
        (element, value(271_207, json!("DSG")), false),
        (element, value(271_209, json!("Супер телефон")), true),
        (element, value(271_211, json!(12)), true),
        (element, value(271_211, json!("12.00")), true),
        (element, value(271_211, json!(13)), false),
        (element, option(271_213, 10_663), true),
        (element, option(271_213, 10_664), false),
        (segment, value(269_471, json!(true)), true),
        (segment, value(269_471, json!(false)), false),
        (segment, option(269_473, 381_857), true),
        (segment, value(272_427, json!("12424")), true),
    ] {
        let sent = json!({"custom_fields_values": [field]});
        let (agreed, differences) = held(&sent, &named(answer).json());
        let wanted: &[&str] = if agrees { &[] } else { &["custom_fields_values.0.values"] };
        assert_eq!(
            (agreed, differences),
            (u32::from(agrees), wanted.iter().map(|p| (*p).to_owned()).collect()),
            "{sent}"
        );
    }
}
