"""Streaming Silver against the truth: batches with copies, late and re-delivered rows, and kills.

Every upstream commit is a batch of its own. The truth is computed here, apart from Tarn: of the rows with one id,
the first that came; late if it came more than the watermark after it happened.
"""
import json
import os
import random
import signal
import subprocess
import threading
import time

from yard import BIN, Yard, wait_for

HOUR = 3600
BASE = 1_767_225_600  # 2026-01-01
MODEL = """
select
  get_json_object(cast(raw_payload as string), '$.id') as event_id,
  cast(get_json_object(cast(raw_payload as string), '$.at') as timestamp) as occurred_at,
  ingestion_timestamp as ingested_at,
  cast(get_json_object(cast(raw_payload as string), '$.n') as bigint) as n,
  get_json_object(cast(raw_payload as string), '$.word') as word,
  source_offset
from {{ source('bronze', 'events') }}
where get_json_object(cast(raw_payload as string), '$.id') is not null
"""


def stamp(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(seconds))) + ".%03d" % round(seconds % 1 * 1000)


class Feed:
    """What comes, batch by batch; and what Silver must hold of it."""

    def __init__(self, seed, rows):
        self.random = random.Random(seed)
        self.rows = rows
        self.clock = BASE
        self.offset = 0
        self.seen = []   # (id, at, n, word) of all events
        self.truth = {}  # id -> row

    def batch(self, number):
        out = []
        self.clock += 30
        arrivals = [self.clock + (slot * 30_000 // self.rows) / 1000 for slot in range(self.rows)]
        self.random.shuffle(arrivals)  # the first in the file is not the first that came
        for arrived in arrivals:
            kind = self.random.random()
            if self.seen and kind < 0.10:  # re-delivered, from any time
                event = self.random.choice(self.seen)
            elif self.seen and kind < 0.20:  # re-delivered soon
                event = self.random.choice(self.seen[-200:])
            elif self.seen and kind < 0.25:  # again with another time, within the watermark
                name, at, n, word = self.random.choice(self.seen[-200:])
                event = (name, at + self.random.randrange(-600, 600), n, word)
            else:
                late = 0
                if kind > 0.95:
                    late = self.random.randrange(HOUR + 60, 200 * HOUR)
                elif kind > 0.85:
                    late = self.random.randrange(0, HOUR - 60)
                event = ("e%d-%d" % (number, self.offset), self.clock - late, self.random.randrange(10**9),
                         self.random.choice(["a", "ü", "'quote'", "", "𝄞 long " * 5]))
                self.seen.append(event)
            name, at, n, word = event
            row = {"event_id": name, "occurred_at": stamp(at), "ingested_at": stamp(arrived), "n": n, "word": word,
                   "source_offset": self.offset, "is_late": at < arrived - HOUR}
            known = self.truth.get(name)
            if known is None or (known["ingested_at"] > row["ingested_at"] and known["batch"] == number):
                self.truth[name] = dict(row, batch=number)
            out.append(row)
            self.offset += 1
        return out

    @staticmethod
    def insert(rows):
        values = []
        for row in rows:
            payload = json.dumps({"id": row["event_id"], "at": row["occurred_at"], "n": row["n"], "word": row["word"]},
                                 ensure_ascii=False).replace("\\", "\\\\").replace("'", "\\'")
            values.append("(cast('%s' as binary), %d, timestamp'%s')" % (payload, row["source_offset"],
                                                                       row["ingested_at"]))
        return "insert into bronze.events values " + ", ".join(values) + ";\n"


class Writer(threading.Thread):
    """Feeds `batches` commits through one `tarn sql`, with an OPTIMIZE of both tables now and then."""

    def __init__(self, yard, feed, batches):
        super().__init__()
        self.yard, self.feed, self.batches = yard, feed, batches
        self.failed = None

    def run(self):
        shell = subprocess.Popen([BIN, "sql", "--lake", self.yard.lake, "-q", "-f", "-"], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.yard.env)
        text = []
        for number in range(self.batches):
            text.append(self.feed.insert(self.feed.batch(number)))
            if number % 97 == 50:
                text.append("optimize bronze.events;\n")
        _, err = shell.communicate("".join(text))
        if shell.returncode != 0:
            self.failed = err


class Compactor(threading.Thread):
    """Small files of Silver are put together while it is written."""

    def __init__(self, yard):
        super().__init__()
        self.yard, self.ended, self.runs, self.failures = yard, threading.Event(), 0, []

    def run(self):
        while not self.ended.wait(5.0):
            code, _, err = self.yard.tarn("sql", "--lake", self.yard.lake, "-q", "-c", "optimize silver.events")
            self.runs += 1
            if code != 0 and "does not exist" not in err:
                self.failures.append(err)


def stream_with_kills(yard, kills, rng, writer):
    """`tarn dbt run` and `tarn up` by turns, each killed at a random moment."""
    for number in range(kills):
        if number % 3 < 2:
            process = subprocess.Popen([BIN, "dbt", "run"], cwd=yard.home, env=yard.env, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.02, 1.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            yard.start("--instance", "up-%d" % number)
            wait_for(lambda: stream(yard)["commits"] > 0, 20)  # the lease of the last one runs out first
            time.sleep(rng.uniform(0.0, 1.0))
            yard.kill()
    yard.start("--instance", "last")
    writer.join()


def stream(yard):
    return json.loads(yard.get("/v1/status")[1])["streams"][0]


def prove(check, seed, batches, kills, rows=60):
    rng = random.Random(seed)
    yard = Yard()
    try:
        yard.write("lake.yml", "lake: %s\nhttp: 127.0.0.1:0\nlease: 5s\n" % yard.lake)
        yard.model("events", MODEL, unique_key="event_id", event_time="occurred_at", arrival_time="ingested_at",
                   watermark="1 hour", max_versions_per_batch=1, poll="50ms")
        yard.sql("create table bronze.events (raw_payload binary, source_offset bigint, ingestion_timestamp timestamp)"
                 " using delta tblproperties ('delta.appendOnly' = 'true')",
                 "insert into bronze.events values (cast('{}' as binary), -1, null)")
        yard.dbt()  # from here on, each commit is a batch
        feed = Feed(seed, rows)
        writer, compactor = Writer(yard, feed, batches), Compactor(yard)
        began = time.time()
        writer.start()
        compactor.start()
        stream_with_kills(yard, kills, rng, writer)
        newest = yard.sql("select max(version) as v from delta_history('bronze.events')")[0]["v"]

        def caught_up():
            return any("at version %d of %d" % (newest, newest) in part for part in stream(yard)["parts"])
        end = time.time() + 600
        while not caught_up() and time.time() < end:
            time.sleep(0.2)
        check("kills: caught up, a clean stop", caught_up() and yard.stop() == 0)
        seconds = time.time() - began
        compactor.ended.set()
        compactor.join()
        check("kills: the upstream was written", writer.failed is None, writer.failed)
        check("kills: OPTIMIZE beside the writer never failed", not compactor.failures, compactor.failures)
        compare(check, yard, feed, batches)
        told = yard.sql("select count(*) as n, sum(cast(get_json_object(userMetadata, '$.stream.duplicates') as bigint))"
                        " as copies, sum(cast(get_json_object(userMetadata, '$.stream.late') as bigint)) as late"
                        " from delta_history('silver.events') where userMetadata is not null")[0]
        print("# %d upstream commits, %d rows, %d kills: %d batches, %s copies dropped, %s late, %d OPTIMIZE, %.0f s"
              % (batches, feed.offset, kills, told["n"], told["copies"], told["late"], compactor.runs, seconds),
              flush=True)
    finally:
        yard.close()


def compare(check, yard, feed, batches):
    code, _, text = yard.dbt("--target", "once")
    check("kills: the same model once over everything", code == 0, text)
    columns = "event_id, occurred_at, ingested_at, n, word, source_offset, is_late"
    rows = yard.sql("select count(*) as n, count(distinct event_id) as ids from silver.events")[0]
    check("kills: each event once", rows["n"] == rows["ids"] == len(feed.truth), (rows, len(feed.truth)))
    found = yard.sql("select (select count(*) from (select %s from silver.events except all select %s from once.events))"
                     " as more, (select count(*) from (select %s from once.events except all select %s from"
                     " silver.events)) as less" % (columns, columns, columns, columns))[0]
    check("kills: equal to the query run once", found == {"more": 0, "less": 0}, found)
    wrong = []
    for row in yard.sql("select event_id, date_format(occurred_at, 'yyyy-MM-dd HH:mm:ss.SSS') as occurred_at, "
                        "date_format(ingested_at, 'yyyy-MM-dd HH:mm:ss.SSS') as ingested_at, n, word, source_offset, "
                        "is_late from silver.events"):
        wanted = {key: value for key, value in feed.truth[row["event_id"]].items() if key != "batch"}
        if row != wanted:
            wrong.append((row, wanted))
    check("kills: equal to the truth computed apart", not wrong, wrong[:3])
    epochs = yard.sql("select count(*) as n, count(distinct get_json_object(userMetadata, '$.stream.epoch')) as d, "
                      "max(cast(get_json_object(userMetadata, '$.stream.epoch') as bigint)) as last "
                      "from delta_history('silver.events') where userMetadata is not null")[0]
    check("kills: one commit for each batch, epochs without a gap",
          epochs["n"] == epochs["d"] == epochs["last"] and epochs["n"] == batches + 1, epochs)
