"""Latency of streams at 1,000 messages a second: from the producer's clock to the commit in _delta_log, and of pushed requests.

Run by bench/ingest/latency; --seconds N. A commit is visible when its file is there: the file's mtime is the end of the way.
"""
import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "..", "tests", "kafka"))
import up_cases  # noqa: E402 pylint: disable=wrong-import-position
from cluster import Broker, count, sql, stop, stream, wait_until  # noqa: E402 pylint: disable=wrong-import-position


def shares(values):
    ordered = sorted(values)
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)], "max": ordered[-1], "n": len(ordered)}


def kafka(folder, seconds, rate=1000):
    broker = Broker(os.path.join(folder, "broker")).start()
    lake = os.path.join(folder, "lake")
    try:
        broker.create("paced", 8)
        live = stream(broker, lake, "paced", "bronze.paced", "--max-lag", "1s")
        producer = broker.producer(**{"linger.ms": 0})
        payload = json.dumps({"event_id": 1, "pad": "x" * 110}).encode()
        began, sent = time.time(), 0
        while sent < seconds * rate:
            due = int((time.time() - began) * rate)
            for _ in range(max(0, due - sent)):
                producer.produce("paced", payload, timestamp=int(time.time() * 1000))
                sent += 1
            producer.poll(0)
            time.sleep(0.002)
        producer.flush(30)
        wait_until(lambda: count(lake, "bronze.paced") == sent, 60, "the rows")
        stop(live)
        log = os.path.join(lake, "bronze", "paced", "_delta_log")
        stamps = []
        for name in sorted(os.listdir(log)):
            if not name.endswith(".json"):
                continue
            with open(os.path.join(log, name), encoding="utf-8") as lines:
                adds = [json.loads(line)["add"] for line in lines if '"add":' in line[:8]]
            if sum(json.loads(add["stats"])["numRecords"] for add in adds):
                stamps.append(os.stat(os.path.join(log, name)).st_mtime)
        batches = sql(lake, "SELECT unix_micros(ingestion_timestamp) AS at, collect_list(unix_micros(event_timestamp)) AS events "
                            "FROM bronze.paced GROUP BY 1 ORDER BY 1")
        assert len(batches) == len(stamps), (len(batches), len(stamps))
        # The first seconds are the group's join.
        ways = [stamp - event / 1e6 for batch, stamp in zip(batches, stamps) for event in batch["events"] if event / 1e6 > began + 8]
        return shares(ways)
    finally:
        broker.stop()


def push(folder, seconds, clients=4):
    project = os.path.join(folder, "p")
    up_cases.project(project, {"in": "kind: push\ninto: bronze.pushed\nanonymous: true\n"})
    up = up_cases.Up(project)
    took = []

    def client(number):
        link = http.client.HTTPConnection("127.0.0.1", up.port)
        until, sent = time.time() + seconds, 0
        while time.time() < until:
            started = time.time()
            link.request("POST", "/v1/streams/in", json.dumps({"client": number, "n": sent, "pad": "x" * 100}),
                         {"Content-Type": "application/json"})
            reply = link.getresponse()
            reply.read()
            assert reply.status == 200, reply.status
            took.append(time.time() - started)
            sent += 1
            time.sleep(0.02)
    try:
        wait_until(lambda: up.stream("in").get("state") == "running" and up.stream("in").get("parts"), 30, "the stream")
        threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {**shares(took), "mean": statistics.mean(took)}
    finally:
        up.stop()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--only", choices=["kafka", "push"])
    arguments = options.parse_args()
    for name, measure in (("kafka", kafka), ("push", push)):
        if arguments.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="tarn-latency-") as folder:
                found = measure(folder, arguments.seconds)
            print(name, ", ".join(f"{key} {value * 1000:.0f} ms" if key != "n" else f"{value} of them" for key, value in found.items()))


main()
