//! Records that have something in every field, made over HTTP, so that a reading can show all it can.

use serde_json::{Value, json};

use crate::documents::server::{Server, Stand};

/// A sandbox with customers in the mode the endpoint needs.
pub fn server_for(path: &str) -> Server {
    let server = Server::start();
    if path.starts_with("customers") {
        server.customers(if path.starts_with("customers/statuses") { "periodicity" } else { "segments" });
    }
    server
}

/// What the names in a path stand for. Records of the last name are made whole.
pub fn address(server: &Server, path: &str) -> String {
    let ids: &[(&str, Stand)] = match path {
        "customers/{customer_id}/transactions" => &[("{customer_id}", Stand::Customer)],
        "catalogs/{id}" => &[("{id}", Stand::Catalog("regular"))],
        _ if path.starts_with("catalogs/{catalog_id}") => &[("{catalog_id}", Stand::Catalog("invoices"))],
        _ => &[],
    };
    let path =
        ids.iter().fold(path.to_owned(), |path, (name, what)| path.replace(name, &server.stand(*what).to_string()));
    if path.contains("{id}") { path.replace("{id}", &whole(server, &path).to_string()) } else { path }
}

/// The id of a new record of what a path lists or names, as full as the documents let it be.
pub fn whole(server: &Server, path: &str) -> u64 {
    match path.trim_end_matches("/{id}") {
        "leads" => lead(server),
        "customers" => customer(server),
        "customers/transactions" => {
            let customer = server.stand(Stand::Customer);
            let embedded = json!({"catalog_elements": [element(server)]});
            let body = json!([{"price": 5, "comment": "до примера", "_embedded": embedded}]);
            server.made(&format!("customers/{customer}/transactions"), &body)
        }
        "customers/statuses" => server.stand(Stand::Status),
        "customers/segments" => server.stand(Stand::Segment),
        "catalogs" => server.stand(Stand::Catalog("regular")),
        elements => server.made(elements, &invoice(server)),
    }
}

/// Without a status an invoice is refused. [client]
fn invoice(server: &Server) -> Value {
    let status = server.stand(Stand::OfInvoices("BILL_STATUS"));
    let created = server.stand(Stand::InvoiceChoice("BILL_STATUS", 0));
    let fields = json!([{"field_id": status, "values": [{"enum_id": created}]}]);
    json!([{"name": "до примера", "custom_fields_values": fields}])
}

fn lead(server: &Server) -> u64 {
    let (contact, company) = (server.stand(Stand::Contact), server.stand(Stand::Company));
    let body = json!([{
        "name": "до примера", "price": 5, "status_id": amo_model::STATUS_LOST,
        "loss_reason_id": server.stand(Stand::LossReason), "tags_to_add": [{"name": "до примера"}],
        "custom_fields_values": text(server, "leads"),
        "_embedded": {
            "contacts": [{"id": contact, "is_main": true}], "companies": [{"id": company}],
            "source": {"external_id": "site", "type": "widget"}
        }
    }]);
    let id = server.made("leads", &body);
    link_element(server, &format!("leads/{id}"));
    id
}

fn customer(server: &Server) -> u64 {
    let body = json!([{
        "name": "до примера", "next_price": 5, "custom_fields_values": text(server, "customers"),
        "_embedded": {"tags": [{"name": "до примера"}], "segments": [{"id": server.stand(Stand::Segment)}]}
    }]);
    let id = server.made("customers", &body);
    for (kind, what) in [("contacts", Stand::Contact), ("companies", Stand::Company)] {
        let body = json!([{"to_entity_id": server.stand(what), "to_entity_type": kind}]).to_string();
        let answer = server.send("POST", &format!("customers/{id}/link"), &body);
        assert!(answer.is_good(), "{} {}", answer.status, answer.body);
    }
    link_element(server, &format!("customers/{id}"));
    id
}

fn text(server: &Server, owner: &'static str) -> Value {
    json!([{"field_id": server.stand(Stand::Field(owner, "text")), "values": [{"value": "до примера"}]}])
}

fn element(server: &Server) -> Value {
    let catalog = server.stand(Stand::Catalog("products"));
    json!({"id": server.stand(Stand::Element), "metadata": {"catalog_id": catalog, "quantity": 2}})
}

/// Elements are linked by an endpoint of their own.
fn link_element(server: &Server, record: &str) {
    let mut element = element(server);
    let fields = server.list(&format!("catalogs/{}/custom_fields", element["metadata"]["catalog_id"]), "custom_fields");
    let price = fields.iter().find(|field| field["type"] == "price").expect("products have prices");
    element["metadata"]["price_id"] = price["id"].clone();
    let link = json!([{
        "to_entity_id": element["id"], "to_entity_type": "catalog_elements", "metadata": element["metadata"]
    }]);
    let answer = server.send("POST", &format!("{record}/link"), &link.to_string());
    assert!(answer.is_good(), "{} {}", answer.status, answer.body);
}

/// An item that an endpoint takes, for the answer it gives.
pub fn item_for(server: &Server, method: &str, path: &str) -> Value {
    match (method, path) {
        (_, "customers/mode") => json!({"mode": "segments", "is_enabled": true}),
        ("POST", "leads/complex") => {
            let embedded = json!({"contacts": [{"name": "до примера"}], "metadata": {"category": "forms"}});
            json!([{"name": "до примера", "_embedded": embedded}])
        }
        ("POST", "customers/segments") => json!({"name": "до примера"}),
        ("POST", "customers/statuses") => json!([{"name": "до примера", "sort": 100}]),
        ("POST", path) if path.ends_with("transactions") => json!([{"price": 5}]),
        ("POST", path) if path.ends_with("elements") => invoice(server),
        ("POST", _) => json!([{"name": "до примера"}]),
        (_, path) if path.ends_with('}') => json!({"name": "после примера"}),
        (_, path) => json!([{"id": whole(server, &address(server, path)), "name": "после примера"}]),
    }
}
