"""Runs the same dbt project with dbt-core + dbt-duckdb and with Tarn and compares everything.

compare(project, commands) copies the project twice, runs the commands in both and returns a list of
differences: results of nodes (status, failures), and every table and view row by row, columns and types.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import time

CACHE = pathlib.Path(os.environ.get("TARN_CACHE", pathlib.Path.home() / ".cache/tarn"))
ROOT = pathlib.Path(__file__).resolve().parents[2]
# Commands run in the project's folder, so the path must not depend on where the suite was started.
TARN = pathlib.Path(os.environ.get("TARN_BIN", ROOT / "build/release/tarn")).absolute()
DBT = CACHE / "dbt-venv/bin/dbt"
PYTHON = CACHE / "dbt-venv/bin/python"
ENV = {**os.environ, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "TZ": "UTC",
       "DBT_USE_COLORS": "false"}
# Times of the run itself differ between two runs.
VOLATILE = {"dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id"}


def run(command, cwd, env=None):
    return subprocess.run([str(word) for word in command], cwd=cwd, env={**ENV, **(env or {})},
                          capture_output=True, text=True)


def profile(folder, name, schema):
    (folder / "profiles.yml").write_text(
        f"{name}:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: lake.duckdb\n"
        f"      schema: {schema}\n      threads: 2\n")


def results_of(folder):
    path = folder / "target/run_results.json"
    if not path.exists():
        return {}
    return {r["unique_id"]: (r["status"], r["failures"], r["message"]) for r in json.loads(path.read_text())["results"]}


ORACLE_DUMP = """
import duckdb, json, sys
con = duckdb.connect('lake.duckdb', read_only=True)
con.execute("set timezone = 'UTC'")
con.execute('set enable_progress_bar = false')
out = {}
for schema, name in json.loads(sys.stdin.read()):
    try:
        types = con.execute(f'describe select * from "{schema}"."{name}"').fetchall()
        rows = con.execute(f'select cast(columns(*) as varchar) from "{schema}"."{name}"').fetchall()
        out[f'{schema}.{name}'] = {'types': [[t[0], t[1]] for t in types], 'rows': rows}
    except Exception as e:
        out[f'{schema}.{name}'] = {'error': str(e).split(chr(10))[0]}
print(json.dumps(out))
"""


def oracle_tables(folder, names):
    done = subprocess.run([str(PYTHON), "-c", ORACLE_DUMP], cwd=folder, env=ENV, text=True, capture_output=True,
                          input=json.dumps(names))
    return json.loads(done.stdout) if done.returncode == 0 else {"": {"error": done.stderr[-500:]}}


def tarn_query(folder, sql):
    return run([TARN, "sql", "--lake", "lake.lake", "--dialect", "duckdb", "--format", "json", "-q", "-c", sql],
               folder)


def tarn_tables(folder, names):
    out = {}
    for schema, name in names:
        types = tarn_query(folder, f'describe select * from lake."{schema}"."{name}"')
        rows = tarn_query(folder, f'select cast(columns(*) as varchar) from lake."{schema}"."{name}"')
        if types.returncode or rows.returncode:
            out[f"{schema}.{name}"] = {"error": (types.stderr or rows.stderr).strip()}
            continue
        parsed = json.loads(rows.stdout or "[]")
        out[f"{schema}.{name}"] = {
            "types": [[t["column_name"], t["column_type"]] for t in json.loads(types.stdout)],
            "rows": [list(row.values()) for row in parsed]}
    return out


def said(result):
    """A result in words; why, where there was an error."""
    status, failures, message = (*result, None, None)[:3]
    if status in ("error", "fail", "warn") and message:
        return f"{status} ({failures}: {' '.join(message.split())[:160]})"
    return f"{status} ({failures})"


def relations_of(folder):
    manifest = json.loads((folder / "target/manifest.json").read_text())
    names = []
    for node in manifest["nodes"].values():
        if node["resource_type"] in ("model", "seed", "snapshot") and \
                node["config"]["materialized"] not in ("ephemeral",):
            names.append((node["schema"], node["alias"]))
    return sorted(set(names))


# What Delta keeps a DuckDB type as: every value the same, the name not.
STORED = {"HUGEINT": "DECIMAL(38,0)", "UBIGINT": "DECIMAL(20,0)", "UINTEGER": "BIGINT", "USMALLINT": "INTEGER",
          "UTINYINT": "SMALLINT", "UUID": "VARCHAR", "JSON": "VARCHAR"}


def stored(types):
    return [[name, STORED.get(type_name, type_name)] for name, type_name in types]


def compare_tables(left, right):
    for name in sorted(set(left) | set(right)):
        a, b = left.get(name, {"error": "absent"}), right.get(name, {"error": "absent"})
        if "error" in a or "error" in b:
            if not ("error" in a and "error" in b):
                yield name, f"table {name}: dbt {a.get('error', 'ok')}, tarn {b.get('error', 'ok')}"
            continue
        if stored(a["types"]) != stored(b["types"]):
            differing = [(x, y) for x, y in zip(a["types"], b["types"]) if stored([x]) != stored([y])]
            yield name, f"table {name}: columns differ: {differing[:3] or (len(a['types']), len(b['types']))}"
        stable = [i for i, (column, _) in enumerate(a["types"]) if column not in VOLATILE]
        key = lambda row: [str(row[i]) for i in stable]
        rows_a, rows_b = sorted(map(key, a["rows"])), sorted(map(key, b["rows"]))
        if rows_a != rows_b:
            first = next((x for x in zip(rows_a, rows_b) if x[0] != x[1]), None)
            yield name, f"table {name}: {len(rows_a)} rows in dbt, {len(rows_b)} in tarn; first difference {first}"


def run_all(side, folder, commands, work, env):
    """Each command's outcome and the results it left."""
    program = [DBT] if side == "dbt" else [TARN, "dbt"]
    outcomes, begun = [], time.monotonic()
    for words in commands:
        more = [] if side == "dbt" else ["--no-fsync"]
        (folder / "target/run_results.json").unlink(missing_ok=True)
        done = run([*program, *words, "--profiles-dir", ".", *more], folder, env)
        (work / f"{side}-{words[0]}.log").write_text(done.stdout + done.stderr)
        outcomes.append((done, results_of(folder)))
    return outcomes, time.monotonic() - begun


