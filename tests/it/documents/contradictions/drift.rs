//! 24–49: types that differ from place to place, and what is missing here or there.

use amo_model::Wrapping;
use amo_model::parts::{flag, id, text};
use serde_json::json;

use super::Row::{self, Each, Off, Same};
use super::{compared, id_and_name, lists, parsed, sorted, writes};

pub const ROWS: &[Row] = &[
    Each(
        24,
        "request_id: text, number, list, nothing",
        |b| writes(b, Wrapping::Embedded, "elements"),
        &[
            (r#"[{"id":1,"request_id":"0"}]"#, r#"[[1,["0"],null]]"#),
            (r#"[{"id":1,"request_id":0}]"#, r#"[[1,["0"],null]]"#),
            (r#"[{"id":1,"request_id":986757}]"#, r#"[[1,["986757"],null]]"#),
            (r#"[{"id":1,"request_id":["a","b"]}]"#, r#"[[1,["a","b"],null]]"#),
            (r#"[{"id":1,"request_id":null}]"#, "[[1,[],null]]"),
            (r#"[{"id":1}]"#, "[[1,[],null]]"),
        ],
    ),
    Same(
        25,
        "leads: loss_reason as an object and as a list",
        compared,
        &[
            r#"[{"loss_reason_id":7},{"loss_reason_id":7,"_embedded":{"loss_reason":{"id":7,"name":"R"}}}]"#,
            r#"[{"loss_reason_id":7},{"loss_reason_id":7,"_embedded":{"loss_reason":[{"id":7,"name":"R"}]}}]"#,
        ],
        r#"{"agreed":1,"another":0,"dropped":0}"#,
    ),
    Off(26, "metadata are sent, as the example's object, and never come back: `requests`"),
    Off(27, "ids and names of tags are sent, as the examples' numbers and texts: `requests`"),
    Each(
        28,
        "is_main: a text in requests, a flag in reads",
        |b| json!(flag(&parsed(b))),
        &[
            ("true", "true"),
            (r#""true""#, "true"),
            (r#""1""#, "true"),
            ("1", "true"),
            ("false", "false"),
            (r#""0""#, "false"),
        ],
    ),
    Off(29, "external_id of a source is sent, as a text, and never comes back"),
    // Where they stand is no matter of reading: what is sent has them in `metadata`, as all examples do.
    Same(
        30,
        "catalog_elements: quantity as an int or a float",
        |b| json!(id(&parsed(b)["metadata"]["quantity"])),
        &[r#"{"metadata":{"quantity":10}}"#, r#"{"metadata":{"quantity":10.0}}"#, r#"{"metadata":{"quantity":"10"}}"#],
        "10",
    ),
    Same(
        31,
        "no custom fields: null and an empty list",
        compared,
        &[
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":"x"}]}]},{"custom_fields_values":null}]"#,
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":"x"}]}]},{"custom_fields_values":[]}]"#,
        ],
        r#"{"agreed":0,"another":0,"dropped":1}"#,
    ),
    Same(32, "is_deleted: null and false", |b| json!(flag(&parsed(b))), &["null", "false", "0"], "false"),
    Same(
        33,
        "PRICE: a numeric field and a price",
        compared,
        &[
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":"12.0"}]}]},{"custom_fields_values":[{"field_id":1,"field_type":"numeric","values":[{"value":"12"}]}]}]"#,
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":12}]}]},{"custom_fields_values":[{"field_id":1,"field_type":"price","values":[{"value":"12"}]}]}]"#,
        ],
        r#"{"agreed":1,"another":0,"dropped":0}"#,
    ),
    Same(
        34,
        "lines of invoices: whole numbers come back with decimals, an empty map as a list",
        compared,
        &[
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":{"unit_price":10,"quantity":5}}]}]},{"custom_fields_values":[{"field_id":1,"field_type":"items","values":[{"value":{"unit_price":10.0,"quantity":5.0,"metadata":[]}}]}]}]"#,
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":{"unit_price":10,"quantity":5}}]}]},{"custom_fields_values":[{"field_id":1,"field_type":"items","values":[{"value":{"unit_price":10,"quantity":5,"metadata":{}}}]}]}]"#,
        ],
        r#"{"agreed":1,"another":0,"dropped":0}"#,
    ),
    Same(
        35,
        "lines of invoices: a VAT rate that was not sent comes back",
        compared,
        &[
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":{"vat_rate_id":18}}]}]},{"custom_fields_values":[{"field_id":1,"field_type":"items","values":[{"value":{"vat_rate_id":18,"vat_rate_value":0}}]}]}]"#,
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":{"vat_rate_id":18}}]}]},{"custom_fields_values":[{"field_id":1,"field_type":"items","values":[{"value":{"vat_rate_id":18}}]}]}]"#,
        ],
        r#"{"agreed":1,"another":0,"dropped":0}"#,
    ),
    Each(
        36,
        "null where a number or a text is promised",
        |b| json!([text(&parsed(b)["comment"]), id(&parsed(b)["closed_at"])]),
        &[
            (r#"{"comment":null,"closed_at":null}"#, r#"["",null]"#),
            (r#"{"comment":"c","closed_at":1589297221}"#, r#"["c",1589297221]"#),
        ],
    ),
    Off(37, "form_id is sent, either way, and never comes back: `requests` sends a number, mappings a text"),
    Same(
        38,
        "statuses: conditions of any depth",
        id_and_name,
        &[
            r#"{"id":4051135,"name":"S","conditions":[]}"#,
            r#"{"id":4051135,"name":"S","conditions":[[{"type":"tag","match":{"value":[174727]}}],[]]}"#,
        ],
        r#"[4051135,"S"]"#,
    ),
    Each(39, "users and groups: 0 is one, too", |b| json!(id(&parsed(b))), &[("0", "0"), ("504141", "504141")]),
    Off(40, "query is sent, as text: an address has nothing else"),
    Same(
        41,
        "segments: values before field_id",
        compared,
        &[
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":true}]}]},{"custom_fields_values":[{"values":[{"value":true}],"field_id":1}]}]"#,
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"value":true}]}]},{"custom_fields_values":[{"field_id":1,"values":[{"value":true}]}]}]"#,
        ],
        r#"{"agreed":1,"another":0,"dropped":0}"#,
    ),
    Same(
        42,
        "options: enum_code now and then",
        compared,
        &[
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"enum_id":7}]}]},{"custom_fields_values":[{"field_id":1,"values":[{"value":"A","enum_id":7}]}]}]"#,
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"enum_id":7}]}]},{"custom_fields_values":[{"field_id":1,"values":[{"value":"A","enum_id":7,"enum_code":null}]}]}]"#,
            r#"[{"custom_fields_values":[{"field_id":1,"values":[{"enum_id":7}]}]},{"custom_fields_values":[{"field_id":1,"values":[{"value":"A","enum_id":7,"enum_code":"a"}]}]}]"#,
        ],
        r#"{"agreed":1,"another":0,"dropped":0}"#,
    ),
    Same(
        43,
        "transactions: catalog_elements in the list and not in the record",
        |b| lists(b, "transactions"),
        &[
            r#"{"id":14755,"_embedded":{"customer":{"id":1}}}"#,
            r#"{"id":14755,"_embedded":{"customer":{"id":1},"catalog_elements":[{"id":1677}]}}"#,
            r#"{"_embedded":{"transactions":[{"id":14755,"_embedded":{"customer":{"id":1},"catalog_elements":[{"id":1677}]}}]}}"#,
        ],
        "[14755]",
    ),
    Same(
        44,
        "lists: first and prev only behind the first page",
        |b| lists(b, "leads"),
        &[
            r#"{"_page":1,"_links":{"self":{"href":"s"},"next":{"href":"n"}},"_embedded":{"leads":[{"id":1}]}}"#,
            r#"{"_page":2,"_links":{"self":{"href":"s"},"first":{"href":"f"},"prev":{"href":"p"}},"_embedded":{"leads":[{"id":1}]}}"#,
        ],
        "[1]",
    ),
    Each(
        45,
        "statuses of answers that no table lists",
        sorted,
        &[
            (r#"402 {"title":"Payment Required"}"#, r#""unpaid""#),
            (r#"403 {"title":"Forbidden","detail":"Invalid scope"}"#, r#""forbidden""#),
            ("403 <html>", r#""blocked""#),
            (r#"404 {"title":"Not Found"}"#, r#""missing""#),
            (r#"422 {"title":"Unprocessable Entity"}"#, r#""refused""#),
            ("429 <html>", r#""throttled""#),
            ("504 <html>", r#""broken""#),
        ],
    ),
    Each(
        46,
        "DELETE of what is not there",
        sorted,
        &[
            (r#"400 {"validation-errors":[{"errors":[{"code":"NotSupportedChoice","path":"id"}]}]}"#, r#""refused""#),
            (r#"404 {"title":"Not Found"}"#, r#""missing""#),
            ("204 ", r#""good""#),
        ],
    ),
    Each(
        47,
        "PATCH: no request_id for leads, one for customers",
        |b| writes(b, Wrapping::Embedded, "leads"),
        &[
            (r#"{"_embedded":{"leads":[{"id":54886,"updated_at":1589556420}]}}"#, "[[54886,[],null]]"),
            (r#"{"_embedded":{"leads":[{"id":54886,"updated_at":1,"request_id":"0"}]}}"#, r#"[[54886,["0"],null]]"#),
        ],
    ),
    Off(48, "tags_to_add is sent, where a document knows it; `_embedded.tags` where it does not: the table of kinds"),
    Same(
        49,
        "lists: counted now and then",
        |b| lists(b, "segments"),
        &[
            r#"{"_total_items":1,"_page":1,"_page_count":1,"_embedded":{"segments":[{"id":51}]}}"#,
            r#"{"_page":1,"_embedded":{"segments":[{"id":51}]}}"#,
            r#"{"_embedded":{"segments":[{"id":51}]}}"#,
        ],
        "[51]",
    ),
];
