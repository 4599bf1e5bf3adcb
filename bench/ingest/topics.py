"""Topics of made-up orders: JSON of 142 bytes, JSON of 1 KB, and the same orders as Avro with a schema id."""
import io
import json
import struct

import fastavro

PARTITIONS = 8
SCHEMA = {"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"}, {"name": "customer", "type": "long"}, {"name": "amount", "type": "double"},
    {"name": "currency", "type": "string"}, {"name": "status", "type": "string"}, {"name": "city", "type": "string"},
    {"name": "at", "type": "long"}, {"name": "note", "type": "string"}]}
CITIES = ("Lisbon", "Oslo", "Kyoto", "Quito", "Accra")


def order(i, note):
    return {"id": i, "customer": i * 7919 % 100_003, "amount": (i * 31 % 100_000) / 100, "currency": "EUR",
            "status": ("paid", "open", "sent")[i % 3], "city": CITIES[i % 5], "at": 1_750_000_000_000 + i * 10, "note": note}


def text(i, size):
    """An order as JSON of exactly `size` bytes."""
    bare = json.dumps(order(i, ""), separators=(",", ":"))
    return json.dumps(order(i, "n" * (size - len(bare))), separators=(",", ":")).encode()


def avro(i, schema_id, parsed):
    out = io.BytesIO(struct.pack(">bI", 0, schema_id))
    out.seek(5)
    fastavro.schemaless_writer(out, parsed, order(i, "n" * 20))
    return out.getvalue()


def fill(broker, topic, count, make):
    """`count` keyed records, spread over the partitions; returns their bytes."""
    broker.create(topic, PARTITIONS)
    producer = broker.producer(**{"linger.ms": 50, "batch.size": 500_000, "enable.idempotence": False})
    written = 0
    for i in range(count):
        value = make(i)
        written += len(value)
        while True:
            try:
                producer.produce(topic, value, key=b"k%d" % i, partition=i % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
        if i % 10_000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0
    return written
