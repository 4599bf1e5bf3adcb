#!/usr/bin/env python3
"""Records Spark's answers for expressions/*.txt into golden/*.tsv.

Run it with a Python that has pyspark==4.1.4 (record.sh makes one); Java 17 must be on the path.
Each golden line is `expression <tab> type <tab> value`; an expression that Spark refuses has the type
ERROR and Spark's error condition as value. Formats: see README.md.
"""
import logging
import os
import sys
from decimal import Context, Decimal
import datetime
import math

os.environ["TZ"] = "UTC"
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import Row, SparkSession  # noqa: E402
from pyspark.sql import types as T  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def quote(text):
    out = ['"']
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            out.append("\\u%04x" % ord(char))
        else:
            out.append(char)
    out.append('"')
    return "".join(out)


def number(value, digits):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return "%.*g" % (digits, value)


def render(value, kind):
    if value is None:
        return "NULL"
    if isinstance(kind, T.BooleanType):
        return "true" if value else "false"
    if isinstance(kind, T.DecimalType):
        # Spark does not always bring a quotient to its own scale.
        return format(Decimal(value).quantize(Decimal(1).scaleb(-kind.scale), context=Context(prec=60)), "f")
    if isinstance(kind, T.DoubleType):
        return number(value, 14)
    if isinstance(kind, T.FloatType):
        return number(value, 7)
    if isinstance(kind, (T.StringType, T.VarcharType, T.CharType)):
        return quote(value)
    if isinstance(kind, T.BinaryType):
        return "X'" + bytes(value).hex() + "'"
    if isinstance(kind, T.DateType):
        return value.isoformat()
    if isinstance(kind, (T.TimestampType, T.TimestampNTZType)):
        zone = "Z" if isinstance(kind, T.TimestampType) else ""
        return value.isoformat(timespec="microseconds") + zone
    if isinstance(kind, T.DayTimeIntervalType):
        return "interval 0 %d" % (value // datetime.timedelta(microseconds=1))
    if isinstance(kind, T.ArrayType):
        return "[" + ", ".join(render(v, kind.elementType) for v in value) + "]"
    if isinstance(kind, T.MapType):
        pairs = (render(k, kind.keyType) + ": " + render(v, kind.valueType) for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(kind, T.StructType):
        fields = (f.name + ": " + render(v, f.dataType) for f, v in zip(kind.fields, value))
        return "(" + ", ".join(fields) + ")"
    return str(value)


def answer(spark, expression, source):
    try:
        if expression.startswith(("SELECT ", "WITH ")):
            query = expression
        else:
            query = "SELECT " + expression + " AS v" + (" FROM " + source if source else "")
        frame = spark.sql(query)
        kind = frame.schema[0].dataType
        name = "interval" if "Interval" in type(kind).__name__ else kind.simpleString()
        if isinstance(kind, T.YearMonthIntervalType):
            months = "extract(YEAR FROM v) * 12 + extract(MONTH FROM v)"
            rows = spark.sql("SELECT " + months + " AS v FROM (" + query + ")").collect()
            values = ["NULL" if r[0] is None else "interval %d 0" % r[0] for r in rows]
        else:
            values = [render(r[0], kind) for r in frame.collect()]
        if " OVER " in expression:
            values.sort(key=lambda text: text.encode())
        return name, " ; ".join(values) if values else "NO ROWS"
    except Exception as error:  # noqa: BLE001: every refusal of Spark is an answer
        condition = error.getCondition() if hasattr(error, "getCondition") else None
        return "ERROR", condition or type(error).__name__


def main():
    logging.disable(logging.CRITICAL)  # every refusal of Spark would be printed
    builder = SparkSession.builder.master("local[1]")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "700m",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": "/tmp/tarn-differential-warehouse",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    wanted = sys.argv[1:]
    for name in sorted(os.listdir(os.path.join(HERE, "expressions"))):
        if not name.endswith(".txt") or (wanted and name[:-4] not in wanted):
            continue
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        source = None
        target = os.path.join(HERE, "golden", name[:-4] + ".tsv")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(os.path.join(HERE, "expressions", name), encoding="utf-8") as lines, \
                open(target + ".new", "w", encoding="utf-8") as golden:
            for line in lines:
                line = line.rstrip("\n")
                if not line or line.startswith("#"):
                    continue
                if line.startswith("@zone "):
                    spark.conf.set("spark.sql.session.timeZone", line[6:])
                elif line.startswith("@from "):
                    source = line[6:]
                else:
                    golden.write("\t".join((line,) + answer(spark, line, source)) + "\n")
        os.replace(target + ".new", target)
        print(name, file=sys.stderr)


if __name__ == "__main__":
    main()
