"""What a streaming model does, case by case, through `tarn dbt run`."""
import json
import subprocess
import threading

from yard import BIN, Yard, wait_for

EVENTS = "create table bronze.%s (event_id string, occurred_at timestamp, n bigint) using delta"
PLAIN = "select event_id, occurred_at, n from {{ source('bronze', 'events') }}"


def run(case, check):
    yard = Yard()
    try:
        case(yard, check)
    finally:
        yard.close()


def add(yard, *rows, table="events"):
    yard.sql("insert into bronze.%s values %s" % (table, ", ".join(
        "(%s, timestamp'2026-01-01 %s', %d)" % ("null" if name is None else "'%s'" % name, at, n)
        for name, at, n in rows)))


def silver(yard, table="silver.events", columns="event_id, n, is_late"):
    return [tuple(row.values()) for row in yard.sql("select %s from %s order by event_id, n" % (columns, table))]


def rows_and_copies(yard, check):
    """New rows only; copies in a batch and across batches; late rows; rows without a key."""
    yard.sql(EVENTS % "events")
    yard.model("events", PLAIN, unique_key="event_id", event_time="occurred_at", watermark="1 hour")
    add(yard, ("a", "10:00:00", 1), ("b", "10:01:00", 2), ("a", "10:00:00", 3))
    code, results, text = yard.dbt()
    check("first run: copies in one batch, the first stays",
          code == 0 and silver(yard) == [("a", 1, False), ("b", 2, False)], text)
    check("first run: says rows and batches", results["events"]["adapter_response"]["rows_affected"] == 2, results)
    add(yard, ("a", "10:00:00", 4), ("a", "10:59:00", 5), ("c", "12:00:00", 6), (None, "12:00:00", 7),
        (None, "12:00:00", 7))
    add(yard, ("d", "11:30:00", 8), ("e", "10:30:00", 9), ("e", "10:30:00", 10), ("b", "10:01:00", 11))
    code, _, text = yard.dbt()
    check("copies of earlier batches go, also with another time within the watermark; no key is no copy",
          silver(yard)[:4] == [(None, 7, False), (None, 7, False), ("a", 1, False), ("b", 2, False)], silver(yard))
    check("two upstream commits in one batch", len(yard.sql("describe history silver.events")) == 2)
    add(yard, ("f", "10:45:00", 12), ("e", "10:30:00", 13), ("f", "10:45:00", 13))
    yard.dbt()
    check("late rows are kept, flagged, and deduplicated like others",
          silver(yard)[-2:] == [("e", 9, False), ("f", 12, True)], silver(yard))
    history = len(yard.sql("describe history silver.events"))
    code, results, _ = yard.dbt()
    check("nothing new: nothing is committed", code == 0 and len(yard.sql("describe history silver.events")) == history)
    yard.sql("optimize bronze.events")
    yard.dbt()
    check("OPTIMIZE of the upstream is nothing new", len(yard.sql("describe history silver.events")) == history)
    # Which of two copies is the first to come is not in the table any more: OPTIMIZE moved them together.
    wanted = [row[0] for row in silver(yard)]
    code, _, text = yard.dbt("--full-refresh")
    check("--full-refresh: the same rows, in one commit",
          code == 0 and [row[0] for row in silver(yard)] == wanted
          and len(yard.sql("describe history silver.events")) == history + 1, text)
    state = yard.sql("select userMetadata as m from delta_history('silver.events', max_rows => 1)")[0]["m"]
    check("the commit says what it did", json.loads(state)["stream"]["rows"] == len(wanted), state)


