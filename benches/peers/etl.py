"""The job of a dry run, as people write it in Python: rows to the JSON of leads, in batches of 250; the sink counts bytes.

    python etl.py pandas|orjson FILE.csv        python etl.py openpyxl|pandas-calamine FILE.xlsx
"""

import csv
import json
import re
import sys
from datetime import datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=3))
STAGES = {"Первичный контакт": 41000003, "Переговоры": 41000005, "Принимают решение": 41000007, "Согласование договора": 41000009}
USERS = {"Анна Смирнова": 500001, "Иван Петров": 500003, "Мария Кузнецова": 500005, "Олег Соколов": 500007}
SOURCES = {"Сайт": 1, "Звонок": 2, "Выставка": 3, "Рекомендация": 4, "Реклама": 5}
FIELDS = {"ID": 3, "Телефон": 19, "Email": 20, "Компания": 21, "Город": 2, "Комментарий": 4}
NO_DIGIT = re.compile(r"\D")


def phone(text):
    digits = NO_DIGIT.sub("", text)
    if len(digits) != 11 or digits[0] not in "78":
        raise ValueError(text)
    return "+7" + digits[1:]


def email(text):
    if text.count("@") != 1 or "." not in text.split("@")[1]:
        raise ValueError(text)
    return text


def money(value):
    if isinstance(value, (int, float)):
        return round(value)
    return round(float(value.replace(" ", "").replace("\xa0", "").replace(",", ".")))


def moment(value):
    if isinstance(value, str):
        value = datetime.strptime(value, "%d.%m.%Y")
    elif not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return int(value.replace(tzinfo=ZONE).timestamp())


def lead(row):
    texts = dict(row, Телефон=phone(row["Телефон"]), Email=email(row["Email"]))
    values = [{"field_id": id, "values": [{"value": texts[name]}]} for name, id in FIELDS.items() if texts[name]]
    values.append({"field_id": 1, "values": [{"enum_id": SOURCES[row["Источник"]]}]})
    if row["Дата закрытия"]:
        values.append({"field_id": 7, "values": [{"value": moment(row["Дата закрытия"])}]})
    return {
        "request_id": row["ID"],
        "name": row["ФИО"],
        "price": money(row["Бюджет"]),
        "status_id": STAGES[row["Этап"]],
        "responsible_user_id": USERS[row["Ответственный"]],
        "created_at": moment(row["Дата создания"]),
        "custom_fields_values": values,
        "_embedded": {"tags": [{"name": tag.strip()} for tag in row["Теги"].split(",")]},
    }


def batches(rows, dumps):
    size, count, batch = 0, 0, []
    for row in rows:
        batch.append(lead(row))
        count += 1
        if len(batch) == 250:
            size += len(dumps(batch))
            batch = []
    if batch:
        size += len(dumps(batch))
    print("rows", count)
    print("bytes", size)


def as_json(batch):
    return json.dumps(batch, ensure_ascii=False).encode()


def main(mode, path):
    if mode == "orjson":
        import orjson

        with open(path, newline="", encoding="utf-8") as file:
            batches(csv.DictReader(file, delimiter=";"), orjson.dumps)
    elif mode == "pandas":
        import pandas

        frame = pandas.read_csv(path, sep=";", dtype=str, keep_default_na=False)
        batches(frame.to_dict("records"), as_json)
    elif mode == "pandas-calamine":
        import pandas

        frame = pandas.read_excel(path, engine="calamine", keep_default_na=False)
        batches(frame.to_dict("records"), as_json)
    elif mode == "openpyxl":
        import openpyxl

        rows = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0].iter_rows(values_only=True)
        titles = next(rows)
        batches((dict(zip(titles, row)) for row in rows), as_json)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:3])
