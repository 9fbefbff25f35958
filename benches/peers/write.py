"""The rows of an export, written before as CSV, as a workbook: python write.py FILE.csv FILE.xlsx"""

import csv
import os
import sys
from datetime import datetime

import xlsxwriter

NUMBERS, INSTANT, DAY = {0, 2}, 5, 12


def main(source, target):
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    sheet = book.add_worksheet()
    instant, day = book.add_format({"num_format": "yyyy-mm-dd hh:mm"}), book.add_format({"num_format": "yyyy-mm-dd"})
    with open(source, newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        sheet.write_row(0, 0, next(rows))
        for number, row in enumerate(rows, 1):
            for column, text in enumerate(row):
                if not text:
                    continue
                if column in NUMBERS:
                    sheet.write_number(number, column, float(text))
                elif column == INSTANT:
                    sheet.write_datetime(number, column, datetime.fromisoformat(text), instant)
                elif column == DAY:
                    sheet.write_datetime(number, column, datetime.fromisoformat(text), day)
                else:
                    sheet.write_string(number, column, text)
    book.close()
    print("size", os.path.getsize(target))


main(*sys.argv[1:3])
