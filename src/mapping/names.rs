//! Names to ids, for one run: what a cell's word means in the account, remembered, because a column of stages holds few
//! different words in many rows.

use super::convert::Unfit;
use super::plan::{Lookup, LookupWhat, Plan, TargetPlan};
use crate::account::{Account, Miss};
use crate::entity::parts::Field;
use crate::problem::{did_you_mean, quoted};
use crate::table::fold;
use std::collections::HashMap;

/// Names remembered per lookup and pipeline; beyond this many a column is no list of names and is not remembered.
const CACHE_MAX: usize = 10_000;

/// A name's id, or whether the account does not know it (as opposed to: knows it and cannot use it) and why.
pub type Resolved = Result<u64, (bool, Unfit)>;

/// The names already looked up.
pub struct Names {
    caches: Vec<HashMap<u64, HashMap<Box<str>, Resolved>>>,
}

impl Names {
    pub fn new(lookups: usize) -> Names {
        Names { caches: (0..lookups).map(|_| HashMap::new()).collect() }
    }

    pub fn find(
        &mut self,
        plan: &Plan,
        lookup: Lookup,
        pipeline: Option<u64>,
        name: &str,
        target: &TargetPlan,
    ) -> Resolved {
        let cache = self.caches[lookup.cache].entry(pipeline.unwrap_or(0)).or_default();
        if let Some(found) = cache.get(name) {
            return found.clone();
        }
        let found = resolve(&plan.account, lookup.what, pipeline, name, target);
        if cache.len() < CACHE_MAX {
            cache.insert(name.into(), found.clone());
        }
        found
    }
}

/// `pipeline` is the one a stage is looked for in; the main one where it is `None`.
pub fn resolve(
    account: &Account,
    what: LookupWhat,
    pipeline: Option<u64>,
    name: &str,
    target: &TargetPlan,
) -> Resolved {
    let miss = |miss: Miss, noun: &str| {
        let (message, hint) = missed(&miss, name, noun);
        let unknown = matches!(miss, Miss::Unknown { .. } | Miss::Unusable { .. });
        (unknown, Unfit { code: "unknown-name", message, hint })
    };
    match what {
        LookupWhat::Pipeline => account.pipeline(name).map(|p| p.id).map_err(|m| miss(m, "pipeline")),
        LookupWhat::LossReason => account.loss_reason(name).map(|r| r.id).map_err(|m| miss(m, "loss reason")),
        LookupWhat::ActiveUser => account.active_user(name).map(|u| u.id).map_err(|m| miss(m, "user")),
        LookupWhat::UserOrRobot if name == "0" => Ok(0),
        LookupWhat::UserOrRobot => account.user(name).map(|u| u.id).map_err(|m| miss(m, "user")),
        LookupWhat::Stage { anywhere: true } => {
            account.stage_anywhere(name).map(|s| s.id).map_err(|m| miss(m, "stage"))
        }
        LookupWhat::Stage { anywhere: false } => {
            let pipeline = pipeline.and_then(|id| account.pipeline_by_id(id)).or_else(|| account.main_pipeline());
            let Some(pipeline) = pipeline else {
                let message = format!("{} cannot be looked up: the account has no pipelines", quoted(name));
                return Err((false, Unfit { code: "unknown-name", message, hint: None }));
            };
            account.stage(pipeline, name).map(|s| s.id).map_err(|m| {
                let (unknown, mut unfit) = miss(m, &format!("stage of the pipeline \"{}\"", pipeline.name));
                let elsewhere = account.pipelines_with_stage(name);
                if unfit.hint.is_none() && elsewhere.is_empty() {
                    let names: Vec<&str> = Account::stage_names(pipeline).collect();
                    unfit.hint = Some(format!("its stages are: {}", names.join(", ")));
                } else if !elsewhere.is_empty() && !elsewhere.contains(&pipeline.name.as_str()) {
                    unfit.hint = Some(format!("it is a stage of \"{}\"; name that pipeline", elsewhere.join("\", \"")));
                }
                (unknown, unfit)
            })
        }
        LookupWhat::Option { .. } => match target {
            TargetPlan::Custom { field, .. } => option(field, name),
            TargetPlan::Field(_) => Err((false, Unfit { code: "unknown-option", message: quoted(name), hint: None })),
        },
    }
}

/// An option by its text, its code or its id. The service compares texts letter by letter, so the id is sent. [client]
fn option(field: &Field, name: &str) -> Resolved {
    let wanted = fold(name);
    let by_text = field.options.iter().find(|o| fold(&o.value) == wanted);
    let by_code = || field.options.iter().find(|o| o.code.as_deref() == Some(name));
    let by_id = || field.options.iter().find(|o| name.parse() == Ok(o.id));
    if let Some(option) = by_text.or_else(by_code).or_else(by_id) {
        return Ok(option.id);
    }
    let names: Vec<&str> = field.options.iter().map(|o| o.value.as_str()).collect();
    let hint = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| {
        let more = if names.len() > 20 { ", …" } else { "" };
        format!("its options are: {}{more}", names.iter().take(20).copied().collect::<Vec<_>>().join(", "))
    });
    let message = format!("{} is no option of \"{}\"", quoted(name), field.name);
    Err((true, Unfit { code: "unknown-option", message, hint: Some(hint) }))
}

/// A miss as message and hint; `what` is a singular noun.
pub fn missed(miss: &Miss, wanted: &str, what: &str) -> (String, Option<String>) {
    let quoted = crate::problem::quoted(wanted);
    match miss {
        Miss::Unknown { near } => {
            let hint = (!near.is_empty()).then(|| {
                let names: Vec<String> = near.iter().map(|n| format!("\"{n}\"")).collect();
                format!("did you mean {}?", names.join(" or "))
            });
            (format!("{quoted} is no {what}"), hint)
        }
        Miss::Ambiguous { choices } => {
            (format!("{quoted} could be any {what} of several"), Some(format!("write one of {}", choices.join(", "))))
        }
        Miss::Unusable { why } => {
            let hint = "write another one, or translate it with \"values\" in the mapping".to_owned();
            (format!("{quoted} cannot be used: {why}"), Some(hint))
        }
    }
}
