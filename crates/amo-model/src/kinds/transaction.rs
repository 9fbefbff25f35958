//! Transactions of customers. They can be made and deleted, and not changed. [seed]

use super::super::TEXTAREA_MAX;
use super::*;

pub static TRANSACTION: KindSpec = KindSpec {
    kind: Kind::Transaction,
    name: "transaction",
    entity: Entity::Transactions,
    writes: &[batch(Action::Create, "customers/{parent}/transactions"), delete("customers/transactions/{id}")],
    catalog: None,
    needs: Needs::Customers,
    quota: None,
    deleting: "the transactions are subtracted from the sums and averages of their customers",
    sections: &[
        item(
            "transaction",
            None,
            &[
                FieldSpec { on_delete: true, on_update: false, ..OWN_ID },
                required(create_only(
                    "customer",
                    Wire::Parent,
                    FieldContent::OneId(Entity::Customers),
                    "the customer: by id, by key of an earlier import, or by name",
                )),
                required(create_only("price", Wire::Key("price"), FieldContent::WholeMoney, "the sum, a whole number")),
                create_only("comment", Wire::Key("comment"), FieldContent::Text { max: TEXTAREA_MAX }, "a comment"),
                create_only("completed_at", Wire::Key("completed_at"), FieldContent::Timestamp, "when it was made"),
                create_only(
                    "next_price",
                    Wire::Key("next_price"),
                    FieldContent::WholeMoney,
                    "the sum the customer is expected to spend next",
                ),
                create_only(
                    "next_date",
                    Wire::Key("next_date"),
                    FieldContent::Timestamp,
                    "when the customer is expected to buy next",
                ),
                create_only(
                    "created_by",
                    Wire::Key("created_by"),
                    FieldContent::UserOrRobot,
                    "who made it; 0 is the robot",
                ),
            ],
        ),
        SectionSpec {
            name: "transaction.products",
            at: Placement::Elements,
            custom_fields: None,
            custom_fields_max: None,
            repeats: true,
            fields: ELEMENTS,
        },
    ],
};
