#!/usr/bin/env bash
# npm run test:vm: the tests on a host with cgroup v2 alone and with AppArmor, which is a small virtual machine
# (scripts/test-vm.ts). `npm run test:vm -- freezer` runs only the test files whose path contains one of the words.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
  echo "npm run test:vm builds a root file system and needs root" >&2
  exit 1
fi
bash scripts/install-debian-packages.sh vm
bash scripts/install-node-modules.sh
PATH="$PWD/node_modules/.bin:$PATH"
node scripts/build.ts
exec node scripts/test-vm.ts "$@"
