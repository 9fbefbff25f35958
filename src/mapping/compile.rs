//! From a mapping as written to a `Plan`: every title looked up in the source's header, every name in the account,
//! every rule of the API that can be known before a row is read. All problems come out together.

use super::conversion::writable;
use super::convert::number::Round;
use super::convert::{date, phone, split};
use super::names::{missed, resolve};
use super::plan::{Convert, Input, LookupWhat, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan};
use super::template::{Columns, Template, columns_named};
use super::written::{At, From, OnEmpty, OnUnknown, Origin, Section, Target, Value, Written};
use crate::account::Account;
use crate::entity::parts::Field;
use crate::entity::{Action, At as Place, FieldKind, Holds, Owner};
use crate::problem::{Place as Spot, Problem, Source, did_you_mean};
use crate::table::{Found, Header, fold};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Where the rows come from, as far as the mapping needs it.
pub struct Origins {
    pub header: Header,
    pub source: Arc<Source>,
}

pub fn compile(written: &Written, origins: Origins, account: Arc<Account>) -> Result<Plan, Vec<Problem>> {
    let mut compile = Compile {
        written,
        header: &origins.header,
        account: &account,
        problems: Vec::new(),
        rules: Arc::new(date::Rules::new(Vec::new(), jiff::tz::TimeZone::UTC)),
        lookups: 0,
        pipeline_named: false,
        pipeline: InPipeline::Main,
    };
    compile.rules = compile.date_rules();
    let sections = written.kind.spec().sections.iter().filter_map(|spec| {
        let section = written.sections.iter().find(|s| std::ptr::eq(s.spec, spec))?;
        Some(compile.section(section))
    });
    let sections: Vec<SectionPlan> = sections.collect();
    let key: Vec<usize> = written.key.iter().filter_map(|title| compile.column(title)).collect();
    let marker = written.marker.as_ref().and_then(|name| compile.marker(name, &sections));
    let condition = written.source.condition.as_ref().and_then(|text| compile.template(text, true));
    let (mut problems, lookups) = (compile.problems, compile.lookups);
    if !problems.is_empty() {
        problems.sort_by_key(|problem| match problem.place {
            Spot::Text { line, column, .. } => (line, column),
            Spot::Nowhere | Spot::File(_) | Spot::Cell { .. } => (0, 0),
        });
        return Err(problems);
    }
    let Some(write) = written.kind.spec().write(written.action) else {
        return Err(vec![written.text.problem(0, "mapping-kind", "this action is not known for this kind")]);
    };
    Ok(Plan {
        kind: written.kind,
        action: written.action,
        write,
        catalog: None,
        sections,
        key,
        marker,
        condition,
        region: phone::region(&account.basics.country),
        account,
        source: origins.source,
        header: origins.header,
        decimal: written.source.decimal,
        lookups,
    })
}

/// The titles a mapping asks for; they help to find out the source's encoding, delimiter, sheet and header row.
pub fn titles(written: &Written) -> Vec<String> {
    let mut titles: Vec<String> = written.key.iter().map(|t| t.it.clone()).collect();
    titles.extend(written.source.condition.iter().flat_map(|c| columns_named(&c.it)));
    for origin in written.sections.iter().flat_map(|s| &s.values).flat_map(|v| &v.origins) {
        match &origin.from {
            From::Column(title) => titles.push(title.it.clone()),
            From::Template(text) => titles.extend(columns_named(&text.it)),
            From::Constant(_) => {}
        }
    }
    titles.sort();
    titles.dedup();
    titles
}

pub(super) struct Compile<'a> {
    pub(super) written: &'a Written,
    pub(super) header: &'a Header,
    pub(super) account: &'a Account,
    pub(super) problems: Vec<Problem>,
    pub(super) rules: Arc<date::Rules>,
    pub(super) lookups: usize,
    pub(super) pipeline_named: bool,
    /// The pipeline in which the stages of the section at hand are looked for.
    pub(super) pipeline: InPipeline,
}

/// What is known of a record's pipeline before a row is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum InPipeline {
    /// The mapping names none.
    Main,
    One(u64),
    /// It stands in the row.
    OfRow,
}

