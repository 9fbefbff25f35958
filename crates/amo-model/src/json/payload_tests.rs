//! The writer's JSON is that of the documents, and the same as that of `serde_json`.

use super::*;
use serde_json::{Value, json};

fn finished(object: &ObjectWriter) -> Value {
    let mut out = Vec::new();
    object.finish(&mut out);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn an_item_is_written_as_documented() {
    let mut contact = ObjectWriter::default();
    contact.text("name", "ООО \"Рога\"\n");
    contact.field(7, [FieldValue::Coded { text: "+79001234567", code: &EnumCode::Code("WORK".into()) }]);
    let mut lead = ObjectWriter::default();
    lead.text("name", "Сделка");
    lead.int("price", 100);
    lead.tags("tags_to_add", ["a", "b"].into_iter());
    lead.field(1, [FieldValue::Number(Decimal::new(125, 1))]);
    lead.field(2, [FieldValue::Option(5), FieldValue::Option(6)]);
    lead.field(3, [FieldValue::Money(Decimal::new(10050, 2))]);
    lead.clear_field(4);
    lead.embedded_ids("companies", &[9]);
    lead.embed(Placement::EmbeddedFirst("contacts"), &contact);
    lead.embed(Placement::EmbeddedFirst("companies"), &ObjectWriter::default());
    assert_eq!(lead.fields_count(), 4);
    assert_eq!(
        finished(&lead),
        json!({
            "name": "Сделка", "price": 100, "tags_to_add": [{"name": "a"}, {"name": "b"}],
            "custom_fields_values": [
                {"field_id": 1, "values": [{"value": 12.5}]},
                {"field_id": 2, "values": [{"enum_id": 5}, {"enum_id": 6}]},
                {"field_id": 3, "values": [{"value": "100.50"}]},
                {"field_id": 4, "values": null},
            ],
            "_embedded": {
                "companies": [{"id": 9}],
                "contacts": [{"name": "ООО \"Рога\"\n", "custom_fields_values":
                    [{"field_id": 7, "values": [{"value": "+79001234567", "enum_code": "WORK"}]}]}],
            },
        })
    );
    assert_eq!(finished(&ObjectWriter::default()), json!({}));
}

#[test]
fn numbers_are_written_as_they_print() {
    let decimals = [
        "0",
        "7",
        "0.5",
        "0.05",
        "10.50",
        "-0.5",
        "-12",
        "123456789012345",
        "1234567890123.45",
        "0.000000000000001",
        "79228162514264337593543950335",
        "0.0000000000000000001",
        "18446744073709551616.5",
    ];
    for text in decimals {
        let mut out = Vec::new();
        decimal(&mut out, text.parse().unwrap());
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
}

#[test]
fn texts_are_written_as_serde_json_writes_them() {
    for text in [
        "",
        "Иван",
        "a\"b",
        "a\\b",
        "a\nb",
        "\u{1f}",
        "\u{7f}",
        "длинный текст без всего, ровно до кавычки \" и дальше",
    ] {
        let mut out = Vec::new();
        string(&mut out, text);
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(text).unwrap());
    }
}
