#!/bin/busybox sh
# The first process of the virtual machine, in the initramfs: finds the root file system and goes there.
busybox mount -t proc proc /proc
busybox mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do busybox insmod "$module"; done
until [ -b /dev/vda ]; do busybox usleep 10000; done
busybox mount -t ext4 -o noatime /dev/vda /newroot
busybox mount --move /dev /newroot/dev
busybox umount /proc
exec busybox switch_root /newroot /sbin/init
