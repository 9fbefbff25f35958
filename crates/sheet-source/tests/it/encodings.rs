//! Texts of many languages in many code pages, short and long, with Latin and national headers: each is read
//! correctly, or refused with the readings to choose from. None is misread. `ENCODINGS_SEED` and `ENCODINGS_COUNT`
//! make other texts, and more of them; `--nocapture` shows the table.

use sheet_source::{DoubtKind, ReadOptions, Row, Table};
use std::collections::BTreeMap;
use std::path::Path;

/// A language: its header, its words, and the code pages that can encode it.
struct Texts {
    name: &'static str,
    header: &'static str,
    words: &'static str,
    pages: &'static [&'static str],
}

const CYRILLIC: &[&str] = &["windows-1251", "KOI8-U", "IBM866", "x-mac-cyrillic", "ISO-8859-5"];
const UKRAINE: &[&str] = &["windows-1251", "KOI8-U", "x-mac-cyrillic", "ISO-8859-5"];
const WEST: &[&str] = &["windows-1252", "macintosh", "ISO-8859-15", "IBM850"];
const CENTRE: &[&str] = &["windows-1250", "ISO-8859-2", "IBM852"];
const TURKEY: &[&str] = &["windows-1254", "IBM857"];

const TEXTS: [Texts; 12] = [
    Texts {
        name: "units",
        header: "товар единица цена",
        words: "шт кг г л м т уп мл см мм руб ед час чел компл рул упак тн бут бан пач пар боб бух кор меш фл амп",
        pages: CYRILLIC,
    },
    Texts {
        name: "Russian",
        header: "Имя Город Примечание",
        words: "Зинаида Эльмира Всеволод Ярославна Ждан Щукин Ефимов Цыганов Ёлкин Юрлов Хохлов Шишкин Калуга Псков Элиста \
                Якутск Чита Щёлково Грозный Майкоп гвоздика карандаш тетрадь холодильник эскиз чертёж ящерица щепка юбилей \
                пряжа вышивка съезд объявление ткань песок цемент шпаклёвка розетка выключатель плинтус обои жалюзи",
        pages: CYRILLIC,
    },
    Texts {
        name: "Ukrainian",
        header: "Прізвище Місто Примітка",
        words: "Зеновій Соломія Любомир Ярина Їлович Єлисей Ґалаґан Щедрій Панасенко Стеценко Юхименко Рівненщина Дрогобич \
                Ніжин Умань Бердичів олівець зошит холодильник креслення ювілей пряжа вишивка з'їзд оголошення тканина пісок \
                цвях викрутка вимикач шпалери ґудзик їжа єнот черевик",
        pages: UKRAINE,
    },
    Texts {
        name: "Bulgarian",
        header: "Име Град Бележка",
        words: "Велизар Снежана Щилиян Ягода Живкова Цанков Ъглев Кърджилов Дупница Смолян Търговище Петрич молив тетрадка \
                хладилник чертеж юбилей прежда шевица събрание обявление плат пясък цимент контакт ключ тапети щори ябълка",
        pages: &["windows-1251", "KOI8-U", "IBM866", "x-mac-cyrillic"],
    },
    Texts {
        name: "Polish",
        header: "Imię Miasto Opis",
        words: "Świętosława Bożydar Wacław Żelisław Jędrzej Łucja Kaźmierczak Dziedzic Ślusarczyk Łęcki Ząbek Gżegżółka Sącz \
                Łomża Żyrardów Świnoujście zszywacz lodówka złącze cegła wełna śnieżka ząb gołębica żelazo drążek stół kołdra",
        pages: CENTRE,
    },
    Texts {
        name: "Czech",
        header: "Jméno Město Popis",
        words: "Květoslav Přemysl Vítězslav Ludmila Čeněk Řezníček Šťastný Vondráček Žižka Kolín Náchod Třeboň Písek Vsetín \
                tužka sešit lednička cihla příze výšivka sníh zub železo stůl peřina zásuvka vypínač klíč sušička žehlička",
        pages: CENTRE,
    },
    Texts {
        name: "Hungarian",
        header: "Név Város Leírás",
        words: "Gergely Piroska Kálmán Ödön Tünde Győrgyi Szőke Bíró Hűvös Mező Dunaújváros Esztergom Szőlősgyörök ceruza \
                füzet hűtőszekrény tégla gyapjú hímzés hó fog vasaló asztalterítő paplan konnektor kapcsoló kulcs fűnyíró",
        pages: CENTRE,
    },
    Texts {
        name: "Turkish",
        header: "Adı Şehir Açıklama",
        words: "Gülizar Çetinkaya Işıltan Şaban Tuğrul Özge Yağız Ünal Karadağ Kırşehir Niğde Şırnak Iğdır Bingöl kalemlik \
                buzdolabı tuğla yün nakış diş ütü yorgan anahtarlık süpürge çekiç şişe kâğıt eşya bıçak çağlayan gömlek",
        pages: TURKEY,
    },
    Texts {
        name: "German",
        header: "Name Straße Größe",
        words: "Götz Mürrwald Hübner Schürmann Gräfe Löwe Weißenfels Lüneburg Mühlhausen Bäckerei Füller Wäschetrockner Säge \
                Bügeleisen Höcker Tücher Schleifgerät Maß Fuß Gefäß Klöße Öffner Übergröße Nähmaschine Dübel Gewürz Lötkolben",
        pages: WEST,
    },
    Texts {
        name: "French",
        header: "Prénom Société Qualité",
        words: "Clémentine Grégoire Mathéo Solène Théodore Lefébure Crépeau Lachâtre Fougères Montélimar Sélestat crémerie \
                téléviseur réfrigérateur étagère échelle clôture râteau évier grêle poêle chaîne désherbant réglisse gaufrière",
        pages: WEST,
    },
    Texts {
        name: "Spanish",
        header: "Nombre Dirección Tamaño",
        words: "Asunción Fermín Joaquín Belén Yáñez Cañizares Quiñones Bermúdez Logroñés Alcázar Alcorcón cortaúñas muñeca \
                lavadora tostador sillón cojín buzón pestaña lámpara jardín colchón cinturón pañuelo cañón araña balón",
        pages: WEST,
    },
    Texts {
        name: "Portuguese",
        header: "Nome Endereço Descrição",
        words: "Estêvão Zélia Adão Inácio Gusmão Leitão Valadão Assis Gramado Olímpia Maranhão portão sabonete colchão fogão \
                travessão melancia açougue pimentão algodão cordão lençol maçaneta relógio hortelã câmera bênção pônei",
        pages: WEST,
    },
];

