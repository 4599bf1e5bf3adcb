"""The cases of the Kafka suite; each gets the broker and an empty folder."""
import base64
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import traceback
import uuid

import contract_cases
import format_cases
import secure_cases
import up_cases
from cluster import (Broker, count, expect_exactly_once, ingest, s3_server, sql, stop, stream, wait_until)

STORM = os.environ.get("TARN_STORM") == "1"
SEED = int(os.environ.get("TARN_SEED", "0")) or random.randrange(1, 1 << 31)


def values(begin, end, size=120):
    return [json.dumps({"event_id": i, "pad": "ü" * ((size - 40) // 2)}, ensure_ascii=False).encode() for i in range(begin, end)]


def once_and_again(broker, lake):
    """What is there is taken once; a second run adds nothing, a third what came."""
    broker.create("plain", 4)
    broker.produce("plain", values(0, 5000))
    assert ingest(broker, lake, "plain", "bronze.plain")["rows"] == 5000
    assert ingest(broker, lake, "plain", "bronze.plain")["rows"] == 0
    broker.produce("plain", values(5000, 5100))
    assert ingest(broker, lake, "plain", "bronze.plain", "--group", "another")["rows"] == 100
    expect_exactly_once(broker, lake, "bronze.plain", "plain")


def every_byte(broker, lake):
    """Keys, headers, tombstones, empty and odd payloads, a 20 MB message: exactly as they were sent."""
    broker.create("odd", 1)
    big = os.urandom(1 << 20) * 20
    sent = [(b"k", b"{}", [("h", b"1"), ("h", None), ("ü", b"\xff\x00")]), (None, b"", None), (b"dead", None, None),
            (b"\xff\xfe", b"\xc3\x28 not utf-8", []), (b"", b'{"a":1,"a":2}', None), (b"big", big, None),
            (b"deep", b"[" * 1000 + b"]" * 1000, None), (b"n", b'{"n":9007199254740993}', None)]
    producer = broker.producer()
    for key, value, headers in sent:
        producer.produce("odd", value, key=key, headers=headers)
    producer.flush(60)
    assert ingest(broker, lake, "odd", "bronze.odd", "--batch-size", "1MB")["rows"] == len(sent)
    expect_exactly_once(broker, lake, "bronze.odd", "odd")
    got = sql(lake, "SELECT record_key AS k, base64(raw_payload) AS v, length(raw_payload) AS n, headers, checksum "
                    "FROM bronze.odd WHERE source_offset <> 5 ORDER BY source_offset")
    assert [row["k"] for row in got] == ["k", None, "dead", "\\xfffe", "", "deep", "n"], got
    assert got[2]["v"] is None and got[2]["checksum"] is None, got[2]
    assert got[1]["v"] == "" and got[1]["checksum"] == hashlib.md5(b"").hexdigest(), got[1]
    assert base64.b64decode(got[3]["v"]) == b"\xc3\x28 not utf-8"
    pairs = sql(lake, "SELECT size(headers) AS n, headers[0].key AS k, base64(headers[0].value) AS v, headers[1].value AS null_value,"
                      " headers[2].key AS k2, base64(headers[2].value) AS v2 FROM bronze.odd WHERE source_offset = 0")[0]
    assert pairs == {"n": 3, "k": "h", "v": "MQ==", "null_value": None, "k2": "ü", "v2": "/wA="}, pairs


def codecs_and_limits(broker, lake):
    """All compression codecs; a record over the limit is a dead letter and nothing else stops."""
    broker.create("codecs", 2)
    for number, codec in enumerate(["none", "gzip", "snappy", "lz4", "zstd"]):
        broker.produce("codecs", values(number * 200, number * 200 + 200), **{"compression.type": codec})
    broker.produce("codecs", [b"x" * 3000])
    report = ingest(broker, lake, "codecs", "bronze.codecs", "--max-record", "2000")
    assert (report["rows"], report["dead_letters"]) == (1000, 1), report
    letter = sql(lake, "SELECT rule, payload_bytes, length(raw_payload) AS n, source_topic FROM bronze.dead_letters")
    assert letter == [{"rule": "kafka.record_too_long", "payload_bytes": 3000, "n": 3000, "source_topic": "codecs"}], letter


def transactions(broker, lake):
    """read_committed: aborted transactions are not there, open ones come when they are committed."""
    broker.create("tx", 2)
    producer = broker.producer(**{"transactional.id": "t1"})
    producer.init_transactions(60)
    for number in range(6):
        producer.begin_transaction()
        for value in values(number * 100, number * 100 + 100):
            producer.produce("tx", value)
        producer.flush(60)
        producer.commit_transaction(60) if number % 2 == 0 else producer.abort_transaction(60)
    assert ingest(broker, lake, "tx", "bronze.tx")["rows"] == 300
    producer.begin_transaction()
    producer.produce("tx", b"open")
    producer.flush(60)
    assert ingest(broker, lake, "tx", "bronze.tx")["rows"] == 0
    producer.commit_transaction(60)
    assert ingest(broker, lake, "tx", "bronze.tx")["rows"] == 1
    expect_exactly_once(broker, lake, "bronze.tx", "tx")
    assert ingest(broker, lake, "tx", "bronze.all", "--read-uncommitted", "--stream", "all")["rows"] == 601


def starts(broker, lake):
    """latest, a timestamp, offsets; kept for a partition that had no record yet; a new partition from its first record."""
    broker.create("starts", 2)
    broker.produce("starts", values(0, 100), partition=0)
    time.sleep(0.05)
    middle = time.time()
    time.sleep(0.05)
    broker.produce("starts", values(100, 150), partition=0)
    assert ingest(broker, lake, "starts", "bronze.latest", "--start", "latest")["rows"] == 0
    broker.produce("starts", values(0, 7), partition=1)
    broker.grow("starts", 3)
    broker.produce("starts", values(0, 5), partition=2)
    assert ingest(broker, lake, "starts", "bronze.latest", "--start", "latest")["rows"] == 12
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(middle)) + f".{int(middle % 1 * 1e6):06d}Z"
    assert ingest(broker, lake, "starts", "bronze.stamp", "--start", stamp)["rows"] == 62
    assert ingest(broker, lake, "starts", "bronze.offsets", "--start", "0:140,1:2")["rows"] == 20
    assert ingest(broker, lake, "starts", "bronze.one", "--partitions", "1")["rows"] == 7


def many_topics(broker, lake):
    """A pattern into one table, and into a table for each topic; a topic that comes later is found."""
    for name in ("shop.a", "shop.b"):
        broker.create(name, 2)
        broker.produce(name, values(0, 50))
    assert ingest(broker, lake, "^shop\\..*", "bronze.shop")["rows"] == 100
    assert ingest(broker, lake, "^shop\\..*", "bronze.{topic}", "--stream", "each")["rows"] == 100
    assert count(lake, "bronze.shop_a") == 50 and count(lake, "bronze.shop_b") == 50
    live = stream(broker, lake, "^shop\\..*", "bronze.shop", "-X", "topic.metadata.refresh.interval.ms=500")
    try:
        broker.create("shop.c", 1)
        broker.produce("shop.c", values(0, 30))
        wait_until(lambda: count(lake, "bronze.shop") == 130, 30, "a topic that came later")
    finally:
        code, out, err = stop(live)
    assert code == 0, err


def lost_offsets(broker, lake):
    """Offsets removed before they were read: refused, or passed over and recorded."""
    broker.create("lost", 1)
    broker.produce("lost", values(0, 100))
    ingest(broker, lake, "lost", "bronze.lost")
    broker.produce("lost", values(100, 200))
    broker.delete_records("lost", 0, 150)
    told = ingest(broker, lake, "lost", "bronze.lost", ok=False)
    assert "offsets 100 to 149 of lost/0 were removed" in told and "on_lost_offsets" in told, told
    assert count(lake, "bronze.lost") == 100
    report = ingest(broker, lake, "lost", "bronze.lost", "--on-lost-offsets", "earliest")
    assert (report["rows"], report["dead_letters"]) == (50, 1), report
    assert ingest(broker, lake, "lost", "bronze.lost")["rows"] == 0
    letter = sql(lake, "SELECT rule, source_offset AS o FROM bronze.dead_letters")
    assert letter == [{"rule": "kafka.offsets_gone", "o": 100}], letter


def recreated_topic(broker, lake):
    """A topic made anew under the same name, longer than the old one: noticed by its id, not read as if it went on."""
    broker.create("again", 1)
    broker.produce("again", values(0, 50))
    ingest(broker, lake, "again", "bronze.again")
    broker.delete("again")
    time.sleep(1)
    broker.create("again", 1)
    broker.produce("again", values(1000, 1080))
    told = ingest(broker, lake, "again", "bronze.again", ok=False)
    assert "deleted and made anew" in told, told
    assert count(lake, "bronze.again") == 50
    report = ingest(broker, lake, "again", "bronze.again", "--on-recreated-topic", "restart")
    assert (report["rows"], report["dead_letters"]) == (80, 1), report
    assert ingest(broker, lake, "again", "bronze.again")["rows"] == 0
    # While a stream runs, too.
    live = stream(broker, lake, "again", "bronze.again", "--on-recreated-topic", "restart",
                  "-X", "topic.metadata.refresh.interval.ms=500")
    try:
        time.sleep(2)
        broker.delete("again")
        time.sleep(1)
        broker.create("again", 1)
        broker.produce("again", values(2000, 2300))
        wait_until(lambda: count(lake, "bronze.again") == 430, 40, "a topic made anew under a running stream")
    finally:
        stop(live)


class Storm:
    """Producers of both kinds into a topic of 8 partitions while streams are killed; `disturb(number)` breaks other things."""

    def __init__(self, broker, lake, topic, messages):
        self.broker, self.lake, self.topic, self.messages = broker, lake, topic, messages
        self.rng, self.failures = random.Random(SEED), []
        broker.create(topic, 8)

    def produce_plain(self):
        try:
            half = self.messages // 2
            step = max(half // 20, 1)
            for begin in range(0, half, step):
                self.broker.produce(self.topic, values(begin, min(begin + step, half)), first=begin, retries=1000)
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(error)

    def transactional(self):
        producer = self.broker.producer(**{"transactional.id": self.topic, "transaction.timeout.ms": 20000})
        producer.init_transactions(60)
        return producer

    def produce_transactions(self):
        try:
            producer, number = self.transactional(), 0
            for begin in range(self.messages // 2, self.messages, 1000):
                for _ in range(20):
                    try:
                        producer.begin_transaction()
                        for value in values(begin, begin + 1000):
                            producer.produce(self.topic, value, key=str(begin))
                        number += 1
                        if number % 5 == 0:
                            producer.abort_transaction(60)
                            continue
                        producer.commit_transaction(60)
                        break
                    except Exception as error:  # pylint: disable=broad-except
                        # Whether it was committed is not known: the truth is what the broker has.
                        try:
                            if not error.args[0].txn_requires_abort() and not error.args[0].retriable():
                                raise
                            producer.abort_transaction(60)
                        except Exception:  # pylint: disable=broad-except
                            producer = self.transactional()
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(error)

    def streams(self, number):
        """Every third time two share the group, so that each kill is a rebalance; else one has the partitions assigned:
        kill -9 leaves a member in the group for a session's length."""
        options = ["--max-lag", "200ms", "--batch-size", "200KB", "-X", "session.timeout.ms=6000"]
        if number % 3:
            options += ["--partitions", "0,1,2,3,4,5,6,7"]
        return [stream(self.broker, self.lake, self.topic, f"bronze.{self.topic}", *options) for _ in range(1 if number % 3 else 2)]

    def run(self, kills, disturb):
        producers = [threading.Thread(target=self.produce_plain), threading.Thread(target=self.produce_transactions)]
        for thread in producers:
            thread.start()
        for number in range(kills):
            live = self.streams(number)
            try:
                live[0].wait(timeout=self.rng.uniform(0.3, 2.5))
                raise AssertionError(f"ended by itself: {live[0].stderr.read()}")
            except subprocess.TimeoutExpired:
                disturb(number)
            finally:
                for one in live:
                    one.kill()
                    one.communicate()
        for thread in producers:
            thread.join(timeout=2400)
        assert not self.failures, self.failures
        ingest(self.broker, self.lake, self.topic, f"bronze.{self.topic}", "--partitions", "0,1,2,3,4,5,6,7", timeout=900)
        rows = expect_exactly_once(self.broker, self.lake, f"bronze.{self.topic}", self.topic)
        return f"{rows} rows after {kills} kills, seed {SEED}"


def storm(broker, lake):
    """kill -9 of the stream at random moments, broker restarts, transactional and plain producers: every offset once."""
    work = Storm(broker, lake, "storm", 60_000)
    restart_at = {work.rng.randrange(1, 10)}

    def disturb(number):
        if number in restart_at:
            broker.restart(work.rng.choice([signal.SIGKILL, signal.SIGTERM]))
    return work.run(10, disturb)


def storm_s3(broker, lake):
    """The same with Bronze in S3, the S3 server killed and its disk full meanwhile (make kafka-storm: 2 million, 100 kills)."""
    messages, kills, restarts, s3_kills = (2_000_000, 100, 5, 5) if STORM else (20_000, 5, 0, 1)
    if not os.path.exists(s3_server.BINARY):
        return "SKIP no S3 server: run scripts/bootstrap --test"
    server = s3_server.Server()
    before = dict(os.environ)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g" if STORM else "size=200m", "tmpfs",
                              os.path.join(server.folder, "data")], capture_output=True, check=False).returncode == 0
    server.kill()
    server.start()  # it had the folder below the mount open
    filler = server.path("filler")
    said = []
    try:
        server.make_bucket("storm")
        os.environ.update(server.environment())
        work = Storm(broker, "s3://storm/lake", "storms3", messages)
        moments = work.rng.sample(range(1, kills), restarts + s3_kills + 1)
        broker_at, s3_at, full_at = set(moments[:restarts]), set(moments[restarts:-1]), moments[-1]

        def disturb(number):
            if number in broker_at:
                broker.restart(work.rng.choice([signal.SIGKILL, signal.SIGTERM]))
            if number in s3_at:
                server.kill()
                time.sleep(work.rng.uniform(0.5, 3))
                server.start()
            if number == full_at and mounted:
                with open(filler, "wb") as out:
                    try:
                        while True:
                            out.write(bytes(1 << 20))
                    except OSError:
                        pass
                time.sleep(3)
                os.remove(filler)
                said.append("the disk was full once")
        return ", ".join([work.run(kills, disturb), f"{restarts} broker restarts, {s3_kills} of the S3 server", *said])
    finally:
        if mounted:
            server.kill()
            subprocess.run(["umount", os.path.join(server.folder, "data")], check=False)
        else:
            server.kill()
        shutil.rmtree(server.folder, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)


def takeover(broker, lake):
    """Two processes share a topic; one is killed: the other has its partitions within 15 s, nothing lost or doubled."""
    broker.create("shared", 6)
    broker.produce("shared", values(0, 600))
    first = stream(broker, lake, "shared", "bronze.shared")
    second = stream(broker, lake, "shared", "bronze.shared")
    try:
        wait_until(lambda: count(lake, "bronze.shared") == 600, 40, "the first rows")
        time.sleep(5)
        first.kill()
        first.communicate()
        broker.produce("shared", values(600, 1200))
        took = wait_until(lambda: count(lake, "bronze.shared") == 1200, 20, "taking over")
    finally:
        code, out, err = stop(second)
    assert code == 0, err
    assert took < 15, f"took {took:.1f} s"
    expect_exactly_once(broker, lake, "bronze.shared", "shared")
    return f"{took:.1f} s"


def zombie(broker, lake):
    """A process that slept through its session cannot write what another has written meanwhile."""
    broker.create("sleep", 3)
    broker.produce("sleep", values(0, 300))
    sleeper = stream(broker, lake, "sleep", "bronze.sleep", "--max-lag", "4s", "-X", "session.timeout.ms=6000")
    try:
        wait_until(lambda: count(lake, "bronze.sleep") == 300, 40, "the first rows")
        broker.produce("sleep", values(300, 900))
        time.sleep(1)  # some of it is fetched and not committed yet
        sleeper.send_signal(signal.SIGSTOP)
        other = stream(broker, lake, "sleep", "bronze.sleep", "-X", "session.timeout.ms=6000")
        try:
            wait_until(lambda: count(lake, "bronze.sleep") == 900, 40, "the other process")
            broker.produce("sleep", values(900, 1000))
            sleeper.send_signal(signal.SIGCONT)
            wait_until(lambda: count(lake, "bronze.sleep") == 1000, 40, "after waking")
            time.sleep(3)
        finally:
            stop(other)
    finally:
        sleeper.send_signal(signal.SIGCONT)
        stop(sleeper)
    expect_exactly_once(broker, lake, "bronze.sleep", "sleep")


def restored_table(broker, lake):
    """The Bronze table goes back to an older version, under a running stream too: the rows come again, once."""
    broker.create("back", 2)
    for begin in (0, 100, 200):
        broker.produce("back", values(begin, begin + 100))
        ingest(broker, lake, "back", "bronze.back")

    def restore(rows):
        """As Spark's RESTORE writes it: the files of then are live again, those that came later are removed."""
        log = os.path.join(lake, "bronze", "back", "_delta_log")
        versions = sorted(int(name[:20]) for name in os.listdir(log) if name.endswith(".json") and name[:20].isdigit())
        live, live_then, total, target = {}, None, 0, None
        for version in versions:
            for line in open(os.path.join(log, f"{version:020d}.json"), encoding="utf-8"):
                action = json.loads(line)
                if "add" in action:
                    live[action["add"]["path"]] = action["add"]
                elif "remove" in action:
                    live.pop(action["remove"]["path"])
            total = sum(json.loads(add["stats"])["numRecords"] for add in live.values())
            if total == rows:
                target, live_then = version, dict(live)
        gone = [add for path, add in live.items() if path not in live_then]
        back = [add for path, add in live_then.items() if path not in live]
        now = int(time.time() * 1000)
        actions = [{"commitInfo": {"timestamp": now, "operation": "RESTORE",
                                   "operationParameters": {"version": str(target), "timestamp": None},
                                   "isolationLevel": "Serializable", "isBlindAppend": False, "txnId": str(uuid.uuid4())}}]
        actions += [{"remove": {"path": add["path"], "deletionTimestamp": now, "dataChange": True, "extendedFileMetadata": True,
                                "partitionValues": add["partitionValues"], "size": add["size"]}} for add in gone]
        actions += [{"add": {**add, "dataChange": True}} for add in back]
        name = os.path.join(log, f"{versions[-1] + 1:020d}.json")
        with open(name, "x", encoding="utf-8") as out:
            out.write("".join(json.dumps(action) + "\n" for action in actions))
        assert count(lake, "bronze.back") == rows

    restore(100)
    told = ingest(broker, lake, "back", "bronze.back", "--on-restore", "fail", ok=False)
    assert "was restored to version" in told, told
    report = ingest(broker, lake, "back", "bronze.back")
    assert report["rows"] == 200, report
    expect_exactly_once(broker, lake, "bronze.back", "back")
    assert ingest(broker, lake, "back", "bronze.back")["rows"] == 0
    live = stream(broker, lake, "back", "bronze.back", "--max-lag", "500ms")
    try:
        broker.produce("back", values(300, 350))
        wait_until(lambda: count(lake, "bronze.back") == 350, 30, "the stream")
        restore(200)
        broker.produce("back", values(350, 400))
        wait_until(lambda: count(lake, "bronze.back") == 400, 30, "the rows that went")
    finally:
        stop(live)
    expect_exactly_once(broker, lake, "bronze.back", "back")
    restore(350)
    broker.produce("back", values(400, 410))
    assert ingest(broker, lake, "back", "bronze.back", "--on-restore", "keep")["rows"] == 10
    assert count(lake, "bronze.back") == 360


CASES = [once_and_again, every_byte, codecs_and_limits, transactions, starts, many_topics, lost_offsets, recreated_topic,
         storm, storm_s3, takeover, zombie, restored_table, *contract_cases.CASES, *secure_cases.CASES, *format_cases.CASES,
         *up_cases.CASES]


def main(arguments):
    wanted = [case for case in CASES if not arguments or case.__name__ in arguments]
    folder = tempfile.mkdtemp(prefix="tarn-kafka-")
    broker = Broker(os.path.join(folder, "broker")).start()
    failed = 0
    try:
        for number, case in enumerate(wanted, 1):
            title = f"{case.__name__}: {case.__doc__.splitlines()[0]}"
            started = time.monotonic()
            try:
                said = case(broker, os.path.join(folder, case.__name__)) or ""
                if said.startswith("SKIP"):
                    print(f"ok {number} - {case.__name__} # {said}", flush=True)
                    continue
                print(f"ok {number} - {title}\n# {time.monotonic() - started:.1f} s {said}", flush=True)
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                trace = "\n# ".join(traceback.format_exc().strip().splitlines()[-6:])
                print(f"not ok {number} - {title}\n# {error}\n# {trace}", flush=True)
    finally:
        broker.stop(signal.SIGKILL)
        if not failed or "TARN_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"1..{len(wanted)}")
    return 1 if failed else 0
