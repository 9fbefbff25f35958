//! Recognises web pages and XML by their text, often under the name `.xls`: with or without a prologue, after
//! comments, or inside a saved page (.mht). A table whose first cell contains a tag or words in angle brackets stays
//! a table.

/// What a text is if it is not a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkupKind {
    WebPage,
    /// As saved by Excel 2002 and 2003.
    XmlSpreadsheet,
    Xml,
}

/// Characters examined: the comments before a page can be long.
const PREFIX_CHARS: usize = 64 << 10;
const SPREADSHEET: &str = "urn:schemas-microsoft-com:office:spreadsheet";

/// Tags that only a page starts with.
const PAGE_TAGS: [&str; 24] = [
    "html", "head", "meta", "body", "style", "script", "link", "base", "title", "table", "tbody", "thead", "caption",
    "colgroup", "tr", "td", "th", "div", "form", "center", "section", "main", "frameset", "xml",
];
/// Tags that also occur inside cells of a table.
const TEXT_TAGS: [&str; 17] =
    ["p", "br", "hr", "b", "i", "u", "a", "img", "span", "font", "strong", "em", "h1", "h2", "h3", "ul", "pre"];

pub fn detect_markup(text: &str) -> Option<MarkupKind> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    if !text.starts_with('<') {
        return is_mhtml(text).then_some(MarkupKind::WebPage);
    }
    let end = text.char_indices().nth(PREFIX_CHARS).map_or(text.len(), |(end, _)| end);
    let text = text[..end].to_ascii_lowercase();
    let opening = skip_prologue(&text).unwrap_or("");
    let prologue = &text[..text.len() - opening.len()];
    // Pages that Excel saves contain it too, but after they begin.
    if prologue.contains("excel.sheet") {
        return Some(MarkupKind::XmlSpreadsheet);
    }
    let has_prologue = !prologue.is_empty();
    let name: &str = opening.split(|c: char| !(c.is_alphanumeric() || "_-.:".contains(c))).nth(1).unwrap_or("");
    let tag_end = opening.find('>').unwrap_or(opening.len());
    if name.is_empty() || !opening.starts_with('<') {
        return has_prologue.then(|| kind_by_prologue(&text));
    }
    let local = name.rsplit(':').next().unwrap_or(name);
    if local == "workbook" && opening[..tag_end].contains(SPREADSHEET) {
        return Some(MarkupKind::XmlSpreadsheet);
    }
    if PAGE_TAGS.contains(&name) {
        let records = name == "xml" && text.contains("urn:schemas-microsoft-com:rowset");
        return Some(if records { MarkupKind::Xml } else { MarkupKind::WebPage });
    }
    if TEXT_TAGS.contains(&name) {
        return (has_prologue || contains_page(opening)).then_some(MarkupKind::WebPage);
    }
    if has_prologue {
        return Some(kind_by_prologue(&text));
    }
    opening[..tag_end].contains(" xmlns").then_some(MarkupKind::Xml)
}

/// The text after comments, instructions and the document type; `None` if nothing follows.
fn skip_prologue(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let end = match rest {
            _ if rest.starts_with("<!--") => rest.find("-->")? + 3,
            _ if rest.starts_with("<?") => rest.find('>')? + 1,
            _ if rest.starts_with("<!doctype") => rest.find('>')? + 1,
            _ if rest.starts_with("<![") => rest.find('>')? + 1,
            _ => return (!rest.is_empty()).then_some(rest),
        };
        rest = rest[end..].trim_start();
    }
}

/// The kind of a text that starts like markup and shows no more.
fn kind_by_prologue(text: &str) -> MarkupKind {
    let page = text.starts_with("<!") || text.contains("<html") || text.starts_with("<!doctype html");
    if page { MarkupKind::WebPage } else { MarkupKind::Xml }
}

/// True if a line starts with a tag of a page, as no line of a table does, or if the text contains a whole HTML
/// table.
fn contains_page(text: &str) -> bool {
    let of_page = |line: &str| {
        let name = line.trim_start().strip_prefix('<')?.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        PAGE_TAGS.contains(&name).then_some(())
    };
    let first = text.lines().next().unwrap_or("");
    let starts_table = first.find("<table").is_some_and(|at| !first[..at].contains([',', ';', '\t', '|']));
    let whole = ["<table", "<tr", "<td"].iter().all(|tag| text.contains(tag));
    starts_table || whole || text.lines().skip(1).any(|line| of_page(line).is_some())
}

