#!/usr/bin/env python3
"""Writes expressions/generated_*.txt: every value of a list through every function or pair of operators of a list.

Run it after a change here, then record.sh generated_arithmetic generated_casts ... ; both outputs are checked in.
"""
import itertools
import os

HERE = os.path.dirname(os.path.abspath(__file__))

NUMBERS = [
    "CAST(5 AS TINYINT)", "CAST(-7 AS SMALLINT)", "0", "-3", "2147483647", "CAST(9 AS BIGINT)",
    "-9223372036854775807", "CAST(2.5 AS FLOAT)", "-0.25e0", "1e18", "CAST('NaN' AS DOUBLE)", "2.50",
    "-0.01", "CAST(12345.678 AS DECIMAL(20,5))", "CAST(1 AS DECIMAL(38,10))", "'4'", "NULL",
]
PAIRS = ["+", "-", "*", "/", "%"]
COMPARISONS = ["=", "<", ">=", "<=>"]
CAST_VALUES = [
    "0", "-1", "127", "128", "32768", "1.5", "-2.5", "0.4999", "99999.99", "1e0", "-1.5e3", "1e19", "CAST('-0.0' AS DOUBLE)",
    "CAST('Infinity' AS DOUBLE)", "'0'", "'-1'", "' 42 '", "'1.5'", "'-.5'", "'1e2'", "'+7'", "'true'", "'N'", "''", "'  '",
    "'\\t8\\n'", "'2024-02-29'", "'2023-02-29'", "'2024-12-31 23:59:59.999999'", "'2024-06-01T00:00:00+02:00'", "true",
    "false", "DATE '1970-01-01'", "DATE '1582-10-15'", "DATE '0002-01-01'", "TIMESTAMP '1970-01-01 00:00:00'",
    "TIMESTAMP '1900-01-01 00:00:00.000001'", "TIMESTAMP_NTZ '2024-02-29 13:14:15'", "CAST('é' AS BINARY)", "NULL",
]
CAST_TYPES = [
    "TINYINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(4,1)", "DECIMAL(38,18)", "STRING", "BOOLEAN", "DATE",
    "TIMESTAMP", "TIMESTAMP_NTZ", "BINARY",
]
TEXTS = ["''", "' '", "'a'", "'Abc dEf'", "'  pad  '", "'ÀÉîöß'", "'漢字かな'", "'😀x'", "'a,b,,c,'", "'100%_x'", "'\\n'", "NULL"]
TEXT_CALLS = [
    "length({})", "upper({})", "lower({})", "trim({})", "ltrim({})", "rtrim({})", "reverse({})", "initcap({})",
    "substring({}, 2)", "substring({}, -2)", "substring({}, 2, 2)", "substring({}, 0, 2)", "substring({}, -3, 2)",
    "left({}, 2)", "right({}, 2)", "lpad({}, 5, 'xy')", "rpad({}, 5, 'é')", "lpad({}, 2, 'xy')", "repeat({}, 2)",
    "instr({}, 'b')", "locate('a', {})", "replace({}, 'a', 'ZZ')", "translate({}, 'abé', '12')", "split({}, ',')",
    "split({}, '')", "split({}, '[,b]')", "split({}, ',', 2)", "substring_index({}, ',', 2)", "substring_index({}, ',', -2)",
    "concat({}, '|', {})", "concat_ws('-', {}, 'k', {})", "ascii({})", "base64({})", "hex({})", "md5({})", "sha1({})",
    "sha2({}, 256)", "crc32({})", "hash({})", "xxhash64({})", "soundex({})", "levenshtein({}, 'abc')", "char_length({})",
    "octet_length({})", "bit_length({})", "contains({}, 'a')", "startswith({}, ' ')", "endswith({}, ' ')",
    "regexp_extract({}, '([a-z]+)', 1)", "regexp_replace({}, '[aeiou]', '*')", "regexp_replace({}, '(.)', '<$1>')",
    "regexp_extract_all({}, '([a-z])', 1)", "regexp_count({}, '[a-z]')", "regexp_like({}, '^[a-z ]*$')", "{} LIKE '%b%'",
    "{} LIKE '_'", "{} RLIKE 'b+'", "url_encode({})", "encode({}, 'UTF-8')", "nullif({}, 'a')", "coalesce({}, 'none')",
    "overlay({}, '_', 2)", "mask({})", "{} = 'a'", "{} < 'b'", "{} || 'x'", "split_part({}, ',', 2)", "find_in_set({}, 'a,b')",
    "to_json(named_struct('s', {}))", "array_join(split({}, ','), '+')", "size(split({}, ','))", "str_to_map({}, ',', '=')",
    "CAST({} AS STRING)", "char(ascii({}))", "quote({})",
]
MATHS = [
    "abs({})", "ceil({})", "floor({})", "round({})", "round({}, 1)", "round({}, -1)", "bround({}, 1)", "sign({})", "sqrt({})",
    "exp({} / 1000)", "ln({})", "log10({})", "pow({}, 2)", "- {}", "isnan({})", "greatest({}, 1)", "hex({})", "bin({})", "hash({})",
    "xxhash64({})", "CAST({} AS STRING)", "{} BETWEEN -1 AND 100", "{} IN (5, -3, 9)", "coalesce({}, 1)", "nvl2({}, {}, 0)",
    "if({} > 0, {}, 1)", "typeof({})", "array({}, 1)", "concat({}, '')", "to_json(named_struct('n', {}))", "{} IS NULL",
    "CASE WHEN {} > 1 THEN {} ELSE 0 END", "pmod({}, 7)", "mod({}, 4)", "format_number({}, 2)", "factorial({})", "cbrt({})", "rint({})",
]
DATES = [
    "DATE '2024-02-29'", "DATE '2023-12-31'", "DATE '1969-07-20'", "DATE '0099-03-01'", "DATE '9998-10-31'", "'2024-01-31'",
    "TIMESTAMP '2024-03-10 02:30:00.123456'", "TIMESTAMP '1969-12-31 23:59:59.5'", "TIMESTAMP '2024-11-03 09:30:00Z'",
    "TIMESTAMP_NTZ '2024-07-04 12:00:00'", "NULL",
]
DATE_CALLS = [
    "year({})", "quarter({})", "month({})", "day({})", "dayofweek({})", "weekday({})", "dayofyear({})", "weekofyear({})", "hour({})",
    "minute({})", "second({})", "date_add({}, 1)", "date_sub({}, 60)", "add_months({}, 1)", "add_months({}, -13)", "last_day({})",
    "next_day({}, 'WED')", "trunc({}, 'year')", "trunc({}, 'week')", "trunc({}, 'quarter')", "date_trunc('month', {})",
    "date_trunc('week', {})", "date_trunc('hour', {})", "date_trunc('minute', {})", "datediff({}, DATE '2024-01-01')",
    "months_between({}, DATE '2024-01-31')", "date_format({}, 'yyyy-MM-dd HH:mm:ss.SSS')", "date_format({}, 'EEE d MMM yy h:mm a')",
    "date_format({}, 'D Q')", "unix_timestamp({})", "to_date({})", "to_timestamp({})", "CAST({} AS STRING)", "CAST({} AS DATE)",
    "CAST({} AS TIMESTAMP)", "from_utc_timestamp({}, 'Asia/Tokyo')", "to_utc_timestamp({}, 'Europe/Berlin')", "{} > DATE '2024-01-01'",
    "{} + INTERVAL 1 DAY", "{} + INTERVAL 1 MONTH", "{} - INTERVAL 3 HOURS", "timestampadd(MONTH, 1, {})",
    "timestampdiff(DAY, TIMESTAMP '2024-01-01 00:00:00', {})", "timestampdiff(MONTH, {}, TIMESTAMP '2024-01-01 00:00:00')", "hash({})",
    "xxhash64({})", "typeof({})", "extract(DOW FROM {})", "extract(SECOND FROM {})", "dayname({})", "unix_micros({})",
    "to_json(named_struct('d', {}))", "concat({}, '')", "array({})", "greatest({}, {})",
]
ARRAYS = [
    "array()", "array(3, 1, 2, 1)", "array(NULL, 1)", "array('b', 'a', NULL, 'é')", "array(1.5, 2.25)", "array(array(1), array(2, 3))",
    "array(true, false)", "CAST(NULL AS ARRAY<INT>)", "array(DATE '2024-01-02', DATE '2024-01-01')", "array(1e0, -0.5e0)",
]
ARRAY_CALLS = [
    "{}", "size({})", "array_distinct({})", "array_compact({})", "sort_array({})", "sort_array({}, false)", "array_sort({})",
    "array_max({})", "array_min({})", "reverse({})", "slice({}, 1, 2)", "slice({}, -1, 1)", "element_at({}, 1)", "try_element_at({}, -1)",
    "get({}, 0)", "get({}, 9)", "{}[0]", "array_repeat({}, 2)", "array_union({}, {})", "array_intersect({}, {})", "array_except({}, {})",
    "arrays_overlap({}, {})", "transform({}, x -> x)", "transform({}, (x, i) -> i)", "filter({}, x -> x IS NOT NULL)",
    "exists({}, x -> x IS NULL)", "forall({}, x -> x IS NOT NULL)", "CAST({} AS STRING)", "to_json({})", "hash({})",
    "concat({}, {})", "array_append({}, NULL)", "array_prepend({}, NULL)", "map_from_arrays(array('k'), array({}))",
    "zip_with({}, {}, (x, y) -> named_struct('x', x, 'y', y))", "arrays_zip({}, {})", "{} = {}", "typeof({})", "array_join({}, ',', 'N')",
    "aggregate({}, 0, (acc, x) -> acc + 1)", "flatten(array({}, {}))", "cardinality({})", "concat_ws(',', {})", "named_struct('a', {}).a",
]


