"""Makes the samples in this folder. Every person, company, number and address in them is invented.

    pip install openpyxl==3.1.5 odfpy==1.4.1
    python samples/make.py

The same bytes come out every time: the numbers come from a seed, and the archives carry a fixed date.
"""

import csv
import io
import random
import re
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from openpyxl import Workbook
from openpyxl.styles import Font

HERE = Path(__file__).parent
# The day the samples speak of as "today".
TODAY = date(2026, 11, 20)

MEN = ["Иван", "Пётр", "Сергей", "Алексей", "Дмитрий", "Николай", "Глеб", "Егор", "Фёдор", "Тимур"]
WOMEN = ["Анна", "Мария", "Ольга", "Елена", "Наталья", "Жанна", "Софья", "Ульяна", "Инна", "Дина"]
SURNAMES = ["Примеров", "Образцов", "Пробный", "Шаблонов", "Макетов", "Условный", "Тестов", "Демонов", "Черновой"]
CITIES = ["Москва", "Санкт-Петербург", "Казань", "Нижний Новгород", "Екатеринбург", "Самара", "Тверь", "Омск"]
MANAGERS = ["Анна Смирнова", "Иван Петров", "Мария Кузнецова", "Олег Соколов"]
SOURCES = ["Сайт", "Звонок", "Выставка", "Рекомендация", "Реклама"]
GOODS = ["Станок СТ-200", "Пресс П-40", "Конвейер К-12", "Обучение операторов", "Сервисный договор", "Комплект оснастки"]
LOSS = ["Дорого", "Пропала потребность", "Выбрали конкурента", "Нет бюджета"]
TAGS = ["опт", "розница", "VIP", "повторный клиент", "рассрочка", "выставка 2026"]
COMPANY_NAMES = ["Ромашка", "Вектор", "Альфа", "Северный берег", "Гранит", "Луч", "Каскад", "Меридиан", "Берёзка"]
COMMENTS = [
    "Перезвонить после 15:00",
    "Просит скидку, сравнивает с конкурентами",
    "Нужен договор; реквизиты пришлёт почтой",
    "Первая строка\nвторая строка",
    "Ворота 3000x2300, цвет «мокрый асфальт»",
]


def phone(number):
    """Numbers of the operator code 900 with three noughts behind it are not given to anybody."""
    return f"+7 900 000-{number // 100:02}-{number % 100:02}"


def grouped(amount, gap=" "):
    return f"{amount:,}".replace(",", gap)


def some(rng, words, most):
    return rng.sample(words, rng.randint(0, most))


def day(moment):
    return moment.strftime("%d.%m.%Y")


def write_csv(name, rows, delimiter=",", encoding="utf-8"):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    (HERE / name).write_bytes(out.getvalue().encode(encoding))


def leads():
    rng = random.Random(1)
    stages = {
        "Продажи": ["Новая", "Переговоры", "Принимают решение", "Согласование договора"],
        "Опт": ["Заявка", "Коммерческое предложение", "Счёт выставлен", "Отгрузка"],
    }
    rows = [
        "Номер заявки,Товар,Город,Сумма,Воронка,Этап,Менеджер,Создана,Закрыта,Причина отказа,Теги,Откуда узнали,"
        "Скидка,Предоплата,Отгрузка,Встреча,Срочно,Интересы,Формат,Сайт,Комментарий,utm_source".split(",")
    ]
    for n in range(1, 1001):
        pipeline = "Опт" if rng.random() < 0.3 else "Продажи"
        end = rng.choices(["open", "won", "lost"], [6, 2, 2])[0]
        stage = {"won": "Оплачена", "lost": "Отказ"}.get(end) or rng.choice(stages[pipeline])
        made = datetime(2026, 1, 5, 9) + timedelta(minutes=rng.randrange(60 * 24 * 250))
        closed = "не закрыта" if end == "open" else (made + timedelta(days=rng.randint(1, 60))).strftime("%d.%m.%Y %H:%M")
        price = rng.randrange(15, 9_000) * 500
        rows.append([
            f"З-{n:05}",
            rng.choice(GOODS),
            rng.choice(CITIES),
            grouped(price, rng.choice([" ", "\u00a0"])) + rng.choice(["", "", " руб."]),
            pipeline,
            stage,
            rng.choice(MANAGERS + ["maria@example.com", ""]),
            made.strftime("%d.%m.%Y %H:%M"),
            closed,
            rng.choice(LOSS) if end == "lost" else "",
            ", ".join(some(rng, TAGS, 3)),
            rng.choice(SOURCES + ["Сарафанное радио", ""]),
            rng.choice(["", "5", "7,5", "10"]),
            rng.choice(["", f"{grouped(price // 10)},50"]),
            rng.choice(["", day(made + timedelta(days=rng.randint(10, 90)))]),
            rng.choice(["", (made + timedelta(days=3)).strftime("%d.%m.%Y 11:30")]),
            rng.choice(["да", "нет", ""]),
            "; ".join(some(rng, ["Обучение", "Поддержка", "Внедрение", "Оборудование", "Аренда, лизинг"], 3)),
            rng.choice(["Онлайн", "Офлайн", "онлайн"]),
            rng.choice(["", "https://example.com/project"]),
            rng.choice(COMMENTS + ["", ""]),
            rng.choice(["yandex", "vk", ""]),
        ])
    write_csv("leads.csv", rows)


