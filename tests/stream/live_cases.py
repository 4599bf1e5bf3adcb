"""Streams and streaming models together: a lake in S3 with two processes, and a backfill beside a live stream."""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "s3"))
from server import BINARY, Server  # noqa: E402
from yard import BIN, Yard, call, wait_for  # noqa: E402

MODEL = """
select
  get_json_object(decode(raw_payload, 'UTF-8'), '$.id') as event_id,
  cast(get_json_object(decode(raw_payload, 'UTF-8'), '$.at') as timestamp) as occurred_at,
  ingestion_timestamp as ingested_at,
  source_system
from {{ source('bronze', 'events') }}
"""


def now():
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".%03dZ" % (seconds % 1 * 1000)


class Sender(threading.Thread):
    """Pushes rows to whichever process takes them, until it is told to end; remembers what was answered 200."""

    def __init__(self, ports, rows, pause):
        super().__init__()
        self.ports, self.rows, self.pause = ports, rows, pause
        self.ended = threading.Event()
        self.sent = 0

    def run(self):
        number = 0
        while not self.ended.is_set():
            body = "".join(json.dumps({"id": "p%d-%d" % (number, i), "at": now()}) + "\n" for i in range(self.rows))
            taken = False
            while not taken and not self.ended.is_set():
                for port in list(self.ports):
                    try:
                        taken = call("POST", port, "/v1/streams/in", body)[0] == 200
                    except OSError:
                        pass
                    if taken:
                        break
                else:
                    time.sleep(0.1)
            self.sent += self.rows if taken else 0
            number += 1
            time.sleep(self.pause)


def prepare(yard):
    yard.write("lake.yml", "lake: %s\nhttp: 127.0.0.1:0\n" % yard.lake)
    yard.write("sources/in.yml", "kind: push\ninto: bronze.events\nanonymous: true\n")
    yard.model("events", MODEL, unique_key="event_id", event_time="occurred_at", arrival_time="ingested_at",
               watermark="10 minutes", poll="100ms")


def counts(yard, where="true"):
    try:
        return yard.sql("select count(*) as n, count(distinct event_id) as d from silver.events where " + where)[0]
    except RuntimeError:
        return {"n": 0, "d": 0}


def lake_in_s3(check):
    if not os.access(BINARY, os.X_OK):
        check("a lake in S3 # SKIP no S3 server: Go was missing when scripts/bootstrap --test ran",
              not os.environ.get("CI"))
        return
    server = Server()
    server.make_bucket("lake")
    yard = Yard("s3://lake/shop", server.environment())
    processes = []
    try:
        prepare(yard)
        processes = [yard.spawn("--instance", name) for name in ("one", "two")]
        sender = Sender([port for _, port in processes], rows=20, pause=0.1)
        sender.start()
        check("S3: rows come through to Silver", wait_for(lambda: counts(yard)["n"] > 100, 60), counts(yard))

        def holder():
            for process, port in processes:
                streams = {one["name"]: one for one in json.loads(yard.get("/v1/status", port)[1])["streams"]}
                if streams["model.shop.events"]["state"] == "running":
                    return process, port
            return None
        victim = holder()
        victim[0].send_signal(signal.SIGKILL)
        victim[0].wait()
        processes.remove(victim)
        killed, before = time.time(), counts(yard)["n"]
        grows = wait_for(lambda: counts(yard)["n"] > before + 200, 60)
        took = time.time() - killed
        check("S3: the other process takes over", grows and took < 30, took)
        print("# S3: rows of the other process in Silver %.1f s after a kill" % took, flush=True)
        time.sleep(3)
        sender.ended.set()
        sender.join()
        check("S3: every row that was answered is in Silver once",
              wait_for(lambda: counts(yard) == {"n": sender.sent, "d": sender.sent}, 60), (counts(yard), sender.sent))
        fresh = yard.sql("select * from system.freshness where table_name = 'silver.events'")
        check("S3: system.freshness says the lag from event to Silver",
              len(fresh) == 1 and fresh[0]["model"] == "model.shop.events" and 0 <= fresh[0]["lag_p50_seconds"] < 15, fresh)
        print("# S3: event to Silver commit, of the newest row of a batch: p50 %.2f s, p99 %.2f s"
              % (fresh[0]["lag_p50_seconds"], fresh[0]["lag_p99_seconds"]), flush=True)
        metrics = yard.get("/metrics", processes[0][1])[1]
        check("S3: the model's lag is a metric", 'tarn_stream_lag_seconds{stream="model.shop.events"' in metrics, metrics)
        for process, _ in processes:
            process.send_signal(signal.SIGTERM)
        check("S3: a clean stop", [process.wait(30) for process, _ in processes] == [0])
        processes = []
    finally:
        for process, _ in processes:
            process.kill()
            process.wait()
        yard.close()
        server.stop()


