//! Which conversion a target gets: its type decides, `as` may only shape what is a text anyway.

use super::compile::Compile;
use super::convert::date;
use super::convert::number::Round;
use super::plan::{Convert, Lookup, LookupWhat, TargetPlan};
use super::written::{As, Origin};
use crate::entity::field_type::multitext_codes;
use crate::entity::parts::FieldOption;
use crate::entity::payload::Sort;
use crate::entity::{Action, FieldKind, Holds, Owner, TEXT_MAX, TEXTAREA_MAX};
use crate::table::fold;
use std::sync::Arc;

impl Compile<'_> {
    /// `format` on a date is the one layout of that column.
    pub(super) fn origin_rules(&mut self, origin: &Origin, target: &TargetPlan) -> Arc<date::Rules> {
        let Some(format) = origin.format.as_ref().filter(|_| reads_dates(origin, target)) else {
            return self.rules.clone();
        };
        let layouts = self.layout(format).into_iter().collect();
        Arc::new(date::Rules::new(layouts, self.rules.timezone().clone()))
    }

    pub(super) fn sort(&mut self, origin: &Origin, target: &TargetPlan) -> Option<Sort> {
        let TargetPlan::Custom { field, kind: FieldKind::Multitext } = target else {
            if let Some(sort) = &origin.enum_ {
                let message = format!("\"{}\" has no sorts of values", target.name());
                self.problem(
                    sort.at,
                    "mapping-shape",
                    message,
                    Some("\"enum\" is for phones, e-mails and the like".to_owned()),
                );
            }
            return None;
        };
        let codes = multitext_codes(field.code.as_deref().unwrap_or(""));
        let Some(wanted) = &origin.enum_ else {
            return Some(Sort::Code("WORK".to_owned())).filter(|_| !codes.is_empty());
        };
        let known = |o: &&FieldOption| {
            o.code.as_deref() == Some(&wanted.it) || fold(&o.value) == fold(&wanted.it) || o.id.to_string() == wanted.it
        };
        if codes.contains(&wanted.it.as_str()) {
            return Some(Sort::Code(wanted.it.clone()));
        }
        if let Some(option) = field.options.iter().find(known) {
            return Some(Sort::Id(option.id));
        }
        let names: Vec<&str> = codes.iter().copied().chain(field.options.iter().map(|o| o.value.as_str())).collect();
        let message = format!("\"{}\" is no sort of \"{}\"", wanted.it, field.name);
        self.problem(wanted.at, "unknown-option", message, Some(format!("known: {}", names.join(", "))));
        None
    }

    fn lookup(&mut self, what: LookupWhat) -> Convert {
        self.lookups += 1;
        Convert::Name(Lookup { what, cache: self.lookups - 1 })
    }

    pub(super) fn convert(
        &mut self,
        origin: &Origin,
        target: &TargetPlan,
        owner: Option<Owner>,
        round: Option<Round>,
        rules: Arc<date::Rules>,
    ) -> Option<Convert> {
        let shape = origin.as_.as_ref().map(|a| a.it);
        let convert = match target {
            TargetPlan::Field(spec) => match spec.holds {
                Holds::Text { max } => return self.text(origin, max, rules),
                Holds::WholeMoney => Convert::WholeMoney { round },
                Holds::Int => Convert::Int { round },
                Holds::Bool => Convert::Bool,
                Holds::Timestamp => Convert::Moment(rules),
                Holds::Pipeline => self.lookup(LookupWhat::Pipeline),
                Holds::Status => {
                    let anywhere = self.written.action == Action::Update && !self.pipeline_named;
                    self.lookup(LookupWhat::Stage { anywhere })
                }
                Holds::LossReason => self.lookup(LookupWhat::LossReason),
                Holds::User => self.lookup(LookupWhat::ActiveUser),
                Holds::UserOrRobot => self.lookup(LookupWhat::UserOrRobot),
                Holds::Ids(_) | Holds::OneId(_) | Holds::OwnId => Convert::EntityId,
                Holds::Tags => Convert::Tag,
                Holds::Word(words) => Convert::Word(words),
                _ => return None,
            },
            TargetPlan::Custom { field, kind } => match kind {
                FieldKind::Numeric => Convert::Number,
                FieldKind::Monetary => Convert::Money,
                FieldKind::Checkbox => Convert::Bool,
                FieldKind::Date | FieldKind::Birthday => Convert::Day(rules),
                FieldKind::DateTime => Convert::Moment(rules),
                FieldKind::Select | FieldKind::Radiobutton | FieldKind::Multiselect => {
                    self.lookup(LookupWhat::Option { owner: owner?, field: field.id })
                }
                FieldKind::Multitext if shape.is_none() && field.code.as_deref() == Some("PHONE") => {
                    Convert::Phone { max: TEXT_MAX }
                }
                FieldKind::Multitext if shape.is_none() && field.code.as_deref() == Some("EMAIL") => {
                    Convert::Email { max: TEXT_MAX }
                }
                FieldKind::Url if shape.is_none() => Convert::Url { max: TEXT_MAX },
                _ => return self.text(origin, kind.text_max().unwrap_or(TEXTAREA_MAX), rules),
            },
        };
        if let Some(as_) = &origin.as_
            && !agrees(as_.it, &convert)
        {
            let message = format!("\"{}\" cannot be filled as \"{}\"", target.name(), as_.it.word());
            self.problem(as_.at, "conversion", message, Some("leave \"as\" out: the target's type decides".to_owned()));
            return None;
        }
        Some(convert)
    }

    fn text(&mut self, origin: &Origin, max: usize, rules: Arc<date::Rules>) -> Option<Convert> {
        let print = origin.format.as_ref();
        if let Some(print) = print {
            self.layout(print);
        }
        Some(match origin.as_.as_ref().map(|a| a.it) {
            Some(As::Phone) => Convert::Phone { max },
            Some(As::Email) => Convert::Email { max },
            Some(As::Url) => Convert::Url { max },
            shape => Convert::Text { shape, max, rules, print: print.map(|p| p.it.clone()) },
        })
    }
}

