"""The script that people write: python script.py URL FILE BATCH; the token in AMOPORT_TOKEN."""

import csv
import os
import re
import sys
from datetime import datetime, timedelta, timezone

import requests

url, file, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
crm = requests.Session()
crm.headers["Authorization"] = f"Bearer {os.environ['AMOPORT_TOKEN']}"
MOSCOW = timezone(timedelta(hours=3))


def asked(path, collection):
    answer = crm.get(f"{url}/api/v4/{path}", params={"limit": 250})
    answer.raise_for_status()
    return answer.json()["_embedded"][collection]


users = {user["name"]: user["id"] for user in asked("users", "users")}
pipelines = asked("leads/pipelines", "pipelines")
stages = {stage["name"]: stage["id"] for stage in pipelines[0]["_embedded"]["statuses"]}
fields = {field["name"]: field["id"] for field in asked("leads/custom_fields", "custom_fields")}


def instant(text):
    return int(datetime.strptime(text, "%d.%m.%Y").replace(tzinfo=MOSCOW).timestamp())


def lead(row):
    values = {
        "Номер заявки": row["ID"],
        "utm_source": "+7" + re.sub(r"\D", "", row["Телефон"])[-10:],
        "utm_medium": row["Email"],
        "utm_campaign": row["Компания"],
        "Источник": row["Источник"],
        "Город": row["Город"],
        "Дата отгрузки": row["Дата закрытия"] and instant(row["Дата закрытия"]),
        "Комментарий": row["Комментарий"],
    }
    return {
        "name": row["ФИО"],
        "price": round(float(row["Бюджет"].replace(" ", "").replace(",", "."))),
        "status_id": stages[row["Этап"]],
        "responsible_user_id": users[row["Ответственный"]],
        "created_at": instant(row["Дата создания"]),
        "custom_fields_values": [
            {"field_id": fields[name], "values": [{"value": value}]} for name, value in values.items() if value
        ],
        "_embedded": {"tags": [{"name": tag.strip()} for tag in row["Теги"].split(",") if tag.strip()]},
    }


with open(file, encoding="utf-8", newline="") as rows:
    leads = [lead(row) for row in csv.DictReader(rows, delimiter=";")]
made = 0
for at in range(0, len(leads), batch):
    answer = crm.post(f"{url}/api/v4/leads", json=leads[at : at + batch])
    answer.raise_for_status()
    made += len(answer.json()["_embedded"]["leads"])
print("rows", made)
