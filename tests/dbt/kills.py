#!/usr/bin/env python3
"""kill -9 of `tarn dbt build` at random moments, then `retry`: every table equals an undisturbed build's.

kills.py [N]: N kills (`make crash-dbt`, 100). TARN_SEED replays a run. Half of the builds are a project's first, half
its second, whose incremental models add rows: a model run twice, or not at all, shows in its rows.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import oracle

SCHEMA = "gold"
ADDING = "{{{{ config(materialized='incremental', incremental_strategy='append') }}}}\n" \
         "select id, {n} as model, cast('{{{{ var(\"run\") }}}}' as int) as run from {{{{ ref('wide_{n}') }}}} where id % 1000 = {n}"
# By what a second run must not do twice: append adds all of its rows each time it runs.
MODELS = {
    "view": "select *, {n} as n from {{{{ ref('raw') }}}}",
    "wide": "{{{{ config(materialized='table') }}}}\nselect r.range as id, r.range * {n} as v, s.name from range(60000) r "
            "join {{{{ ref('view_{n}') }}}} s on s.id = r.range % 5",
    "appended": ADDING,
    "merged": "{{{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }}}}\n"
              "select id % 500 as id, max(v) + {{{{ var('run') }}}} as v from {{{{ ref('wide_{n}') }}}} group by 1",
    "replaced": "{{{{ config(materialized='incremental', unique_key='id') }}}}\n"
                "select id, {{{{ var('run') }}}} as run from {{{{ ref('wide_{n}') }}}} where id < 100 * {{{{ var('run') }}}}",
    "last": "{{{{ config(materialized='table', post_hook='insert into {{{{ this }}}} values (-1, 0)') }}}}\n"
            "select model, count(*) as c from {{{{ ref('appended_{n}') }}}} group by 1"}
SNAPSHOT = """{% snapshot history %}{{ config(target_schema='gold', unique_key='id', strategy='timestamp', updated_at='changed_at') }}
select id, name, changed_at from {{ ref('raw') }}{% endsnapshot %}"""
SEED = "id,name,changed_at\n0,zero,2026-01-01\n1,one,2026-01-01\n2,two,{day}\n3,drei,2026-01-01\n4,four,{day}\n"


def write(folder, path, text):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def make(folder, copies):
    write(folder, "dbt_project.yml", "name: k\nprofile: k\n")
    write(folder, "profiles.yml", f"k: {{target: dev, outputs: {{dev: {{type: duckdb, path: k.duckdb, schema: {SCHEMA}, "
                                  "threads: 3}}}\n")
    write(folder, "seeds/raw.csv", SEED.format(day="2026-01-01"))
    write(folder, "snapshots/history.sql", SNAPSHOT)
    for n in range(copies):
        for name, text in MODELS.items():
            write(folder, f"models/{name}_{n}.sql", text.format(n=n))
    names = [f"merged_{n}" for n in range(copies)]
    write(folder, "models/schema.yml", "models:\n" + "".join(
        f"  - {{name: {name}, columns: [{{name: id, data_tests: [unique, not_null]}}]}}\n" for name in names))


def command(words):
    return [str(oracle.TARN), "dbt", *words, "--profiles-dir", ".", "--no-fsync"]


def build_words(run):
    return ["build", "--vars", f"{{run: {run}}}"]


def tables(folder):
    """Rows and a digest of them, whatever their order, of everything there is."""
    def sql(text):
        done = oracle.run([oracle.TARN, "sql", "--lake", "k.lake", "--dialect", "duckdb", "--format", "json", "-q", "-c",
                           text], folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    names = [row["table_name"] for row in sql("select table_name from information_schema.tables where table_schema = "
                                              f"'{SCHEMA}' and table_catalog = 'lake' order by 1")]
    digests = sql(" union all ".join(f"select '{name}' as name, count(*) as rows, sum(hash(t))::varchar as digest "
                                     f"from {SCHEMA}.{name} t" for name in names))
    return {row["name"]: (row["rows"], row["digest"]) for row in digests}


def finished(folder):
    path = folder / "target/run_results.json"
    return json.loads(path.read_text())["metadata"]["invocation_id"] if path.exists() else ""


def undisturbed(folder, run):
    done = oracle.run(command(build_words(run)), folder)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return tables(folder)


def killed(words, folder, after):
    """True when the process was still there to be killed."""
    process = subprocess.Popen(command(words), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=after)
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True


def take_up(folder, before, run, rng, longest):
    """retry until all is done, itself killed now and then; build where the kill came before anything began."""
    kills = 0
    for _ in range(20):
        begun = (folder / "target/run_journal.ndjson").exists()
        if not begun and finished(folder) != before:
            return kills
        words = ["retry"] if begun else build_words(run)
        if kills < 3 and rng.random() < 0.3:
            if not killed(words, folder, rng.uniform(0, longest)):
                return kills
            kills += 1
            continue
        done = oracle.run(command(words), folder)
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr}"
        if begun:
            return kills
    raise AssertionError("twenty retries did not come to an end")


def run(count, work, report=lambda text: None):
    """Kills `count` builds; returns what happened. AssertionError names the table and the seed."""
    seed = int(os.environ.get("TARN_SEED", "0")) or random.randrange(1, 1 << 31)
    rng = random.Random(seed)
    empty, base = pathlib.Path(work) / "empty", pathlib.Path(work) / "base"
    make(empty, 4)
    shutil.copytree(empty, base)
    started = time.monotonic()
    expected = [undisturbed(base, 1)]
    longest = time.monotonic() - started
    write(base, "seeds/raw.csv", SEED.format(day="2026-02-02"))
    second = pathlib.Path(work) / "second"
    shutil.copytree(base, second)
    expected.append(undisturbed(second, 2))
    facts = {"kills": 0, "kills of retries": 0, "before the first node": 0, "too late": 0, "seed": seed}
    while facts["kills"] < count:
        number = facts["kills"] % 2
        folder = pathlib.Path(work) / "killed"
        shutil.copytree((empty, base)[number], folder)
        before = finished(folder)
        if not killed(build_words(number + 1), folder, rng.uniform(0, longest)):
            facts["too late"] += 1
        else:
            facts["kills"] += 1
            facts["before the first node"] += not (folder / "target/run_journal.ndjson").exists()
            facts["kills of retries"] += take_up(folder, before, number + 1, rng, longest)
        found = tables(folder)
        assert found.keys() == expected[number].keys(), f"seed {seed}: {found.keys() ^ expected[number].keys()}"
        for name, rows in expected[number].items():
            assert found[name] == rows, f"seed {seed}, kill {facts['kills']}, {name}: {found[name]}, not {rows}"
        shutil.rmtree(folder)
        report(facts)
    return facts


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 100, folder, lambda facts: print(facts, flush=True)))
