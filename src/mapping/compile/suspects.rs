//! Finds the columns of a compiled mapping by which totals and headings are recognized.

use crate::mapping::plan::{Conversion, Input, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use crate::mapping::suspect::Suspects;
use sheet_source::{Header, Row};

pub fn suspects(sections: &[SectionPlan], header: &Header, sample: &[Row]) -> Suspects {
    let is_name = |value: &&ValuePlan| matches!(value.target, TargetPlan::Field(spec) if spec.name == "name");
    let item = sections.first();
    let name = item.and_then(|section| section.values.iter().find(is_name)).and_then(|value| Some(column(value)?.0));
    let values = sections.iter().flat_map(|section| &section.values).filter_map(column);
    let numbers = values.filter(|(_, conversion)| {
        matches!(
            conversion,
            Conversion::Number
                | Conversion::Quantity
                | Conversion::Money
                | Conversion::WholeMoney { .. }
                | Conversion::Int { .. }
        )
    });
    Suspects::of(name, numbers.map(|(index, _)| index), header, sample)
}

/// The single column that fills a value, and its conversion.
fn column(value: &ValuePlan) -> Option<(usize, &Conversion)> {
    match value.origins.as_slice() {
        [OriginPlan { input: Input::Column(index), conversion, .. }] => Some((*index, conversion)),
        _ => None,
    }
}
