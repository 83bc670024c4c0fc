#!/usr/bin/env bash
# npm run bench: installs the peers that Debian has, builds, measures.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install-debian-packages.sh bench
bash scripts/install-node-modules.sh
PATH="$PWD/node_modules/.bin:$PATH"
node scripts/build.ts
exec node test/bench/main.ts "$@"