def leads_update():
    """The ids are those that a fresh sandbox gives to leads.csv: 10000001, 10000003 and so on."""
    rng = random.Random(2)
    rows = ["ID,Новый этап,Новая сумма,Комментарий,Добавить теги,Снять теги".split(",")]
    for n in range(200):
        rows.append([
            str(FIRST_ID["leads"] + 2 * n),
            rng.choice(["Успешно реализовано", ""]),
            rng.choice([grouped(rng.randrange(15, 9_000) * 500), ""]),
            rng.choice(["Сверено с бухгалтерией", ""]),
            "сверено",
            rng.choice(["рассрочка", "опт, розница", ""]),
        ])
    write_csv("leads-update.csv", rows)


def complex_leads():
    rng = random.Random(3)
    titles = (
        "Номер,Дата заявки,Товар,Количество,Бюджет,Этап,Менеджер,Клиент,Должность,Телефон,Почта,День рождения,"
        "Компания,ИНН,Отрасль,Сайт компании,Теги,Откуда узнали,Дата отгрузки,Комментарий"
    ).split(",")
    book = Workbook()
    sheet = book.active
    sheet.title = "Заявки"
    sheet["A1"] = "Заявки с сайта и выставок"
    sheet["A1"].font = Font(bold=True, size=14)
    sheet["A2"] = "Выгружено 20.11.2026, отдел продаж"
    sheet.append([])
    sheet.append(titles)
    for cell in sheet[4]:
        cell.font = Font(bold=True)
    stages = ["Первичный контакт", "Переговоры", "Принимают решение", "Согласование договора"]
    for n in range(1, 501):
        woman = rng.random() < 0.5
        surname = rng.choice(SURNAMES)
        if woman:
            surname = surname[:-2] + "ая" if surname.endswith("ый") or surname.endswith("ой") else surname + "а"
        client = f"{surname} {rng.choice(WOMEN if woman else MEN)}"
        made = datetime(2026, 1, 5, 9) + timedelta(minutes=rng.randrange(60 * 24 * 250))
        first, second = phone(n), phone(5000 + n)
        form = rng.randrange(4)
        phones = [first, f"{first}, {second}", f"8{first[2:]}; {second}", 79000000000 + n][form]
        count = rng.randint(1, 12)
        ship = made + timedelta(days=rng.randint(10, 90))
        company = rng.choice(['ООО "{}"', "АО «{}»", "ИП {}"]).format(f"{rng.choice(COMPANY_NAMES)}-{n}")
        row = [
            n,
            made,
            rng.choice(GOODS),
            count,
            count * rng.randrange(15, 900) * 500,
            rng.choice(stages),
            rng.choice(MANAGERS),
            client,
            rng.choice(["Директор", "Менеджер отдела закупок", "Инженер", ""]),
            phones,
            rng.choice([f"client{n}@example.com", f"client{n}@example.com, zakupki{n}@example.org", ""]),
            rng.choice([date(1950, 1, 1) + timedelta(days=rng.randrange(18_000)), None]),
            company,
            f"0000{n:06}",
            rng.choice(["Торговля", "Производство", "Услуги", "Строительство", "Сельское хозяйство", "Технологии"]),
            rng.choice([f"https://www.example.com/{n}", ""]),
            ", ".join(some(rng, TAGS, 3)),
            rng.choice(SOURCES),
            # Half of the dates were typed in by hand and are text.
            day(ship) if rng.random() < 0.5 else ship.date(),
            rng.choice(COMMENTS + [""]),
        ]
        # The three mistakes that every such file has. `amoport import` finds them and sends the other 497 rows.
        if n == 101:
            row[5] = "Перегаворы"
        if n == 222:
            row[9] = "7,90E+10"
        if n == 333:
            row[18] = "31.02.2026"
        sheet.append([value if value != "" else None for value in row])
        last = sheet.max_row
        sheet.cell(last, 2).number_format = "DD.MM.YYYY HH:MM"
        for column in (12, 19):
            sheet.cell(last, column).number_format = "DD.MM.YYYY"
    for letter, width in zip("ABCDEFGHIJ", [8, 17, 22, 11, 12, 24, 18, 22, 24, 34]):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A5"
    book.properties.creator = "samples/make.py"
    book.properties.created = datetime(2026, 11, 20)
    out = io.BytesIO()
    book.save(out)
    steady_archive("complex-leads.xlsx", out.getvalue())


