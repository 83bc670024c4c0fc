#!/bin/sh
# The first process of the virtual machine's root file system: a host with cgroup v2 alone, on which the tests run.
# What they print goes to the second serial port, the kernel's own words to the first.
exec </dev/null >/dev/ttyS1 2>&1
export PATH=/tare/node_modules/node/bin:/bin:/sbin HOME=/root NO_COLOR=1
# The daemon and the command line begin many times. Machine code that is made afresh each time costs the emulator
# more than it gains, and so does compiling anew: with these two everything takes half the time.
export NODE_OPTIONS=--jitless NODE_COMPILE_CACHE=/var/cache/node
# Emulated, and beside other work: what waits for something may wait long.
export TARE_PATIENCE=8
# The guest has no compiler.
export TARE_SHIM=/tare/build/shim/tare-shim TARE_PROBE=/tare/build/vm/probe
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t securityfs -o nosuid,nodev,noexec securityfs /sys/kernel/security
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
# Containers have mount namespaces of their own, whatever this one's propagation; most hosts share theirs.
mount --make-rshared /
for module in /lib/modules/*.ko; do insmod "$module"; done
ip link set lo up
hostname tare-vm
ulimit -n 1048576
# The second disk has nothing on it but swap, the third is to be throttled.
mkswap /dev/vdb >/dev/null && swapon /dev/vdb
echo 16 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
cat /tare/build/vm/apparmor.policy >/sys/kernel/security/apparmor/.load
cd /tare
# Two daemons at a time cost much here, and do to each other what they do anywhere.
node --test --test-skip-pattern='/(daemons side by side|second daemon on the same root)/' --test-reporter=spec --test-concurrency=1 --test-timeout=540000 $(cat tests/list)
echo "tare-vm: the runner ended with code $?"
sync
poweroff -f