def static_tables_and_views(yard, check):
    """Joins with tables that are not followed; upstreams through views, ephemeral models and UNION ALL."""
    yard.sql(EVENTS % "events", EVENTS % "more_events", "create table bronze.people (id bigint, name string)",
             "insert into bronze.people values (1, 'Ada')")
    yard.write("models/both.sql", "{{ config(materialized='view') }}\n%s union all\n%s\n"
               % (PLAIN, PLAIN.replace("'events'", "'more_events'")))
    yard.write("models/named.sql", "{{ config(materialized='ephemeral') }}\n%s where n > 0\n" % PLAIN)
    yard.model("joined", "select e.event_id, e.n, p.name from {{ ref('named') }} e left join "
               "{{ source('bronze', 'people') }} p on p.id = e.n", stream="bronze.events")
    yard.model("united", "select event_id, n from {{ ref('both') }}", stream=["events", "bronze.more_events"],
               unique_key="")
    yard.model("behind", "select event_id, n + 1 as n from {{ ref('united') }} where n < 100")
    add(yard, ("a", "10:00:00", 1), ("x", "10:00:00", 0))
    add(yard, ("b", "10:00:00", 2), table="more_events")
    code, _, text = yard.dbt()
    check("a view, an ephemeral model, a static join, a UNION ALL of streams, a stream of a stream", code == 0, text)
    yard.sql("insert into bronze.people values (2, 'Grace')")
    add(yard, ("c", "10:00:00", 2))
    add(yard, ("d", "10:00:00", 3), table="more_events")
    code, _, text = yard.dbt()
    check("joined as the table is when the batch runs",
          silver(yard, "silver.joined", "event_id, n, name") == [("a", 1, "Ada"), ("c", 2, "Grace")], text)
    check("both streams, each row once",
          silver(yard, "silver.united", "event_id, n") == [("a", 1), ("b", 2), ("c", 2), ("d", 3), ("x", 0)], text)
    check("a streaming model is followed by another",
          silver(yard, "silver.behind", "event_id, n") == [("a", 2), ("b", 3), ("c", 3), ("d", 4), ("x", 1)], text)


REFUSED = {
    "grouped": ("select n, count(*) as c from {{ source('bronze', 'events') }} group by n", {}, "aggregates"),
    "summed": ("select max(n) as m from {{ source('bronze', 'events') }}", {}, "aggregates"),
    "distincted": ("select distinct n from {{ source('bronze', 'events') }}", {}, "unique_key"),
    "windowed": ("select n, row_number() over (partition by event_id order by n) as r from "
                 "{{ source('bronze', 'events') }}", {}, "window function"),
    "limited": (PLAIN + " limit 3", {}, "LIMIT"),
    "merged": ("%s union %s" % (PLAIN, PLAIN), {}, "UNION ALL"),
    "mixed": ("select n from {{ source('bronze', 'events') }} union all select id from "
              "{{ source('bronze', 'people') }}", {"stream": "events"}, "not streamed"),
    "paired": ("select a.n from {{ source('bronze', 'events') }} a join {{ source('bronze', 'events') }} b using (n)",
               {}, "joins streamed rows with streamed rows"),
    "kept": ("select p.id, e.n from {{ source('bronze', 'people') }} p left join {{ source('bronze', 'events') }} e "
             "on e.n = p.id", {"stream": "events"}, "LEFT or INNER JOIN from the stream"),
    "asked": ("select id from {{ source('bronze', 'people') }} where id in (select n from "
              "{{ source('bronze', 'events') }})", {"stream": "events"}, "IN, EXISTS"),
    "nowhere": ("select 1 as one", {}, "reads no table"),
    "unsaid": ("select e.n from {{ source('bronze', 'events') }} e join {{ source('bronze', 'people') }} p on p.id = "
               "e.n", {}, "stream='bronze.events'"),
    "missaid": (PLAIN, {"stream": "nothing"}, "it reads bronze.events"),
    "unmarked": (PLAIN, {"unique_key": "event_id"}, "watermark='2 days'"),
    "unclear": (PLAIN, {"unique_key": "event_id", "watermark": "soon"}, "90 minutes"),
    "textual": ("select event_id, cast(occurred_at as string) as occurred_at from {{ source('bronze', 'events') }}",
                {"unique_key": "event_id", "watermark": "1 day"}, "cast it to TIMESTAMP"),
    "keyless": (PLAIN, {"unique_key": "id", "watermark": "1 day"}, "no column of the model"),
    "policied": (PLAIN, {"on_upstream_change": "panic"}, "fail, skip, rebuild"),
}


