//! Makes another answer of an answer: such as no document shows, and such as services in PHP give all the same.

use crate::odd_answers::dice::Dice;
use serde_json::{Map, Value, json};

type Filling = fn() -> String;

/// Stands in a spoiled tree for what a tree of values cannot hold.
const HOLES: [(&str, Filling); 5] = [
    ("@deep@", || "[".repeat(50_000) + &"]".repeat(50_000)),
    ("@open@", || "{\"a\":".repeat(200)),
    ("@endless@", || format!("1{}", "0".repeat(400))),
    ("@beyond@", || "1e999".to_owned()),
    ("@twice@", || "{\"id\":1,\"id\":\"2\",\"_embedded\":[],\"_embedded\":{},\"id\":[]}".to_owned()),
];

/// How an answer is spoiled.
#[derive(Debug, Clone, Copy)]
pub enum How {
    /// Anywhere, by anything.
    Anything,
    /// Within the records, so that they are still found; several times.
    Inside,
    /// Maps within the records are lists, some lists are maps.
    Php,
}

/// A status and a body.
pub type Answer = (u16, Vec<u8>);

pub fn spoiled((status, body): Answer, how: How, dice: &mut Dice) -> Answer {
    let Ok(mut tree) = serde_json::from_slice::<Value>(&body) else {
        return (another_status(status, dice), bytes_spoiled(body, dice));
    };
    match how {
        How::Anything => (0..1 + dice.below(3)).for_each(|_| spoil(&mut tree, dice)),
        How::Inside => records(&mut tree).into_iter().for_each(|record| inside(record, dice)),
        How::Php => records(&mut tree).into_iter().for_each(|record| php(record, dice)),
    }
    let mut text = tree.to_string();
    for (hole, filling) in HOLES {
        text = text.replace(&format!("\"{hole}\""), &filling());
    }
    let whole = !matches!(how, How::Anything);
    let status = if !whole && dice.chance(10) { another_status(status, dice) } else { status };
    let body = if !whole && dice.chance(10) { bytes_spoiled(text.into_bytes(), dice) } else { text.into_bytes() };
    (status, body)
}

fn another_status(status: u16, dice: &mut Dice) -> u16 {
    *dice.pick(&[status, 200, 201, 202, 204, 400, 403, 404, 422, 429, 500, 502])
}

fn bytes_spoiled(mut body: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    match dice.below(4) {
        0 => body.truncate(dice.below(body.len())),
        1 if !body.is_empty() => {
            let at = dice.below(body.len());
            body[at] = 0xff;
        }
        2 => body.extend_from_slice(b"[]"),
        _ => body.insert(0, b','),
    }
    body
}

/// The records of an answer, whatever their list is called; the answer itself where it is one.
fn records(tree: &mut Value) -> Vec<&mut Value> {
    if tree.get("id").is_some() {
        return vec![tree];
    }
    let lists = match tree {
        Value::Array(items) => return items.iter_mut().collect(),
        Value::Object(map) => map.get_mut("_embedded").and_then(Value::as_object_mut),
        _ => None,
    };
    lists.into_iter().flat_map(|lists| lists.values_mut()).filter_map(Value::as_array_mut).flatten().collect()
}

/// By these the records are still known.
const KNOWN_BY: [&str; 3] = ["id", "request_id", "name"];

fn inside(record: &mut Value, dice: &mut Dice) {
    for (key, value) in record.as_object_mut().into_iter().flatten() {
        if !KNOWN_BY.contains(&key.as_str()) && dice.chance(25) {
            if dice.chance(50) { spoil(value, dice) } else { one(value, dice) }
        }
    }
}

fn php(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(map) => map.values_mut().for_each(|below| match below {
            Value::Object(_) if dice.chance(50) => *below = json!([]),
            Value::Array(_) if dice.chance(15) => *below = between_list_and_map(below),
            below => php(below, dice),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| php(item, dice)),
        _ => {}
    }
}

/// Spoils the tree somewhere.
fn spoil(tree: &mut Value, dice: &mut Dice) {
    let below = |value: &Value| match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    };
    let mut here = tree;
    // The envelope is spoiled less often than what is in it.
    while below(here) > 0 && dice.chance(80) {
        let n = dice.below(below(here));
        here = match here {
            Value::Array(items) => &mut items[n],
            Value::Object(map) => map.values_mut().nth(n).expect("it has so many"),
            _ => return,
        };
    }
    one(here, dice);
}

fn one(value: &mut Value, dice: &mut Dice) {
    let odd = [
        json!(null),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null, 5, "x", {}]),
        json!({"0": {"id": 1}, "7": null}),
        json!(""),
        json!("x"),
        json!(" 12 "),
        json!("9".repeat(60)),
        json!(true),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(79_000_000_000_000_000_000_000_000_000_f64),
        json!("79228162514264337593543950335"),
        json!(1e300),
        json!(-62_135_596_800_i64),
        json!(253_402_300_800_i64),
    ];
    match dice.below(10) {
        0 => *value = Value::String(dice.pick(&HOLES).0.to_owned()),
        1 => *value = between_list_and_map(value),
        2 => *value = as_text_or_number(value),
        3..=5 => {
            if let Some(several) = fewer_or_more(value, dice) {
                *value = several;
            } else {
                *value = dice.pick(&odd).clone();
            }
        }
        _ => *value = dice.pick(&odd).clone(),
    }
}

/// As PHP does it: an empty map is a list, and a list with a gap is a map.
fn between_list_and_map(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            Value::Object(items.iter().enumerate().map(|(n, item)| ((n * 2).to_string(), item.clone())).collect())
        }
        Value::Object(map) => Value::Array(map.values().cloned().collect()),
        other => json!([other]),
    }
}

fn as_text_or_number(value: &Value) -> Value {
    match value {
        Value::String(text) => text.parse::<i64>().map_or(json!(text.len()), |number| json!(number)),
        other => json!(other.to_string()),
    }
}

fn fewer_or_more(value: &Value, dice: &mut Dice) -> Option<Value> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let mut items = items.clone();
            match dice.below(3) {
                0 => drop(items.remove(dice.below(items.len()))),
                1 => items.extend_from_within(..),
                _ => items.reverse(),
            }
            Some(Value::Array(items))
        }
        Value::Object(map) if !map.is_empty() => {
            let gone = map.keys().nth(dice.below(map.len()))?.clone();
            let kept: Map<String, Value> = map.clone().into_iter().filter(|(key, _)| *key != gone).collect();
            Some(Value::Object(kept))
        }
        _ => None,
    }
}
