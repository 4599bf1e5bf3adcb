"""One topic of 8 partitions into a table: Tarn, Python (confluent-kafka + delta-rs), Kafka Connect (Iceberg's sink).

The peers take turns within one run; each sample is a process of its own on a table of its own. Figures: CPU seconds
(user + system) per million messages, wall, peak memory; the broker's CPU is nobody's. results.json and table.md.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "kafka"), os.path.join(HERE, "peers"), os.path.join(ROOT, "bench", "delta"), HERE]
from cluster import CACHE, TARN, Broker, count as rows_in, wait_until  # noqa: E402
from measure import process_cpu  # noqa: E402
import fastavro  # noqa: E402
import iceberg_connect  # noqa: E402
import topics  # noqa: E402
from report import machine  # noqa: E402
from up_cases import Registry  # noqa: E402

NAMES = {"tarn": "Tarn", "bytes": "Python, bytes", "python": "Python, columns", "connect": "Kafka Connect"}


def tarn(case, folder):
    if case["schema"] is not None:
        return tarn_with_registry(case, folder)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([TARN, "ingest", "kafka", case["topic"], "--brokers", case["broker"].address, "--into", "bronze.t",
                           "--lake", folder + "/lake", "--until-end", "--no-progress", "--format", "json"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "wall": time.perf_counter() - started,
            "peak_mib": after.ru_maxrss / 1024, "rows": rows_in(folder + "/lake", "bronze.t")}


def tarn_with_registry(case, folder):
    """`tarn up`: ids looked up, unknown ones refused, schema_version filled."""
    os.makedirs(folder + "/sources")
    with open(folder + "/lake.yml", "w", encoding="utf-8") as out:
        out.write("lake: lake\n")
    with open(folder + "/sources/t.yml", "w", encoding="utf-8") as out:
        out.write(f"kind: kafka\nbrokers: {case['broker'].address}\ntopics: [{case['topic']}]\ninto: bronze.t\nmax_lag: 10s\n"
                  f"registry:\n  url: {case['registry'].url}\n")
    started = time.perf_counter()
    up = subprocess.Popen([TARN, "up", folder], stderr=subprocess.DEVNULL)
    try:
        cpu, committed = 0.0, 0
        while committed < case["count"]:
            time.sleep(0.3)
            cpu, wall = process_cpu(up.pid), time.perf_counter() - started
            committed = added_rows(folder + "/lake/bronze/t")
            assert time.perf_counter() - started < 300, f"{committed} rows after 300 s"
        with open(f"/proc/{up.pid}/status", encoding="utf-8") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    finally:
        up.terminate()
        up.wait()
    return {"cpu": cpu, "wall": wall, "peak_mib": peak / 1024, "rows": rows_in(folder + "/lake", "bronze.t")}


def added_rows(table):
    total, log = 0, os.path.join(table, "_delta_log")
    for name in os.listdir(log) if os.path.isdir(log) else []:
        if name.endswith(".json"):
            with open(os.path.join(log, name), encoding="utf-8") as file:
                total += sum(json.loads(json.loads(line)["add"]["stats"])["numRecords"] for line in file if '"add"' in line[:8])
    return total


def python_bytes(case, folder):
    return python(case, folder, "bytes")


def python(case, folder, form="json"):
    command = [os.path.join(CACHE, "ingest-peer-venv", "bin", "python"), os.path.join(HERE, "peers", "python_deltalake.py"),
               case["broker"].address, case["topic"], folder + "/table", str(case["count"]), "100000"]
    if form != "bytes" and case["schema"] is not None:
        form = folder + "/schema.json"
        with open(folder + "/schema.json", "w", encoding="utf-8") as out:
            json.dump(case["schema"], out)
    done = subprocess.run([*command, form], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return {**json.loads(done.stdout), "rows": added_rows(folder + "/table")}


def connect(case, folder):
    converter = iceberg_connect.JSON if case["schema"] is None else iceberg_connect.avro(case["registry"].url)
    return iceberg_connect.run(case["broker"], case["topic"], folder, case["count"], converter)


PEERS = {"tarn": tarn, "bytes": python_bytes, "python": python, "connect": connect}


def sample(peer, case, work):
    folder = tempfile.mkdtemp(dir=work)
    case = {**case, "topic": case["topic"]}
    try:
        out = PEERS[peer](case, folder)
        assert out["rows"] == case["count"], f"{out['rows']} rows of {case['count']}"
        return {**out, "per_million": out["cpu"] * 1e6 / case["count"]}
    except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
        return {"error": str(error)[-400:]}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def medians(samples):
    good = [s for s in samples if "error" not in s]
    if not good:
        return {"error": samples[-1]["error"]}
    return {key: statistics.median(s[key] for s in good) for key in ("cpu", "wall", "peak_mib", "per_million")} | {
        "samples": len(good)}


def table(results, facts):
    lines = ["# Kafka into a table", "", f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
             f"{facts['file_system']}, Linux {facts['kernel']}; load {facts['load_at_start']:.1f} at the start. 8 partitions; a cell: CPU s per "
             "million messages / messages per CPU second / MiB of payload per CPU second / peak MiB. Tarn syncs each commit "
             "and keeps the exact bytes, their MD5 and headers; Python commits offsets beside the table (at least once); "
             "Connect and Python, columns, split JSON and Avro into columns.", "", "| topic | " + " | ".join(NAMES[p] for p in PEERS) + " | ratios |",
             "|---" * (len(PEERS) + 2) + "|"]
    for name, row in results.items():
        cells = []
        for peer in PEERS:
            cell = row["peers"].get(peer, {"error": "not run"})
            if "error" in cell:
                cells.append(cell["error"][:80])
                continue
            each = row["bytes"] / row["count"]
            cells.append(f"{cell['per_million']:.2f} / {1e6 / cell['per_million']:,.0f} / "
                         f"{1e6 / cell['per_million'] * each / 2**20:.0f} / {cell['peak_mib']:.0f}")
        mine = row["peers"].get("tarn", {}).get("per_million")
        ratios = [f"{NAMES[p]} {row['peers'][p]['per_million'] / mine:.1f}x" for p in ("bytes", "python", "connect")
                  if mine and "per_million" in row["peers"].get(p, {})]
        lines.append(f"| {name}, {row['count']:,} x {row['bytes'] / row['count']:.0f} B | " + " | ".join(cells) + " | " +
                     ", ".join(ratios) + " |")
    return "\n".join(lines) + "\n"


def cases(arguments, broker, registry):
    schema_id = registry.register("orders-avro-value", topics.SCHEMA)
    parsed = fastavro.parse_schema(topics.SCHEMA)
    known = {"json-142": (arguments.count, None, lambda i: topics.text(i, 142)),
             "json-1k": (arguments.count // 2, None, lambda i: topics.text(i, 1000)),
             "orders-avro": (arguments.count, topics.SCHEMA, lambda i: topics.avro(i, schema_id, parsed))}
    for name, (count, schema, make) in known.items():
        if not arguments.only or name in arguments.only.split(","):
            print(f"filling {name}", file=sys.stderr, flush=True)
            yield name, {"topic": name, "count": count, "schema": schema, "broker": broker, "registry": registry,
                         "bytes": topics.fill(broker, name, count, make)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="messages of a topic (half of it for 1 KB)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="json-142,json-1k,orders-avro")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--out", default="build/bench-ingest")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    facts, results = machine(arguments.out), {}
    with tempfile.TemporaryDirectory(prefix="tarn-bench-") as work:
        broker, registry = Broker(work + "/kafka").start(), None
        try:
            broker.create("control-iceberg")
            registry = Registry(work)
            for name, case in cases(arguments, broker, registry):
                samples = {peer: [] for peer in arguments.peers.split(",")}
                for turn in range(arguments.rounds):
                    for peer, taken in samples.items():
                        taken.append(sample(peer, case, work))
                        print(f"{name} round {turn + 1} {peer}: {taken[-1]}", file=sys.stderr, flush=True)
                results[name] = {"count": case["count"], "bytes": case["bytes"], "samples": samples,
                                 "peers": {peer: medians(taken) for peer, taken in samples.items()}}
                broker.delete(name)
        finally:
            broker.stop()
            if registry:
                registry.stop()
    with open(os.path.join(arguments.out, "results.json"), "w", encoding="utf-8") as out:
        json.dump({"machine": facts, "results": results}, out, indent=1)
    with open(os.path.join(arguments.out, "table.md"), "w", encoding="utf-8") as out:
        out.write(table(results, facts))
    print(table(results, facts))


if __name__ == "__main__":
    main()
