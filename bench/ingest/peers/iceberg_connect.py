"""Kafka Connect (standalone worker) with Iceberg's sink into a table of a Hadoop catalog on the local disk.

Start-up of the JVM is not in the figure: the clock starts when the worker answers, before the connector is made,
and ends when the table's newest snapshot has all records.
"""
import glob
import json
import os
import subprocess
import sys
import time
import urllib.request

from cluster import CACHE, free_port, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "delta"))
from measure import process_cpu  # noqa: E402

LIBS = os.path.join(CACHE, "connect-iceberg-1.12.0", "libs")
JSON = {"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}


def avro(registry_url):
    base = registry_url.split("/apis/")[0] + "/apis/registry/v2"
    return {"value.converter": "io.apicurio.registry.utils.converter.AvroConverter",
            "value.converter.apicurio.registry.url": base, "value.converter.apicurio.registry.as-confluent": "true",
            "value.converter.apicurio.use-id": "contentId"}


def call(port, method, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.loads(reply.read() or b"{}")
    except OSError:
        return None


def records(table):
    """What the newest snapshot says it holds."""
    found = glob.glob(os.path.join(table, "metadata", "v*.metadata.json"))
    if not found:
        return 0
    newest = max(found, key=lambda path: int(os.path.basename(path)[1:].split(".")[0]))
    with open(newest, encoding="utf-8") as file:
        metadata = json.load(file)
    current = metadata.get("current-snapshot-id")
    return next((int(s["summary"]["total-records"]) for s in metadata.get("snapshots", []) if s["snapshot-id"] == current), 0)


def run(broker, topic, folder, count, converter, commit_ms=10_000, tasks=1):
    port = free_port()
    with open(os.path.join(folder, "worker.properties"), "w", encoding="utf-8") as out:
        out.write("\n".join([f"bootstrap.servers={broker.address}", f"listeners=http://127.0.0.1:{port}",
                             "key.converter=org.apache.kafka.connect.storage.StringConverter",
                             "value.converter=org.apache.kafka.connect.json.JsonConverter",
                             f"offset.storage.file.filename={folder}/offsets", "consumer.auto.offset.reset=earliest",
                             "consumer.max.poll.records=5000", "connector.client.config.override.policy=All"]) + "\n")
    with open(os.path.join(folder, "connect.log"), "wb") as log:
        worker = subprocess.Popen(["java", "-Xmx2g", "-cp", LIBS + "/*", "org.apache.kafka.connect.cli.ConnectStandalone",
                                   os.path.join(folder, "worker.properties")], stdout=log, stderr=log, cwd=folder)
    try:
        wait_until(lambda: call(port, "GET", "/connectors") is not None, 90, "Kafka Connect")
        cpu, wall = process_cpu(worker.pid), time.perf_counter()
        made = call(port, "POST", "/connectors", {"name": topic, "config": {
            "connector.class": "org.apache.iceberg.connect.IcebergSinkConnector", "tasks.max": str(tasks), "topics": topic,
            "iceberg.tables": "bench." + topic.replace("-", "_"), "iceberg.tables.auto-create-enabled": "true",
            "iceberg.catalog.type": "hadoop", "iceberg.catalog.warehouse": f"file://{folder}/warehouse",
            "iceberg.control.topic": "control-iceberg", "iceberg.control.commit.interval-ms": str(commit_ms), "iceberg.control.commit.timeout-ms": "5000",
            **converter}})
        assert made is not None, "Kafka Connect refused the connector; see " + folder + "/connect.log"
        table = os.path.join(folder, "warehouse", "bench", topic.replace("-", "_"))
        wait_until(lambda: records(table) >= count, 300, "Iceberg's sink")
        with open(f"/proc/{worker.pid}/status", encoding="utf-8") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        return {"cpu": process_cpu(worker.pid) - cpu, "wall": time.perf_counter() - wall, "peak_mib": peak / 1024,
                "rows": records(table)}
    finally:
        worker.kill()
        worker.wait()
