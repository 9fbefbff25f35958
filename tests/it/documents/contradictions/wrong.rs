//! 1–23: what is no JSON, and keys, links and sentences that are wrong or were copied.

use amo_model::Wrapping;

use super::Row::{self, Each, Off, Same};
use super::{compared, id_and_name, lists, sorted, writes};

pub const ROWS: &[Row] = &[
    // Not JSON as printed: such an answer leaves the write in doubt, and so does one cut short.
    Each(
        1,
        "POST customers: no comma behind request_id",
        |b| writes(b, Wrapping::Embedded, "customers"),
        &[
            (r#"{"_embedded":{"customers":[{"id":134957,"request_id":"0" "_links":{}}]}}"#, "null"),
            (r#"{"_embedded":{"customers":[{"id":134957,"request_id":"0","_links":{}}]}}"#, r#"[[134957,["0"],null]]"#),
        ],
    ),
    Each(
        2,
        "POST transactions: no comma behind request_id",
        |b| writes(b, Wrapping::Embedded, "transactions"),
        &[
            (r#"{"_embedded":{"customers":[{"id":134957,"request_id":"0" "_links":{}}]}}"#, "null"),
            (r#"{"_embedded":{"customers":[{"id":134957,"request_id":"0","_links":{}}]}}"#, r#"[[134957,["0"],null]]"#),
        ],
    ),
    Each(
        3,
        "GET leads/{id}: a comma too many in a tag",
        |b| lists(b, "leads"),
        &[
            (r#"{"id":3912171,"_embedded":{"tags":[{"id":100667,"color":null,}]}}"#, "null"),
            (r#"{"_embedded":{"leads":[{"id":3912171,"_embedded":{"tags":[{"id":100667}]}}]}}"#, "[3912171]"),
        ],
    ),
    Each(
        4,
        "PATCH segments/{id}: a comma too many in custom_fields_values",
        |b| writes(b, Wrapping::Embedded, "segments"),
        &[
            (r#"{"id":17,"custom_fields_values":[{"field_id":1},]}"#, "null"),
            (r#"{"id":17,"custom_fields_values":[{"field_id":1}]}"#, "[[17,[],null]]"),
        ],
    ),
    Same(
        5,
        "PATCH customers: the key of leads",
        |b| writes(b, Wrapping::Embedded, "customers"),
        &[
            r#"{"_embedded":{"leads":[{"id":1299433,"request_id":"0"}]}}"#,
            r#"{"_embedded":{"customers":[{"id":1299433,"request_id":"0"}]}}"#,
        ],
        r#"[[1299433,["0"],null]]"#,
    ),
    Same(
        6,
        "POST transactions: the key and the links of customers",
        |b| writes(b, Wrapping::Embedded, "transactions"),
        &[
            r#"{"_links":{"self":{"href":"https://a/api/v4/customers"}},"_embedded":{"customers":[{"id":684537,"request_id":"0"}]}}"#,
            r#"{"_total_items":1,"_embedded":{"transactions":[{"id":684537,"customer_id":1,"request_id":"0"}]}}"#,
        ],
        r#"[[684537,["0"],null]]"#,
    ),
    Same(
        7,
        "GET transactions: links without TLS",
        |b| lists(b, "transactions"),
        &[
            r#"{"_links":{"next":{"href":"http://a/?page=2"}},"_embedded":{"transactions":[{"id":134643}]}}"#,
            r#"{"_links":{"next":{"href":"https://a/?page=2"}},"_embedded":{"transactions":[{"id":134643}]}}"#,
        ],
        "[134643]",
    ),
    Same(
        8,
        "GET segments/{id}: a link to another host",
        id_and_name,
        &[
            r#"{"id":51,"name":"S","_links":{"self":{"href":"https://shard151.amocrm.ru/api/v4/customers/segments/51"}}}"#,
            r#"{"id":51,"name":"S","_links":{"self":{"href":"https://example.amocrm.ru/api/v4/customers/segments/51"}}}"#,
        ],
        r#"[51,"S"]"#,
    ),
    Same(
        9,
        "segments: the 422 speaks of periodic purchases",
        sorted,
        &[r#"422 {"status":422,"detail":"Periodicity is off"}"#, r#"422 {"status":422,"detail":"Segments are off"}"#],
        r#""refused""#,
    ),
    Off(10, "which keys a request must have: `requests` and the table of kinds"),
    Off(11, "what a request may embed: `requests`; the table of kinds follows the parameters, not the sentence"),
    Each(
        12,
        "complex: a company for a lead that was sent without one",
        |b| writes(b, Wrapping::Array, "leads"),
        &[
            (r#"[{"id":2,"contact_id":7,"company_id":19663159,"request_id":["u"]}]"#, r#"[[2,["u"],19663159]]"#),
            (r#"[{"id":2,"contact_id":7,"company_id":null,"request_id":["u"]}]"#, r#"[[2,["u"],null]]"#),
        ],
    ),
    Same(
        13,
        "GET leads: two accounts in one list",
        |b| lists(b, "leads"),
        &[
            r#"{"_embedded":{"leads":[{"id":19619,"account_id":5135160},{"id":14460,"account_id":1351360}]}}"#,
            r#"{"_embedded":{"leads":[{"id":19619,"account_id":1351360},{"id":14460,"account_id":1351360}]}}"#,
        ],
        "[19619,14460]",
    ),
    Same(
        14,
        "GET statuses: more are counted than shown",
        |b| lists(b, "statuses"),
        &[
            r#"{"_total_items":6,"_embedded":{"statuses":[{"id":4740010},{"id":4740013}]}}"#,
            r#"{"_total_items":2,"_embedded":{"statuses":[{"id":4740010},{"id":4740013}]}}"#,
        ],
        "[4740010,4740013]",
    ),
    Same(
        15,
        "statuses: the type of closed ones on the expected purchase",
        id_and_name,
        &[r#"{"id":4740025,"name":"E","type":3}"#, r#"{"id":4740025,"name":"E","type":1}"#],
        r#"[4740025,"E"]"#,
    ),
    Each(
        16,
        "statuses: another sort comes back than was sent",
        compared,
        &[
            (r#"[{"name":"N","sort":100},{"name":"N","sort":5}]"#, r#"{"agreed":1,"another":0,"dropped":0}"#),
            (r#"[{"name":"N","sort":100},{"name":"N","sort":100}]"#, r#"{"agreed":2,"another":0,"dropped":0}"#),
        ],
    ),
    Same(
        17,
        "statuses: colours that are not in the list of colours",
        id_and_name,
        &[r##"{"id":4740010,"name":"R","color":"#ccff66"}"##, r##"{"id":4740010,"name":"R","color":"#deff81"}"##],
        r#"[4740010,"R"]"#,
    ),
    // A list ends with a page on which nothing new stands, not with the links (`api::pull`).
    Each(
        18,
        "catalogs, elements, transactions: a link to a next page that is not there",
        |b| lists(b, "elements"),
        &[
            (
                r#"{"_links":{"next":{"href":"https://a/?page=2"}},"_embedded":{"elements":[{"id":525439}]}}"#,
                "[525439]",
            ),
            (
                r#"{"_links":{"self":{"href":"https://a/?page=1"}},"_embedded":{"elements":[{"id":525439}]}}"#,
                "[525439]",
            ),
            (r#"{"_links":{"self":{"href":"https://a/?page=2"}},"_embedded":{"elements":[]}}"#, "[]"),
        ],
    ),
    Same(
        19,
        "POST elements: the list of another account",
        |b| writes(b, Wrapping::Embedded, "elements"),
        &[
            r#"{"_embedded":{"elements":[{"id":1163197,"catalog_id":1209,"request_id":0}]}}"#,
            r#"{"_embedded":{"elements":[{"id":1163197,"catalog_id":4521,"request_id":0}]}}"#,
        ],
        r#"[[1163197,["0"],null]]"#,
    ),
    // A status moves as the account's conditions say, so it tells nothing either way.
    Each(
        20,
        "customers: status_id in every example and in no table",
        compared,
        &[
            (r#"[{"name":"N","status_id":1},{"name":"N","status_id":1}]"#, r#"{"agreed":2,"another":0,"dropped":0}"#),
            (r#"[{"name":"N","status_id":1},{"name":"N","status_id":2}]"#, r#"{"agreed":1,"another":0,"dropped":0}"#),
            (r#"[{"name":"N","status_id":1},{"name":"N"}]"#, r#"{"agreed":1,"another":0,"dropped":0}"#),
        ],
    ),
    Same(
        21,
        "catalogs: sdk_widget_code as a number, a text, null or not at all",
        id_and_name,
        &[
            r#"{"id":4517,"name":"C","sdk_widget_code":null}"#,
            r#"{"id":4517,"name":"C","sdk_widget_code":7}"#,
            r#"{"id":4517,"name":"C","sdk_widget_code":"w"}"#,
            r#"{"id":4517,"name":"C"}"#,
        ],
        r#"[4517,"C"]"#,
    ),
    Off(22, "which keys a new customer must have: `Required::Periodicity` in the table of kinds"),
    Each(
        23,
        "segments: a request_id that is documented and not given back",
        |b| writes(b, Wrapping::Embedded, "segments"),
        &[
            (r#"{"id":17,"name":"S"}"#, "[[17,[],null]]"),
            (r#"{"id":17,"name":"S","request_id":"r2"}"#, r#"[[17,["r2"],null]]"#),
        ],
    ),
];
