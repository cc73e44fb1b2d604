"""The SDK for Python: sends what run.mjs receives, receives what it sends, and asks and answers."""

import gzip
import json
import sys

from google.protobuf import json_format, struct_pb2
from kubemq import (
    CancellationToken,
    CQClient,
    QueriesSubscription,
    QueryMessage,
    QueryResponse,
    QueueMessage,
    QueuesClient,
)

address = sys.argv[1]
order = {"id": 7, "total": 99.5}
text = json.dumps(order).encode()

queues = QueuesClient(address=address, client_id="python")
requests = CQClient(address=address, client_id="python")


def send(codec, body, tags=None, metadata=None):
    message = QueueMessage(channel=f"python.sends.{codec}", body=body, tags=tags or {}, metadata=metadata)
    result = queues.send_queue_message(message)
    assert not result.is_error, result.error


def receive(codec):
    response = queues.receive_queue_messages(
        channel=f"python.receives.{codec}", max_messages=1, wait_timeout_in_seconds=5, auto_ack=True
    )
    assert not response.is_error, response.error
    return response.messages[0]


def answer(query):
    body = json.dumps({"item": json.loads(query.body)["item"], "cents": 4950, "by": query.tags["by"]}).encode()
    requests.send_response_message(
        QueryResponse(query_received=query, is_executed=True, body=body, tags={"from": "python"})
    )


requests.subscribe_to_queries(
    QueriesSubscription(
        channel="python.answers", on_receive_query_callback=answer, on_error_callback=lambda error: print(error, file=sys.stderr)
    ),
    CancellationToken(),
)

send("json", text)
send("gzip", gzip.compress(text), metadata="C-Order-1.0.0.0")
send("protobuf", json_format.ParseDict(order, struct_pb2.Struct()).SerializeToString())
send("typed", text, tags={"nestjs:content-type": "application/json"})
event = {"ce_specversion": "1.0", "ce_id": "7", "ce_source": "/shop", "ce_type": "order.placed"}
send("cloudevent", text, tags={**event, "ce_datacontenttype": "application/json"})

print("ready", flush=True)
sys.stdin.readline()

struct = struct_pb2.Struct()
struct.ParseFromString(receive("protobuf").body)
typed, cloud = receive("typed"), receive("cloudevent")
asked = requests.send_query(QueryMessage(channel="asked", timeout_in_seconds=5, body=text))
found = {
    "json": json.loads(receive("json").body),
    "gzip": json.loads(gzip.decompress(receive("gzip").body)),
    "protobuf": json_format.MessageToDict(struct),
    "typed": {"tags": typed.tags, "value": json.loads(typed.body)},
    "cloudevent": {"tags": cloud.tags, "value": json.loads(cloud.body)},
    "asked": {"executed": asked.is_executed, "tags": asked.tags, "value": json.loads(asked.body)},
}
print(json.dumps(found), flush=True)
sys.stdin.readline()
queues.close()
requests.close()