/// An unsupported page: only the letters of the texts.
const IBM850: &str =
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´";
const IBM852: &str = "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´_˝˛ˇ˘§÷¸°¨˙űŘř";
const IBM857: &str =
    "ÇüéâäàåçêëèïîıÄÅÉæÆôöòûùİÖÜø£ØŞşáíóúñÑĞğ¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ºªÊËÈ_ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµ_×ÚÛÙìÿ¯´";

fn encoded(text: &str, page: &str) -> Option<Vec<u8>> {
    let table = match page {
        "IBM850" => IBM850,
        "IBM852" => IBM852,
        "IBM857" => IBM857,
        _ => {
            let encoding = encoding_rs::Encoding::for_label(page.as_bytes()).expect("a known encoding");
            let (bytes, _, lost) = encoding.encode(text);
            return (!lost).then(|| bytes.into_owned());
        }
    };
    let byte = |c: char| match c.is_ascii() {
        true => Some(c as u8),
        false => table.chars().position(|other| other == c).map(|at| 0x80 + at as u8),
    };
    text.chars().map(byte).collect()
}

/// Reproducible random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A table, and how many words it has below its header.
fn table(dice: &mut Dice, texts: &Texts, latin_header: bool, rows: usize) -> (String, usize) {
    let words: Vec<&str> = texts.words.split_whitespace().collect();
    let header = if latin_header { "name city note" } else { texts.header };
    let mut text = header.replace(' ', ";") + "\r\n";
    let mut count = 0;
    for _ in 0..rows {
        let cells: Vec<String> = (0..3)
            .map(|_| {
                let many = if texts.name == "units" { 1 } else { 1 + dice.below(2) };
                count += many;
                (0..many).map(|_| *dice.one(&words)).collect::<Vec<_>>().join(" ")
            })
            .collect();
        text += &(cells.join(";") + "\r\n");
    }
    (text, count)
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Right,
    Refused,
    Wrong,
}

