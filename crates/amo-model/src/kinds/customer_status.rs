//! Statuses of customers, in the mode of periodic purchases. [seed]

use super::super::CUSTOMER_STATUSES_MAX;
use super::*;

pub static CUSTOMER_STATUS: KindSpec = KindSpec {
    kind: Kind::CustomerStatus,
    name: "customer-status",
    entity: Entity::Statuses,
    writes: &[
        batch(Action::Create, "customers/statuses"),
        single(Action::Update, "customers/statuses/{id}"),
        delete("customers/statuses/{id}"),
    ],
    catalog: None,
    needs: Needs::Periodicity,
    quota: Some(CUSTOMER_STATUSES_MAX),
    deleting: "their customers are moved to other statuses later, by the conditions of those",
    sections: &[item(
        "customer-status",
        None,
        &[
            OWN_ID_OR_DELETE,
            required(NAME),
            required(both(
                "sort",
                Wire::Key("sort"),
                FieldContent::Int,
                "its position among the statuses; the service renumbers them",
            )),
            both(
                "color",
                Wire::Key("color"),
                FieldContent::Colour { known: colours::STATUSES, hash: true },
                "one of the twenty-one colours of statuses",
            ),
        ],
    )],
};
