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
    save_book(book, "complex-leads.xlsx")


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


def customers():
    rng = random.Random(8)
    rows = ["Код клиента;Покупатель;Ожидаемая сумма;Ждём;Сегменты;Теги;Менеджер;Уровень;Баланс;Участник с;Интересы;"
            "Рассылка;Комментарий".split(";")]
    for n in range(1, 61):
        person = f"{rng.choice(SURNAMES[:2])} {rng.choice(MEN)}"
        rows.append([
            f"П-{n:04}",
            rng.choice([f"ООО «{rng.choice(COMPANY_NAMES)}-{n}»", f"{person} ({n})"]),
            rng.choice(["", grouped(rng.randrange(5, 400) * 1000)]),
            rng.choice(["", day(TODAY + timedelta(days=rng.randint(5, 90)))]),
            ", ".join(rng.sample(["VIP", "Постоянные", "Новые"], rng.randint(0, 2))),
            ", ".join(some(rng, TAGS, 2)),
            rng.choice(MANAGERS),
            rng.choice(["Бронза", "Серебро", "Золото", ""]),
            rng.choice(["", f"{rng.randrange(1, 90) * 100},50"]),
            day(date(2018, 1, 1) + timedelta(days=rng.randrange(3_000))),
            "; ".join(some(rng, ["Обучение", "Поддержка", "Внедрение"], 2)),
            rng.choice(["да", "нет", ""]),
            rng.choice(COMMENTS[:3] + [""]),
        ])
    write_csv("customers.csv", rows, ";")


def customers_update():
    """The records are found by the key under which customers.csv made them."""
    rng = random.Random(9)
    rows = ["Код клиента;Ожидаемая сумма;Уровень;Добавить теги;Комментарий".split(";")]
    for n in range(1, 21):
        rows.append([
            f"П-{n:04}",
            grouped(rng.randrange(5, 400) * 1000),
            rng.choice(["Серебро", "Золото", "нет"]),
            "проверен",
            rng.choice(["", "Сверено с бухгалтерией"]),
        ])
    write_csv("customers-update.csv", rows, ";")


GOODS_BY_ARTICLE = {
    "T-100": 12500, "T-110": 18900, "T-200": 4990.5, "T-210": 21000, "T-300": 15700, "T-400": 1890, "T-500": 64990,
}


def transactions():
    """60 purchases of 20 customers of customers.csv, as a till writes them: in the order of time, not of customers."""
    rng = random.Random(10)
    rows = ["Чек;Дата;Клиент;Сумма;Товары;Количество;Комментарий;Следующая покупка".split(";")]
    moment = datetime(2026, 9, 1, 9)
    for n in range(1, 61):
        moment += timedelta(minutes=rng.randrange(30, 2_000))
        goods = rng.sample(sorted(GOODS_BY_ARTICLE), rng.randint(0, 2))
        counts = [rng.randint(1, 5) for _ in goods]
        amount = sum(GOODS_BY_ARTICLE[article] * count for article, count in zip(goods, counts))
        rows.append([
            f"Ч-{n:05}",
            moment.strftime("%d.%m.%Y %H:%M"),
            f"П-{rng.randint(1, 20):04}",
            grouped(round(amount) or rng.randrange(1, 90) * 500, rng.choice([" ", "\u00a0"])) + rng.choice(["", " руб."]),
            ", ".join(goods),
            ", ".join(str(count) for count in counts),
            rng.choice(["", "Самовывоз", "Доставка до двери"]),
            rng.choice(["", day(moment + timedelta(days=30))]),
        ])
    write_csv("transactions.csv", rows, ";")


def transactions_delete():
    """Purchases that were returned, by the key under which transactions.csv made them."""
    rows = [["Чек", "Причина"]] + [[f"Ч-{n:05}", "возврат"] for n in (3, 17, 42)]
    write_csv("transactions-delete.csv", rows, ";")


def elements():
    rng = random.Random(11)
    titles = (
        "Артикул,Наименование,Группа,Цена,Оптовая цена,Ед. изм.,Вес,Хрупкий,Цвета,Поступил,Описание"
    ).split(",")
    book = Workbook()
    sheet = book.active
    sheet.title = "Прайс"
    sheet.append(titles)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    groups = {"Мебель / Столы": "Стол", "Мебель / Стулья": "Стул", "Мебель / Шкафы": "Шкаф", "Техника / Свет": "Лампа",
              "Услуги": "Сборка"}
    for n in range(1, 41):
        group = rng.choice(sorted(groups))
        price = rng.randrange(200, 90_000) + rng.choice([0, 0.5, 0.99])
        service = group == "Услуги"
        sheet.append([
            f"А-{n:03}",
            f"{groups[group]} «{rng.choice(COMPANY_NAMES)}» {n}",
            group,
            price,
            round(price * 0.85, 2),
            "час" if service else "шт",
            None if service else rng.randrange(5, 400) / 10,
            None if service else rng.choice(["да", "нет"]),
            None if service else ", ".join(some(rng, ["Белый", "Чёрный", "Дуб"], 3)) or None,
            date(2026, 1, 1) + timedelta(days=rng.randrange(300)),
            rng.choice([None, "Размеры 1200×600×750 мм", "Доставка за 3 дня"]),
        ])
        last = sheet.max_row
        sheet.cell(last, 4).number_format = sheet.cell(last, 5).number_format = "#,##0.00"
        sheet.cell(last, 10).number_format = "DD.MM.YYYY"
    for letter, width in zip("ABCDEFGHIJK", [10, 28, 18, 12, 14, 9, 8, 10, 22, 12, 30]):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    save_book(book, "elements.xlsx")


