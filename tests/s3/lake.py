"""Running tarn on a lake in S3, writers that keep books, and the judges who read the table without Tarn."""
import json
import os
import subprocess
import threading
import time

ROOT = os.environ.get("TARN_ROOT", os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
BUILD = os.path.abspath(os.environ.get("TARN_BUILD", os.path.join(ROOT, "build", "release")))
TARN = os.environ.get("TARN_BIN", os.path.join(BUILD, "tarn"))
CACHE = os.environ.get("TARN_CACHE", os.path.expanduser("~/.cache/tarn"))
PEER = os.path.join(CACHE, "deltalake-venv", "bin", "python")
UNKNOWN = "may or may not have been made"


def tarn(environment, *arguments, timeout=300):
    return subprocess.run([TARN, *arguments], env=environment, capture_output=True, text=True, timeout=timeout)


def sql(environment, lake, text, *options, timeout=300):
    return tarn(environment, "sql", "--lake", lake, *options, "-c", text, timeout=timeout)


def rows(environment, lake, text, *options):
    done = sql(environment, lake, text, "--format", "ndjson", *options)
    if done.returncode != 0:
        raise AssertionError(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def peer(environment, code, *arguments):
    """Runs Python with delta-rs; returns what the code prints, as JSON."""
    done = subprocess.run([PEER, "-c", code, *arguments], env={**environment, "AWS_ALLOW_HTTP": "true"},
                          capture_output=True, text=True, timeout=300)
    # delta-rs' own threads now and then abort the process when it ends, after all was said and done.
    if done.returncode != 0 and not (done.stdout.endswith("\n") and "without an active exception" in done.stderr):
        raise AssertionError(done.stderr.strip()[-600:])
    return json.loads(done.stdout)


PEER_ROWS = """
import json, sys
from deltalake import DeltaTable
table = DeltaTable(sys.argv[1])
data = table.to_pyarrow_table() if hasattr(table, "to_pyarrow_table") else table.to_pyarrow_dataset().to_table()
print(json.dumps({"version": table.version(), "rows": data.to_pylist()}, default=str), flush=True)
"""


class Writer(threading.Thread):
    """Commits rows (writer, 0) … (writer, count - 1), one INSERT each, in tarn processes; a statement that fails is not
    tried again. `acknowledged`, `refused` and `unknown` are the books; `errors` what was said."""

    def __init__(self, environment, lake, number, count, per_process=10):
        super().__init__()
        self.environment, self.lake, self.number, self.count = environment, lake, number, count
        self.per_process = per_process
        self.acknowledged, self.refused, self.unknown, self.errors = [], [], [], []

    def run(self):
        at = 0
        while at < self.count:
            until = min(self.count, at + self.per_process)
            script = "".join(f"INSERT INTO silver.t VALUES ({self.number}, {i}, repeat('x', 20));\n" for i in range(at, until))
            done = sql(self.environment, self.lake, script, timeout=900)
            made = done.stdout.count("INSERT: 1 row\n")
            self.acknowledged += range(at, at + made)
            at += made
            if done.returncode != 0:
                (self.unknown if UNKNOWN in done.stderr else self.refused).append(at)
                self.errors.append(done.stderr.strip())
                at += 1


def write(environment, lake, writers, commits, meanwhile=None, interval=10):
    # The judge reads no deletion vectors.
    made = sql(environment, lake, "CREATE TABLE silver.t (writer INT, seq INT, payload STRING) USING DELTA TBLPROPERTIES "
               f"('delta.enableDeletionVectors' = 'false', 'delta.checkpointInterval' = '{interval}')")
    if made.returncode != 0:
        raise AssertionError(made.stderr.strip())
    team = [Writer(environment, lake, number, commits) for number in range(writers)]
    for writer in team:
        writer.start()
    if meanwhile:
        meanwhile()
    for writer in team:
        writer.join()
    return team


def log_versions(server, *place):
    """Versions in the log, by the names of the objects themselves."""
    names = server.objects(*place, "_delta_log")
    return sorted(int(name[:20]) for name in names if name.endswith(".json") and len(name) == 25)


def log_rows(server, *place):
    """What the commits alone say, read by nothing but a JSON parser: version -> rows added, from the files' statistics."""
    out = {}
    for version in log_versions(server, *place):
        with open(server.path(*place, "_delta_log", f"{version:020d}.json"), encoding="utf-8") as file:
            actions = [json.loads(line) for line in file if line.strip()]
        out[version] = sum(json.loads(a["add"]["stats"])["numRecords"] for a in actions if "add" in a)
    return out


def judge(server, environment, bucket, prefix, team):
    """None, or what is wrong with the table after `team` wrote to it."""
    place = (bucket, *prefix.split("/"), "silver", "t")
    versions = log_versions(server, *place)
    if versions != list(range(len(versions))):
        return f"versions are not contiguous: {versions}"
    table = f"s3://{bucket}/{prefix}/silver/t"
    seen = peer(environment, PEER_ROWS, table)
    if seen["version"] != versions[-1]:
        return f"delta-rs reads version {seen['version']} of {versions[-1]}"
    counts = {}
    for row in seen["rows"]:
        counts[row["writer"], row["seq"]] = counts.get((row["writer"], row["seq"]), 0) + 1
    for writer in team:
        for seq in range(writer.count):
            count, key = counts.pop((writer.number, seq), 0), (writer.number, seq)
            if seq in writer.acknowledged and count != 1:
                return f"row {key} was acknowledged and is there {count} times"
            if seq in writer.refused and count != 0:
                return f"row {key} was refused and is there {count} times"
            if count > 1:
                return f"row {key} is there {count} times"
    if counts:
        return f"rows nobody wrote: {list(counts)[:3]}"
    total = sum(log_rows(server, *place).values())
    if total != len(seen["rows"]):
        return f"the log speaks of {total} rows, delta-rs reads {len(seen['rows'])}"
    mine = rows(environment, f"s3://{bucket}/{prefix}", "SELECT count(*) AS n, count(DISTINCT (writer, seq)) AS d FROM silver.t")
    if mine[0] != {"n": total, "d": total}:
        return f"Tarn reads {mine[0]} of {total} rows"
    return None


def wait(seconds):
    time.sleep(seconds)