def refusals(yard, check):
    """What cannot be streamed is named, with what to write instead; nothing is made."""
    yard.sql(EVENTS % "events", "create table bronze.people (id bigint, name string)")
    add(yard, ("a", "10:00:00", 1))
    for name, (sql, config, _) in REFUSED.items():
        yard.model(name, sql, **config)
    code, results, text = yard.dbt()
    for name, (_, _, words) in REFUSED.items():
        said = results[name]["message"] if name in results else text
        check("refused: " + name, code == 1 and results[name]["status"] == "error" and words in said, said)
    check("refused: nothing is made", not yard.sql("select 1 as x from information_schema.tables where table_schema = "
                                                   "'silver' and table_name in (%s)"
                                                   % ", ".join("'%s'" % name for name in REFUSED)))


def upstream_changes(yard, check):
    """Rows taken away upstream: fail, skip, rebuild; a table made anew."""
    yard.sql(EVENTS % "events")
    for name, policy in (("failing", "fail"), ("skipping", "skip"), ("rebuilding", "rebuild")):
        yard.model(name, PLAIN, unique_key="event_id", watermark="1 day", on_upstream_change=policy)
    add(yard, ("a", "10:00:00", 1), ("b", "10:00:00", 2))
    yard.dbt()
    add(yard, ("c", "10:00:00", 3))
    yard.sql("delete from bronze.events where event_id = 'a'")
    add(yard, ("d", "10:00:00", 4))
    yard.sql("update bronze.events set n = 22 where event_id = 'b'")
    code, results, text = yard.dbt()
    message = results["failing"]["message"]
    keys = {name: [row[:2] for row in silver(yard, "silver." + name)] for name in ("failing", "skipping", "rebuilding")}
    check("fail: what came before is taken, then version, operation and remedies are named",
          results["failing"]["status"] == "error" and "version 3 (DELETE)" in message and "--full-refresh" in message
          and keys["failing"] == [("a", 1), ("b", 2), ("c", 3)], (message, keys))
    check("skip: what was read stays", keys["skipping"] == [("a", 1), ("b", 2), ("c", 3), ("d", 4)], keys)
    check("rebuild: as the upstream is", keys["rebuilding"] == [("b", 22), ("c", 3), ("d", 4)], keys)
    yard.sql("restore bronze.events to version as of 1")
    yard.sql("drop table bronze.events")
    yard.sql(EVENTS % "events")
    add(yard, ("z", "10:00:00", 26))
    code, results, _ = yard.dbt()
    check("a table made anew is noticed", results["failing"]["status"] == "error"
          and "dropped and made anew" in results["skipping"]["message"], results["skipping"])
    check("rebuild: of the new table", [row[0] for row in silver(yard, "silver.rebuilding")] == ["z"])
    code, results, text = yard.dbt("--full-refresh")
    check("--full-refresh heals all of them",
          code == 0 and all([row[0] for row in silver(yard, "silver." + n)] == ["z"] for n in keys), text)


