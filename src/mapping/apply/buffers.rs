//! The JSON of the current record: one object per section, combined when the record is complete.

use super::record::request_id;
use super::row::RecordBuilder;
use crate::mapping::plan::Plan;
use amo_model::compare::Marker;
use amo_model::payload::{FieldValue, ObjectWriter, REQUEST_ID};
use amo_model::{Action, ID_KEY};
use sheet_source::{Row, message};

/// The JSON of the current record by section. Reused for all records, to avoid allocations.
pub(super) struct Buffers {
    objects: Vec<ObjectWriter>,
    /// The values of sections that fill a custom field, concatenated.
    lists: Vec<Vec<u8>>,
}

impl Buffers {
    pub(super) fn new(plan: &Plan) -> Buffers {
        let objects = plan.sections.iter().map(|_| ObjectWriter::default()).collect();
        let lists = plan.sections.iter().map(|_| Vec::new()).collect();
        Buffers { objects, lists }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.iter().all(ObjectWriter::is_empty) && self.lists.iter().all(Vec::is_empty)
    }

    /// Writes the id of the record, unless the URL contains it.
    pub(super) fn own_id(&mut self, record: &RecordBuilder<'_, '_>) {
        let in_body = !record.context.plan.write.names_record();
        if let (true, Some(id), Some(item)) = (in_body, record.meta.own_id, self.objects.first_mut()) {
            item.id(ID_KEY, id);
        }
    }

    /// Builds the objects of a record from its rows.
    pub(super) fn fill<'r>(&mut self, record: &mut RecordBuilder<'r, '_>, first: &'r Row, more: &'r [Row]) {
        let plan = record.context.plan;
        let mut bare = Vec::new();
        for (n, section) in plan.sections.iter().enumerate() {
            record.only_constants = false;
            let (object, list) = (&mut self.objects[n], &mut self.lists[n]);
            list.clear();
            object.clear();
            let others: &[Row] = if section.spec.repeats { more } else { &[] };
            for row in std::iter::once(first).chain(others) {
                object.clear();
                record.go_to(row);
                record.section(section, object);
                if section.field.is_some() && !object.is_empty() {
                    object.value_object(list);
                }
            }
            if record.only_constants {
                bare.push(n);
            }
            if !section.spec.repeats {
                record.check_rows_agree(section, first, more);
            }
        }
        record.go_to(first);
        for n in bare {
            if self.parts_of(plan, n) == 0 {
                self.objects[n].clear();
            }
        }
        self.count_fields(record);
    }

    /// The number of object-valued custom fields in a section.
    fn parts_of(&self, plan: &Plan, holder: usize) -> usize {
        if self.lists.iter().all(Vec::is_empty) {
            return 0;
        }
        let parts = plan.sections.iter().zip(&self.lists);
        parts.filter(|(part, list)| part.holder == holder && !list.is_empty()).count()
    }

    /// Checks the limit of custom fields, including object values and the marker.
    fn count_fields(&self, record: &mut RecordBuilder<'_, '_>) {
        let plan = record.context.plan;
        for (n, section) in plan.sections.iter().enumerate() {
            let Some(max) = section.spec.custom_fields_max else { continue };
            let marker = usize::from(plan.marker.is_some() && section.spec.is_item());
            let count = self.objects[n].fields_count() + self.parts_of(plan, n) + marker;
            if count > max {
                let message = message!(
                    "{count} custom fields in [{section}], the service takes {max}",
                    count,
                    section = section.spec.name,
                    max
                );
                let problem = record.context.problem(None, "too-many-fields", message);
                record.problems.push(problem.hint("empty some of the cells, and fill these fields by an update"));
            }
        }
    }

    /// True for an update without changes: sending it would count it as changed.
    pub(super) fn changes_nothing(&self, record: &RecordBuilder<'_, '_>, id: u64) -> bool {
        let Some((item, others)) = self.objects.split_first() else { return false };
        let nothing = others.iter().all(ObjectWriter::is_empty) && self.lists.iter().all(Vec::is_empty);
        record.context.plan.action == Action::Update
            && nothing
            && item.holds_nothing_but(ID_KEY, id)
            && record.meta.links.is_empty()
            && record.meta.elements.is_empty()
    }

    /// The JSON of the item. `row` is the first row of the record, for its `request_id`.
    pub(super) fn body(
        &mut self,
        record: &RecordBuilder<'_, '_>,
        marker: Option<(Marker, String)>,
        row: Option<u32>,
    ) -> Vec<u8> {
        let (plan, meta) = (record.context.plan, &record.meta);
        for (section, list) in plan.sections.iter().zip(&self.lists) {
            if let (Some(field), false) = (&section.field, list.is_empty()) {
                self.objects[section.holder].field_objects(field.id, list);
            }
        }
        let Some((item, embedded)) = self.objects.split_first_mut() else { return Vec::new() };
        for (section, object) in plan.sections[1..].iter().zip(embedded) {
            item.embed(section.spec.at, object);
        }
        if !meta.elements.is_empty() {
            item.elements(meta.elements.iter().copied());
        }
        if let (Some(field), Some(total)) = (plan.total_field, meta.total.known()) {
            item.field(field, [FieldValue::Number(total)]);
        }
        match marker {
            Some((Marker::Field(field), marker)) => item.field(field, [FieldValue::Text(&marker)]),
            Some((Marker::Key(key), marker)) => item.text(key, &marker),
            None => {}
        }
        if let Some(row) = row.filter(|_| plan.write.echo) {
            item.text(REQUEST_ID, &request_id(row));
        }
        let mut body = Vec::new();
        item.finish(&mut body);
        body
    }
}
