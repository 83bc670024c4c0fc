#!/usr/bin/env bash
# `npm ci`, but only when the lock file has changed since the last time: the second run of a README command is quick.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=node_modules/.tare-lock
if ! cmp -s package-lock.json "$stamp"; then
  npm ci --no-fund --no-audit --loglevel=error
  cp package-lock.json "$stamp"
fi
