# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
# Second program of the guest: file systems, network, then the command, whose status it tells.
mount() {
	busybox mount "$@"
}

mkdir -p /dev/pts /dev/shm
mount -t devpts d /dev/pts
mount -t tmpfs s /dev/shm
mount -t tmpfs r /run
mount -t tracefs t /sys/kernel/tracing
mount -t debugfs d /sys/kernel/debug
mount -t bpf b /sys/fs/bpf
mount -t cgroup2 c /sys/fs/cgroup
ulimit -l unlimited
ulimit -n 65536
hostname guest
busybox ifconfig lo 127.0.0.1 up
for path in /sys/class/net/*; do
	nic=${path##*/}
	[ "$nic" != lo ] || continue
	busybox ifconfig "$nic" 10.0.2.15 netmask 255.255.255.0 up
	busybox route add default gw 10.0.2.2
done

cd /share || exit
bash /share/.command
echo "GUEST-STATUS=$?"
sync
busybox poweroff -f
