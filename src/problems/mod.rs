//! Every problem code: its class, where it is met, what it means, what to do. Codes are stable and never translated; the
//! texts are of the reader's language and are found by the code, so that other languages can stand beside these.
//! `docs/problems.md` is made of this table, and `tests/it/problems.rs` compares it with the codes that the sources make.
//! One file for each area; a code stands in one of them, wherever else it is met.

mod access;
mod command;
mod export;
mod mapping;
mod row;
mod sandbox;
mod sending;
mod source;
mod state;
mod workbook;

/// How far a problem reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemClass {
    /// Ends the command: stderr, and `problems` of `--json`.
    Error,
    /// Of one row: `results.csv`, `problems.csv`, the rejected rows, and what `check` says of rows.
    Row,
    /// Worth a look, and nothing ends: stderr, and `notes` of `run.json` and `--json`.
    Warning,
    /// Worth knowing: as a warning, but not with `--quiet`.
    Note,
}

impl ProblemClass {
    pub const ALL: [ProblemClass; 4] =
        [ProblemClass::Error, ProblemClass::Row, ProblemClass::Warning, ProblemClass::Note];

    pub fn word(self) -> &'static str {
        match self {
            ProblemClass::Error => "error",
            ProblemClass::Row => "row",
            ProblemClass::Warning => "warning",
            ProblemClass::Note => "note",
        }
    }
}

/// What a code stands for. The texts are in English, without a full stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemCode {
    pub code: &'static str,
    pub class: ProblemClass,
    /// Some codes are an error in one place and a note in another.
    pub other_class: Option<ProblemClass>,
    /// The commands that give it, where these are not all of its area.
    pub met_in: Option<&'static str>,
    pub meaning: &'static str,
    /// What to do.
    pub action: &'static str,
}

impl ProblemCode {
    const fn new(class: ProblemClass, code: &'static str, texts: [&'static str; 2]) -> ProblemCode {
        let [meaning, action] = texts;
        ProblemCode { code, class, other_class: None, met_in: None, meaning, action }
    }

    const fn or(self, class: ProblemClass) -> ProblemCode {
        ProblemCode { other_class: Some(class), ..self }
    }

    const fn in_commands(self, commands: &'static str) -> ProblemCode {
        ProblemCode { met_in: Some(commands), ..self }
    }

    pub fn classes(&self) -> impl Iterator<Item = ProblemClass> {
        [Some(self.class), self.other_class].into_iter().flatten()
    }
}

const fn error(code: &'static str, meaning: &'static str, action: &'static str) -> ProblemCode {
    ProblemCode::new(ProblemClass::Error, code, [meaning, action])
}

const fn row(code: &'static str, meaning: &'static str, action: &'static str) -> ProblemCode {
    ProblemCode::new(ProblemClass::Row, code, [meaning, action])
}

const fn warning(code: &'static str, meaning: &'static str, action: &'static str) -> ProblemCode {
    ProblemCode::new(ProblemClass::Warning, code, [meaning, action])
}

const fn note(code: &'static str, meaning: &'static str, action: &'static str) -> ProblemCode {
    ProblemCode::new(ProblemClass::Note, code, [meaning, action])
}

/// Codes that belong together.
#[derive(Debug, Clone, Copy)]
pub struct ProblemArea {
    pub title: &'static str,
    /// The commands that give these codes.
    pub met_in: &'static str,
    /// Sorted by code.
    pub codes: &'static [ProblemCode],
}

/// All areas, in the order in which a file goes through the program.
pub const AREAS: [ProblemArea; 10] = [
    command::AREA,
    access::AREA,
    source::AREA,
    mapping::AREA,
    row::AREA,
    sending::AREA,
    state::AREA,
    workbook::AREA,
    export::AREA,
    sandbox::AREA,
];

/// What a code stands for; `None` for codes of the service, which are handed on as they are.
pub fn find(code: &str) -> Option<&'static ProblemCode> {
    let in_area = |area: &ProblemArea| area.codes.iter().find(|known| known.code == code);
    AREAS.iter().find_map(in_area)
}
