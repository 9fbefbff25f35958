//! `amoport mapping` and `amoport sample`: what the program brings along to begin with.

use crate::cli::args::{CommonArgs, MappingVerb, NewMappingArgs, SampleArgs};
use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::engine::EngineError;
use crate::mapping::{schema, starter};
use crate::samples::ShippedSample;
use amo_client::private;
use amo_model::{Action, Kind};
use serde_json::json;
use sheet_source::message;
use sheet_source::problem::Problem;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The path of the schema beside the mappings.
const SCHEMA: &str = "mappings/mapping.schema.json";

pub fn mapping(verb: &MappingVerb, common: &CommonArgs) -> Result<Exit, EngineError> {
    match verb {
        MappingVerb::Schema => {
            say::data(&schema_text());
            Ok(Exit::Done)
        }
        MappingVerb::New(args) => new_mapping(args, common),
    }
}

fn schema_text() -> String {
    serde_json::to_string_pretty(&schema::schema()).unwrap_or_default()
}

fn new_mapping(args: &NewMappingArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let (kind, action) = (args.kind, args.action);
    if kind.spec().write(action).is_none() {
        return Err(no_such_action(kind, action, kind.spec().writes.iter().map(|write| write.action)));
    }
    let text = starter::starter(kind.spec(), action);
    match &args.output {
        None => {
            say::data(text.trim_end());
        }
        Some(file) => {
            let written = private::create(file).and_then(|mut new| new.write_all(text.as_bytes()));
            written.map_err(|why| unwritten(file, &why))?;
            say::note(common, format!("wrote {}", say::file(file)));
            if common.json {
                say::data(&json!({"schema": 1, "files": [file]}).to_string());
            }
        }
    }
    Ok(Exit::Done)
}

pub fn sample(args: &SampleArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let (kind, action) = (args.kind, args.action);
    let Some(sample) = ShippedSample::of(kind, action) else {
        let known = Action::ALL.into_iter().filter(|action| ShippedSample::of(kind, *action).is_some());
        return Err(no_such_action(kind, action, known));
    };
    let schema = schema_text() + "\n";
    let files: [(&str, &[u8]); 3] = [
        (sample.source, sample.source_bytes),
        (sample.mapping, sample.mapping_text.as_bytes()),
        (SCHEMA, schema.as_bytes()),
    ];
    let here = args.into == Path::new(".");
    let files = files.map(|(path, bytes)| (if here { path.into() } else { args.into.join(path) }, bytes));
    // Nothing is written where one of them would replace another file.
    let mut missing = Vec::new();
    for (path, bytes) in &files {
        match fs::read(path) {
            Ok(old) if old == *bytes => {}
            Ok(_) => return Err(unwritten(path, &io::ErrorKind::AlreadyExists.into())),
            Err(why) if why.kind() == io::ErrorKind::NotFound => missing.push((path, bytes)),
            Err(why) => return Err(unwritten(path, &why)),
        }
    }
    for (path, bytes) in missing {
        let written = private::folder(path.parent().unwrap_or(&args.into))
            .and_then(|()| private::create(path))
            .and_then(|mut new| new.write_all(bytes));
        written.map_err(|why| unwritten(path, &why))?;
        say::note(common, format!("wrote {}", say::file(path)));
    }
    let [source, mapping, _] = files.each_ref().map(|(path, _)| say::file(path));
    let command = format!("amoport import {source} --mapping {mapping} --sandbox");
    match common.json {
        true => {
            let files = files.each_ref().map(|(path, _)| path);
            say::data(&json!({"schema": 1, "files": files, "command": command}).to_string());
        }
        false => say::line(&format!("try it: {command}")),
    }
    Ok(Exit::Done)
}

fn no_such_action(kind: Kind, action: Action, known: impl Iterator<Item = Action>) -> EngineError {
    let known: Vec<&str> = known.map(Action::name).collect();
    let message =
        message!("there is nothing for kind {kind} and action {action}", kind = kind.name(), action = action.name());
    EngineError::refused("mapping-kind", message, message!("choose one of: {known}", known = known.join(", ")))
}

fn unwritten(path: &Path, why: &io::Error) -> EngineError {
    if why.kind() == io::ErrorKind::AlreadyExists {
        let problem = Problem::in_file(path, "output-file", "the file already exists and is another one");
        return problem.hint("name another place, or move it away").into();
    }
    let message = message!("the file cannot be written: {error}", error = why.to_string());
    Problem::in_file(path, "output-file", message).hint("name a folder that you can write to").into()
}
