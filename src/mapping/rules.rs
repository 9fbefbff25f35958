//! What the API asks of a mapping as a whole, before a row is read: which fields must be there, which exclude each
//! other, what the account's mode allows.

use super::compile::{Compile, names_own_id};
use super::plan::{SectionPlan, TargetPlan, ValuePlan};
use super::written::{Section, Target};
use amo_model::parts::CustomField;
use amo_model::{Action, FieldContent, FieldKind, FieldSpec, Needs, Placement as Place, Required, Wire};
use sheet_source::message;
use sheet_source::problem::Message;
use std::collections::HashSet;

/// Why an account in this mode cannot take something, and the mode that could.
pub fn mode_message(needs: Needs, mode: &str, subject: Message) -> (Message, &'static str) {
    let state: Message = match mode {
        "disabled" | "unavailable" => "customers are switched off in this account".into(),
        _ => message!("customers of this account are kept by {mode}", mode),
    };
    match needs {
        Needs::Periodicity => (message!("{state}; {subject} is for periodicity", state, subject), "periodicity"),
        Needs::Segments | Needs::Customers | Needs::Nothing => {
            (message!("{state}; {subject} is for segments", state, subject), "segments")
        }
    }
}

impl Compile<'_> {
    pub(super) fn section_rules(&mut self, section: &Section, has_id: bool) {
        if self.written.unsure {
            return;
        }
        let changes = self.written.action != Action::Create && section.spec.is_item();
        if changes && !has_id && self.written.key.is_empty() {
            let name = section.spec.name;
            let hint = message!(
                "add id = \"…\" under [{section}], the column with the ids of the CRM, or key = \"…\" above it",
                section = name
            );
            let message =
                message!("a mapping that {action}s needs to know which records", action = self.written.action.name());
            self.problem(section.at, "no-id", message, Some(hint));
        }
        if matches!(section.spec.at, Place::EmbeddedFirst(_)) && has_id && section.values.len() > 1 {
            let message = message!(
                "[{section}] with an id takes nothing else: what exists is linked, not changed",
                section = section.spec.name
            );
            self.problem(section.at, "id-and-fields", message, Some("leave the id or the other fields out".into()));
        }
        if let Place::Embedded(_) = section.spec.at
            && !section.values.iter().any(|v| matches!(v.target, Target::Field(f) if f.name == "category"))
        {
            let message = message!("[{section}] does not say its category", section = section.spec.name);
            let hint = "add category = { value = \"forms\" } or \"sip\"".into();
            self.problem(section.at, "no-category", message, Some(hint));
        }
        if let Some(max) = section.spec.custom_fields_max {
            let marker = usize::from(self.written.marker.is_some() && section.spec.is_item());
            let count = section.values.iter().filter(|v| matches!(v.target, Target::Custom(_))).count() + marker;
            if count > max {
                let marked = if marker > 0 { " with the marker" } else { "" };
                let name = section.spec.name;
                let message = message!(
                    "{count} custom fields under [{section}.fields]{marked}, the service takes {max}",
                    count,
                    section = name,
                    marked,
                    max
                );
                let hint = "leave some out and update them afterwards".into();
                self.problem(section.at, "too-many-fields", message, Some(hint));
            }
        }
        let has =
            |name: &str| section.values.iter().any(|v| matches!(v.target, Target::Field(field) if field.name == name));
        self.required_fields(section.at, section.spec.name, section.spec.fields, &has);
        self.id_without_type(section.at, section.spec.name, &has);
        if tags(section) > 1 {
            let hint = Some("\"all_tags\" says all the tags there shall be, \"tags\" adds some: keep one".into());
            self.problem(section.at, "tags-twice", "\"tags\" and \"all_tags\" exclude each other", hint);
        }
    }

    /// A record cannot be made without these, so a mapping that does not fill them makes none. [seed]
    pub(super) fn required_fields(
        &mut self,
        at: usize,
        place: &str,
        fields: &'static [FieldSpec],
        filled: &dyn Fn(&str) -> bool,
    ) {
        let item = self.written.kind.spec().sections[0].name == place;
        if self.written.unsure || item && self.written.action != Action::Create {
            return;
        }
        let missing: Vec<&FieldSpec> =
            fields.iter().filter(|field| self.is_required(field) && !filled(field.name)).collect();
        for field in missing {
            let message = message!(
                "[{section}] does not say its {field}, which the service asks for",
                section = place,
                field = field.name
            );
            let hint = message!("add {field} = \"…\", {about}", field = field.name, about = field.about);
            self.problem(at, "no-required-field", message, Some(hint));
        }
    }

    /// An id alone does not say of what it is, and would be refused with every record. [doc]
    pub(super) fn id_without_type(&mut self, at: usize, place: &str, has: &dyn Fn(&str) -> bool) {
        if has("entity_id") && !has("entity_type") {
            let message = message!("[{section}] has an entity_id and does not say of what", section = place);
            let hint = "add entity_type = { value = \"contacts\" } or \"companies\"".into();
            self.problem(at, "no-required-field", message, Some(hint));
        }
    }

    /// True where a record cannot be made without the field in this account.
    pub(super) fn is_required(&self, field: &FieldSpec) -> bool {
        let periodicity = self.account.basics.customers_mode == "periodicity";
        match field.required {
            Required::No => false,
            Required::Always => true,
            Required::Periodicity => periodicity && self.written.action == Action::Create,
        }
    }

    /// A field of another mode of customers would be refused with every record. [seed]
    pub(super) fn field_mode(&mut self, at: usize, field: &FieldSpec) {
        let mode = self.account.basics.customers_mode.clone();
        if !field.only.met_by(&mode) {
            let (message, _) = mode_message(field.only, &mode, message!("\"{field}\"", field = field.name));
            self.problem(at, "customers-mode", message, Some("leave it out of the mapping".into()));
        }
    }

    /// Under its name and its code, in parts and as one text, under [invoice.payer] and [invoice.fields].
    pub(super) fn doubled_fields(&mut self, at: usize, before: &[SectionPlan], new: &[SectionPlan]) {
        fn fields(section: &SectionPlan) -> impl Iterator<Item = (usize, &CustomField, Option<usize>)> {
            let values = section.values.iter().filter_map(|value| match &value.target {
                TargetPlan::Custom { field, .. } => Some((field, value.origins.first().map(|origin| origin.at))),
                TargetPlan::Field(_) => None,
            });
            let whole = section.field.iter().map(|field| (field, None));
            values.chain(whole).map(|(field, at)| (section.holder, field, at))
        }
        let all = before.iter().flat_map(fields);
        let mut seen: HashSet<(usize, u64)> = all.map(|(holder, field, _)| (holder, field.id)).collect();
        let twice = new.iter().flat_map(fields).filter(|(holder, field, _)| !seen.insert((*holder, field.id)));
        let doubled: Vec<(String, Option<usize>)> = twice.map(|(_, field, at)| (field.name.clone(), at)).collect();
        for (name, said) in doubled {
            let hint =
                "fill it in one place; where it holds several values, with a list: [\"column 1\", \"column 2\"]".into();
            self.problem(
                said.unwrap_or(at),
                "field-twice",
                message!("the field \"{field}\" is filled twice", field = name),
                Some(hint),
            );
        }
    }

    /// The field with the sum of an invoice, where the list has one and the mapping leaves it to us. With VAT on top the
    /// sum is not for us to say.
    pub(super) fn total_field(&self, sections: &[SectionPlan]) -> Option<u64> {
        let items = sections.iter().find(|section| matches!(section.spec.at, Place::Field("ITEMS")))?;
        let vat = |v: &ValuePlan| matches!(v.target, TargetPlan::Field(f) if f.name.starts_with("vat_rate"));
        let owner = sections.first()?.spec.custom_fields?.owner(self.catalog)?;
        let field = self.account.fields(owner).iter().find(|field| field.code.as_deref() == Some("BILL_PRICE"))?;
        let filled = sections[0]
            .values
            .iter()
            .any(|v| matches!(&v.target, TargetPlan::Custom { field: f, .. } if f.id == field.id));
        let numeric = matches!(FieldKind::from_name(&field.kind), FieldKind::Numeric | FieldKind::Monetary);
        (numeric && !filled && !items.values.iter().any(vat)).then_some(field.id)
    }

    /// True where the section says which record it is.
    pub(super) fn has_id(&self, section: &Section) -> bool {
        match section.spec.is_item() {
            true => names_own_id(self.written),
            false => {
                section.values.iter().any(|v| matches!(v.target, Target::Field(f) if f.holds == FieldContent::OwnId))
            }
        }
    }
}

/// Values that say which tags there shall be; `list` may make `tags` of `all_tags`.
fn tags(section: &Section) -> usize {
    let says = |wire: Wire| matches!(wire, Wire::EmbeddedTags | Wire::Tags("tags_to_add"));
    section.values.iter().filter(|v| matches!(v.target, Target::Field(f) if says(f.wire))).count()
}
