#!/usr/bin/env bash
# Installs the Debian packages that parts of the project need, where they are missing.
#   install-debian-packages.sh GROUP...   (build, test, clients, fuzz, bench, vm)
# Without root or apt it says what is missing and fails.
set -euo pipefail

packages=()
for group in "$@"; do
  case "$group" in
    build) packages+=(gcc libc6-dev musl-tools) ;;
    # crun and runc: the attacks are tried on them too. nftables: what the kernel holds, in other words than ours.
    test) packages+=(gcc libc6-dev musl-tools busybox-static tmux libcap2-bin iproute2 nftables util-linux strace procps crun runc skopeo umoci docker-registry) ;;
    # The clients of an OCI runtime, of the Docker Engine API, and those that exchange images, with what they cannot do
    # without: conmon, tini (docker-init), iptables.
    clients) packages+=(busybox-static tmux podman conmon containerd docker.io tini iptables util-linux procps skopeo docker-compose python3-docker debootstrap umoci docker-registry) ;;
    fuzz) packages+=(clang libclang-rt-14-dev) ;;
    # docker.io and what it takes: the row of networks is measured beside dockerd.
    bench) packages+=(gcc libc6-dev musl-tools busybox-static crun runc docker.io tini iptables iproute2 util-linux procps) ;;
    vm) packages+=(gcc libc6-dev musl-tools busybox-static qemu-system-x86 cpio e2fsprogs) ;;
    *) packages=() && break ;;
  esac
done
if [ ${#packages[@]} = 0 ]; then
  echo "usage: install-debian-packages.sh build|test|clients|fuzz|bench|vm ..." >&2
  exit 2
fi

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

# Of the packages only the programs are wanted: without this, invoke-rc.d(8) would start dockerd and with it a bridge,
# control groups and rules of a firewall. A policy that is there already is the administrator's, and stays.
policy=/usr/sbin/policy-rc.d
forbid='#!/bin/sh
# Of install-debian-packages.sh, for as long as it runs: nothing is started.
exit 101'
if [ ! -e "$policy" ] || [ "$(cat "$policy")" = "$forbid" ]; then
  trap 'rm -f "$log" "$policy"' EXIT
  echo "$forbid" >"$policy"
  chmod 755 "$policy"
fi

if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  exit 1
fi
