#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# lttng-build.sh DIR RELEASE...: LTTng's kernel modules for Debian kernels, from Debian's packages,
# built beside the kernels in DIR and never installed here:
#   DIR/lttng/tree-RELEASE/lib/modules  the kernel's modules and LTTng's
#   DIR/lttng/tools/usr                 lttng, lttng-sessiond and what they need, for the guest's /usr
# What is there is kept: building takes two minutes a kernel. Debian 12's lttng-modules 2.13.9 knows no
# kernel after 6.2; for newer ones Debian 13's is taken, of the same series.
set -eu
base=$1/lttng
shift
# enough for a chain; the others only cost time
probes="sched irq timer x86-irq-vectors block napi net workqueue statedump"
tools="lttng-tools liblttng-ctl0 liblttng-ust-ctl5 liblttng-ust-common1"

get() # PACKAGE...: into dl/, once; names the files
{
	local p
	mkdir -p "$base/dl"
	for p; do
		ls "$base/dl/${p}"_*.deb >/dev/null 2>&1 ||
			(cd "$base/dl" && apt-get -q download "$p" >/dev/null 2>&1) ||
			{ echo "lttng-build.sh: apt-get download $p failed" >&2; return 1; }
	done
}

# One package of Debian 13, by lists of its own: the machine's sources stay as they are.
get_newer() # PACKAGE
{
	local dir=$base/trixie keys=/usr/share/keyrings/debian-archive-keyring.gpg
	local apt=(-q -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=-
		-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir" -o APT::Sandbox::User=root)

	ls "$dir/${1}"_*.deb > /dev/null 2>&1 && return
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	echo "deb [signed-by=$keys] http://deb.debian.org/debian trixie main" > "$dir/sources.list"
	(cd "$dir" && apt-get "${apt[@]}" update && apt-get "${apt[@]}" download "$1") > "$dir/log" 2>&1 ||
		{ echo "lttng-build.sh: $1 of Debian 13 can't be had, see $dir/log" >&2; return 1; }
}

unpack() # PACKAGE DIR [FOLDER]
{
	mkdir -p "$2"
	# shellcheck disable=SC2012
	dpkg -x "$(ls "$base/${3-dl}/${1}"_*.deb | tail -1)" "$2"
}

build_tools()
{
	local p
	[ -e "$base/tools/.done" ] && return
	# shellcheck disable=SC2086
	get $tools
	for p in $tools; do unpack "$p" "$base/tools"; done
	touch "$base/tools/.done"
}

# The packages of headers refer to each other by absolute paths.
get_headers() # RELEASE
{
	local rel=$1 hdr=$base/hdr flavour common kbuild p
	[ -e "$hdr/.done-$rel" ] && return
	flavour=${rel%-amd64}
	case $flavour in
	*-rt) common=linux-headers-${flavour%-rt}-common-rt ;;
	*) common=linux-headers-$flavour-common ;;
	esac
	kbuild=linux-kbuild-${rel%%-*}
	case $kbuild in *-6.1.0) kbuild=linux-kbuild-6.1 ;; esac
	get "linux-headers-$rel" "$common" "$kbuild"
	for p in "linux-headers-$rel" "$common" "$kbuild"; do unpack "$p" "$hdr"; done
	sed -i "s|include /usr/src/|include $hdr/usr/src/|" "$hdr/usr/src/linux-headers-$rel/Makefile"
	touch "$hdr/.done-$rel"
}

# An event's arguments change inside a stable series: hrtimer_start has had a third since 6.1.180s.
fix_events() # SOURCE HEADERS
{
	local at
	grep -q was_armed "$1/include/instrumentation/events/timer.h" && return
	at=$(sed -n 's|^include \(.*\)/Makefile$|\1|p' "$2/Makefile")/include/trace/events/timer.h
	grep -q 'enum hrtimer_mode mode, bool was_armed' "$at" || return 0
	sed -i -e '/TP_PROTO(struct hrtimer \*hrtimer, enum hrtimer_mode mode)/s/mode)/mode, bool was_armed)/' \
		-e 's/TP_ARGS(hrtimer, mode)/TP_ARGS(hrtimer, mode, was_armed)/' \
		"$1/include/instrumentation/events/timer.h"
}

# shellcheck disable=SC2016
choose_probes() # SOURCE
{
	local p
	{
		echo 'TOP_LTTNG_MODULES_DIR := $(shell dirname $(lastword $(MAKEFILE_LIST)))/../..'
		echo 'include $(TOP_LTTNG_MODULES_DIR)/src/Kbuild.common'
		echo 'ccflags-y += -I$(TOP_LTTNG_MODULES_DIR)/include'
		for p in $probes; do echo "obj-\$(CONFIG_LTTNG) += lttng-probe-$p.o"; done
		# the tracer needs these, whatever it traces
		for p in kprobes kretprobes uprobes; do echo "obj-\$(CONFIG_LTTNG) += lttng-$p.o"; done
	} >"$1/src/probes/Kbuild"
	sed -i '/tests\//d' "$1/src/Kbuild"
}

unpack_source() # SOURCE HEADERS RELEASE
{
	rm -rf "$1.x"
	if [ "${3%%-*}" = 6.1.0 ]; then
		get lttng-modules-dkms
		unpack lttng-modules-dkms "$1.x"
	else
		get_newer lttng-modules-dkms
		unpack lttng-modules-dkms "$1.x" trixie
	fi
	choose_probes "$1.x"/usr/src/lttng-modules-*
	fix_events "$1.x"/usr/src/lttng-modules-* "$2"
	mv "$1.x"/usr/src/lttng-modules-* "$1"
	rm -rf "$1.x"
}

# The kernel's own modules, as hard links, and ours.
install_modules() # RELEASE BUILT
{
	local tree=$base/tree-$1 own
	own=$(ls -d "$base"/../k-*/lib/modules/"$1")
	rm -rf "$tree"
	mkdir -p "$tree/lib/modules"
	cp -al "$own" "$tree/lib/modules/"
	# depmod writes over what has another name in the kernel's own directory
	rm -f "$tree/lib/modules/$1"/modules.{dep,alias,symbols,softdep,devname}{,.bin}
	mkdir -p "$tree/lib/modules/$1/updates"
	find "$2" -name '*.ko' -exec cp {} "$tree/lib/modules/$1/updates/" \;
	strip --strip-debug "$tree/lib/modules/$1"/updates/*.ko
	/sbin/depmod -b "$tree" "$1"
	touch "$tree/.done"
}

build_modules() # RELEASE
{
	local rel=$1 src headers
	[ -e "$base/tree-$rel/.done" ] && return
	get_headers "$rel"
	headers=$base/hdr/usr/src/linux-headers-$rel
	src=$base/src-$rel
	[ -d "$src" ] || unpack_source "$src" "$headers" "$rel"
	make -s -j"$(nproc)" -C "$headers" M="$src/src" CONFIG_LTTNG=m modules >"$src/log" 2>&1 || {
		echo "lttng-build.sh: building LTTng for $rel failed, see $src/log:" >&2
		grep -m5 -E 'error|Error' "$src/log" >&2
		return 1
	}
	install_modules "$rel" "$src/src"
	rm -rf "$src"
}

mkdir -p "$base"
exec 9> "$base/lock"
flock 9
build_tools
for rel; do build_modules "$rel"; done
