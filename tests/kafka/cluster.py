"""A Kafka broker of its own for a test, producers of another make (librdkafka's Python client), and the truth of a topic."""
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

ROOT = os.environ.get("TARN_ROOT", os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
TARN = os.environ.get("TARN_BIN", os.path.join(ROOT, "build", "release", "tarn"))
sys.path.append(os.path.join(ROOT, "tests", "s3"))
import server as s3_server  # noqa: E402,F401 pylint: disable=unused-import,wrong-import-position

CACHE = os.environ.get("TARN_CACHE", os.path.expanduser("~/.cache/tarn"))
LIBS = os.path.join(CACHE, "kafka-4.4.0", "libs")
JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """One node, KRaft. `extra` are lines of its configuration, `listeners` (name, protocol, options) beside PLAINTEXT."""

    def __init__(self, folder, extra=(), env=None):
        self.folder, self.port, self.controller = folder, free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.env = env
        os.makedirs(folder, exist_ok=True)
        self.config = os.path.join(folder, "server.properties")
        lines = ["process.roles=broker,controller", "node.id=1",
                 f"controller.quorum.voters=1@127.0.0.1:{self.controller}",
                 "controller.listener.names=CONTROLLER", f"log.dirs={folder}/data",
                 "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
                 "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
                 "transaction.state.log.num.partitions=1", "share.coordinator.state.topic.replication.factor=1",
                 "share.coordinator.state.topic.min.isr=1", "group.initial.rebalance.delay.ms=0",
                 "message.max.bytes=50000000", "auto.create.topics.enable=false",
                 "log.retention.check.interval.ms=1000"]
        extra = [line.format(port=self.port) for line in extra]
        if not any(line.startswith("listeners=") for line in extra):
            extra += [f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller}",
                      f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}"]
        extra = [line.replace("{controller}", str(self.controller)) for line in extra]
        with open(self.config, "w", encoding="utf-8") as out:
            out.write("\n".join(lines + extra) + "\n")
        self.process, self.client = None, None

    def format(self, *arguments):
        subprocess.run([*JAVA, "-Xmx128m", "-cp", LIBS + "/*", "kafka.tools.StorageTool", "format", "-t",
                        "MkU3OEVBNTcwNTJENDM2Qg", "-c", self.config, *arguments], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=120)

    def start(self):
        if not os.path.exists(os.path.join(self.folder, "data", "meta.properties")):
            self.format()
        with open(os.path.join(self.folder, "kafka.log"), "ab") as log:
            self.process = subprocess.Popen([*JAVA, "-Xms128m", "-Xmx400m", "-cp", LIBS + "/*", "kafka.Kafka", self.config],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.env)
        until = time.monotonic() + 240
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError("the broker did not start; see " + os.path.join(self.folder, "kafka.log"))

    def stop(self, sig=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self, sig=signal.SIGKILL):
        self.stop(sig)
        self.start()

    # --- topics ---

    def admin(self):
        if self.client is None:
            self.client = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        return self.client

    def create(self, topic, partitions=1, **config):
        for _ in range(50):
            try:
                self.admin().create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(20)
                break
            except KafkaException as error:
                if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                    raise
                time.sleep(0.2)  # a deletion is still under way
        self.wait_for(topic, partitions)

    def wait_for(self, topic, partitions):
        for _ in range(100):
            found = self.admin().list_topics(topic, timeout=10).topics[topic]
            if found.error is None and len(found.partitions) == partitions:
                return
            time.sleep(0.1)
        raise AssertionError(f"{topic} did not come to have {partitions} partitions")

    def delete(self, topic):
        self.admin().delete_topics([topic])[topic].result(20)

    def grow(self, topic, partitions):
        self.admin().create_partitions([NewPartitions(topic, partitions)])[topic].result(20)
        self.wait_for(topic, partitions)

    def delete_records(self, topic, partition, before):
        at = TopicPartition(topic, partition, before)
        list(self.admin().delete_records([at]).values())[0].result(20)

    # --- records ---

    def producer(self, **config):
        return Producer({"bootstrap.servers": self.address, "linger.ms": 5, "enable.idempotence": True,
                         "message.max.bytes": 50000000, "queue.buffering.max.messages": 1000000, "log_level": 0, **config})

    def produce(self, topic, values, partition=-1, first=0, **config):
        """Values with the keys k0, k1, …; returns when all are acknowledged."""
        producer = self.producer(**config)
        failed = []
        for i, value in enumerate(values):
            while True:
                try:
                    producer.produce(topic, value, key=f"k{first + i}", partition=partition,
                                     on_delivery=lambda error, _: failed.append(error) if error else None)
                    break
                except BufferError:
                    producer.poll(0.1)
            if i % 1000 == 0:
                producer.poll(0)
        assert producer.flush(120) == 0 and not failed, failed

    def truth(self, topic, committed=True):
        """{(partition, offset): md5 of the value, or None for a tombstone}, as another client reads it."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "truth", "enable.partition.eof": True,
                             "isolation.level": "read_committed" if committed else "read_uncommitted",
                             "auto.offset.reset": "earliest", "enable.auto.commit": False, "log_level": 0,
                             "fetch.message.max.bytes": 60000000, "receive.message.max.bytes": 100000000})
        partitions = sorted(self.admin().list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
        out, ended = {}, set()
        until = time.monotonic() + 120
        while len(ended) < len(partitions):
            assert time.monotonic() < until, "the truth could not be read"
            for message in consumer.consume(10000, timeout=1):
                if message.error():
                    if message.error().name() == "_PARTITION_EOF":
                        ended.add(message.partition())
                    continue
                value = message.value()
                out[message.partition(), message.offset()] = None if value is None else hashlib.md5(value).hexdigest()
        consumer.close()
        return out


# --- Tarn ---

def ingest(broker, lake, topic, into, *options, ok=True, timeout=120):
    """One bounded run; returns its report, or its standard error when it is meant to fail."""
    done = subprocess.run([TARN, "ingest", "kafka", topic, "--brokers", broker.address, "--into", into, "--lake", lake,
                           "--until-end", "--format", "json", "--no-progress", *options],
                          capture_output=True, text=True, timeout=timeout)
    if ok:
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr.strip()}"
        return json.loads(done.stdout)
    assert done.returncode == 1, f"exit {done.returncode}: {done.stdout} {done.stderr}"
    assert done.stderr.count("\n") == 1, f"not one line: {done.stderr}"
    return done.stderr


def stream(broker, lake, topic, into, *options):
    """A run without an end."""
    return subprocess.Popen([TARN, "ingest", "kafka", topic, "--brokers", broker.address, "--into", into, "--lake", lake,
                             "--format", "json", "--no-progress", *options],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(process, sig=signal.SIGTERM, within=10):
    started = time.monotonic()
    process.send_signal(sig)
    out, err = process.communicate(timeout=60)
    took = time.monotonic() - started
    assert took < within, f"took {took:.1f} s to stop"
    return process.returncode, out, err


def sql(lake, script):
    done = subprocess.run([TARN, "sql", "--lake", lake, "--format", "ndjson", "-c", script], capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr.strip()
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def bronze(lake, table, topic):
    """{(partition, offset): checksum} and the number of rows; every checksum is that of its payload."""
    rows = sql(lake, "SELECT source_partition AS p, source_offset AS o, checksum AS c, md5(raw_payload) AS m "
                     f"FROM {table} WHERE source_topic = '{topic}'")
    assert all(row["c"] == row["m"] for row in rows), "a checksum is not that of its payload"
    return {(row["p"], row["o"]): row["c"] for row in rows}, len(rows)


def expect_exactly_once(broker, lake, table, topic):
    truth = broker.truth(topic)
    have, count = bronze(lake, table, topic)
    missing, extra = truth.keys() - have.keys(), have.keys() - truth.keys()
    assert count == len(have), f"{count - len(have)} rows are there twice"
    assert not missing, f"{len(missing)} records are missing, {sorted(missing)[:3]}"
    assert not extra, f"{len(extra)} rows are not in the topic, {sorted(extra)[:3]}"
    assert truth == have, "a payload differs"
    return count


def wait_until(check, seconds, what):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if check():
            return seconds - (until - time.monotonic())
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


def count(lake, table):
    try:
        return sql(lake, f"SELECT count(*) AS c FROM {table}")[0]["c"]
    except AssertionError:
        return 0


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
