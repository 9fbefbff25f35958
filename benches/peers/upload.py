"""Leads through a client of the package index: python upload.py aioamocrm|amochka URL ROWS BATCH; the token in AMOPORT_TOKEN.

amochka takes no address but https ones of the service itself; the address is set once the client is made. Its calls give up
after ten seconds, and a write is then sent again.
"""

import asyncio
import os
import sys

STAGES, USERS = [41000003, 41000005, 41000007, 41000009], [500001, 500003, 500005, 500007]


def lead(number):
    return {
        "name": f"Иванов Александр Петрович {number}",
        "price": 10_000 + number % 100_000,
        "status_id": STAGES[number % 4],
        "responsible_user_id": USERS[number % 4],
        "created_at": 1_704_056_400 + number,
        "custom_fields_values": [{"field_code": "ORDER_NO", "values": [{"value": f"Z-{number:07}"}]}],
        "_embedded": {"tags": [{"name": "опт"}, {"name": "повторный"}]},
    }


def amochka(url, leads, batch):
    os.environ["AMOCRM_ACCESS_TOKEN"], os.environ["AMOCRM_EXPIRES_AT"] = os.environ["AMOPORT_TOKEN"], "4102444800"
    from amochka import AmoCRMClient, CacheConfig

    client = AmoCRMClient("https://sandbox.amocrm.ru", cache_config=CacheConfig.disabled(), disable_logging=True)
    client.base_url = url
    return sum(len(client.create_leads(leads[at : at + batch])) for at in range(0, len(leads), batch))


async def aioamocrm(url, leads, batch):
    from aioamocrm import AmoCRMClient, LongLivedToken

    async with AmoCRMClient(base_url=url, auth=LongLivedToken(os.environ["AMOPORT_TOKEN"])) as amo:
        return len(await amo.leads.create(leads, batch_size=batch))


def main(client, url, rows, batch):
    leads = [lead(number) for number in range(int(rows))]
    made = amochka(url, leads, int(batch)) if client == "amochka" else asyncio.run(aioamocrm(url, leads, int(batch)))
    if made != len(leads):
        sys.exit(f"{made} of {rows} leads were made")
    print("rows", made)


main(*sys.argv[1:5])
