//! A mapping read backwards: what it has imported is exported with it, imported into an empty account, and is the same there.

use crate::program;

use program::{Folder, Ran, Service};
use serde_json::{Value, json};
use std::collections::HashSet;

fn shipped(file: &str) -> String {
    format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// An account, and the folder from which it is filled.
struct Side {
    service: Service,
    folder: Folder,
}

impl Side {
    fn start() -> Side {
        let side = Side { service: Service::start(), folder: Folder::new() };
        side.service.post("/_sandbox/switches", r#"{"rate_max": 1000000}"#);
        side
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.folder.run(&self.service, args)
    }

    fn import(&self, file: &str, mapping: &str, more: &[&str]) -> Ran {
        self.run(&[&["import", file, "--mapping", mapping][..], &["--verify", "none"][..], more].concat())
    }

    fn shipped(&self, sample: &str, mapping: &str, more: &[&str]) {
        self.import(&shipped(&format!("samples/{sample}")), &shipped(&format!("mappings/{mapping}.toml")), more)
            .expect(0);
    }

    /// A file of its folder, for another one.
    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    fn all(&self, entity: &str) -> Vec<Value> {
        let answer = self.service.get(&format!("/_sandbox/entities/{entity}"));
        answer["rows"].as_array().expect("rows").clone()
    }

    /// What came beside those that were there.
    fn made(&self, entity: &str, before: &HashSet<u64>) -> Vec<Value> {
        self.all(entity).into_iter().filter(|row| !before.contains(&id(row))).collect()
    }

    fn ids(&self, entity: &str) -> HashSet<u64> {
        self.all(entity).iter().map(id).collect()
    }
}

fn id(row: &Value) -> u64 {
    row["id"].as_u64().expect("an id")
}

const LINKED: [&str; 6] = ["contacts", "companies", "leads", "customers", "elements", "transactions"];

/// Without what differs from account to account, ids and order, and without these keys.
fn bare(mut rows: Vec<Value>, without: &[&str]) -> Vec<String> {
    for row in &mut rows {
        let row = row.as_object_mut().expect("an object");
        let differs = ["id", "account_id", "invoice_link", "updated_at", "custom_fields_values", "customer_id"];
        row.retain(|key, _| !differs.contains(&key.as_str()) && !without.contains(&key.as_str()));
        for (_, linked) in row.iter_mut().filter(|(key, _)| LINKED.contains(&key.as_str())) {
            *linked = json!(linked.as_array().map_or(0, Vec::len));
        }
        for value in row.get_mut("custom").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut()) {
            // A number of a workbook has no zeros at its end.
            let texts = value.as_array_mut().into_iter().flatten();
            for text in texts {
                if let Some(number) =
                    text.as_str().and_then(|t| t.parse::<rust_decimal::Decimal>().ok()).filter(|n| n.scale() > 0)
                {
                    *text = json!(number.normalize().to_string());
                }
            }
        }
        row.sort_keys();
    }
    let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

/// One mapping and its sample.
struct Trip {
    kind: &'static str,
    mapping: &'static str,
    sample: &'static str,
    /// Of the sample, so that it stays quick.
    rows: &'static str,
    to: &'static str,
    entities: &'static [&'static str],
    /// What a table of the mapping cannot show, and what is said of it.
    without: &'static [&'static str],
    told: &'static str,
}

const PLAIN: Trip = Trip {
    kind: "",
    mapping: "",
    sample: "",
    rows: "2-41",
    to: "out.csv",
    entities: &[],
    without: &["created_at"],
    told: "",
};

