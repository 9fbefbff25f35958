//! `amoport import` of a workbook that an export wrote, without a mapping: the changed cells go back, added rows are made.
//! Two ordinary runs, each with a mapping that was made for it: changes first, then what is new.

mod fresh;
mod tell;

use super::args::{CheckArgs, Common, ImportArgs, SourceArgs, TargetArgs};
use super::exit::{Ended, Exit};
use super::import;
use super::job::{self, Job};
use super::target::Target;
use super::{check, prepare, returned, say};
use crate::account::{Account, Wanted};
use crate::entity::{Action, Kind};
use crate::export::back::{self, Decided, Deciding, Generated, Purpose, Trouble};
use crate::export::{Columns, Hidden, NotOurs};
use crate::mapping::{self, Edit, Edits, Plan, Written, wanted::wanted};
use crate::problem::{Problem, Stage};
use crate::store::{Journal, MappingHead, NewRun, Store, StoreError};
use crate::table::{Found, Table};
use crate::upload::feed::Select;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The file in a run's folder with the ids that the workbook had and its sheet has no more.
const LEFT_ALONE: &str = "left-alone.csv";

/// What was asked for, by `import` and `check` alike.
struct Asked<'a> {
    file: &'a Path,
    source: &'a SourceArgs,
    target: &'a TargetArgs,
    rows: Option<(u32, u32)>,
    rate: u32,
    force: bool,
    as_new: bool,
    again: bool,
}

impl Asked<'_> {
    fn wants(&self, row: u32) -> bool {
        self.rows.is_none_or(|(first, last)| (first..=last).contains(&row))
    }
}

/// A workbook opened and held against its account.
struct Opened {
    hidden: Hidden,
    target: Target,
    account: Account,
    same_account: bool,
    /// Of the file as it was when its rows were decided.
    sha256: String,
}

/// One of the two runs, ready to begin.
struct Stretch {
    purpose: Purpose,
    mapping: String,
    table: Table,
    plan: Arc<Plan>,
    /// As they are kept.
    edits: Vec<(u32, String)>,
}

/// What both runs of a workbook begin with.
struct Before<'a> {
    hidden: &'a Hidden,
    sha256: &'a str,
    /// Of the account.
    snapshot: &'a str,
    decided: &'a Decided,
}

pub fn import(args: &ImportArgs, common: &Common) -> Result<Exit, Ended> {
    let asked = Asked {
        file: &args.file,
        source: &args.source,
        target: &args.target,
        rows: args.rows,
        rate: args.rate,
        force: args.force,
        as_new: args.as_new,
        again: args.again,
    };
    let opened = open(&asked, common)?;
    let select = Select { rows: args.rows, limit: args.limit, ..Select::default() };
    let (stretches, decided) = stretches(&asked, &opened, common)?;
    if args.dry_run {
        return dry(stretches, &select, common, check::dry_run);
    }
    let count = stretches.len();
    let (mut worst, mut target) = (Exit::Done, Some(opened.target));
    let snapshot = serde_json::to_string(&opened.account).map_err(StoreError::Json)?;
    for (n, stretch) in stretches.into_iter().enumerate() {
        // The sandbox inside this process ends with its run, and begins anew with the next.
        let target = match target.take() {
            Some(target) => target,
            None => Target::open(&args.target, common, args.rate)?,
        };
        let head = Before { hidden: &opened.hidden, sha256: &opened.sha256, snapshot: &snapshot, decided: &decided };
        let exit = run(args, stretch, target, &head, &select, common)?;
        worst = worse(worst, exit);
        if !matches!(exit, Exit::Done | Exit::Rejected) {
            if n + 1 < count {
                say::line("the new rows of the workbook are not made yet: import it again when this run has ended");
            }
            break;
        }
    }
    Ok(worst)
}

pub fn check(args: &CheckArgs, common: &Common) -> Result<Exit, Ended> {
    if args.account_file.is_some() {
        let message = "without a mapping the account itself is asked what it says now";
        return Err(Ended::usage("no-account", message, "name it with --account, or a mapping with -m"));
    }
    let asked = Asked {
        file: &args.file,
        source: &args.source,
        target: &args.target,
        rows: args.rows,
        rate: crate::entity::RATE_MAX,
        force: args.force,
        as_new: args.as_new,
        again: false,
    };
    let opened = open(&asked, common)?;
    let (stretches, _) = stretches(&asked, &opened, common)?;
    dry(stretches, &Select { rows: args.rows, ..Select::default() }, common, check::all)
}