def write(name, comment, lines):
    path = os.path.join(HERE, "expressions", "generated_" + name + ".txt")
    with open(path, "w", encoding="utf-8") as out:
        out.write("# Made by generate.py: " + comment + "\n")
        for line in lines:
            out.write(line + "\n")


def filled(calls, values):
    return [call.replace("{}", value) for call in calls for value in values]


def main():
    pairs = [f"{a} {op} {b}" for op in PAIRS for a, b in itertools.product(NUMBERS, NUMBERS[::2])]
    write("arithmetic", "operators over pairs of numbers of all types.", pairs)
    compared = [f"{a} {op} {b}" for op in COMPARISONS for a, b in itertools.product(NUMBERS, NUMBERS[1::3])]
    write("comparison", "comparisons over pairs of numbers of all types.", compared)
    write("casts", "values of all types cast to all types.",
          [f"CAST({v} AS {t})" for t in CAST_TYPES for v in CAST_VALUES])
    write("string", "string functions over texts.", filled(TEXT_CALLS, TEXTS))
    write("math", "functions over numbers of all types.", filled(MATHS, NUMBERS))
    write("datetime", "functions over dates and timestamps, in a zone with summer time.",
          ["@zone America/New_York"] + [line for line in filled(DATE_CALLS, DATES)
                                         if line != "NULL + INTERVAL 1 MONTH"])
    write("collection", "functions over arrays.", filled(ARRAY_CALLS, ARRAYS))


if __name__ == "__main__":
    main()
