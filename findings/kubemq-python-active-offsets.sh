#!/usr/bin/env bash
# kubemq 4.1.5 (PyPI) asks the server which messages of a poll are not settled, drops the answer, and returns that there are none.
#
# get_active_offsets() of a poll is documented to query the server. The synchronous client does send the request, and the server answers
# it. But the client sends it with a function that does not wait for an answer, and the method then returns the offsets that came with the
# poll. A KubeMQ server (seen with community v2.4.0) leaves that list empty in the answer to a poll, so the result is always [], as if
# all messages were settled. A consumer that asks what is left to do, or whether its acks have arrived, stops with
# messages unsettled, and these are delivered again.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check kubemq==4.1.5 grpcio==1.85.3 protobuf==5.29.6
cat >"$dir/run.py" <<'PY'
import os
import threading
from concurrent import futures

import grpc
from kubemq import grpc as wire
from kubemq.queues import Client

Kind = wire.QueuesDownstreamRequestType
answered = threading.Semaphore(0)
answers = []


class Server(wire.kubemqServicer):
    def Ping(self, request, context):
        return wire.PingResult(Host="test", Version="2.4.0")

    def QueuesDownstream(self, requests, context):
        left = [1, 2]
        for request in requests:
            answer = wire.QueuesDownstreamResponse(
                TransactionId="t", RefRequestId=request.RequestID, RequestTypeData=request.RequestTypeData
            )
            if request.RequestTypeData == Kind.Get:
                for sequence in left:
                    message = answer.Messages.add(MessageID=str(sequence), Channel="jobs", Body=b"sweep")
                    message.Attributes.Sequence = sequence
            elif request.RequestTypeData == Kind.AckRange:
                left = [sequence for sequence in left if sequence not in request.SequenceRange]
                continue  # a server answers only an ack that it refuses
            elif request.RequestTypeData == Kind.ActiveOffsets:
                answer.ActiveOffsets.extend(left)
                answers.append(left)
            yield answer
            answered.release()  # the answer has been passed to gRPC


server = grpc.server(futures.ThreadPoolExecutor(4))
wire.add_kubemqServicer_to_server(Server(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
client = Client(address=f"127.0.0.1:{port}", client_id="worker")
poll = client.receive_queue_messages("jobs", max_messages=2, wait_timeout_in_seconds=5)
assert answered.acquire(timeout=20) and len(poll.messages) == 2, poll


def ask(after):
    """Asks twice; the server has answered the first question before the second."""
    results = []
    for _ in range(2):
        results.append(poll.get_active_offsets())
        assert answered.acquire(timeout=20)
    print(f"{after}: the server answers {answers[-1]}, get_active_offsets() returns {results[-1]}")
    return results[-1], answers[-1]


before = ask("two messages received")
poll.messages[0].ack()
after = ask("one acknowledged     ")
os._exit(0 if before == ([], [1, 2]) and after == ([], [2]) else 1)
PY
PYTHONUNBUFFERED=1 timeout 60 "$dir/venv/bin/python" "$dir/run.py" || { echo "CHANGED: kubemq 4.1.5 and the answer to ActiveOffsets"; exit 1; }
echo "kubemq 4.1.5 (Python): get_active_offsets() returns no offsets, whatever the server answers"
