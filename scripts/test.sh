#!/usr/bin/env bash
# npm test: everything, from an empty clone. `npm test -- unit e2e` runs only those steps (scripts/test.ts).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
  echo "npm test starts containers and needs root" >&2
  exit 1
fi
bash scripts/install-debian-packages.sh test clients fuzz
case " $* " in
  '  ' | *' vm '*) bash scripts/install-debian-packages.sh vm ;;
esac
bash scripts/install-node-modules.sh
PATH="$PWD/node_modules/.bin:$PATH"
exec node scripts/test.ts "$@"