type Telling = fn(Table, Arc<Plan>, &Select, &Common) -> Result<Exit, Ended>;

fn dry(stretches: Vec<Stretch>, select: &Select, common: &Common, tell: Telling) -> Result<Exit, Ended> {
    let mut worst = Exit::Done;
    for stretch in stretches {
        worst = worse(worst, tell(stretch.table, stretch.plan, select, common)?);
    }
    Ok(worst)
}

/// The later run is the one that ended the whole, unless it went better.
fn worse(a: Exit, b: Exit) -> Exit {
    if b == Exit::Done { a } else { b }
}

fn open(asked: &Asked<'_>, common: &Common) -> Result<Opened, Ended> {
    let sha256 = prepare::sha256(asked.file)?;
    let hidden = Hidden::read(asked.file).map_err(|why| not_ours(why, asked.file))?;
    if !hidden.columns.iter().any(|column| column.is_id()) {
        let message = "this export was made without the column of the ids, so nothing says which record a row is";
        let problem = Problem::in_file(asked.file, "no-mapping", message);
        return Err(problem.hint("export again with the column ID, or name a mapping with --mapping").into());
    }
    let target = Target::open(asked.target, common, asked.rate)?;
    let same_account = hidden.stamp.account == target.account;
    if !same_account && !asked.as_new {
        let message =
            format!("this workbook was exported from {}, and {} is another", hidden.stamp.account, target.account);
        let hint = "import it into its own account; or add --as-new to make every row as a new record in this one, \
                    its ID kept as the key";
        return Err(Problem::in_file(asked.file, "other-account", message).hint(hint).into());
    }
    let purposes = purposes(hidden.stamp.kind, asked.as_new);
    let mut all = Wanted::default();
    for purpose in purposes {
        let written = parsed(asked.file, &back::generate(&hidden, *purpose, None, None, same_account))?;
        merge(&mut all, wanted(&written));
    }
    merge(&mut all, back::shown(hidden.stamp.kind.spec().entity));
    let account = prepare::account(&target.client, &all, common)?;
    Ok(Opened { hidden, target, account, same_account, sha256 })
}

fn merge(into: &mut Wanted, more: Wanted) {
    into.fields.extend(more.fields);
    into.fields.sort();
    into.fields.dedup();
    for catalog in more.catalogs {
        if !into.catalogs.contains(&catalog) {
            into.catalogs.push(catalog);
        }
    }
    for elements in more.elements {
        if !into.elements.contains(&elements) {
            into.elements.push(elements);
        }
    }
    into.chains.extend(more.chains);
    into.lists |= more.lists;
    into.segments |= more.segments;
    into.statuses |= more.statuses;
    into.customers |= more.customers;
}

/// Purchases are made and deleted, never changed. [seed]
fn purposes(kind: Kind, as_new: bool) -> &'static [Purpose] {
    match (as_new, kind.spec().write(Action::Update)) {
        (true, _) => &[Purpose::AsNew],
        (false, Some(_)) => &[Purpose::Update, Purpose::Create],
        (false, None) => &[Purpose::Create],
    }
}

fn not_ours(why: NotOurs, file: &Path) -> Ended {
    let (message, hint) = match why {
        NotOurs::Unreadable(problem) => return problem.into(),
        NotOurs::Plain => {
            let message = "it is not said how the rows become records; only a workbook that amoport export wrote without a mapping \
                 says so by itself";
            (message.to_owned(), "name a mapping with --mapping")
        }
        NotOurs::Newer => {
            ("a newer amoport exported this workbook".to_owned(), "use that one, or name a mapping with --mapping")
        }
        NotOurs::Split => (
            "this export fills several sheets, of which one would be read and the others lost".to_owned(),
            "export it in parts with --filter, --since or --id, each of which fits one sheet",
        ),
        NotOurs::Damaged(what) => {
            (format!("{what} is not as amoport export wrote it"), "export again, or name a mapping with --mapping")
        }
    };
    Problem::in_file(file, "no-mapping", message).hint(hint).into()
}

fn parsed(file: &Path, made: &Generated) -> Result<Written, Ended> {
    Ok(mapping::read_text(file, &made.text)?)
}

