#!/usr/bin/env bash
# Installs the Debian packages that a part of the project needs, where they are missing.
#   install-debian-packages.sh build|test|bench|vm
# Without root or apt it says what is missing and fails.
set -euo pipefail

case "${1:-}" in
  build) packages=(gcc libc6-dev musl-tools) ;;
  test) packages=(gcc libc6-dev musl-tools busybox-static tmux libcap2-bin iproute2 procps) ;;
  bench) packages=(gcc libc6-dev musl-tools busybox-static crun runc procps) ;;
  vm) packages=(gcc libc6-dev musl-tools busybox-static qemu-system-x86 cpio e2fsprogs) ;;
  *)
    echo "usage: install-debian-packages.sh build|test|bench|vm" >&2
    exit 2
    ;;
esac

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing Debian packages: ${missing[*]} (install them, or run this as root)" >&2
  exit 1
fi
echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  exit 1
fi