def prepare(source, folder, inside, packages):
    """A copy of `source` whose folder `inside` is the project; its packages are where `dbt deps` puts them."""
    shutil.rmtree(folder, ignore_errors=True)
    ignore = shutil.ignore_patterns("target", "logs", "*.duckdb", "*.lake", ".git", "dbt_packages", "profiles.yml")
    shutil.copytree(source, folder, ignore=ignore)
    project = folder / inside
    if packages:
        (project / "dbt_packages").mkdir()
    for name, package in packages.items():
        place = project / "dbt_packages" / name
        if pathlib.Path(package) == pathlib.Path(source):
            place.symlink_to(folder)  # as dbt does with `local: ../`
        else:
            shutil.copytree(package, place, ignore=shutil.ignore_patterns(".git", "integration_tests"))
    return project


def compare_results(commands, left_runs, right_runs):
    """Yields (what, line) for every result that differs; the first part names it."""
    for words, (left_done, left), (right_done, right) in zip(commands, left_runs, right_runs):
        if left_done.returncode != right_done.returncode:
            yield "exit", (f"{' '.join(words)}: exit code {left_done.returncode} in dbt, {right_done.returncode} in "
                           f"tarn: {right_done.stderr.strip()[:300]}")
        for unique_id in sorted(set(left) | set(right)):
            a, b = left.get(unique_id, ("absent",)), right.get(unique_id, ("absent",))
            if a[:2] != b[:2]:
                yield f"{words[0]} {unique_id}", (f"{' '.join(words)}: {unique_id}: {said(a)} in dbt, "
                                                  f"{said(b)} in tarn")


def compare(source, work, commands, profile_name, schema="main", env=None, inside=".", packages=None, again=False):
    """commands: lists of words after `dbt`. Returns (differences, counts).

    again: where something differs dbt runs once more; what differs between its own two runs (random(), now()) is
    counted as `unstable` and no difference.
    """
    work = pathlib.Path(work)
    folders = {}
    for side in ("dbt", "tarn"):
        folders[side] = prepare(source, work / side, inside, packages or {})
        profile(folders[side], profile_name, schema)
    # The two know nothing of each other and run side by side.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        sides = {side: pool.submit(run_all, side, folders[side], commands, work, env) for side in folders}
        (left_runs, left_time), (right_runs, right_time) = sides["dbt"].result(), sides["tarn"].result()
    wrong = list(compare_results(commands, left_runs, right_runs))
    names = relations_of(folders["dbt"]) if (folders["dbt"] / "target/manifest.json").exists() else []
    rows = oracle_tables(folders["dbt"], names)
    wrong += compare_tables(rows, tarn_tables(folders["tarn"], names))
    unstable = set()
    if wrong and again:
        third = prepare(source, work / "again", inside, packages or {})
        profile(third, profile_name, schema)
        runs, _ = run_all("dbt", third, commands, work, env)
        unstable = {what for what, _ in compare_results(commands, left_runs, runs)}
        unstable |= {what for what, _ in compare_tables(rows, oracle_tables(third, names))}
    differing = {what for what, _ in wrong} - unstable
    results = sum(len(set(left) | set(right)) for (_, left), (_, right) in zip(left_runs, right_runs))
    tables = {f"{schema_name}.{name}" for schema_name, name in names}
    return [line for what, line in wrong if what not in unstable], {
        "results": results, "results_equal": results - len(differing - tables - {"exit"}),
        "tables": len(names), "tables_equal": len(names) - len(differing & tables),
        "unstable": sorted(unstable & {what for what, _ in wrong}),
        "seconds": {"dbt": left_time, "tarn": right_time}}