/// What there is to do: rows decided, the mappings made and compiled.
fn stretches(asked: &Asked<'_>, opened: &Opened, common: &Common) -> Result<(Vec<Stretch>, Decided), Ended> {
    let purposes = purposes(opened.hidden.stamp.kind, asked.as_new);
    let first = made(asked, opened, purposes[0], common)?;
    let decided = decided(asked, opened, &first, common)?;
    let fresh = fresh::edits(asked, opened, &decided.fresh, common)?;
    let before = |(row, edit): &(&u32, &Edit)| asked.wants(**row) && matches!(edit, Edit::Made { .. });
    tell::tell(&decided, fresh.iter().filter(before).count(), &first, &opened.hidden, asked, common);
    let adds = fresh.iter().any(|(row, edit)| asked.wants(*row) && !matches!(edit, Edit::Made { .. }));
    let mut all = Vec::new();
    match purposes {
        [Purpose::Update, ..] => {
            let mut edits = decided.edits.clone();
            edits.extend(decided.fresh.iter().map(|fresh| (fresh.row, Edit::Elsewhere)));
            all.push(first.with(edits, Edit::Same)?);
            if adds {
                all.push(made(asked, opened, Purpose::Create, common)?.with(fresh, Edit::Elsewhere)?);
            }
        }
        [Purpose::AsNew, ..] => all.push(first.with(fresh, Edit::Plain)?),
        _ => {
            // Nothing but new rows can be sent; what is wrong with the others is told all the same.
            let mut edits = decided.edits.clone();
            edits.extend(fresh);
            all.push(first.with(edits, Edit::Elsewhere)?);
        }
    }
    Ok((all, decided))
}

/// A mapping made for the workbook as it is now, and compiled.
fn made(asked: &Asked<'_>, opened: &Opened, purpose: Purpose, common: &Common) -> Result<Half, Ended> {
    let Opened { hidden, target, account, same_account, .. } = opened;
    let written = parsed(asked.file, &back::generate(hidden, purpose, Some(account), None, *same_account))?;
    let quiet = Common { quiet: true, ..common.clone() };
    let table =
        prepare::source(asked.file, &written, asked.source, if purpose == Purpose::Create { &quiet } else { common })?;
    let id = hidden.columns.iter().find(|column| column.is_id()).map_or("ID", |column| column.title.as_str());
    if !matches!(table.header.find(id), Found::One(_)) {
        let message = format!("the sheet has no one column \"{id}\", so nothing says which record a row is");
        let hint = "put the column back, or copy the edits into a new export";
        return Err(Problem::in_file(asked.file, "no-id", message).hint(hint).into());
    }
    // Columns that were taken out of the sheet are not asked for.
    let made = back::generate(hidden, purpose, Some(account), Some(&table.header), *same_account);
    let written = parsed(asked.file, &made)?;
    let ledger = prepare::ledger_of(common, &target.account, None, false);
    let plan = prepare::plan(&written, &table, account.clone(), ledger)?;
    Ok(Half { purpose, made, table, plan })
}

/// A stretch of which it is not decided yet what its rows are for.
struct Half {
    purpose: Purpose,
    made: Generated,
    table: Table,
    plan: Arc<Plan>,
}

impl Half {
    fn with(self, rows: HashMap<u32, Edit>, rest: Edit) -> Result<Stretch, Ended> {
        let kept = rows.iter().map(|(row, edit)| Ok((*row, serde_json::to_string(edit)?)));
        let edits = kept.collect::<Result<Vec<_>, serde_json::Error>>().map_err(StoreError::Json)?;
        // Nobody else has set them.
        let _ = self.plan.edits.set(Edits { rows, rest });
        Ok(Stretch { purpose: self.purpose, mapping: self.made.text, table: self.table, plan: self.plan, edits })
    }
}

/// The edits of a run that goes on, as they were kept.
pub fn kept(store: &Store, run: i64, made: &str, plan: &Plan) -> Result<(), Ended> {
    let mut rows = HashMap::new();
    for (row, what) in store.edits(run)? {
        rows.insert(row, serde_json::from_str(&what).map_err(StoreError::Json)?);
    }
    let rest = match (plan.action, made.contains("\nkey = ")) {
        (Action::Update, _) => Edit::Same,
        (_, true) => Edit::Plain,
        (_, false) => Edit::Elsewhere,
    };
    let _ = plan.edits.set(Edits { rows, rest });
    Ok(())
}