const TRIPS: &[Trip] = &[
    Trip {
        kind: "lead",
        mapping: "leads",
        sample: "leads.csv",
        entities: &["leads"],
        without: &["name"],
        told: "not exported: lead.name (a template); column \"Товар\" (only a template reads it)\n",
        ..PLAIN
    },
    Trip {
        kind: "lead",
        mapping: "complex-leads",
        sample: "complex-leads.xlsx",
        rows: "5-44",
        to: "out.xlsx",
        entities: &["leads", "contacts", "companies"],
        without: &["name", "created_at"],
        told: "not exported: lead.pipeline (always \"Продажи\"); lead.name (a template); lead.tags (always \"импорт\"); \
               column \"Товар\" (only a template reads it); column \"Количество\" (only a template reads it)\n",
    },
    Trip { kind: "contact", mapping: "contacts", sample: "contacts.csv", entities: &["contacts"], ..PLAIN },
    Trip {
        kind: "company",
        mapping: "companies",
        sample: "companies.ods",
        to: "out.xlsx",
        entities: &["companies"],
        ..PLAIN
    },
    Trip { kind: "customer", mapping: "customers", sample: "customers.csv", entities: &["customers"], ..PLAIN },
    Trip {
        kind: "transaction",
        mapping: "transactions",
        sample: "transactions.csv",
        rows: "2-6",
        entities: &["transactions"],
        told: "not exported: transaction.next_date (\"Следующая покупка\" stays empty: the service does not show it)\n",
        ..PLAIN
    },
    Trip {
        kind: "element",
        mapping: "elements",
        sample: "elements.xlsx",
        to: "out.xlsx",
        entities: &["elements"],
        ..PLAIN
    },
    Trip { kind: "invoice", mapping: "invoices", sample: "invoices.xlsx", entities: &["elements"], ..PLAIN },
    Trip { kind: "catalog", mapping: "catalogs", sample: "catalogs.csv", entities: &["catalogs"], ..PLAIN },
    Trip { kind: "segment", mapping: "segments", sample: "segments.csv", entities: &["segments"], ..PLAIN },
];

fn there_and_back(trip: &Trip) {
    let (there, back) = (Side::start(), Side::start());
    if trip.kind == "transaction" {
        std::thread::scope(|scope| {
            for side in [&there, &back] {
                scope.spawn(|| side.shipped("customers.csv", "customers", &["--rows", "2-21"]));
            }
        });
    }
    let held = |side: &Side| -> Vec<HashSet<u64>> { trip.entities.iter().map(|entity| side.ids(entity)).collect() };
    let (before, before_back) = (held(&there), held(&back));
    there.shipped(trip.sample, trip.mapping, &["--rows", trip.rows]);
    // Others of the kind may have been there from the beginning.
    let made = there.made(trip.entities[0], &before[0]);
    let ids: Vec<String> = made.iter().map(|row| id(row).to_string()).collect();
    let mapping = shipped(&format!("mappings/{}.toml", trip.mapping));
    let ran =
        there.run(&["export", trip.kind, "--to", trip.to, "--mapping", &mapping, "--id", &ids.join(",")]).expect(0);
    let told = ran.stderr.split_inclusive('\n').find(|line| line.starts_with("not exported")).unwrap_or_default();
    assert_eq!(told, trip.told, "{}", trip.mapping);
    back.import(&there.path(trip.to), &mapping, &[]).expect(0);
    for (n, entity) in trip.entities.iter().enumerate() {
        let without = if n == 0 { trip.without } else { PLAIN.without };
        let was = bare(there.made(entity, &before[n]), without);
        assert_eq!(was, bare(back.made(entity, &before_back[n]), without), "{} {entity}", trip.mapping);
        assert!(was.len() > 2, "{}", trip.mapping);
    }
}

#[test]
fn what_a_mapping_exports_it_imports_again_the_same() {
    std::thread::scope(|scope| {
        let trips: Vec<_> = TRIPS.iter().map(|trip| scope.spawn(|| there_and_back(trip))).collect();
        trips.into_iter().for_each(|trip| trip.join().expect("a trip"));
    });
}

/// The lines of a CSV, without its mark.
fn lines(side: &Side, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(side.folder.path().join(file)).expect("a file");
    text.trim_start_matches('\u{feff}').lines().map(str::to_owned).collect()
}

