#!/bin/sh
# A backend that pushes to a user: LTY_TOKEN=… ./push.sh USER_ID TEXT
set -eu
key=$(cat /proc/sys/kernel/random/uuid)
curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused \
  "${LTY_URL:-http://127.0.0.1:8000}/api/messages/" \
  -H "Authorization: Bearer $LTY_TOKEN" -H "Content-Type: application/json" -H "Idempotency-Key: $key" \
  -d "{\"type\":\"notice\",\"user_id\":$1,\"message\":\"$2\"}"
