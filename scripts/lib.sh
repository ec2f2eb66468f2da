# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
# Shared by scripts/test, scripts/demo and demos/*/run: source it, don't run it.

wl_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wl_policy=/usr/sbin/policy-rc.d

# bpftool lives in sbin, which is not in everybody's path.
PATH=$PATH:/usr/sbin:/sbin

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# The packages of the groups named, one a line.
packages_list() {
	local group
	for group; do
		sed -n "/^\[$group\]\$/,/^\[/{/^[a-z0-9]/p}" "$wl_root/scripts/packages"
	done
}

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

packages_missing() {
	local package
	for package in $(packages_list "$@"); do
		package_installed "$package" || echo "$package"
	done
}

# memcached's package starts a service as it is installed, and a test machine doesn't want one. A
# policy-rc.d (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt) forbids
# that, as long as this very process lives: one that a kill leaves behind forbids nothing. A
# machine's own policy is left alone.
services_forbid() {
	[ -e $wl_policy ] && return
	printf '#!/bin/sh\n# whylate scripts/lib.sh; safe to remove\n%s\n' \
		"kill -0 $$ 2>/dev/null && exit 101; exit 0" > $wl_policy
	chmod 755 $wl_policy
	wl_policy_written=1
}

services_allow() {
	[ -z "${wl_policy_written:-}" ] || rm -f $wl_policy
	wl_policy_written=
}

# Installs what is missing of the groups named, and asks for nothing when nothing is.
packages_install() {
	local missing status=0
	missing=$(packages_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	[ "$(id -u)" = 0 ] || die "missing packages: $missing(run this as root, or install them)"
	echo "installing $missing" >&2
	services_forbid
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # a list of words
	{ timeout 300 apt-get -q -y update && timeout 900 apt-get -q -y install --no-install-recommends \
		$missing; } >&2 || status=$?
	services_allow
	[ $status = 0 ] || die "apt-get failed (status $status)"
}

# build_configure DIR [OPTIONS]: (re)configures a build directory.
build_configure() {
	local dir=$1
	shift
	if [ -f "$dir/build.ninja" ]; then
		meson setup --reconfigure "$@" "$dir" "$wl_root"
	else
		meson setup "$@" "$dir" "$wl_root"
	fi
}

# build_release NAME [OPTIONS]: optimized, in build/NAME; says nothing unless it fails.
build_release() {
	local dir=$wl_root/build/$1 log=$wl_root/build/$1.log
	shift
	mkdir -p "$wl_root/build"
	echo "building in ${dir#"$wl_root"/}" >&2
	if ! { build_configure "$dir" --buildtype=release -Dtests=false "$@" && ninja -C "$dir"; } \
		> "$log" 2>&1; then
		cat "$log" >&2
		die "the build failed"
	fi
}

# demo_run NAME ARGS: a demonstration of demos/, with a build of its own unless it is given one.
demo_run() {
	local name=$1 arg given=
	shift
	for arg; do
		case $arg in
		--whylate | --whylate=* | -h | --help) given=1 ;;
		esac
	done
	if [ -z "$given" ]; then
		[ "$(id -u)" = 0 ] || die "watching the kernel needs root: run it with sudo"
		packages_install build demos
		build_release demos -Ddemos=true
		set -- --whylate "$wl_root/build/demos/whylate" "$@"
	fi
	exec python3 "$wl_root/demos/$name/$name.py" "$@"
}