#[test]
fn cells_are_written_as_the_mapping_reads_them_and_what_is_lost_is_told() {
    let side = Side::start();
    let made = side.service.post(
        "/api/v4/contacts/custom_fields",
        r#"[{"name": "Фирма", "type": "legal_entity"}, {"name": "Доля", "type": "numeric"}]"#,
    );
    let field = |n: usize| made["_embedded"]["custom_fields"][n]["id"].clone();
    let phone = |value: &str, sort: &str| json!({"value": value, "enum_code": sort});
    let contact = |name: &str, values: Value| {
        json!({"name": name, "created_at": 1_763_622_000,
        "tags_to_add": [{"name": "опт"}, {"name": "VIP"}, {"name": "импорт"}], "custom_fields_values": values})
    };
    let phones = json!([phone("+79001", "WORK"), phone("+79002", "MOB"), phone("+79003", "HOME")]);
    let contacts = json!([
        contact(
            "Анна",
            json!([{"field_code": "PHONE", "values": phones},
            {"field_id": field(0), "values": [{"value": {"name": "ООО Луч", "vat_id": "0077"}}]},
            {"field_id": field(1), "values": [{"value": "-0.125"}]}])
        ),
        contact("Пётр; младший", json!([])),
    ]);
    side.service.post("/api/v4/contacts", &contacts.to_string());
    let mapping = side.folder.write(
        "m.toml",
        r#"version = 1
kind = "contact"
key = "Код"
[source]
delimiter = ";"
decimal = ","
timezone = "Asia/Vladivostok"
dates = ["%d.%m.%Y"]
where = "row['Черновик'] != 'да'"
[contact]
name = { column = "Имя", values = { "Аня" = "Анна", "Анюта" = "Анна" } }
created_at = { column = "Создан", format = "%Y/%m/%d %H-%M" }
tags = [{ column = "Теги", split = ["|", ","] }, { value = "импорт" }]
[contact.fields]
PHONE = [{ column = "Мобильный", enum = "MOB" }, { column = "Рабочий", enum = "WORK" }]
"Фирма" = { vat_id = "ИНН", name = "Фирма" }
"Доля" = { column = "Доля", default = "1" }
"#,
    );
    let mapping = mapping.display().to_string();
    let ran = side.run(&["export", "contact", "--to", "a.csv", "--mapping", &mapping, "--json"]).expect(0);
    assert_eq!(
        lines(&side, "a.csv"),
        [
            "Код;Черновик;Имя;Создан;Теги;Мобильный;Рабочий;ИНН;Фирма;Доля",
            ";;Аня;2025/11/20 17-00;опт|VIP;'+79002;'+79001;0077;ООО Луч;-0,125",
            ";;\"Пётр; младший\";2025/11/20 17-00;опт|VIP;;;;;",
        ]
    );
    let told = [
        "contact.tags (always \"импорт\")",
        "column \"Черновик\" (only \"where\" reads it)",
        "\"Код\": the key is not known and left empty (2 times)",
        "contact.Доля: no value, but the mapping gives an empty cell the default \"1\" (1 times)",
        "contact.Телефон: values with an enum code that no column of the mapping has (1 times)",
    ];
    assert_eq!(ran.json()["not_exported"], json!(told));
}

