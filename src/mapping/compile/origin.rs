//! Where a value comes from: column, constant or template, with its options.

use super::conversion::{Arity, TargetContext};
use super::target::is_small_collection;
use super::{Compiler, PipelineScope};
use crate::mapping::convert::lists;
use crate::mapping::convert::number::Round;
use crate::mapping::convert::split;
use crate::mapping::language::ast::{By, Literal, OnEmpty, OnUnknown, Origin, Spanned, ValueSource};
use crate::mapping::lookup::LookupKind;
use crate::mapping::plan::{Conversion, Input, OriginPlan, TargetPlan};
use amo_model::{self, Entity, FieldContent, FieldKind, Wire};
use sheet_source::fold;
use sheet_source::message;
use sheet_source::problem::{Note, quoted};
use std::collections::{HashMap, HashSet};

/// Default separators of several values in one cell.
const BETWEEN: [&str; 3] = [",", ";", "\n"];

/// Default separators of the steps of a chained list.
const STEPS: [&str; 2] = ["/", ">"];

impl Compiler<'_> {
    pub(super) fn origin(&mut self, origin: &Origin, context: &TargetContext<'_>) -> Option<OriginPlan> {
        let target = context.target;
        let mut input = self.input(origin);
        let round = origin.round.as_ref().and_then(|round| {
            let found = Round::from_name(&round.value);
            if found.is_none() {
                let hint = Some(message!("known: {known}", known = Round::NAMED.map(|(_, name)| name).as_slice()));
                self.problem(
                    round.offset,
                    "unknown-word",
                    message!("unknown rounding \"{value}\"", value = &round.value),
                    hint,
                );
            }
            found
        });
        let rules = self.origin_rules(origin, target);
        let conversion = self.conversion(origin, context, round, rules)?;
        let (enum_code, enum_codes) = (self.enum_code(origin, target), self.enum_codes(origin, target));
        self.check_origin(origin, target, &conversion, context.arity);
        let values = origin
            .values
            .as_ref()
            .map(|values| values.value.iter().map(|(found, written)| (fold(found), written.value.clone())).collect());
        let split = match (origin.split.is_empty(), context.arity, &conversion) {
            (false, _, _) => origin.split.clone(),
            (true, _, Conversion::Json { .. }) => Vec::new(),
            (true, _, Conversion::Chain { .. }) => STEPS.map(str::to_owned).to_vec(),
            (true, Arity::Many, _) => BETWEEN.map(str::to_owned).to_vec(),
            (true, Arity::One | Arity::IfSplit, _) => Vec::new(),
        };
        let values: HashMap<String, Literal> = values.unwrap_or_default();
        let options = match (&conversion, target) {
            (Conversion::Name(_), TargetPlan::Custom { field, .. }) => field.options.as_slice(),
            _ => &[],
        };
        let whole = values.keys().map(String::as_str).chain(options.iter().map(|option| option.value.as_str()));
        let widest = whole.map(|text| split::split(text, &split).count()).max().unwrap_or(1);
        let currency = self.currency(origin, target);
        if let Some(Input::Template(template)) = &mut input
            && conversion.is_of_numbers()
        {
            let of_account = || Some(self.account.basics.currency.clone()).filter(|code| !code.is_empty());
            template.set_currency(currency.clone().or_else(of_account));
        }
        // The remaining keys are checked even without an input.
        let found = input.is_some();
        let plan = OriginPlan {
            offset: origin.offset,
            input: input.unwrap_or(Input::Constant(Literal::default())),
            default: origin.default.as_ref().map(|d| d.value.clone()),
            required: origin.required || context.required,
            split,
            literal_split: origin.split.clone(),
            widest,
            values,
            conversion,
            on_empty: origin.on_empty.as_ref().map_or(OnEmpty::Keep, |o| o.value),
            on_unknown: origin.on_unknown.as_ref().map_or(OnUnknown::Reject, |o| o.value),
            values_only: origin.values.is_some() && origin.on_unknown.is_some(),
            enum_code,
            enum_codes,
            currency,
            cut: origin.cut.as_ref().map(|cut| cut.value),
        };
        self.check_literal_names(origin, &plan);
        if self.has_titles(origin, &plan) {
            self.note_titles(origin);
        }
        found.then_some(plan)
    }

    /// The input of a value; `None` if the source has no such column.
    pub(super) fn input(&mut self, origin: &Origin) -> Option<Input> {
        Some(match &origin.source {
            ValueSource::Column(title) => Input::Column(self.column(title)?),
            ValueSource::Constant(value) => Input::Constant(value.value.clone()),
            ValueSource::Template(text) => Input::Template(Box::new(self.template(text, false)?)),
        })
    }

    /// Checks the columns of an unknown field.
    pub(super) fn check_inputs(&mut self, origins: &[Origin]) {
        for origin in origins {
            self.input(origin);
        }
    }

    /// True if the first line of the `values` file looks like a header: it is the title of the column, or no cell
    /// contains its text and either its value is no name of the account or other lines do occur. The line is kept
    /// nevertheless, since a later cell may contain its text.
    pub(super) fn has_titles(&self, origin: &Origin, plan: &OriginPlan) -> bool {
        let Some(values) = origin.values.as_ref().filter(|_| origin.values_file.is_some()) else { return false };
        let Some(((found, written), others)) = values.value.split_first() else { return false };
        let folded = fold(found);
        if let ValueSource::Column(title) = &origin.source
            && fold(&title.value) == folded
        {
            return true;
        }
        let Input::Column(index) = plan.input else { return false };
        let occurs = |text: &str| {
            let cells = self.sample.iter().map(|row| row.get(index).text);
            cells
                .flat_map(|cell| std::iter::once(cell).chain(split::split(cell, &plan.split)))
                .any(|cell| fold(cell) == text)
        };
        if occurs(&folded) {
            return false;
        }
        match &plan.conversion {
            Conversion::Name(lookup) => {
                let kind = match &lookup.kind {
                    LookupKind::Stage { .. } => &LookupKind::Stage { anywhere: true },
                    kind => kind,
                };
                !written.value.is_empty() && self.resolver.resolve(kind, None, &written.value).is_err()
            }
            _ => others.iter().any(|(found, _)| occurs(&fold(found))),
        }
    }

    pub(super) fn note_titles(&mut self, origin: &Origin) {
        let first = origin.values.as_ref().and_then(|values| values.value.first());
        let (Some((found, written)), Some(file)) = (first, &origin.values_file) else { return };
        let message = message!(
            "the first line of {file}, {found} and {written}, looks like a header; write values = { file = \"{file}\", header = true } if it is one, header = false if it is a translation",
            file,
            found = quoted(found),
            written = quoted(&written.value)
        );
        self.notes.push(Note::new("values-titles", message));
    }

    /// The currency of the column's amounts, if it is not the account's.
    pub(super) fn currency(&self, origin: &Origin, target: &TargetPlan) -> Option<String> {
        let named = origin.currency.as_ref().or(self.ast.source.currency.as_ref()).map(|code| code.value.clone());
        named.or_else(|| match target {
            TargetPlan::Custom { field, .. } => field.currency.clone().filter(|code| !code.is_empty()),
            TargetPlan::Field(_) => None,
        })
    }

    /// Looks up the names in the mapping itself now, not in every row.
    pub(super) fn check_literal_names(&mut self, origin: &Origin, plan: &OriginPlan) {
        let Conversion::Name(lookup) = &plan.conversion else { return };
        let mut names: Vec<&Spanned<Literal>> = origin.default.iter().collect();
        if let ValueSource::Constant(name) = &origin.source {
            names.push(name);
        }
        // Other policies allow unknown names.
        if plan.on_unknown == OnUnknown::Reject {
            let titles = usize::from(self.has_titles(origin, plan));
            names.extend(origin.values.iter().flat_map(|values| &values.value).skip(titles).map(|(_, name)| name));
        }
        let (kind, pipeline) = match (&lookup.kind, self.pipeline) {
            (LookupKind::Stage { .. }, PipelineScope::FromRow) => (&LookupKind::Stage { anywhere: true }, None),
            (kind, PipelineScope::One(id)) => (kind, Some(id)),
            (kind, PipelineScope::Main | PipelineScope::FromRow) => (kind, None),
        };
        // The row decides between equal stages of several pipelines.
        let by_row = *kind != lookup.kind;
        let mut seen = HashSet::new();
        // An empty translation is not a name.
        for name in names.into_iter().filter(|name| !name.value.trim().is_empty()) {
            let known = |text: &str| self.resolver.resolve(kind, pipeline, text).is_ok();
            let parts =
                lists::parts(&name.value, &plan.literal_split, usize::MAX, known).unwrap_or_else(|_| vec![&name.value]);
            for part in parts.into_iter().filter(|part| seen.insert((name.offset, (*part).to_owned()))) {
                if let Err((unknown, error)) = self.resolver.resolve(kind, pipeline, part)
                    && (unknown || !by_row)
                {
                    self.problem(name.offset, error.code, error.message, error.hint);
                }
            }
        }
    }

    /// Checks the keys of an origin that do not depend on the cells.
    pub(super) fn check_origin(&mut self, origin: &Origin, target: &TargetPlan, conversion: &Conversion, arity: Arity) {
        if origin.fill_down && !matches!(origin.source, ValueSource::Column(_)) {
            let message = "\"fill-down\" works only with columns";
            self.problem(origin.offset, "mapping-shape", message, Some("leave it out".into()));
        }
        if let Some(currency) = origin.currency.as_ref().filter(|_| !conversion.is_of_numbers()) {
            let message = message!("\"{target}\" takes no amounts, so it has no currency", target = target.name());
            self.problem(currency.offset, "mapping-shape", message, Some("leave \"currency\" out".into()));
        }
        let chain = matches!(target, TargetPlan::Custom { kind: FieldKind::ChainedList, .. });
        if !origin.split.is_empty() && arity == Arity::One && !chain {
            let message = message!("\"{target}\" takes one value and cannot be split", target = target.name());
            self.problem(origin.offset, "mapping-shape", message, None);
        }
        if let Some(clear) = origin.on_empty.as_ref().filter(|o| o.value == OnEmpty::Clear)
            && matches!(target, TargetPlan::Field(_))
        {
            let message = message!("\"{target}\" cannot be cleared, only custom fields can", target = target.name());
            self.problem(clear.offset, "mapping-shape", message, Some("write on-empty = \"keep\"".into()));
        }
        if let TargetPlan::Field(field) = target
            && field.wire == Wire::ElementCatalog
            && !matches!(origin.source, ValueSource::Constant(_))
        {
            let hint = Some("write it as catalog = { value = \"…\" }".into());
            self.problem(
                origin.offset,
                "mapping-shape",
                "the catalog of the products must be the same for all rows",
                hint,
            );
        }
        self.check_cut(origin, target, conversion);
        self.check_reference(origin, target);
    }

    /// Only free texts can be cut.
    pub(super) fn check_cut(&mut self, origin: &Origin, target: &TargetPlan, conversion: &Conversion) {
        let Some(cut) = &origin.cut else { return };
        let target = target.name();
        match conversion {
            Conversion::Text { max, .. } if cut.value > *max => {
                let message =
                    message!("\"cut\" exceeds the {max} characters that \"{target}\" takes", target, max = *max);
                self.problem(cut.offset, "mapping-shape", message, Some(message!("write cut = {max}", max = *max)));
            }
            Conversion::Text { .. } => {}
            _ => {
                let message = message!("\"{target}\" is not a text and cannot be cut", target);
                self.problem(cut.offset, "mapping-shape", message, Some("leave \"cut\" out".into()));
            }
        }
    }

    /// Checks `by`: not every target supports every kind of reference.
    pub(super) fn check_reference(&mut self, origin: &Origin, target: &TargetPlan) {
        let Some(by) = &origin.by else { return };
        let known: &[By] = match target {
            TargetPlan::Field(field) => match field.holds {
                FieldContent::OneId(Entity::Customers) | FieldContent::Element => &[By::Id, By::Key, By::Name],
                FieldContent::Ids(_) | FieldContent::OneId(_) => &[By::Id, By::Key],
                FieldContent::OwnId if is_small_collection(self.ast.kind.spec().entity) => &[By::Id, By::Key, By::Name],
                FieldContent::OwnId => &[By::Id, By::Key],
                _ => &[By::Id, By::Name],
            },
            TargetPlan::Custom { .. } => &[By::Id, By::Name],
        };
        if !known.contains(&by.value) {
            let known: Vec<String> = known.iter().map(|by| format!("by = \"{}\"", by.word())).collect();
            let message = message!(
                "\"{target}\" cannot be referenced by {value}",
                target = target.name(),
                value = by.value.word()
            );
            self.problem(
                by.offset,
                "mapping-shape",
                message,
                Some(message!("write {known}", known = known.join(" or "))),
            );
        }
    }
}
