# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
# Shared by scripts/test and scripts/demo: source it, don't run it.

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