def contacts():
    rng = random.Random(4)
    rows = [
        "Код;Фамилия;Имя;Должность;Рабочий телефон;Мобильный телефон;Рабочая почта;Личная почта;День рождения;Пол;Город;"
        "Откуда;Рассылка;Клиент с;Детей;Увлечения;Лимит;Последний визит;Менеджер;Теги;Комментарий".split(";")
    ]
    for n in range(1, 301):
        woman = rng.random() < 0.5
        surname = rng.choice(SURNAMES[:2] + SURNAMES[4:5] + SURNAMES[6:8]) + ("а" if woman else "")
        born = date(1948, 3, 1) + timedelta(days=rng.randrange(20_000))
        visit = datetime(2026, 1, 5, 9) + timedelta(minutes=rng.randrange(60 * 24 * 300))
        rows.append([
            f"{n:06}",
            surname,
            rng.choice(WOMEN if woman else MEN),
            rng.choice(["Директор", "Бухгалтер", "Закупщик", ""]),
            rng.choice([phone(1000 + n), f"8 (900) 000-{(1000 + n) // 100:02}-{n % 100:02} доб. 12", ""]),
            phone(2000 + n),
            rng.choice([f"k{n}@example.com", f"k{n}@example.com, sklad{n}@example.org"]),
            rng.choice([f"lichnaya{n}@example.net", ""]),
            rng.choice([day(born), ""]),
            "жен" if woman else "муж",
            rng.choice(CITIES),
            rng.choice(SOURCES),
            rng.choice(["да", "нет", "+", ""]),
            day(date(2015, 1, 1) + timedelta(days=rng.randrange(4_000))),
            rng.choice(["0", "1", "2", ""]),
            ", ".join(some(rng, ["Спорт", "Музыка", "Путешествия", "Книги"], 3)),
            rng.choice(["", f"{grouped(rng.randrange(10, 900) * 1000)},00"]),
            rng.choice(["", visit.strftime("%d.%m.%Y %H:%M")]),
            rng.choice(MANAGERS),
            ", ".join(some(rng, TAGS, 2)),
            rng.choice(COMMENTS + [""]),
        ])
    write_csv("contacts.csv", rows, ";", "cp1251")


def contacts_update():
    rng = random.Random(5)
    rows = ["ID;Мобильный телефон;Рассылка;Комментарий".split(";")]
    for n in range(100):
        rows.append([
            str(FIRST_ID["contacts"] + 2 * n),
            phone(3000 + n),
            rng.choice(["да", "нет"]),
            rng.choice(["Телефон проверен", ""]),
        ])
    write_csv("contacts-update.csv", rows, ";", "cp1251")


