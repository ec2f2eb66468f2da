#!/bin/busybox sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=dash
# First program of the guest: puts a root together from the host's /usr (read-only, an overlay over it),
# the modules of this kernel and memory, and goes there.
set -e
B=/bin/busybox
root=/newroot
trap '$B echo "guest: init failed"; $B poweroff -f' EXIT
$B mount -t devtmpfs d /dev
$B mount -t proc p /proc
$B mount -t sysfs s /sys
exec < /dev/null > /dev/console 2>&1
for module in $($B cat /mods/order); do
	$B insmod "/mods/$module"
done

$B mount -t tmpfs -o mode=755 t $root
for dir in usr dev proc sys run tmp var/log var/tmp root share mnt; do
	$B mkdir -p $root/$dir
done
$B chmod 1777 $root/tmp $root/var/tmp
$B ln -s /run $root/var/run
options=trans=virtio,version=9p2000.L,msize=512000
$B mount -t 9p -o $options,ro,cache=loose usr $root/usr
$B mount -t 9p -o $options,cache=none share $root/share
for link in bin sbin lib lib32 lib64 libx32; do
	[ ! -e $root/usr/$link ] || $B ln -s usr/$link $root/$link
done
$B cp -a /etc $root/etc

$B mkdir -p /m /overlay
$B mount -t 9p -o $options,ro,cache=loose mods /m
$B mount -t tmpfs t /overlay
$B mkdir -p /overlay/upper/lib/modules /overlay/work
$B mount -t overlay -o lowerdir=$root/usr,upperdir=/overlay/upper,workdir=/overlay/work o $root/usr
$B mount -o bind /m $root/usr/lib/modules
for dir in dev proc sys; do
	$B mount -o move /$dir $root/$dir
done
exec $B switch_root $root /usr/bin/env -i \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/root TERM=dumb LC_ALL=C.UTF-8 /bin/bash /etc/guest-start < /dev/console > /dev/console 2>&1