/// True where `as` says no more than the target's type does.
fn agrees(as_: As, convert: &Convert) -> bool {
    match convert {
        Convert::Number | Convert::Int { .. } => matches!(as_, As::Number | As::Money),
        Convert::Money | Convert::WholeMoney { .. } => matches!(as_, As::Money | As::Number),
        Convert::Bool => as_ == As::Bool,
        Convert::Day(_) => as_ == As::Date,
        Convert::Moment(_) => matches!(as_, As::DateTime | As::Date),
        Convert::Name(_) | Convert::Tag | Convert::Word(_) => {
            matches!(as_, As::Text | As::Trim)
        }
        Convert::EntityId => as_ == As::Number,
        Convert::Text { .. } | Convert::Phone { .. } | Convert::Email { .. } | Convert::Url { .. } => true,
    }
}

fn reads_dates(origin: &Origin, target: &TargetPlan) -> bool {
    let by_target = match target {
        TargetPlan::Field(spec) => spec.holds == Holds::Timestamp,
        TargetPlan::Custom { kind, .. } => matches!(kind, FieldKind::Date | FieldKind::DateTime | FieldKind::Birthday),
    };
    by_target || matches!(origin.as_.as_ref().map(|a| a.it), Some(As::Date | As::DateTime))
}

/// Types this version can fill from a cell. The others are structures or refer to things outside the row.
pub fn writable(kind: FieldKind) -> bool {
    kind.has_options()
        || kind.text_max().is_some()
        || matches!(
            kind,
            FieldKind::Numeric
                | FieldKind::Monetary
                | FieldKind::Checkbox
                | FieldKind::Date
                | FieldKind::DateTime
                | FieldKind::Birthday
        )
}
