"""`tarn up` against a real broker and a real schema registry: projects, leases, status, metrics, health."""
import io
import json
import os
import signal
import struct
import subprocess
import time
import urllib.error
import urllib.request

import fastavro

from cluster import CACHE, TARN, count, expect_exactly_once, free_port, sql, wait_until

APICURIO = os.path.join(CACHE, "apicurio-2.6.13", "app")


def values(begin, end):
    return [json.dumps({"event_id": i, "pad": "x" * 60}).encode() for i in range(begin, end)]


def project(folder, sources, lake="lake"):
    os.makedirs(os.path.join(folder, "sources"))
    with open(os.path.join(folder, "lake.yml"), "w", encoding="utf-8") as out:
        out.write(f"lake: {lake}\n")
    for name, text in sources.items():
        with open(os.path.join(folder, "sources", name + ".yml"), "w", encoding="utf-8") as out:
            out.write(text)
    return os.path.join(folder, lake)


class Up:
    """One `tarn up`, its log kept."""

    def __init__(self, folder, *options):
        self.port = free_port()
        self.log_path = os.path.join(folder, f"up-{self.port}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([TARN, "up", folder, "--http", f"127.0.0.1:{self.port}", *options], stderr=log,
                                            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def stream(self, name):
        status, text = self.get("/v1/status")
        return next((s for s in json.loads(text)["streams"] if s["name"] == name), {}) if status == 200 else {}

    def log(self):
        with open(self.log_path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]

    def stop(self, sig=signal.SIGTERM):
        started = time.monotonic()
        self.process.send_signal(sig)
        self.process.wait(timeout=60)
        return time.monotonic() - started


def kafka_yml(broker, topic, more=""):
    return f"kind: kafka\nbrokers: {broker.address}\ntopics: [{topic}]\ninto: bronze.{topic}\nmax_lag: 500ms\n{more}"


def up_project(broker, folder):
    """A project runs; a stream that cannot work fails alone; status, metrics, health, JSON logs; SIGTERM ends it in time."""
    broker.create("up_a", 3)
    broker.produce("up_a", values(0, 500))
    broker.create("up_gone", 1)
    broker.produce("up_gone", values(0, 10))
    lake = project(folder, {"a": kafka_yml(broker, "up_a"),
                            "gone": kafka_yml(broker, "up_gone", "partitions: [0, 7]\n"),
                            "files": f"kind: files\npaths: {folder}/in\ninto: bronze.files\nformat: ndjson\n"})
    os.makedirs(os.path.join(folder, "in"))
    with open(os.path.join(folder, "in", "x.ndjson"), "w", encoding="utf-8") as out:
        out.write('{"a":1}\n{"a":2}\n')
    os.utime(os.path.join(folder, "in", "x.ndjson"), (time.time() - 60, time.time() - 60))
    up = Up(folder)
    try:
        wait_until(lambda: count(lake, "bronze.up_a") == 500 and count(lake, "bronze.files") == 2, 60, "the rows")
        wait_until(lambda: up.stream("gone").get("restarts", 0) >= 2, 60, "the failing stream's restarts")
        status, text = up.get("/healthz")
        problems = json.loads(text)["problems"]
        assert status == 503 and list(problems) == ["gone"] and "up_gone/7" in problems["gone"], text
        wait_until(lambda: 'tarn_stream_rows_total{stream="a",kind="kafka",target="bronze.up_a"} 500' in up.get("/metrics")[1],
                   20, "the metrics")
        assert up.get("/nothing")[0] == 404
        time.sleep(2)
        done = subprocess.run([TARN, "status", "--lake", lake, "--format", "json"], capture_output=True, text=True, check=True,
                              timeout=60)
        streams = {s["name"]: s for s in json.loads(done.stdout)[0]["streams"]}
        assert streams["a"]["rows"] == 500 and streams["a"]["lag_records"] == 0 and streams["a"]["state"] == "running", streams
        assert len(streams["a"]["parts"]) == 3 and streams["files"]["rows"] == 2, streams
    finally:
        took = up.stop()
    assert up.process.returncode == 0 and took < 10, (up.process.returncode, took)
    events = [(line["event"], line.get("stream")) for line in up.log()]
    assert ("stream started", "a") in events and ("stream failed", "gone") in events and ("stopped", None) in events, events
    expect_exactly_once(broker, lake, "bronze.up_a", "up_a")
    return f"stopped in {took:.1f} s"


def up_bad_projects(broker, folder):
    """What cannot be meant is refused in one line with file, line and the nearest name."""
    cases = [({"x": "kind: kafka\nbroker: h:1\n"}, "x.yml:2: unknown option 'broker'; did you mean 'brokers'?"),
             ({"x": "kind: kafak\n"}, "x.yml:1: unknown kind 'kafak'; did you mean 'kafka'?"),
             ({"x": "kind: kafka\nbrokers: h:1\ntopics: [t]\n"}, "x.yml:1: option 'into' is missing"),
             ({"x": kafka_yml(broker, "t", "start: soon\n")}, "x.yml:6: start: 'soon' is no start"),
             ({"x": kafka_yml(broker, "t", "properties:\n  sasl.password: plain\n")}, "a secret is given by reference"),
             ({"x": kafka_yml(broker, "t"), "y": kafka_yml(broker, "t", "stream: x\n")}, "stream 'x' is in"),
             ({"x": "kind: [\n"}, "x.yml:"), ({}, "no streams are in")]
    for number, (sources, wanted) in enumerate(cases):
        at = os.path.join(folder, str(number))
        os.makedirs(at)
        project(at, sources)
        done = subprocess.run([TARN, "up", at], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and wanted in done.stderr and done.stderr.count("\n") == 1, (wanted, done.stderr)
        assert not os.path.exists(os.path.join(at, "lake")), "a refused project left a lake"


def up_takeover(broker, folder):
    """Two processes share a lake by leases; the one with the stream is killed or sleeps: the other goes on within 15 s."""
    broker.create("leased", 2)
    lake = project(folder, {"leased": kafka_yml(broker, "leased", "partitions: [0, 1]\n")})
    first, second = Up(folder, "--instance", "first"), None
    said = []
    try:
        wait_until(lambda: first.stream("leased").get("state") == "running", 30, "the first process")
        second = Up(folder, "--instance", "second")
        wait_until(lambda: second.stream("leased").get("holder") == "first", 30, "the second process waits")
        broker.produce("leased", values(0, 300))
        wait_until(lambda: count(lake, "bronze.leased") == 300, 30, "the first rows")
        started = time.monotonic()
        first.process.send_signal(signal.SIGSTOP)
        broker.produce("leased", values(300, 600))
        wait_until(lambda: count(lake, "bronze.leased") == 600, 30, "taking over from a sleeper")
        took = time.monotonic() - started
        assert took < 16, f"took {took:.1f} s"
        said.append(f"{took:.1f} s")
        first.process.send_signal(signal.SIGCONT)
        broker.produce("leased", values(600, 700))
        wait_until(lambda: count(lake, "bronze.leased") == 700, 30, "after waking")
        wait_until(lambda: first.stream("leased").get("holder") == "second", 30, "the sleeper gave up")
        started = time.monotonic()
        second.process.kill()
        second.process.wait()
        broker.produce("leased", values(700, 900))
        wait_until(lambda: count(lake, "bronze.leased") == 900, 30, "taking over from the dead")
        took = time.monotonic() - started
        assert took < 16, f"took {took:.1f} s"
        said.append(f"{took:.1f} s")
    finally:
        for up in (first, second):
            if up is not None and up.process.poll() is None:
                up.process.send_signal(signal.SIGCONT)
                up.stop()
    expect_exactly_once(broker, lake, "bronze.leased", "leased")
    return ", ".join(said)


class Registry:
    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        self.log = open(os.path.join(folder, "registry.log"), "wb")
        self.process = subprocess.Popen(
            ["java", "-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dquarkus.http.host=127.0.0.1",
             f"-Dquarkus.http.port={self.port}", "-jar", "apicurio-registry-app-2.6.13.Final-runner.jar"],
            cwd=APICURIO, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.call("GET", "/subjects", None, quiet=True) is not None, 120, "the registry")
        self.call("PUT", "/config", {"compatibility": "BACKWARD"})

    def call(self, method, path, body, quiet=False):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return json.loads(reply.read())
        except OSError:
            if quiet:
                return None
            raise

    def register(self, subject, schema):
        return self.call("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema)})["id"]

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


def framed(schema_id, schema, record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return struct.pack(">bI", 0, schema_id) + out.getvalue()


def registry(broker, folder):
    """A real registry: schema_version is the id; unknown, foreign and cut-off ids are dead letters; it may go away meanwhile."""
    if not os.path.isdir(APICURIO):
        return "SKIP no Apicurio registry: run scripts/bootstrap --test"
    os.makedirs(folder)
    server = Registry(folder)
    up = None
    try:
        order = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
        other = {"type": "record", "name": "Other", "fields": [{"name": "x", "type": "string"}]}
        good, foreign = server.register("reg-value", order), server.register("other-value", other)
        broker.create("reg", 1)
        lake = project(os.path.join(folder, "p"),
                       {"reg": kafka_yml(broker, "reg", f"registry:\n  url: {server.url}\n")})
        broker.produce("reg", [framed(good, order, {"id": i}) for i in range(50)])
        broker.produce("reg", [framed(99999, order, {"id": 1}), framed(foreign, other, {"x": "y"}), b"\x00\x00\x01", b'{"id":1}', None])
        up = Up(os.path.join(folder, "p"))
        wait_until(lambda: count(lake, "bronze.reg") == 51 and count(lake, "bronze.dead_letters") == 4, 60, "the rows")
        versions = sql(lake, "SELECT schema_version AS v, count(*) AS c FROM bronze.reg GROUP BY 1 ORDER BY 2")
        assert versions == [{"v": None, "c": 1}, {"v": str(good), "c": 50}], versions
        rules = [row["rule"] for row in sql(lake, "SELECT rule FROM bronze.dead_letters ORDER BY source_offset")]
        assert rules == ["registry.unknown_id", "registry.other_subject", "registry.bad_schema_id", "registry.no_schema_id"], rules
        up.stop()
        # Away: what was seen before goes on, in a new process too.
        server.stop()
        up = Up(os.path.join(folder, "p"))
        broker.produce("reg", [framed(good, order, {"id": i}) for i in range(50, 80)])
        wait_until(lambda: count(lake, "bronze.reg") == 81, 60, "rows while the registry is away")
    finally:
        if up is not None and up.process.poll() is None:
            up.stop()
        server.stop()
    return ""


CASES = [up_project, up_bad_projects, up_takeover, registry]