def backfill(check, seed):
    """Old files into the Bronze table that a live stream writes; killed again and again."""
    rng = random.Random(seed)
    yard = Yard()
    try:
        prepare(yard)
        rows = 0
        for number in range(6):
            count = 2000 * (number + 1)
            yard.write("old/part-%d.ndjson" % number, "".join(
                json.dumps({"id": "f%d-%d" % (number, i), "at": "2025-06-01T00:00:00Z"}) + "\n" for i in range(count)))
            rows += count
        yard.start()
        sender = Sender([yard.port], rows=5, pause=0.05)
        sender.start()
        command = [BIN, "ingest", "files", "old", "--into", "bronze.events", "--lake", yard.lake, "--source-system",
                   "backfill", "--event-time", "at", "--max-rows-per-second", "8000", "--format", "json"]
        kills = 0
        while kills < 4:
            process = subprocess.Popen(command, cwd=yard.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.3, 1.5))
            kills += process.poll() is None
            process.kill()
            process.wait()
        began = time.time()
        code, out, err = yard.tarn(*command[1:])
        rest = json.loads(out)["rows"] if code == 0 else 0
        took = time.time() - began
        check("backfill: goes on where it was killed", code == 0, err)
        check("backfill: not faster than it may be", rest <= 8000 * (took + 1.5), (rest, took))
        code, out, err = yard.tarn(*command[1:])
        check("backfill: a second run adds nothing", code == 0 and json.loads(out)["rows"] == 0, out + err)
        fresh = yard.sql("select * from system.freshness where table_name = 'bronze.events'")
        check("backfill: system.freshness of Bronze", len(fresh) == 1 and fresh[0]["model"] is None and
              str(fresh[0]["event_time"]).startswith("2025-06-01") and fresh[0]["lag_seconds"] > 1e7, fresh)
        sender.ended.set()
        sender.join()
        bronze = yard.sql("select count(*) as n from bronze.events where source_system = 'backfill'")[0]["n"]
        check("backfill: every row of the files is in Bronze once", bronze == rows, (bronze, rows))
        wanted = {"n": rows + sender.sent, "d": rows + sender.sent}
        check("backfill: Silver has files and stream, each row once",
              sender.sent > 0 and wait_for(lambda: counts(yard) == wanted, 60), (counts(yard), wanted))
        check("backfill: old rows are late, live ones are not",
              yard.sql("select count(*) as n from silver.events where is_late != (source_system = 'backfill')")[0]["n"]
              == 0)
        check("backfill: the stream beside it never failed",
              all(one["state"] == "running" and not one["error"] and (one["kind"] == "model" or one["restarts"] == 0)
                  for one in json.loads(yard.get("/v1/status")[1])["streams"]),
              yard.get("/v1/status"))
        code, _, err = yard.tarn("ingest", "files", os.path.join(yard.lake, "silver", "events"), "--into", "bronze.x",
                                 "--lake", yard.lake)
        check("backfill: a Delta table is not taken for a folder of Parquet", code == 2 and "delta_scan" in err, err)
        check("backfill: a clean stop", yard.stop() == 0)
    finally:
        yard.close()