def target_changes(yard, check):
    """The target restored, changed by hand, of another kind; new columns."""
    yard.sql(EVENTS % "events")
    yard.model("events", PLAIN, unique_key="event_id", watermark="1 day")
    for number in range(4):
        add(yard, ("e%d" % number, "10:0%d:00" % number, number))
        yard.dbt()
    yard.sql("restore silver.events to version as of 1")
    code, _, text = yard.dbt()
    check("RESTORE of the target: what went is read again, once",
          code == 0 and [row[:2] for row in silver(yard)] == [("e%d" % n, n) for n in range(4)]
          and "restored to version 1" in text, (text, silver(yard)))
    yard.sql("delete from silver.events where event_id = 'e0'")
    add(yard, ("e4", "10:04:00", 4))
    yard.dbt()
    check("a DELETE in the target stays deleted", [row[0] for row in silver(yard)] == ["e1", "e2", "e3", "e4"])
    yard.model("events", PLAIN.replace("n from", "n, n * 2 as twice from"), unique_key="event_id", watermark="1 day")
    add(yard, ("e5", "10:05:00", 5))
    code, _, text = yard.dbt()
    check("a new column is left out by default", code == 0 and len(silver(yard)) == 5, text)
    yard.model("events", PLAIN.replace("n from", "n, n * 2 as twice from"), unique_key="event_id", watermark="1 day",
               on_schema_change="append_new_columns")
    add(yard, ("e6", "10:06:00", 6))
    code, _, text = yard.dbt()
    check("append_new_columns", code == 0 and silver(yard, columns="event_id, twice")[-2:] == [("e5", None), ("e6", 12)],
          text)
    yard.sql("create table silver.other (event_id string)")
    yard.model("other", PLAIN)
    code, results, _ = yard.dbt("-s", "other")
    check("a table that is not the model's is not touched",
          code == 1 and "--full-refresh" in results["other"]["message"], results)


def several_writers(yard, check):
    """Several runs of one model at once, over many small batches: each row once."""
    yard.sql(EVENTS % "events", *["insert into bronze.events select concat('e', id), timestamp'2026-01-01 10:00:00', id "
                                  "from range(%d, %d)" % (n * 10, n * 10 + 10) for n in range(30)])
    yard.model("events", PLAIN, max_bytes_per_batch=1)
    runs = [subprocess.Popen([BIN, "dbt", "run", "--target-path", "target-%d" % n], cwd=yard.home,
                             stdout=subprocess.PIPE, text=True) for n in range(3)]
    ends = [one.communicate()[0] for one in runs]
    found = yard.sql("select count(*) as n, count(distinct event_id) as d from silver.events")[0]
    check("three runs at once: each row once", found == {"n": 300, "d": 300} and not any(r.returncode for r in runs),
          (found, ends))
    versions = len(yard.sql("describe history silver.events"))
    check("one commit for each batch", versions == 30, versions)


def up(yard, check):
    """`tarn up` follows upstream commits; a failing model stops no other."""
    yard.sql(EVENTS % "events")
    yard.model("events", PLAIN, unique_key="event_id", event_time="occurred_at", watermark="1 hour", poll="50ms")
    yard.model("broken", "select no_such_column from {{ source('bronze', 'events') }}")
    yard.start()
    add(yard, ("a", "10:00:00", 1))
    check("up: rows follow", wait_for(lambda: yard.sql("select 1 as x from information_schema.tables where "
                                                       "table_name = 'events' and table_schema = 'silver'")
                                      and [r[0] for r in silver(yard)] == ["a"], 20))
    feeder = threading.Thread(target=lambda: [add(yard, ("e%d" % n, "10:00:00", n)) for n in range(10)])
    feeder.start()
    feeder.join()
    check("up: and follow", wait_for(lambda: len(silver(yard)) == 11, 20), silver(yard))
    streams = {one["name"]: one for one in json.loads(yard.get("/v1/status")[1])["streams"]}
    good, bad = streams["model.shop.events"], streams["model.shop.broken"]
    check("up: status of a model", good["state"] == "running" and good["rows"] == 11 and good["target"] ==
          "silver.events" and "bronze.events at version 11 of 11" in good["parts"], good)
    check("up: a broken one says why and harms no other", "no_such_column" in bad["error"], bad)
    check("up: stops", yard.stop() == 0)


CASES = (rows_and_copies, static_tables_and_views, refusals, upstream_changes, target_changes, several_writers, up)