impl Compile<'_> {
    pub(super) fn problem(&mut self, at: usize, code: &'static str, message: impl Into<String>, hint: Option<String>) {
        let mut problem = self.written.text.problem(at, code, message);
        problem.hint = hint;
        self.problems.push(problem);
    }

    fn date_rules(&mut self) -> Arc<date::Rules> {
        let source = &self.written.source;
        let zone = source.timezone.as_ref().map(|z| (z.at, z.it.as_str()));
        let (at, name) = zone.or(self.account.timezone().map(|zone| (0, zone))).unwrap_or((0, "UTC"));
        let timezone = jiff::tz::TimeZone::get(name).unwrap_or_else(|_| {
            let hint = "write a name of the tz database, such as \"Europe/Moscow\"".to_owned();
            self.problem(at, "timezone", format!("unknown time zone \"{name}\""), Some(hint));
            jiff::tz::TimeZone::UTC
        });
        let layouts = source.dates.iter().filter_map(|layout| self.layout(layout)).collect();
        Arc::new(date::Rules::new(layouts, timezone))
    }

    pub(super) fn layout(&mut self, layout: &At<String>) -> Option<date::Layout> {
        match date::Layout::compile(&layout.it) {
            Ok(layout) => Some(layout),
            Err(why) => {
                self.problem(layout.at, why.code, why.message, why.hint);
                None
            }
        }
    }

    fn column(&mut self, title: &At<String>) -> Option<usize> {
        match self.header.find(&title.it) {
            Found::One(index) => Some(index),
            Found::Many(_) => {
                let hint = format!("write \"{0} [1]\" for the first, \"{0} [2]\" for the second", title.it);
                self.problem(
                    title.at,
                    "column-repeated",
                    format!("several columns are titled \"{}\"", title.it),
                    Some(hint),
                );
                None
            }
            Found::None => {
                let names = self.header.unique_names();
                let hint = did_you_mean(&title.it, names.iter().map(String::as_str)).unwrap_or_else(|| {
                    let shown: Vec<&str> = names.iter().take(30).map(String::as_str).collect();
                    format!("the columns are: {}{}", shown.join(", "), if names.len() > 30 { ", …" } else { "" })
                });
                self.problem(title.at, "no-column", format!("the source has no column \"{}\"", title.it), Some(hint));
                None
            }
        }
    }

    fn template(&mut self, text: &At<String>, condition: bool) -> Option<Template> {
        let mut columns: Columns = Vec::new();
        for title in columns_named(&text.it) {
            let index = self.column(&At { at: text.at, it: title.clone() })?;
            columns.push((title, index));
        }
        let made = if condition { Template::condition(&text.it, columns) } else { Template::text(&text.it, columns) };
        made.map_err(|error| {
            let hint = "columns are written row['Title']".to_owned();
            let what = if condition { "condition" } else { "template" };
            self.problem(text.at, "template", format!("the {what} cannot be read: {error}"), Some(hint));
        })
        .ok()
    }

    fn section(&mut self, section: &Section) -> SectionPlan {
        let has = |holds: Holds| {
            section.values.iter().any(|v| matches!(v.target, Target::Field(field) if field.holds == holds))
        };
        self.pipeline_named = has(Holds::Pipeline);
        self.pipeline = self.section_pipeline(section);
        self.section_rules(section, has(Holds::OwnId));
        let mut values: Vec<ValuePlan> = section.values.iter().filter_map(|v| self.value(section, v)).collect();
        // A stage is looked up in the record's pipeline, so the pipeline has to be known first.
        values.sort_by_key(|v| !matches!(v.target, TargetPlan::Field(spec) if spec.holds == Holds::Pipeline));
        self.doubled_fields(section, &values);
        SectionPlan { spec: section.spec, values }
    }

    fn section_pipeline(&self, section: &Section) -> InPipeline {
        let named =
            section.values.iter().find(|v| matches!(v.target, Target::Field(field) if field.holds == Holds::Pipeline));
        let Some(origin) = named.and_then(|value| value.origins.first()) else { return InPipeline::Main };
        match &origin.from {
            From::Constant(name) => {
                self.account.pipeline(&name.it).map_or(InPipeline::OfRow, |found| InPipeline::One(found.id))
            }
            From::Column(_) | From::Template(_) => InPipeline::OfRow,
        }
    }

    fn section_rules(&mut self, section: &Section, has_id: bool) {
        let updates = self.written.action == Action::Update && section.spec.at == Place::Item;
        if updates && !has_id {
            let hint = format!("add id = \"…\" under [{}], the column with the ids of the CRM", section.spec.name);
            self.problem(section.at, "no-id", "an update needs to know which records to change", Some(hint));
        }
        if section.spec.at != Place::Item && has_id && section.values.len() > 1 {
            let message =
                format!("[{}] with an id takes nothing else: what exists is linked, not changed", section.spec.name);
            self.problem(section.at, "id-and-fields", message, Some("leave the id or the other fields out".to_owned()));
        }
        if let Place::Embedded(_) = section.spec.at
            && !section.values.iter().any(|v| matches!(v.target, Target::Field(f) if f.name == "category"))
        {
            let message = format!("[{}] does not say its category", section.spec.name);
            self.problem(
                section.at,
                "no-category",
                message,
                Some("add category = { value = \"forms\" } or \"sip\"".to_owned()),
            );
        }
        if let Some(max) = section.spec.custom_fields_max {
            let count = section.values.iter().filter(|v| matches!(v.target, Target::Custom(_))).count();
            if count > max {
                let message =
                    format!("{count} custom fields under [{}.fields], the service takes {max}", section.spec.name);
                self.problem(
                    section.at,
                    "too-many-fields",
                    message,
                    Some("leave some out and update them afterwards".to_owned()),
                );
            }
        }
    }

    fn doubled_fields(&mut self, section: &Section, values: &[ValuePlan]) {
        let mut seen: HashMap<u64, ()> = HashMap::new();
        let mut doubled = Vec::new();
        for value in values {
            if let TargetPlan::Custom { field, .. } = &value.target
                && seen.insert(field.id, ()).is_some()
            {
                doubled.push(field.name.clone());
            }
        }
        for name in doubled {
            let hint = "write one key with a list: [\"column 1\", \"column 2\"]".to_owned();
            self.problem(section.at, "field-twice", format!("the field \"{name}\" is filled twice"), Some(hint));
        }
    }

    fn value(&mut self, section: &Section, value: &Value) -> Option<ValuePlan> {
        let (target, many) = match &value.target {
            Target::Field(spec) => (TargetPlan::Field(spec), spec.holds.many()),
            Target::Custom(name) => {
                let owner = section.spec.custom_fields?.owner(None)?;
                let field = self.custom_field(owner, name, value.at)?;
                let kind = FieldKind::from_name(&field.kind);
                (TargetPlan::Custom { field, kind }, kind.many())
            }
        };
        if value.origins.len() > 1 && !many {
            let message = format!("\"{}\" holds one value, found a list of {}", target.name(), value.origins.len());
            self.problem(value.at, "mapping-shape", message, Some("join columns with a template".to_owned()));
            return None;
        }
        let owner = section.spec.custom_fields.and_then(|of| of.owner(None));
        let origins: Vec<OriginPlan> =
            value.origins.iter().filter_map(|origin| self.origin(origin, &target, owner, many)).collect();
        Some(ValuePlan { target, origins })
    }

    /// The marker is a text of ours, so its field must take any text and be filled by nothing else.
    fn marker(&mut self, name: &At<String>, sections: &[SectionPlan]) -> Option<u64> {
        if self.written.action != Action::Create {
            let hint = Some("leave \"marker\" out".to_owned());
            self.problem(name.at, "marker", "a marker is for records that are made, not changed", hint);
            return None;
        }
        let item = self.written.kind.spec().sections.first()?;
        let field = self.custom_field(item.custom_fields?.owner(None)?, &name.it, name.at)?;
        let kind = FieldKind::from_name(&field.kind);
        if !matches!(kind, FieldKind::Text | FieldKind::Textarea) {
            let message = format!("the marker needs a text field, \"{}\" is of type {}", field.name, field.kind);
            self.problem(name.at, "marker", message, None);
            return None;
        }
        let filled = sections.first().is_some_and(|section| {
            section.values.iter().any(|v| matches!(&v.target, TargetPlan::Custom { field: f, .. } if f.id == field.id))
        });
        if filled {
            let hint = Some("give the marker a field of its own".to_owned());
            self.problem(name.at, "marker", format!("\"{}\" is filled by the mapping already", field.name), hint);
            return None;
        }
        Some(field.id)
    }

    fn custom_field(&mut self, owner: Owner, name: &str, at: usize) -> Option<Field> {
        let field = match self.account.field(owner, name) {
            Ok(field) => field.clone(),
            Err(miss) => {
                let (message, hint) = missed(&miss, name, &format!("custom field of {}", owner.name()));
                let fallback = || Some("the fields are listed by: amoport account show".to_owned());
                self.problem(at, "unknown-field", message, hint.or_else(fallback));
                return None;
            }
        };
        if !writable(FieldKind::from_name(&field.kind)) {
            let message =
                format!("fields of type {} such as \"{}\" cannot be filled by this version", field.kind, field.name);
            self.problem(at, "field-type", message, Some("leave the field out of the mapping".to_owned()));
            return None;
        }
        Some(field)
    }

    fn origin(&mut self, origin: &Origin, target: &TargetPlan, owner: Option<Owner>, many: bool) -> Option<OriginPlan> {
        let input = match &origin.from {
            From::Column(title) => Input::Column(self.column(title)?),
            From::Constant(value) => Input::Constant(value.it.clone()),
            From::Template(text) => Input::Template(Box::new(self.template(text, false)?)),
        };
        let round = origin.round.as_ref().and_then(|round| {
            let found = Round::from_name(&round.it);
            if found.is_none() {
                let hint = Some(format!("known: {}", Round::NAMED.map(|(_, name)| name).join(", ")));
                self.problem(round.at, "unknown-word", format!("unknown rounding \"{}\"", round.it), hint);
            }
            found
        });
        let rules = self.origin_rules(origin, target);
        let convert = self.convert(origin, target, owner, round, rules)?;
        let sort = self.sort(origin, target);
        self.origin_problems(origin, target, many);
        let values = origin
            .values
            .as_ref()
            .map(|values| values.it.iter().map(|(found, written)| (fold(found), written.it.clone())).collect());
        let default_split = || if many { vec![",".to_owned(), ";".to_owned(), "\n".to_owned()] } else { Vec::new() };
        let plan = OriginPlan {
            input,
            default: origin.default.as_ref().map(|d| d.it.clone()),
            required: origin.required,
            split: if origin.split.is_empty() { default_split() } else { origin.split.clone() },
            values: values.unwrap_or_default(),
            convert,
            on_empty: origin.on_empty.as_ref().map_or(OnEmpty::Keep, |o| o.it),
            on_unknown: origin.on_unknown.as_ref().map_or(OnUnknown::Reject, |o| o.it),
            values_only: origin.values.is_some() && origin.on_unknown.is_some(),
            sort,
        };
        self.written_names(origin, &plan, target);
        Some(plan)
    }

    /// Names that stand in the mapping itself are looked up now, not once for every row.
    fn written_names(&mut self, origin: &Origin, plan: &OriginPlan, target: &TargetPlan) {
        let Convert::Name(lookup) = plan.convert else { return };
        let mut names: Vec<&At<String>> = origin.default.iter().collect();
        if let From::Constant(name) = &origin.from {
            names.push(name);
        }
        // With another policy the author allows for words that the account does not know.
        if plan.on_unknown == OnUnknown::Reject {
            names.extend(origin.values.iter().flat_map(|values| &values.it).map(|(_, name)| name));
        }
        let (what, pipeline) = match (lookup.what, self.pipeline) {
            (LookupWhat::Stage { .. }, InPipeline::OfRow) => (LookupWhat::Stage { anywhere: true }, None),
            (what, InPipeline::One(id)) => (what, Some(id)),
            (what, InPipeline::Main | InPipeline::OfRow) => (what, None),
        };
        // A stage found in several pipelines is told apart by the row.
        let by_row = what != lookup.what;
        let mut seen = HashSet::new();
        for name in names {
            for part in split::split(&name.it, &plan.split).filter(|part| seen.insert((name.at, part.to_owned()))) {
                if let Err((unknown, unfit)) = resolve(self.account, what, pipeline, part, target)
                    && (unknown || !by_row)
                {
                    self.problem(name.at, unfit.code, unfit.message, unfit.hint);
                }
            }
        }
    }

    /// What is wrong with the words around an origin, whatever the column holds.
    fn origin_problems(&mut self, origin: &Origin, target: &TargetPlan, many: bool) {
        if !origin.split.is_empty() && !many {
            let message = format!("\"{}\" holds one value and cannot be split", target.name());
            self.problem(origin.at, "mapping-shape", message, None);
        }
        if let Some(clear) = origin.on_empty.as_ref().filter(|o| o.it == OnEmpty::Clear)
            && matches!(target, TargetPlan::Field(_))
        {
            let message = format!("\"{}\" cannot be cleared, only custom fields can", target.name());
            self.problem(clear.at, "mapping-shape", message, Some("write on-empty = \"keep\"".to_owned()));
        }
        if let Some(by) = &origin.by
            && matches!(by.it, super::written::By::Key)
        {
            let message = format!("\"{}\" cannot be found by key", target.name());
            self.problem(by.at, "mapping-shape", message, Some("write by = \"name\" or by = \"id\"".to_owned()));
        }
    }
}