/// A page with its pictures in MIME format, as browsers and Excel save it (.mht).
fn is_mhtml(text: &str) -> bool {
    let unspaced = |line: &str| line.replace([' ', '\t'], "").to_ascii_lowercase();
    let mut headers = text.lines().take(20).take_while(|line| !line.trim().is_empty()).map(unspaced);
    let is_header = |line: &String| {
        ["mime-version:1", "content-type:multipart/", "content-type:text/html", "x-document-type:w"]
            .iter()
            .any(|header| line.starts_with(header))
    };
    let Some(first) = headers.next() else { return false };
    is_header(&first)
        || (["from:", "subject:", "date:", "content-location:", "snapshot-content-location:"]
            .iter()
            .any(|name| first.starts_with(name))
            && headers.any(|line| is_header(&line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use MarkupKind::{WebPage, Xml, XmlSpreadsheet};

    #[test]
    fn pages_and_xml_are_known_whatever_stands_before_them() {
        for (text, kind) in [
            ("<html><body>", WebPage),
            ("\n\n<TABLE BORDER=1><TR>", WebPage),
            ("<!-- export -->\n<table><tr>", WebPage),
            ("<!-- a comment that never ends", WebPage),
            ("<!DOCTYPE html PUBLIC \"-//W3C//DTD\">", WebPage),
            ("<!-- a --><!-- b -->\n<!DOCTYPE HTML><HTML>", WebPage),
            ("<div class=\"report\"><table>", WebPage),
            ("<p>Отчёт</p>\n<table>", WebPage),
            ("<p><table>", WebPage),
            ("<b>Отчёт</b>\n  <table border=0>", WebPage),
            ("<h3>Отчёт, март; 2026</h3><table><tr><td>1</td></tr></table>", WebPage),
            ("<html><meta name=ProgId content=\"Excel.Sheet\">", WebPage),
            ("<xml><x:ExcelWorkbook>", WebPage),
            ("<?xml version=\"1.0\"?><!DOCTYPE html><html xmlns=\"x\">", WebPage),
            ("\u{feff}<style>td {}</style><table>", WebPage),
            ("MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"x\"\r\n\r\n--x", WebPage),
            ("mime-version: 1.0\nx-document-type: workbook", WebPage),
            ("From: <Saved by Blink>\nSnapshot-Content-Location: https://x/\nMIME-Version: 1.0\n", WebPage),
            ("Content-Type:multipart/related; boundary=x\n\n", WebPage),
            ("\n\nDate: Mon, 2 Mar 2026\nMIME-Version:1.0\n", WebPage),
            ("<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">", XmlSpreadsheet),
            (
                "<?xml version=\"1.0\"?>\n<ss:Workbook xmlns:ss=\"urn:schemas-microsoft-com:office:spreadsheet\">",
                XmlSpreadsheet,
            ),
            ("<?mso-application progid=\"Excel.Sheet\"?>\n<Workbook>", XmlSpreadsheet),
            ("<?mso-application progid='Excel.Sheet'?>", XmlSpreadsheet),
            ("<?xml version=\"1.0\"?><КоммерческаяИнформация>", Xml),
            ("<yml_catalog xmlns=\"x\" date=\"2026\">", Xml),
            ("<xml xmlns:s='uuid:B' xmlns:rs='urn:schemas-microsoft-com:rowset'>", Xml),
        ] {
            assert_eq!(detect_markup(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn a_table_with_tags_in_its_cells_stays_a_table() {
        for text in [
            "Имя;Телефон\n<html>;1",
            "<b>Имя</b>;Телефон\nИван;1",
            "<не указано>;5\n",
            "<не указано>",
            "<p>Описание</p>;Цена\n<p>Стол</p>;5\n",
            "<Имя>\t<Телефон>\n",
            "<1000;5",
            "< 5 лет;Имя",
            "<>;a",
            "<",
            "<<",
            "From: Иван;5\nMIME;1",
            "Date: 2026;a\nb;c",
            "<a href=\"x\">Сайт</a>;<table>\n",
            "<email@example.com>;Имя\n",
            "",
        ] {
            assert_eq!(detect_markup(text), None, "{text}");
        }
    }
}
