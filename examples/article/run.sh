#!/usr/bin/env bash
# Train on the article's five rows, serve the model, ask it for x = 6, stop it. Prints the answer.
# PORT chooses the port (default 8000). Nothing is left behind.
set -euo pipefail
cd "$(dirname "$0")"
port=${PORT:-8000}
FITSERVE_WORKSPACE=$(mktemp -d)
export FITSERVE_WORKSPACE

server=
finish() {
    if [ -n "$server" ]; then
        kill "$server"
        wait "$server" || true
    fi
    rm -rf "$FITSERVE_WORKSPACE"
}
trap finish EXIT

fitserve train data.csv --target y --name article --learner linear >&2
fitserve serve article --port "$port" >&2 &
server=$!
curl --silent --retry 30 --retry-delay 1 --retry-connrefused --output /dev/null "http://127.0.0.1:$port/readyz"
curl --silent --fail-with-body -H 'content-type: application/json' -d '{"x": 6}' "http://127.0.0.1:$port/predict"
echo
