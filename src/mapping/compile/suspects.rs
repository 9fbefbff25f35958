//! What of a compiled mapping tells rows that look like no record.

use crate::mapping::plan::{Convert, Input, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use crate::mapping::suspect::Suspects;
use sheet_source::{Header, Row};

pub fn suspects(sections: &[SectionPlan], header: &Header, sample: &[Row]) -> Suspects {
    let is_name = |value: &&ValuePlan| matches!(value.target, TargetPlan::Field(spec) if spec.name == "name");
    let item = sections.first();
    let name = item.and_then(|section| section.values.iter().find(is_name)).and_then(|value| Some(column(value)?.0));
    let values = sections.iter().flat_map(|section| &section.values).filter_map(column);
    let numbers = values.filter(|(_, convert)| {
        matches!(
            convert,
            Convert::Number | Convert::Quantity | Convert::Money | Convert::WholeMoney { .. } | Convert::Int { .. }
        )
    });
    Suspects::of(name, numbers.map(|(index, _)| index), header, sample)
}

/// The one column that fills a value, and what is made of its cells.
fn column(value: &ValuePlan) -> Option<(usize, &Convert)> {
    match value.origins.as_slice() {
        [OriginPlan { input: Input::Column(index), convert, .. }] => Some((*index, convert)),
        _ => None,
    }
}