def elements_update():
    """New prices, by article: the key under which elements.xlsx made the products."""
    rng = random.Random(12)
    rows = ["Артикул;Новая цена".split(";")]
    for n in range(1, 16):
        rows.append([f"А-{n:03}", f"{grouped(rng.randrange(200, 90_000))},{rng.choice(['00', '50', '90'])}"])
    write_csv("elements-update.csv", rows, ";")


def invoices():
    """One line of an invoice a row; what belongs to the invoice as a whole stands in its first row."""
    rng = random.Random(13)
    titles = (
        "Номер счёта,Дата,Плательщик,ИНН,Адрес,Поставщик,Статус,Артикул,Товар,Цена,Количество,Ед. изм.,Скидка,Комментарий"
    ).split(",")
    book = Workbook()
    sheet = book.active
    sheet.title = "Счета"
    sheet.append(titles)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    names = {"T-100": "Стол письменный", "T-110": "Стол обеденный", "T-200": "Стул офисный",
             "T-210": "Кресло руководителя", "T-300": "Шкаф для документов", "T-400": "Лампа настольная", "T-500": "Ноутбук 15"}
    for n in range(1, 16):
        head = [
            f"С-{n:04}",
            date(2026, 10, 1) + timedelta(days=n),
            f"ООО «{rng.choice(COMPANY_NAMES)}-{n}»",
            f"0000{n:06}",
            f"г. {rng.choice(CITIES)}, ул. Примерная, д. {n}",
            rng.choice(["ООО Ромашка", "ИП Петров"]),
            rng.choice(["Создан", "Оплачен", "Частично оплачен"]),
        ]
        for line, article in enumerate(rng.sample(sorted(names), rng.randint(1, 5))):
            price = GOODS_BY_ARTICLE[article]
            count = rng.randint(1, 9)
            sheet.append((head if line == 0 else [head[0]] + [None] * 6) + [
                article,
                names[article],
                price,
                count,
                "шт.",
                rng.choice([None, None, 500, 99.9]),
                rng.choice([None, "Срочно"]) if line == 0 else None,
            ])
            sheet.cell(sheet.max_row, 2).number_format = "DD.MM.YYYY"
    for letter, width in zip("ABCDEFGHIJKLMN", [12, 12, 22, 14, 34, 16, 18, 10, 24, 12, 11, 9, 9, 14]):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    save_book(book, "invoices.xlsx")


def invoices_update():
    """Invoices that were paid, by the number under which invoices.xlsx made them."""
    rows = [["Номер счёта", "Оплачен"]]
    rows += [[f"С-{n:04}", day(date(2026, 11, 1) + timedelta(days=n))] for n in (2, 5, 7, 11)]
    write_csv("invoices-update.csv", rows, ";")


def catalogs():
    write_csv("catalogs.csv", [
        ["Список", "Тип", "Порядок", "Добавлять вручную", "К нескольким сделкам"],
        ["Объекты", "обычный", "40", "да", "нет"],
        ["Договоры", "обычный", "50", "да", "да"],
        ["Автомобили", "обычный", "60", "нет", "да"],
    ])


def catalogs_update():
    write_csv("catalogs-update.csv", [
        ["Список", "Новое название", "К нескольким сделкам"],
        ["Объекты", "Строительные объекты", "да"],
        ["Автомобили", "Автопарк", "нет"],
    ])


def segments():
    write_csv("segments.csv", [
        ["Сегмент", "Цвет", "Цены", "Описание", "Скидка"],
        ["Оптовики", "#10599D", "Цена оптовая", "Покупают от 100 штук", "15"],
        ["Розница", "06d6a0", "Цена", "", ""],
        ["Партнёры", "8963ba", "Цена, Цена оптовая", "По договору", "20"],
        ["Уснувшие", "495f41", "", "Не покупали полгода", "7,5"],
    ])


def segments_update():
    write_csv("segments-update.csv", [
        ["Сегмент", "Новое название", "Цвет", "Скидка"],
        ["Оптовики", "Крупный опт", "bf2600", "17"],
        ["Уснувшие", "Вернуть", "", "12,5"],
    ])


def segments_delete():
    write_csv("segments-delete.csv", [["Сегмент"], ["Розница"]])


def customer_statuses():
    write_csv("customer-statuses.csv", [
        ["Статус", "Порядок", "Цвет"],
        ["Обещал зайти", "100", "fffeb2"],
        ["Ждёт поставку", "200", "#D6EAFF"],
        ["На паузе", "300", ""],
    ])


def customer_statuses_update():
    write_csv("customer-statuses-update.csv", [
        ["Статус", "Новое название", "Цвет"],
        ["Обещал зайти", "Обещал купить", "#ebffb1"],
    ])


def customer_statuses_delete():
    write_csv("customer-statuses-delete.csv", [["Статус"], ["На паузе"]])


def save_book(book, name):
    book.properties.creator = "samples/make.py"
    book.properties.created = datetime(2026, 11, 20)
    out = io.BytesIO()
    book.save(out)
    steady_archive(name, out.getvalue())


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
    for make in (
        leads, leads_update, complex_leads, contacts, contacts_update, companies, companies_update,
        customers, customers_update, transactions, transactions_delete, elements, elements_update,
        invoices, invoices_update, catalogs, catalogs_update, segments, segments_update, segments_delete,
        customer_statuses, customer_statuses_update, customer_statuses_delete,
    ):
        make()
