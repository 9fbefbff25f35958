//! The files that are read: 14 columns of a small company's deals, the same for the same seed. CSV in UTF-8 and in
//! windows-1251, and a workbook with numbers and dates as such.

use rust_xlsxwriter::{Format, Workbook, XlsxError};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

const SEED: u64 = 20_261_121;

pub const TITLES: [&str; 14] = [
    "ID",
    "ФИО",
    "Телефон",
    "Email",
    "Компания",
    "Источник",
    "Город",
    "Бюджет",
    "Дата создания",
    "Дата закрытия",
    "Этап",
    "Ответственный",
    "Теги",
    "Комментарий",
];
const SURNAMES: [&str; 12] = [
    "Иванов",
    "Смирнов",
    "Кузнецов",
    "Попов",
    "Васильев",
    "Петров",
    "Соколов",
    "Михайлов",
    "Новиков",
    "Фёдоров",
    "Морозов",
    "Волков",
];
const NAMES: [&str; 10] =
    ["Александр", "Дмитрий", "Максим", "Сергей", "Андрей", "Алексей", "Артём", "Илья", "Кирилл", "Михаил"];
const FATHERS: [&str; 6] = ["Иванович", "Петрович", "Сергеевич", "Андреевич", "Алексеевич", "Дмитриевич"];
const FIRMS: [&str; 8] = ["Ромашка", "Вектор", "СтройДом", "Альянс", "Гранит", "Меридиан", "Сфера", "Северный ветер"];
const SOURCES: [&str; 5] = ["Сайт", "Звонок", "Выставка", "Рекомендация", "Реклама"];
const CITIES: [&str; 10] = [
    "Москва",
    "Санкт-Петербург",
    "Новосибирск",
    "Екатеринбург",
    "Казань",
    "Нижний Новгород",
    "Челябинск",
    "Самара",
    "Уфа",
    "Ростов-на-Дону",
];
const STAGES: [&str; 4] = ["Первичный контакт", "Переговоры", "Принимают решение", "Согласование договора"];
const USERS: [&str; 4] = ["Анна Смирнова", "Иван Петров", "Мария Кузнецова", "Олег Соколов"];
const TAGS: [&str; 8] = ["опт", "розница", "VIP", "повторный", "срочно", "тендер", "партнёр", "акция"];
const WORDS: [&str; 16] = [
    "клиент",
    "просит",
    "перезвонить",
    "после",
    "обеда",
    "отправить",
    "договор",
    "на",
    "почту",
    "уточнить",
    "сроки",
    "поставки",
    "и",
    "условия",
    "оплаты",
    "счёта",
];
const DOMAINS: [&str; 4] = ["mail.ru", "yandex.ru", "gmail.com", "example.com"];
const LATIN: [&str; 8] = ["ivanov", "petrov", "sales", "info", "manager", "zakaz", "office", "smirnov"];
const PREFIXES: [&str; 8] = ["903", "905", "909", "916", "925", "926", "977", "985"];

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A row as text; money and the two dates also as a workbook has them.
struct Deal {
    cells: [String; 14],
    money: f64,
    /// Days since 30 December 1899.
    days: [Option<f64>; 2],
}

