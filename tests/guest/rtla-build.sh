#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# rtla-build.sh DIR: DIR/rtla/rtla, of Linux 6.12 (Debian 12's own is of 6.1 and can't analyse by
# itself), from Debian's sources; nothing is installed here. What is there is kept.
set -eu
base=$1/rtla
[ ! -x "$base/rtla" ] || exit 0
mkdir -p "$base"
cd "$base"
exec 9> lock
flock 9
[ ! -x rtla ] || exit 0
fail() {
	echo "rtla-build.sh: $*" >&2
	exit 1
}

for p in linux-source-6.12 libtracefs-dev libtraceevent-dev; do
	ls "${p}"_*.deb > /dev/null 2>&1 || apt-get -q download "$p" > /dev/null 2>&1 || fail "apt-get download $p failed"
done
rm -rf src dev
mkdir -p src dev
for p in libtracefs-dev libtraceevent-dev; do dpkg -x "$(ls ${p}_*.deb)" dev; done
dpkg --fsys-tarfile "$(ls linux-source-6.12_*.deb)" | tar -xO --wildcards '*/linux-source-6.12.tar.xz' | xz -dc |
	tar -x -C src --strip-components=1 --wildcards '*/tools/tracing/rtla/*' '*/tools/build/*' '*/tools/scripts/*'
lib=$(dirname "$(find dev -name libtracefs.pc)")
# only the headers are new: the libraries themselves are there
(cd src/tools/tracing/rtla/src &&
	gcc -O2 -DVERSION='"6.12"' -I"$base/dev/usr/include" -I"$base/dev/usr/include/traceevent" \
		-I"$base/dev/usr/include/tracefs" -o "$base/rtla.new" ./*.c \
		-L"$base/$lib/.." -l:libtracefs.so.1 -l:libtraceevent.so.1 -lpthread -lm) > log 2>&1 ||
	fail "building failed, see $base/log: $(grep -m3 error log)"
mv rtla.new rtla
rm -rf src dev
