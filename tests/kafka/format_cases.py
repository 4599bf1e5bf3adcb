"""Avro, Protobuf (message index, references) and JSON Schema as Confluent's own serializers write them: judged at the door, decoded in SQL."""
import os

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import up_cases
from cluster import count, sql, wait_until

ORDER_AVRO = ('{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"user_id","type":["null","string"]},'
              '{"name":"qty","type":"int"}]}')
ORDER_JSON = ('{"$schema":"http://json-schema.org/draft-07/schema#","title":"Order","type":"object","properties":'
              '{"id":{"type":"integer"},"user_id":{"type":["string","null"]},"qty":{"type":"integer"}}}')
CONTRACT = """contract:
  name: orders_%s
  version: "1.0"
  owner: shop
  streams: [bronze.%s]
  schema:
    - {name: id, type: long, nullable: false}
    - {name: user_id, type: string, nullable: false}
    - {name: qty, type: int, nullable: false}
  additional_fields: flag
"""
DECODED = ("SELECT o.source_offset AS o, o.r.id AS id, o.r.user_id AS u, o.r.qty AS q FROM (SELECT b.source_offset, "
           "from_json(decode_record(b.raw_payload, s.type, s.schema, s.imports), 'id BIGINT, user_id STRING, qty INT') AS r "
           "FROM bronze.%s b JOIN system.schemas s ON s.id = b.schema_version) o ORDER BY 1")


def protobuf_classes():
    """shop/money.proto, and a file of two messages that imports it: orders are the second one."""
    types = descriptor_pb2.FieldDescriptorProto
    money = descriptor_pb2.FileDescriptorProto(name="shop/money.proto", package="shop", syntax="proto3")
    message = money.message_type.add(name="Money")
    message.field.add(name="cents", number=1, type=types.TYPE_INT64, label=types.LABEL_OPTIONAL)
    orders = descriptor_pb2.FileDescriptorProto(name="shop/orders.proto", package="shop", syntax="proto3")
    orders.dependency.append("shop/money.proto")
    orders.message_type.add(name="Unused").field.add(name="x", number=1, type=types.TYPE_INT32, label=types.LABEL_OPTIONAL)
    order = orders.message_type.add(name="Order")
    order.field.add(name="id", number=1, type=types.TYPE_INT64, label=types.LABEL_OPTIONAL)
    order.oneof_decl.add(name="_user_id")
    order.field.add(name="user_id", number=2, type=types.TYPE_STRING, label=types.LABEL_OPTIONAL, proto3_optional=True, oneof_index=0)
    order.field.add(name="qty", number=3, type=types.TYPE_INT32, label=types.LABEL_OPTIONAL)
    order.field.add(name="total", number=4, type=types.TYPE_MESSAGE, type_name=".shop.Money", label=types.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(money)
    pool.Add(orders)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))


def orders():
    """Two whole ones, one without a user."""
    return [{"id": 9007199254740993, "user_id": "ü", "qty": 1}, {"id": 2, "user_id": "b", "qty": 2}, {"id": 3, "user_id": None, "qty": 3}]


def formats(broker, folder):
    """Payloads of Confluent's serializers: contracts judge what is in them, decode_record gives typed columns, bytes stay."""
    if not os.path.isdir(up_cases.APICURIO):
        return "SKIP no Apicurio registry: run scripts/bootstrap --test"
    os.makedirs(folder)
    server = up_cases.Registry(folder)
    up = None
    try:
        client = SchemaRegistryClient({"url": server.url})
        order_class = protobuf_classes()

        def as_message(order, _):
            message = order_class(id=order["id"], qty=order["qty"])
            if order["user_id"] is not None:
                message.user_id = order["user_id"]
            message.total.cents = 5
            return message
        protobuf = ProtobufSerializer(order_class, client, {"use.deprecated.format": False})
        serializers = {"avro": AvroSerializer(client, ORDER_AVRO), "json": JSONSerializer(ORDER_JSON, client),
                       "protobuf": lambda order, context: protobuf(as_message(order, context), context)}
        project = os.path.join(folder, "p")
        registry = f"registry:\n  url: {server.url}\n  check_compatible: false\n"
        lake = up_cases.project(project, {name: up_cases.kafka_yml(broker, f"fmt_{name}", registry) for name in serializers})
        os.makedirs(os.path.join(project, "contracts"))
        sent = {}
        for name, serialize in serializers.items():
            topic = f"fmt_{name}"
            with open(os.path.join(project, "contracts", name + ".yml"), "w", encoding="utf-8") as out:
                out.write(CONTRACT % (name, topic))
            broker.create(topic, 1)
            sent[name] = [serialize(order, SerializationContext(topic, MessageField.VALUE)) for order in orders()]
            broker.produce(topic, sent[name] + [sent[name][0][:5] + b"\xff\xff\xff"])  # an id, and bytes that do not fit
        up = up_cases.Up(project)
        for name in serializers:
            topic = f"fmt_{name}"
            wait_until(lambda t=topic: count(lake, f"bronze.{t}") == 2, 60, f"the good records of {topic}")
            rules = [row["rule"] for row in sql(lake, f"SELECT rule FROM bronze.dead_letters WHERE source_topic = '{topic}' "
                                                      "ORDER BY source_offset")]
            assert rules == ["contract.user_id.required", "contract.json"], (name, rules)
            rows = sql(lake, DECODED % topic)
            assert rows == [{"o": 0, "id": 9007199254740993, "u": "ü", "q": 1}, {"o": 1, "id": 2, "u": "b", "q": 2}], (name, rows)
            raw = sql(lake, f"SELECT hex(raw_payload) AS h FROM bronze.{topic} ORDER BY source_offset")
            assert [row["h"].lower() for row in raw] == [one.hex() for one in sent[name][:2]], name
        kinds = sql(lake, "SELECT type, count(*) AS n, max(size(imports)) AS i FROM system.schemas GROUP BY 1 ORDER BY 1")
        assert kinds == [{"type": "AVRO", "n": 1, "i": 0}, {"type": "JSON", "n": 1, "i": 0}, {"type": "PROTOBUF", "n": 1, "i": 1}], kinds
    finally:
        if up is not None and up.process.poll() is None:
            up.stop()
        server.stop()
    return ""


CASES = [formats]
