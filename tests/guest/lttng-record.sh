#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# lttng-record.sh SECONDS: in a guest, one stretch of time recorded by LTTng and watched by whylate,
# under load.py and cyclictest; memcached runs, and is driven from outside.
#   /share/lttng/           LTTng's programs, see lttng-build.sh
#   /share/trace/           the trace
#   /share/watch.json       what whylate said meanwhile
set -u
seconds=$1
export HOME=/root LTTNG_HOME=/root
rm -rf /share/trace
cp -a /share/lttng/usr/. /usr/
grep -q ^tracing: /etc/group || echo "tracing:x:130:" >> /etc/group

fail() {
	echo "lttng-record.sh: $*"
	exit 1
}

# until it is so, at most that many seconds
wait_for() { # SECONDS COMMAND...
	local n=$(($1 * 10))
	shift
	until "$@"; do
		[ $((n--)) -gt 0 ] || return 1
		sleep 0.1
	done
}

nice -n -20 /share/whylate watch --over 1ns --until idle --timeout none --captures none --json \
	> /tmp/watch.json 2> /share/watch.err &
watch=$!
wait_for 60 grep -q '"type":"start"' /tmp/watch.json || fail "whylate does not start: $(cat /share/watch.err)"
modprobe lttng-tracer || fail "no lttng-tracer"
lttng-sessiond --daemonize || fail "lttng-sessiond"
lttng -q create s --snapshot --output=/tmp/trace || fail create
# a ring that takes all of it: nothing is overwritten
lttng -q enable-channel -k c --subbuf-size=4M --num-subbuf=16 || fail channel
lttng -q enable-event -k -c c 'sched_*,irq_*,timer_*,block_*,net_*,napi_*,x86_irq_vectors_*,workqueue_*' ||
	fail events
lttng -q enable-event -k -c c --syscall --all || fail "system calls"
lttng -q add-context -k -c c -t pid -t tid -t procname || fail contexts

lttng -q start || fail start
# whoever is born under both tracers is known to both
setsid python3 /share/load.py /tmp/working & load=$!
cyclictest -m -p 80 -i 25000 -t 1 -q > /dev/null & cyclic=$!
wait_for 60 [ -e /tmp/working ] || fail "the load does not start"
sleep "$seconds"
lttng -q stop || fail stop
kill -INT $watch
wait $watch || fail "whylate: status $?"
kill -- -$load $cyclic
lttng -q snapshot record || fail snapshot
lttng -q destroy
cp -r /tmp/trace /tmp/watch.json /share/