#[test]
fn products_are_rows_of_their_own_where_the_mapping_groups_and_one_cell_where_it_splits() {
    let (there, back) = (Side::start(), Side::start());
    let part = |head: &str, split: &str| {
        format!(
            "version = 1\nkind = \"lead\"\n{head}\n[lead]\nname = \"Сделка\"\n[lead.fields]\nORDER_NO = \"Номер\"\n\
             [lead.products]\nelement = {{ column = \"Артикул\", by = \"key\"{split} }}\n\
             quantity = {{ column = \"Сколько\"{split} }}\n"
        )
    };
    let grouped = there.folder.write("grouped.toml", part("group = \"Номер\"", "")).display().to_string();
    let split = there.folder.write("split.toml", part("", ", split = \",\"")).display().to_string();
    let source = "Номер,Сделка,Артикул,Сколько\n1,А,T-100,2\n1,А,T-200,1\n2,Б,T-100,5\n3,В,,\n";
    let source = there.folder.write("source.csv", source).display().to_string();
    there.import(&source, &grouped, &[]).expect(0);
    there.run(&["export", "lead", "--to", "rows.csv", "--mapping", &grouped]).expect(0);
    let told = ["Номер,Сделка,Артикул,Сколько", "1,А,T-100,2", "1,А,T-200,1", "2,Б,T-100,5", "3,В,,"];
    assert_eq!(lines(&there, "rows.csv"), told);
    there.run(&["export", "lead", "--to", "cells.csv", "--mapping", &split]).expect(0);
    let told = ["Сделка,Номер,Артикул,Сколько", "А,1,\"T-100, T-200\",\"2, 1\"", "Б,2,T-100,5", "В,3,,"];
    assert_eq!(lines(&there, "cells.csv"), told);
    back.import(&there.path("rows.csv"), &grouped, &[]).expect(0);
    let without = ["created_at"];
    assert_eq!(bare(there.all("leads"), &without), bare(back.all("leads"), &without));
}

#[test]
fn a_mapping_of_changes_changes_nothing() {
    let side = Side::start();
    side.shipped("leads.csv", "leads", &["--rows", "2-21"]);
    let was = side.all("leads");
    let mapping = shipped("mappings/leads-update.toml");
    let ran = side.run(&["export", "lead", "--to", "u.csv", "--mapping", &mapping]).expect(0);
    assert!(ran.stderr.contains("\"Снять теги\" stays empty"), "{}", ran.stderr);
    side.import(&side.path("u.csv"), &mapping, &[]).expect(0);
    assert_eq!(bare(was, &["updated_by"]), bare(side.all("leads"), &["updated_by"]));
}

#[test]
fn a_key_comes_from_the_ledger() {
    let side = Side::start();
    side.shipped("customers.csv", "customers", &["--rows", "2-6"]);
    let mapping = shipped("mappings/customers-update.toml");
    side.run(&["export", "customer", "--to", "c.csv", "--mapping", &mapping]).expect(0);
    let keys: Vec<String> = lines(&side, "c.csv")[1..].iter().map(|line| line.chars().take(7).collect()).collect();
    assert_eq!(keys, ["П-0001,", "П-0002,", "П-0003,", "П-0004,", "П-0005,"]);
}

/// The number stands in the name, inside the template's text.
#[test]
fn without_a_ledger_a_key_is_taken_out_of_the_text_around_it() {
    let (side, other, back) = (Side::start(), Folder::new(), Side::start());
    side.shipped("invoices.xlsx", "invoices", &["--rows", "2-13"]);
    let mapping = shipped("mappings/invoices.toml");
    let ran = other.run(&side.service, &["export", "invoice", "--to", "i.xlsx", "--mapping", &mapping]).expect(0);
    assert!(!ran.stderr.contains("not exported"), "{}", ran.stderr);
    let before = back.ids("elements");
    back.import(&other.path().join("i.xlsx").display().to_string(), &mapping, &[]).expect(0);
    let made = back.made("elements", &before);
    assert_eq!(made[0]["name"], "Счёт С-0001");
    assert_eq!(made[0]["custom"]["Позиции"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_mapping_that_does_not_fit_is_refused() {
    let side = Side::start();
    let leads = shipped("mappings/leads.toml");
    for (args, told) in [
        (&["contact", "--to", "a.csv"][..], "export lead with it"),
        (&["lead", "--to", "a.csv", "--columns", "ID"], "both the mapping and --columns choose the columns"),
        (&["lead", "--to", "a.csv", "--linked", "contact"], "both the mapping and --linked"),
        (&["lead", "--to", "a.jsonl"], "leave out --mapping"),
    ] {
        let ran = side.run(&[&["export"], args, &["--mapping", &leads]].concat()).expect(2);
        assert!(ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
        assert!(!side.folder.path().join("a.csv").exists());
    }
}
