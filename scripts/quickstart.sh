#!/usr/bin/env bash
# npm run quickstart: from an empty clone to a shell in a container, then what to try next.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD

if [ "$(id -u)" != 0 ]; then
  echo "the daemon makes containers and needs root: sudo npm run quickstart" >&2
  exit 1
fi
if ! command -v musl-gcc >/dev/null && ! command -v cc >/dev/null; then
  echo "a C compiler is missing: install gcc (and musl-tools for the smallest shim)" >&2
  exit 1
fi
bash scripts/install-node-modules.sh
PATH="$top/node_modules/.bin:$PATH"
node scripts/build.ts

run=/run/tare
export TARE_HOST="unix://$run/tare.sock"
if bin/tare version >/dev/null 2>&1; then
  echo "a daemon answers at $run/tare.sock already; using it"
else
  mkdir -p build
  # Its own session, so that it goes on after this script and its terminal are gone.
  setsid bin/tared >build/tared.log 2>&1 </dev/null &
  daemon=$!
  for _ in $(seq 1 200); do
    bin/tare version >/dev/null 2>&1 && break
    if ! kill -0 "$daemon" 2>/dev/null; then
      echo "the daemon ended; its last words:" >&2
      tail -n 5 build/tared.log >&2
      exit 1
    fi
    sleep 0.05
  done
  echo "the daemon runs as process $daemon; its log is build/tared.log"
fi

if [ -t 0 ] && [ -t 1 ]; then
  echo "a shell in a disposable copy of this machine; 'exit' leaves it"
  bin/tare run --rm -it --rootfs / "${SHELL:-/bin/sh}" || true
else
  # shellcheck disable=SC2016
  bin/tare run --rm --rootfs / --memory 64m --pids-limit 100 --hostname quickstart sh -c '
    echo "hostname  $(hostname)"
    echo "pid       $$ of $(ls -d /proc/[0-9]* | wc -l) seen"
    echo "mounts    $(wc -l < /proc/self/mounts), the root is $(sed -n "s/^\([^ ]*\) \/ .*/\1/p" /proc/self/mounts)"
    echo "limits    memory 64 MiB, pids 100; open files $(ulimit -n)"
    echo "groups    $(sed -n 1p /proc/self/cgroup)"
  '
fi

cat <<END

Next:
  $top/bin/tare run -d --name first --rootfs / sleep 1000
  $top/bin/tare exec first ps ax
  $top/bin/tare run --rm -it debian:12 bash
  curl --unix-socket $run/tare.sock http://tare/v1/containers
END
