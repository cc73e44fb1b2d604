#!/usr/bin/env bash
# kubemq 4.1.5 (PyPI) asks for stored events "from a time" in seconds, where KubeMQ servers count nanoseconds.
#
# EventsStoreTypeValue of StartAtTime is in nanoseconds since 1970 (the server passes it to time.Unix(0, value)). The Python client
# sends int(datetime.timestamp()), which is seconds: to a server this is 1.8 seconds after 1970, so every stored event is replayed
# instead of those since that time. A start "seconds ago" (StartAtTimeDelta) is right: that one is in seconds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check kubemq==4.1.5
"$dir/venv/bin/python" - <<'PY' || { echo "CHANGED: kubemq 4.1.5 sends another unit"; exit 1; }
from datetime import datetime, timezone
from kubemq.pubsub import EventsStoreSubscription, EventStoreStartPosition

noon = datetime(2026, 11, 28, 12, 0, 0, tzinfo=timezone.utc)
request = EventsStoreSubscription(
    channel="orders",
    events_store_type=EventStoreStartPosition.StartAtTime,
    events_store_start_time=noon,
    on_receive_event_callback=lambda event: None,
).encode("reader")
sent, wanted = request.EventsStoreTypeValue, int(noon.timestamp()) * 10**9
print(f"start time {noon.isoformat()}: sends {sent}, nanoseconds would be {wanted}")
raise SystemExit(0 if sent == int(noon.timestamp()) else 1)
PY
echo "kubemq 4.1.5 (Python): StartAtTime travels in seconds"