/// Day 0 is 1 January 2024.
fn day(after: usize) -> (String, f64) {
    const MONTHS: [usize; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    const SERIAL: usize = 45_292;
    let (mut left, mut month) = (after % 366, 0);
    while left >= MONTHS[month] {
        left -= MONTHS[month];
        month += 1;
    }
    (format!("{:02}.{:02}.2024", left + 1, month + 1), (SERIAL + after % 366) as f64)
}

fn phone(dice: &mut Dice) -> String {
    let prefix = dice.pick(&PREFIXES);
    let (a, b, c) = (100 + dice.below(900), dice.below(100), dice.below(100));
    match dice.below(3) {
        0 => format!("+7 ({prefix}) {a}-{b:02}-{c:02}"),
        1 => format!("8 {prefix} {a} {b:02} {c:02}"),
        _ => format!("7{prefix}{a}{b:02}{c:02}"),
    }
}

/// `12 345,67`.
fn money(kopecks: usize) -> String {
    let (rubles, rest) = (kopecks / 100, kopecks % 100);
    match (rubles / 1_000_000, rubles / 1_000 % 1_000, rubles % 1_000) {
        (0, 0, ones) => format!("{ones},{rest:02}"),
        (0, thousands, ones) => format!("{thousands} {ones:03},{rest:02}"),
        (millions, thousands, ones) => format!("{millions} {thousands:03} {ones:03},{rest:02}"),
    }
}

fn comment(dice: &mut Dice) -> String {
    let words: Vec<&str> = (0..4 + dice.below(14)).map(|_| dice.pick(&WORDS)).collect();
    let text = words.join(" ");
    if dice.below(50) > 0 { text } else { format!("{text}\nответ: \"да, \"{}\"\"", dice.pick(&FIRMS)) }
}

fn deal(n: usize, dice: &mut Dice) -> Deal {
    let kopecks = 10_000 + dice.below(500_000_000);
    let created = dice.below(300);
    let closed = (dice.below(10) >= 3).then(|| day(created + dice.below(66)));
    let (created, created_day) = day(created);
    let firm = dice.pick(&FIRMS);
    let company = match dice.below(4) {
        0 => format!("ООО \"{firm}\""),
        1 => format!("ИП {} {}", dice.pick(&SURNAMES), dice.pick(&NAMES)),
        _ => format!("ООО «{firm} {}»", dice.below(1000)),
    };
    let tags = match dice.below(3) {
        0 => dice.pick(&TAGS).to_owned(),
        _ => format!("{}, {}", dice.pick(&TAGS[..4]), dice.pick(&TAGS[4..])),
    };
    let (closed, closed_day) = closed.map_or((String::new(), None), |(text, day)| (text, Some(day)));
    let cells = [
        format!("Z-{n:07}"),
        format!("{} {} {}", dice.pick(&SURNAMES), dice.pick(&NAMES), dice.pick(&FATHERS)),
        phone(dice),
        format!("{}{}@{}", dice.pick(&LATIN), dice.below(100_000), dice.pick(&DOMAINS)),
        company,
        dice.pick(&SOURCES).to_owned(),
        dice.pick(&CITIES).to_owned(),
        money(kopecks),
        created,
        closed,
        dice.pick(&STAGES).to_owned(),
        dice.pick(&USERS).to_owned(),
        tags,
        comment(dice),
    ];
    Deal { cells, money: kopecks as f64 / 100.0, days: [Some(created_day), closed_day] }
}

fn deals(rows: usize) -> impl Iterator<Item = Deal> {
    deals_from(1, rows)
}

/// Numbered from `first` on.
fn deals_from(first: usize, rows: usize) -> impl Iterator<Item = Deal> {
    let mut dice = Dice(SEED ^ (first as u64 - 1));
    (first..first + rows).map(move |n| deal(n, &mut dice))
}

/// A CSV in UTF-8 whose rows are numbered from `first` on: other keys than those of another file.
pub fn csv_from(first: usize, rows: usize, path: &Path) -> Result<(), String> {
    let cells = deals_from(first, rows).map(|deal| deal.cells);
    let write = || -> Result<(), csv::Error> {
        let mut file = csv::WriterBuilder::new().delimiter(b';').from_path(path)?;
        std::iter::once(TITLES.map(str::to_owned)).chain(cells).try_for_each(|row| file.write_record(&row))?;
        Ok(file.flush()?)
    };
    write().map_err(|e| format!("{}: {e}", path.display()))
}

/// Both CSVs at once.
pub fn csv(rows: usize, utf8: &Path, windows_1251: &Path) -> Result<(), String> {
    let told = |e: &dyn std::fmt::Display| format!("{}: {e}", utf8.display());
    let create = |path: &Path| Ok::<_, String>(BufWriter::new(File::create(path).map_err(|e| told(&e))?));
    let (mut plain, mut old) = (create(utf8)?, create(windows_1251)?);
    let mut rows = std::iter::once(TITLES.map(str::to_owned)).chain(deals(rows).map(|deal| deal.cells));
    loop {
        let mut chunk = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
        let mut any = false;
        for row in rows.by_ref().take(1_000) {
            any = true;
            chunk.write_record(&row).map_err(|e| told(&e))?;
        }
        if !any {
            break;
        }
        let text = String::from_utf8(chunk.into_inner().map_err(|e| told(&e))?).map_err(|e| told(&e))?;
        let (bytes, _, unknown) = encoding_rs::WINDOWS_1251.encode(&text);
        assert!(!unknown, "all letters of the generator are in windows-1251");
        plain.write_all(text.as_bytes()).and_then(|()| old.write_all(&bytes)).map_err(|e| told(&e))?;
    }
    plain.flush().and_then(|()| old.flush()).map_err(|e| told(&e))
}

/// Shared strings, as Excel writes them.
pub fn xlsx(rows: usize, path: &Path) -> Result<(), String> {
    let write = || -> Result<(), XlsxError> {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_low_memory()?;
        let day = Format::new().set_num_format("dd.mm.yyyy");
        for (column, title) in (0_u16..).zip(TITLES) {
            sheet.write_string(0, column, title)?;
        }
        for (row, deal) in (1_u32..).zip(deals(rows)) {
            for (column, text) in (0_u16..).zip(&deal.cells) {
                match column {
                    7 => drop(sheet.write_number(row, column, deal.money)?),
                    8 | 9 => {
                        if let Some(serial) = deal.days[usize::from(column) - 8] {
                            sheet.write_number_with_format(row, column, serial, &day)?;
                        }
                    }
                    _ => drop(sheet.write_string(row, column, text)?),
                }
            }
        }
        workbook.save(path)
    };
    write().map_err(|e| format!("{}: {e}", path.display()))
}