def companies():
    rng = random.Random(6)
    titles = (
        "Код,Название,Форма,Телефон,Почта,Сайт,Адрес,Город,ИНН,Отрасль,Сотрудников,Ключевой,Направления,Дата договора,"
        "Последняя сверка,Кредитный лимит,Менеджер,Теги"
    ).split(",")
    rows = [titles]
    for n in range(1, 121):
        form = rng.choice(["ООО", "АО", "ИП"])
        city = rng.choice(CITIES)
        check = datetime(2026, 1, 5, 9) + timedelta(minutes=rng.randrange(60 * 24 * 300))
        rows.append([
            f"К{n:04}",
            f"{form} «{rng.choice(COMPANY_NAMES)}-{n}»",
            form,
            rng.choice([phone(4000 + n), f"{phone(4000 + n)}\n{phone(4200 + n)}"]),
            f"office{n}@example.com",
            rng.choice([f"www.example.com/{n}", ""]),
            f"г. {city}, ул. Примерная, д. {n}, оф. 2",
            city,
            f"0000{n:06}",
            rng.choice(["Торговля", "Производство", "Услуги", "Строительство", "Сельское хозяйство", "IT"]),
            rng.choice([None, rng.randint(1, 900)]),
            rng.random() < 0.2,
            "; ".join(some(rng, ["Опт", "Розница", "Экспорт"], 2)),
            rng.choice([None, date(2018, 1, 1) + timedelta(days=rng.randrange(3_000))]),
            rng.choice([None, check]),
            rng.choice([None, rng.randrange(10, 900) * 1000 + 0.5]),
            rng.choice(MANAGERS),
            ", ".join(some(rng, TAGS, 2)),
        ])
    document = OpenDocumentSpreadsheet()
    table = Table(name="Компании")
    for row in rows:
        line = TableRow()
        for value in row:
            line.addElement(ods_cell(value))
        table.addElement(line)
    document.spreadsheet.addElement(table)
    out = io.BytesIO()
    document.write(out)
    steady_archive("companies.ods", out.getvalue())


def ods_cell(value):
    if value is None or value == "":
        return TableCell()
    if isinstance(value, bool):
        cell, shown = TableCell(valuetype="boolean", booleanvalue=str(value).lower()), "ИСТИНА" if value else "ЛОЖЬ"
    elif isinstance(value, (int, float)):
        cell, shown = TableCell(valuetype="float", value=value), str(value).replace(".", ",")
    elif isinstance(value, datetime):
        cell, shown = TableCell(valuetype="date", datevalue=value.isoformat()), value.strftime("%d.%m.%Y %H:%M")
    elif isinstance(value, date):
        cell, shown = TableCell(valuetype="date", datevalue=value.isoformat()), day(value)
    else:
        cell, shown = TableCell(valuetype="string"), value
    for line in str(shown).split("\n"):
        cell.addElement(P(text=line))
    return cell


def companies_update():
    rng = random.Random(7)
    rows = ["ID,Отрасль,Сотрудников,Дата договора".split(",")]
    for n in range(50):
        rows.append([
            str(FIRST_ID["companies"] + 2 * n),
            rng.choice(["Торговля", "Услуги"]),
            str(rng.randint(1, 900)),
            rng.choice([day(TODAY), "", "нет"]),
        ])
    write_csv("companies-update.csv", rows)


def steady_archive(name, archive):
    """The same archive with a fixed date on every part, so that making it again changes nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2026-11-20T00:00:00Z", data)
            entry = zipfile.ZipInfo(part.filename, (2026, 11, 20, 0, 0, 0))
            entry.compress_type = part.compress_type
            new.writestr(entry, data)
    (HERE / name).write_bytes(out.getvalue())


# What a fresh sandbox gives to the first record of a kind; it goes on in steps of two.
FIRST_ID = {"leads": 10000001, "contacts": 20000001, "companies": 20000001}

if __name__ == "__main__":
    for make in (leads, leads_update, complex_leads, contacts, contacts_update, companies, companies_update):
        make()