fn read(path: &Path, bytes: &[u8], text: &str) -> End {
    std::fs::write(path, bytes).expect("a temporary file");
    let mut table = Table::open(path, &ReadOptions::default()).expect("it is a table");
    if let Some(doubt) = &table.layout.encoding_doubt {
        assert!(!doubt.readings.is_empty() && doubt.why != DoubtKind::Mojibake);
        return End::Refused;
    }
    let mut read = table.header.titles().collect::<Vec<_>>().join(";") + "\r\n";
    let mut row = Row::default();
    while table.read(&mut row).expect("a row") {
        read += &(row.iter().map(|cell| cell.text).collect::<Vec<_>>().join(";") + "\r\n");
    }
    if read == text { End::Right } else { End::Wrong }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The share of ordinary files that can be refused, in percent.
const REFUSED_MAX: usize = 3;
const ORDINARY_WORDS: usize = 20;

#[test]
fn nothing_is_misread_and_ordinary_files_are_read() {
    let mut dice = Dice(from_environment("ENCODINGS_SEED", 1));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.csv");
    let mut counts: BTreeMap<(&str, &str, bool), [usize; 3]> = BTreeMap::new();
    for _ in 0..from_environment("ENCODINGS_COUNT", 2) {
        for texts in &TEXTS {
            for (page, rows) in texts.pages.iter().flat_map(|page| [1, 10, 90].map(|rows| (*page, rows))) {
                let latin_header = dice.below(2) == 0;
                let (text, words) = table(&mut dice, texts, latin_header, rows);
                let Some(bytes) = encoded(&text, page).filter(|bytes| !bytes.is_ascii()) else { continue };
                let end = read(&path, &bytes, &text);
                assert!(end != End::Wrong, "{} in {page} is misread: {text}", texts.name);
                counts.entry((page, texts.name, words >= ORDINARY_WORDS)).or_default()[end as usize] += 1;
            }
        }
    }
    println!("{:16} {:12} {:8} {:>6} {:>8} {:>6}", "page", "text", "", "right", "refused", "wrong");
    let (mut ordinary, mut refused) = (0, 0);
    for ((page, name, long), [right, not, wrong]) in &counts {
        let length = if *long { "ordinary" } else { "short" };
        println!("{page:16} {name:12} {length:8} {right:6} {not:8} {wrong:6}");
        // A file in an unsupported page is refused, unless a supported page reads it equally.
        let readable = encoding_rs::Encoding::for_label(page.as_bytes()).is_some();
        if *long && readable {
            ordinary += right + not;
            refused += not;
        }
    }
    println!("{refused} of {ordinary} ordinary files are refused");
    assert!(refused * 100 <= REFUSED_MAX * ordinary, "{refused} of {ordinary}");
}

/// `á` and `š` are the same bytes in windows-1250 and windows-1252; `ř`, `ě`, `č` and `ň` are not.
#[test]
fn letters_at_the_end_of_a_long_file_count() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut text = "name;city\r\n".to_owned();
    text += &"Tomáš;Brno\r\n".repeat(200_000);
    let end = "Jiří Dvořák;Plzeň\r\nVěra Němečková;Děčín\r\nOndřej Kučera;Třebíč\r\n";
    text += end;
    let bytes = encoded(&text, "windows-1250").expect("it has all letters");
    assert!(read(&folder.path().join("a.csv"), &bytes, &text) == End::Right);
}