fn decided(asked: &Asked<'_>, opened: &Opened, half: &Half, common: &Common) -> Result<Decided, Ended> {
    let Opened { hidden, target, account, .. } = opened;
    let spec = hidden.stamp.kind.spec();
    if half.purpose == Purpose::AsNew {
        return Ok(Decided { fresh: back::fresh(prepare::again(&half.table)?, hidden)?, ..Decided::default() });
    }
    let columns =
        Columns::of(spec.entity, hidden.stamp.catalog, account).of_earlier(&hidden.columns, hidden.stamp.kind);
    let deciding = Deciding {
        client: &target.client,
        hidden,
        plan: &half.plan,
        columns: &columns,
        account,
        entity: spec.entity,
        sent: returned::sent(&Store::open(&common.state)?, hidden)?,
        force: asked.force,
        rows: asked.rows,
    };
    let table = prepare::again(&half.table)?;
    let ended = prepare::runtime()?.block_on(async {
        tokio::select! {
            ended = back::decide(table, &deciding) => Ok(ended),
            exit = job::one_signal() => Err(exit),
        }
    });
    match ended {
        Ok(Ok(decided)) => Ok(decided),
        Ok(Err(Trouble::Source(problem))) => Err(problem.into()),
        Ok(Err(Trouble::Service(failure))) => {
            let mut ended = Ended::from(failure);
            ended.problems.push(Problem::new(Stage::Read, "nothing-sent", "nothing was sent"));
            Err(ended)
        }
        Err(exit) => {
            say::note(common, "stopped before anything was sent");
            Err(Ended { exit, problems: vec![Problem::new(Stage::Read, "interrupted", "nothing was sent")] })
        }
    }
}

fn run(
    args: &ImportArgs,
    stretch: Stretch,
    target: Target,
    before: &Before<'_>,
    select: &Select,
    common: &Common,
) -> Result<Exit, Ended> {
    let Stretch { purpose, mapping, table, plan, edits } = stretch;
    import::batch_size(args.batch, &plan)?;
    let sum = before.sha256;
    // Saved meanwhile, its rows may be others than those that were decided.
    if prepare::sha256(&args.file)? != sum {
        let problem = Problem::in_file(&args.file, "changed", "the workbook was saved while it was being imported");
        return Err(problem.hint("import it again: what was sent already is not sent twice").into());
    }
    // The two runs of a workbook are not the same import.
    let joined = Sha256::digest(format!("{sum} {}", purpose.word()));
    let mapping = MappingHead {
        path: args.file.display().to_string(),
        sha256: joined.iter().map(|byte| format!("{byte:02x}")).collect(),
        made: Some(mapping),
    };
    let mut head = import::head(args, &table, &plan, &target, mapping, common)?;
    // Here it speaks of new rows, which keep their keys.
    head.again = false;
    head.source.sha256 = sum.to_owned();
    let store = Store::open(&common.state)?;
    let _lock = job::lock(common, &head)?;
    if purpose == Purpose::AsNew {
        import::refuse_again(args, &store, &head, true)?;
    }
    let (budget, over) = import::over_budget(args, &head, &plan, select, common)?;
    let name = job::new_name(&store, &head, prepare::now())?;
    let folder = common.runs.join(&name);
    head.folder = folder.display().to_string();
    job::make_folder(&folder)?;
    if purpose == Purpose::Update {
        write_left(&folder, &before.decided.left_alone)?;
        store.returning(&before.hidden.stamp.export, before.decided.ids.iter().copied())?;
    }
    let snapshot = before.snapshot;
    let new = NewRun { name: &name, head: &head, snapshot, started_at: prepare::now(), edits: &edits };
    let journal = Journal::begin(store, &new)?;
    let store = Store::open(&common.state)?;
    let select = select.clone();
    let job = Job { target, plan, table, journal, doubts: Vec::new(), store, name, head, select, budget };
    if over { job::stop_before_sending(job, common) } else { job::run(job, common) }
}

fn write_left(folder: &Path, left: &[u64]) -> Result<(), Ended> {
    if left.is_empty() {
        return Ok(());
    }
    let path = folder.join(LEFT_ALONE);
    let lines: String = left.iter().map(|id| format!("{id}\n")).collect();
    std::fs::write(&path, format!("id\n{lines}")).map_err(|e| {
        Problem::in_file(&path, "runs-folder", format!("it cannot be written: {e}"))
            .hint("name another folder with --runs")
            .into()
    })
}
