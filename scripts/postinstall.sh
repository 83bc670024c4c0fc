#!/bin/sh
# `npm ci` also compiles the shim and bundles the programs, so that bin/ works right after it.
# The PATH that npm gives its scripts finds Node 24 (the `node` package) before an older one of the system.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"
exec node scripts/build.ts
