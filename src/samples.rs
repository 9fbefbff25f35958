//! The samples and their mappings, inside the program: whoever has only the program can try it.

use amo_model::{Action, Kind};

/// A source to try amoport on, with its mapping. Both are at these paths in the repository, and so in the folder that gets them.
pub struct ShippedSample {
    pub kind: Kind,
    pub action: Action,
    /// `mappings/leads.toml`
    pub mapping: &'static str,
    pub mapping_text: &'static str,
    /// `samples/leads.csv`
    pub source: &'static str,
    pub source_bytes: &'static [u8],
}

macro_rules! sample {
    ($kind:ident, $action:ident, $mapping:literal, $source:literal) => {
        ShippedSample {
            kind: Kind::$kind,
            action: Action::$action,
            mapping: concat!("mappings/", $mapping),
            mapping_text: include_str!(concat!("../mappings/", $mapping)),
            source: concat!("samples/", $source),
            source_bytes: include_bytes!(concat!("../samples/", $source)),
        }
    };
}

/// All samples; of each kind that of `create` comes first.
pub const SAMPLES: &[ShippedSample] = &[
    sample!(Lead, Create, "leads.toml", "leads.csv"),
    sample!(Lead, Update, "leads-update.toml", "leads-update.csv"),
    sample!(ComplexLead, Create, "complex-leads.toml", "complex-leads.xlsx"),
    sample!(Contact, Create, "contacts.toml", "contacts.csv"),
    sample!(Contact, Update, "contacts-update.toml", "contacts-update.csv"),
    sample!(Company, Create, "companies.toml", "companies.ods"),
    sample!(Company, Update, "companies-update.toml", "companies-update.csv"),
    sample!(Customer, Create, "customers.toml", "customers.csv"),
    sample!(Customer, Update, "customers-update.toml", "customers-update.csv"),
    sample!(Transaction, Create, "transactions.toml", "transactions.csv"),
    sample!(Transaction, Delete, "transactions-delete.toml", "transactions-delete.csv"),
    sample!(Element, Create, "elements.toml", "elements.xlsx"),
    sample!(Element, Update, "elements-update.toml", "elements-update.csv"),
    sample!(Invoice, Create, "invoices.toml", "invoices.xlsx"),
    sample!(Invoice, Update, "invoices-update.toml", "invoices-update.csv"),
    sample!(Catalog, Create, "catalogs.toml", "catalogs.csv"),
    sample!(Catalog, Update, "catalogs-update.toml", "catalogs-update.csv"),
    sample!(Segment, Create, "segments.toml", "segments.csv"),
    sample!(Segment, Update, "segments-update.toml", "segments-update.csv"),
    sample!(Segment, Delete, "segments-delete.toml", "segments-delete.csv"),
    sample!(CustomerStatus, Create, "customer-statuses.toml", "customer-statuses.csv"),
    sample!(CustomerStatus, Update, "customer-statuses-update.toml", "customer-statuses-update.csv"),
    sample!(CustomerStatus, Delete, "customer-statuses-delete.toml", "customer-statuses-delete.csv"),
];

impl ShippedSample {
    /// The sample of a kind for an action; `None` where there is none.
    pub fn of(kind: Kind, action: Action) -> Option<&'static ShippedSample> {
        SAMPLES.iter().find(|sample| sample.kind == kind && sample.action == action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_of_the_samples_is_in_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = |folder: &str| -> BTreeSet<String> {
            let names = std::fs::read_dir(root.join(folder)).expect(folder);
            let names = names.map(|name| name.expect("a name").file_name().into_string().expect("a text"));
            names
                .filter(|n| !matches!(n.as_str(), ".gitattributes" | "README.md" | "make.py" | "mapping.schema.json"))
                .collect()
        };
        let known = |path: fn(&ShippedSample) -> &'static str, folder: &str| -> BTreeSet<String> {
            SAMPLES.iter().map(|sample| path(sample).strip_prefix(folder).expect(folder).to_owned()).collect()
        };
        assert_eq!(files("mappings"), known(|sample| sample.mapping, "mappings/"));
        assert_eq!(files("samples"), known(|sample| sample.source, "samples/"));
    }

    #[test]
    fn every_kind_has_a_sample_and_each_is_found() {
        for kind in Kind::ALL {
            assert!(ShippedSample::of(kind, Action::Create).is_some(), "{kind:?}");
        }
        for sample in SAMPLES {
            assert_eq!(ShippedSample::of(sample.kind, sample.action).map(|found| found.source), Some(sample.source));
            assert!(
                sample.mapping_text.contains(&format!("\nkind    = \"{}\"", sample.kind.name())),
                "{}",
                sample.mapping
            );
        }
    }
}
