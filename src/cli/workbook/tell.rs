//! What is said of a workbook before anything of it is sent.

use super::super::args::Common;
use super::super::say;
use super::{Asked, Half};
use crate::export::Hidden;
use crate::export::back::{Decided, Purpose};
use crate::problem::quoted;
use crate::table::{Found, fold};

/// Ids named on the way.
const NAMED_MAX: usize = 10;

/// `made_before` of the new rows were made by an earlier import of the same workbook.
pub fn tell(decided: &Decided, made_before: usize, half: &Half, hidden: &Hidden, asked: &Asked<'_>, common: &Common) {
    if half.purpose == Purpose::AsNew {
        if !half.made.left_out.is_empty() {
            say::line(&format!("not carried over: {}", half.made.left_out.join(", ")));
        }
        if let (Some(then), Some(now)) = (&hidden.stamp.timezone, half.plan.account.timezone())
            && then != now
        {
            say::line(&format!(
                "warning: the times of this workbook are those of {then}, and are taken for {now} here"
            ));
        }
        return;
    }
    let Decided { changed, conflicts, refused, fresh, left_alone, read_only, .. } = decided;
    let (new, gone) = (fresh.iter().filter(|fresh| asked.wants(fresh.row)).count(), left_alone.len());
    let new = new - made_before.min(new);
    let before = if made_before > 0 { format!(" ({made_before} made before)") } else { String::new() };
    say::note(
        common,
        format!(
            "{changed} changed, {conflicts} in conflict, {refused} refused, {new} new{before}, {gone} deleted from the sheet"
        ),
    );
    if asked.force && *changed > 0 {
        say::note(common, "--force: the sheet wins, also over cells that were changed in the account meanwhile");
    }
    titles(hidden, half);
    if gone > 0 {
        let named: Vec<String> = left_alone.iter().take(NAMED_MAX).map(u64::to_string).collect();
        let more = if gone > NAMED_MAX { format!(" and {} more", gone - NAMED_MAX) } else { String::new() };
        say::line(&format!("left alone in the account: {}{more}", named.join(", ")));
    }
    if read_only.0 > 0 {
        let more = if read_only.0 as usize > read_only.1.len() { ", …" } else { "" };
        let (count, named) = (read_only.0, read_only.1.join(", "));
        say::line(&format!("warning: {count} changed cells cannot be sent back and are ignored: {named}{more}"));
    }
}

/// A column renamed is one that is not there: what was edited in it would be lost without a word.
fn titles(hidden: &Hidden, half: &Half) {
    let header = &half.table.header;
    let gone = hidden.columns.iter().filter(|column| column.writable && header.find(&column.title) == Found::None);
    let gone: Vec<String> = gone.map(|column| quoted(&column.title).to_string()).collect();
    let known = |title: &str| hidden.columns.iter().any(|column| fold(&column.title) == fold(title));
    let others = header.titles().filter(|title| !title.trim().is_empty() && !known(title));
    let others: Vec<String> = others.map(|title| quoted(title).to_string()).collect();
    if !gone.is_empty() {
        say::line(&format!(
            "warning: the sheet has no column {}; what was in it stays as it is in the account",
            gone.join(", ")
        ));
    }
    if !others.is_empty() {
        say::line(&format!("warning: the export had no column {}; it is ignored", others.join(", ")));
    }
}
