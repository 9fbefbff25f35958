//! The sections of a mapping file and their values.

use super::conversion::{Arity, TargetContext};
use super::wanted::named_catalog;
use super::{Compiler, PipelineScope};
use crate::mapping::language::ast::{As, Origin, Section, TargetRef, Value, ValueSource};
use crate::mapping::plan::{OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use amo_client::account::CatalogRef;
use amo_model::{self, Action, FieldContent, FieldKind, Owner, Placement, SectionSpec};
use sheet_source::message;

impl Compiler<'_> {
    pub(super) fn sections(&mut self) -> Vec<SectionPlan> {
        let mut plans = Vec::new();
        for spec in self.ast.kind.spec().sections {
            if let Some(section) = self.ast.sections.iter().find(|s| std::ptr::eq(s.spec, spec)) {
                self.section(section, &mut plans);
            }
        }
        plans
    }

    /// Compiles a section, and the sections of its object-valued custom fields.
    pub(super) fn section(&mut self, section: &Section, plans: &mut Vec<SectionPlan>) {
        let is_pipeline =
            |v: &Value| matches!(v.target, TargetRef::Field(field) if field.holds == FieldContent::Pipeline);
        self.pipeline_named = section.values.iter().any(is_pipeline);
        self.pipeline = self.section_pipeline(section);
        let has_id = self.has_id(section);
        self.check_section(section, has_id);
        let field = match section.spec.at {
            Placement::Field(code) => match self.coded_field(code, section.offset) {
                Some(field) => Some(field),
                None => return,
            },
            _ => None,
        };
        let catalog = self.section_catalog(section);
        let owner = section.spec.custom_fields.and_then(|of| of.owner(self.catalog));
        let (mut values, mut parted) = (Vec::new(), Vec::new());
        for value in &section.values {
            match value.parts.is_empty() {
                true => values.extend(self.value(section.spec, owner, catalog, value)),
                false => self.value_in_parts(owner, value, &mut values, &mut parted),
            }
        }
        // A stage is looked up in the pipeline of the record, so the pipeline comes first.
        values.sort_by_key(|v| !matches!(v.target, TargetPlan::Field(spec) if spec.holds == FieldContent::Pipeline));
        let holder = if field.is_some() { 0 } else { plans.len() };
        let mut new = vec![SectionPlan { spec: section.spec, field, holder, catalog, values }];
        new.extend(parted.into_iter().map(|part| SectionPlan { holder, ..part }));
        self.check_duplicate_fields(section.offset, plans, &new);
        plans.extend(new);
    }

    pub(super) fn section_pipeline(&self, section: &Section) -> PipelineScope {
        let named = section
            .values
            .iter()
            .find(|v| matches!(v.target, TargetRef::Field(field) if field.holds == FieldContent::Pipeline));
        let Some(origin) = named.and_then(|value| value.origins.first()) else { return PipelineScope::Main };
        match &origin.source {
            ValueSource::Constant(name) => {
                self.account.pipeline(&name.value).map_or(PipelineScope::FromRow, |found| PipelineScope::One(found.id))
            }
            ValueSource::Column(_) | ValueSource::Template(_) => PipelineScope::FromRow,
        }
    }

    /// The catalog of a section of products, if the mapping names it as a constant or not at all.
    pub(super) fn section_catalog(&mut self, section: &Section) -> Option<u64> {
        let names_elements = |v: &Value| matches!(v.target, TargetRef::Field(f) if f.holds == FieldContent::Element);
        if !section.values.iter().any(names_elements) {
            return None;
        }
        let catalog = match named_catalog(section) {
            Some(CatalogRef::Named(name)) => self.account.catalog(&name).ok().map(|catalog| catalog.id),
            Some(CatalogRef::Typed(_)) | None => self.catalog_of_type(amo_model::PRODUCTS),
        };
        if catalog.is_none() && named_catalog(section).is_none() {
            let hint = Some("name another catalog: catalog = { value = \"…\" }".into());
            self.problem(section.offset, "no-catalog", "the account has no catalog of products", hint);
        }
        catalog
    }

    pub(super) fn value(
        &mut self,
        spec: &'static SectionSpec,
        owner: Option<Owner>,
        catalog: Option<u64>,
        value: &Value,
    ) -> Option<ValuePlan> {
        let target = match &value.target {
            TargetRef::Field(field) => self.standard_target(field, value.offset).map(Ok),
            TargetRef::Custom(name) => self.custom_field(owner?, name, value.offset).map(Err),
        };
        let Some(target) = target else {
            self.check_inputs(&value.origins);
            return None;
        };
        let (target, arity) = match target {
            Ok(own) => own,
            Err(field) => {
                let kind = FieldKind::from_name(&field.kind);
                let as_json = |o: &Origin| o.as_.as_ref().is_some_and(|as_| as_.value == As::Json);
                if kind == FieldKind::Items && !value.origins.iter().all(as_json) {
                    let message =
                        message!("\"{field}\" takes lines with several parts, not one value", field = &field.name);
                    let hint = "write { description = \"…\", unit_price = \"…\", quantity = \"…\" }".into();
                    self.problem(value.offset, "mapping-shape", message, Some(hint));
                    return None;
                }
                let arity = match kind {
                    // An address may contain commas.
                    FieldKind::SmartAddress => Arity::IfSplit,
                    _ if kind.many() => Arity::Many,
                    _ => Arity::One,
                };
                (TargetPlan::Custom { field, kind }, arity)
            }
        };
        if value.origins.len() > 1 && arity == Arity::One {
            let message = message!(
                "\"{target}\" takes one value, found a list of {count}",
                target = target.name(),
                count = value.origins.len()
            );
            self.problem(
                value.offset,
                "mapping-shape",
                message,
                Some("join them: { column = [\"…\", \"…\"], joined = \" \" }".into()),
            );
            return None;
        }
        let required = match &value.target {
            // Other sections require it only if the row has any of their values, and an empty cell of an update changes
            // nothing.
            TargetRef::Field(field) => spec.is_item() && self.ast.action == Action::Create && self.is_required(field),
            TargetRef::Custom(_) => false,
        };
        let context = TargetContext { target: &target, owner, catalog, arity, required };
        let origins: Vec<OriginPlan> = value.origins.iter().filter_map(|o| self.origin(o, &context)).collect();
        let existing = self.existing(&value.origins, &target);
        Some(ValuePlan { target, origins, existing })
    }
}
