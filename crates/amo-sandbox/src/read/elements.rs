//! Elements of catalogs as the API shows them, invoices included. Reads the world, decides nothing.

use serde_json::{Value, json};

use crate::account::{CatalogDefinition, builtin};
use crate::read::{View, self_link, values};
use crate::world::RecordBody;
use amo_model::FieldKind;

/// The warning of an invoice whose sums the service has recalculated. The text is ours. [inferred]
const WARNING: &str = "Суммы в счёте были пересчитаны";

impl View<'_> {
    /// The model in reads: `is_deleted` is null [seed], and the link is shown on request. [seed]
    pub fn element(&self, id: u64, draft: &RecordBody) -> Value {
        let catalog = self.catalog_of(draft);
        let mut model = self.element_base(id, draft, Value::Null, self.switches.supplier_papers);
        if self.query.with("invoice_link") {
            model["invoice_link"] = self.invoice_link(id, catalog);
        }
        model["_links"] = self.element_links(id, draft);
        if is_invoices(catalog) {
            let warned = self.switches.invoice_warned || self.is_recalculated(draft);
            model["_embedded"] = json!({"warning": {"message": warned.then_some(WARNING)}});
        }
        model
    }

    /// The model in answers to writes. [seed]
    pub fn written_element(&self, id: u64, draft: &RecordBody, request_id: Option<Value>) -> Value {
        let mut model = self.element_base(id, draft, json!(false), false);
        if let Some(request_id) = request_id {
            model["request_id"] = request_id;
        }
        model["invoice_link"] = self.invoice_link(id, self.catalog_of(draft));
        model["_links"] = self.element_links(id, draft);
        model
    }

    fn element_base(&self, id: u64, draft: &RecordBody, is_deleted: Value, details: bool) -> Value {
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        json!({
            "id": id, "name": at("name"), "created_by": at("created_by"), "updated_by": at("updated_by"),
            "created_at": draft.created_at, "updated_at": draft.updated_at, "is_deleted": is_deleted,
            "custom_fields_values": values::fields(self, draft, details), "catalog_id": at("catalog_id"),
            "account_id": self.world.account.id
        })
    }

    fn element_links(&self, id: u64, draft: &RecordBody) -> Value {
        let catalog = draft.json.get("catalog_id").and_then(Value::as_u64).unwrap_or(0);
        self_link(self.url(&format!("catalogs/{catalog}/elements/{id}")))
    }

    fn catalog_of(&self, draft: &RecordBody) -> Option<&CatalogDefinition> {
        self.world.account.catalog(draft.json.get("catalog_id")?.as_u64()?)
    }

    /// The link to the printed invoice; null for other elements. [seed] It stays the same for the life of the world.
    fn invoice_link(&self, id: u64, catalog: Option<&CatalogDefinition>) -> Value {
        const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        if !is_invoices(catalog) {
            return Value::Null;
        }
        let mut state = id ^ self.world.seed.rotate_left(32);
        let characters = (0..10).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(SIGNS[(state >> 33) as usize % SIGNS.len()])
        });
        json!(format!("https://pay.amocrm.ru/{}", characters.collect::<String>()))
    }

    fn is_recalculated(&self, draft: &RecordBody) -> bool {
        let fields = draft.json.get("fields").and_then(Value::as_array).into_iter().flatten();
        let is_items = |f: &&Value| {
            let field = f[0].as_u64().and_then(|id| self.world.account.field(id));
            field.is_some_and(|field| field.kind == FieldKind::Items)
        };
        let lines = fields.filter(is_items).flat_map(|f| f[1].as_array().into_iter().flatten());
        let flags = |line: &Value| {
            ["is_discount_recalculated", "is_total_sum_recalculated"].map(|key| line["value"][key] == true)
        };
        lines.map(flags).any(|flags| flags.contains(&true))
    }
}

fn is_invoices(catalog: Option<&CatalogDefinition>) -> bool {
    catalog.is_some_and(|c| c.kind == builtin::KIND_INVOICES)
}
