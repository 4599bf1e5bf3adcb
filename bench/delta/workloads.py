"""The operations, who can do them, and what Tarn must reach. One line of OPERATIONS is one row of the report."""
import os

COLUMNS = "event_id, user_id, event_type, platform, country, ts, amount, payload, date"
DDL = ("event_id VARCHAR, user_id BIGINT, event_type VARCHAR, platform VARCHAR, country VARCHAR, "
       "ts TIMESTAMPTZ, amount DECIMAL(18,4), payload VARCHAR, date DATE")
AGGREGATE = ("SELECT event_type, platform, count(*) AS n, sum(amount) AS s, avg(user_id) AS u, min(ts) AS lo, "
             "max(ts) AS hi, count(DISTINCT country) AS c FROM {table} GROUP BY event_type, platform")
FILTER_DATE = "2026-10-15"
NARROW_FROM = "2026-10-29"
LOG_DATE = "2025-10-05"
LOG_USER = 999999  # three in a thousand of a log's files can hold it
COMMITS = 200
ROWS_PER_COMMIT = 100
WRITERS, COMMITS_PER_WRITER = 8, 50
TPCH_TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


class Operation:
    def __init__(self, name, title, peers, goal="", met=None):
        self.name, self.title, self.peers = name, title, peers
        self.goal = goal  # in words
        self.met = met    # met(medians of Tarn, medians of the limit) -> bool, None when it cannot be told


def cpu_within(seconds, data_bytes=None, peak_mib=None):
    def met(tarn, limit):
        return (tarn["cpu"] <= seconds and (data_bytes is None or tarn["data_bytes"] <= data_bytes)
                and (peak_mib is None or tarn["peak_mib"] <= peak_mib))
    return met


def cpu_ratio(ratio):
    return lambda tarn, limit: tarn["cpu"] <= ratio * limit["cpu"] if limit else None


def commits_met(tarn, limit):
    if not limit:
        return None
    return tarn["cpu"] / COMMITS <= 0.003 and limit["wall"] / tarn["wall"] >= 0.4


def all_committed(seconds):
    return lambda tarn, limit: tarn["extra"]["committed"] == WRITERS * COMMITS_PER_WRITER and tarn["wall"] <= seconds


def log_operations():
    for log, title, goals in (
            ("log10k", "10,000 JSON commits", {"list": 0.7}),
            ("cp1m", "checkpoint of 1,000,000 files", {"list": 3.0, "partition": 0.2, "statistics": 1.0})):
        for kind, what in (("list", "list all"), ("partition", "one partition"), ("statistics", "statistics predicate")):
            peak = 350 if (log, kind) == ("cp1m", "list") else None
            goal = f"<= {goals[kind]} s" + (f", <= {peak} MiB" if peak else "") if kind in goals else ""
            yield Operation(f"W3.{log}.{kind}", f"{title}: {what}", "tarn deltars duckdelta limit".split(), goal,
                            cpu_within(goals[kind], peak_mib=peak) if goal else None)


EVERY = [
    Operation("W1", "append, partitioned by day", ["tarn", "deltars", "ducklake", "limit"],
              "<= 1.15x the limit", cpu_ratio(1.15)),
    Operation("W2", f"{COMMITS} durable commits of {ROWS_PER_COMMIT} rows",
              ["tarn", "deltars", "duckdelta", "ducklake", "limit"],
              "<= 3 ms CPU each, >= 0.4x the commits/s of the limit", commits_met),
    Operation("W2.10k", "10,000 durable commits in one process: CPU ms each, per thousand", ["tarn"],
              "flat", lambda tarn, limit: tarn["extra"]["last_ms"] <= max(3.0, 1.5 * tarn["extra"]["first_ms"])),
    *log_operations(),
    Operation("W4.filter", "one row by its id in one day", ["tarn", "deltars", "duckdelta", "ducklake", "limit"],
              "<= 1.1x the limit", cpu_ratio(1.1)),
    Operation("W4.aggregate", "aggregate of all rows", ["tarn", "deltars", "duckdelta", "ducklake", "limit"],
              "<= 1.1x the limit", cpu_ratio(1.1)),
    Operation("W5.spread", "MERGE, 1 % updates and 0.5 % inserts over all days",
              ["tarn", "deltars", "ducklake", "limit"], "<= 1.0 s, <= 6 MB", cpu_within(1.0, 6_000_000)),
    Operation("W5.narrow", "MERGE into two days", ["tarn", "deltars", "ducklake", "limit"],
              "<= 0.35 s", cpu_within(0.35)),
    Operation("W6", "DELETE of one row in a thousand", ["tarn", "deltars", "ducklake"],
              "<= 0.5 s, <= 200 KB", cpu_within(0.5, 200_000)),
    Operation("W7.compact", "compact 1,000 files of 1,000 rows", ["tarn", "deltars", "ducklake", "limit"],
              "<= 1.2x the limit", cpu_ratio(1.2)),
    Operation("W7.zorder", "Z-order by two columns (limit: a sort)", ["tarn", "deltars", "limit"],
              "<= 7 s", cpu_within(7.0)),
    Operation("W8.dry", "VACUUM, dry run, 5,000 stale files", ["tarn", "deltars"], "ahead of delta-rs"),
    Operation("W8.real", "VACUUM of 5,000 stale files", ["tarn", "deltars"], "ahead of delta-rs"),
    Operation("W9", "change feed of 100 commits", ["tarn", "deltars"], "ahead of delta-rs"),
    Operation("W10", f"{WRITERS} writers of {COMMITS_PER_WRITER} commits each",
              ["tarn", "deltars", "duckdelta", "ducklake"],
              f"{WRITERS * COMMITS_PER_WRITER} of {WRITERS * COMMITS_PER_WRITER}, <= 12 s wall", all_committed(12.0)),
    Operation("TPCH", "TPC-H SF1, 22 queries, one pass", ["tarn", "deltars", "duckdelta", "limit"],
              "<= 1.1x the limit", cpu_ratio(1.1)),
]
AHEAD_OF_DELTARS = {"W8.dry", "W8.real", "W9"}


class Place:
    """Where the data of one scale lies; made by data.py, used by every peer."""

    def __init__(self, root):
        self.root = root
        self.lake = root + "/lake"          # bench/, logs/, tpch/: folders of tables
        self.base = self.lake + "/bench/base"
        self.small = self.lake + "/bench/small"
        self.stale = self.lake + "/bench/stale"
        self.changes = self.lake + "/bench/changes"
        self.source = root + "/source"      # *.parquet
        self.spread = root + "/merge_spread.parquet"
        self.narrow = root + "/merge_narrow.parquet"
        self.hundred = root + "/hundred.parquet"
        self.tpch = self.lake + "/tpch"
        self.work = root + "/work"

    def log(self, name):
        return f"{self.lake}/logs/{name}"

    def one_id(self):
        with open(self.root + "/one_id.txt") as file:
            return file.read().strip()

    def tpch_queries(self):
        with open(self.root + "/tpch_queries.sql") as file:
            return [text.strip() for text in file.read().split(";") if text.strip()]

    def query(self, kind, table):
        if kind == "aggregate":
            return AGGREGATE.format(table=table)
        return f"SELECT * FROM {table} WHERE date = DATE '{FILTER_DATE}' AND event_id = '{self.one_id()}'"

    def source_files(self):
        return sorted(os.path.join(self.source, name) for name in os.listdir(self.source))
