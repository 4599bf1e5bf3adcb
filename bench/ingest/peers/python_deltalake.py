"""The loop people write: confluent-kafka reads, pyarrow holds, delta-rs appends, then the offsets are committed.

    python_deltalake.py BROKER TOPIC TABLE COUNT BATCH bytes|json|SCHEMA.json

With a schema the values are Avro behind a five byte header and become columns; `json` makes columns of JSON.
Prints {"cpu", "wall", "peak_mib"}; imports are not in the figure.
"""
import io
import json
import resource
import sys
import time

import fastavro
import pyarrow
from confluent_kafka import Consumer
from deltalake import write_deltalake

broker, topic, table, count, batch = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
form = sys.argv[6]
schema = None if form in ("bytes", "json") else fastavro.parse_schema(json.load(open(form, encoding="utf-8")))


def columns(messages):
    out = {"source_topic": pyarrow.array([m.topic() for m in messages]),
           "source_partition": pyarrow.array([m.partition() for m in messages], pyarrow.int32()),
           "source_offset": pyarrow.array([m.offset() for m in messages], pyarrow.int64()),
           "record_key": pyarrow.array([m.key().decode() for m in messages]),
           "event_timestamp": pyarrow.array([m.timestamp()[1] * 1000 for m in messages], pyarrow.timestamp("us", "UTC"))}
    values = [m.value() for m in messages]
    if form == "bytes":
        out["raw_payload"] = pyarrow.array(values, pyarrow.binary())
        return pyarrow.table(out)
    records = [json.loads(v) if schema is None else fastavro.schemaless_reader(io.BytesIO(v[5:]), schema) for v in values]
    for name in records[0]:
        out[name] = pyarrow.array([r[name] for r in records])
    return pyarrow.table(out)


start_cpu, start = time.process_time(), time.perf_counter()
consumer = Consumer({"bootstrap.servers": broker, "group.id": f"python-{topic}-{time.time_ns()}", "auto.offset.reset": "earliest",
                     "enable.auto.commit": False})
consumer.subscribe([topic])
done, held = 0, []
while done < count:
    for message in consumer.consume(min(10_000, batch), timeout=1):
        assert not message.error(), message.error()
        held.append(message)
    if len(held) >= batch or done + len(held) >= count:
        write_deltalake(table, columns(held), mode="append")
        consumer.commit(asynchronous=False)
        done, held = done + len(held), []
consumer.close()
print(json.dumps({"cpu": time.process_time() - start_cpu, "wall": time.perf_counter() - start,
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
