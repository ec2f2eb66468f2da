
/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
'use strict';
(() => {
const data = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);

/* enum wl_node_role, WL_NODE_F_*, enum wl_who_ctx */
const ROLE = { ROOT: 0, PATH: 1, HELD: 2, ON_TOP: 3, WAITED: 4, REQUEST: 5, FUNCTION: 6 };
const FLAG = { CUT: 1, ROOT: 2, CAUSE: 4, FOLDED: 8, OTHERS: 16, USER: 32 };
const CTX = { TASK: 1, IRQ: 3, SOFTIRQ: 4, TIMER: 5 };

const WORDS = {
	timer_slack: 'timer slack', timer_delay: 'timer came late', irq: 'interrupt handler',
	softirq_delay: 'softirq put off', softirq: 'softirq', queued: 'queued behind other work',
	work_delay: 'waiting for a worker', wakeup: 'waiting for a CPU', running: 'running',
	preempted: 'preempted', interrupted: 'interrupted', throttled: 'out of CPU quota',
	steal: 'taken by the hypervisor', io: 'waiting for block I/O', lock: 'waiting for a lock',
	task: 'waiting for a task', timer: 'sleeping', fault: 'page fault', reclaim: 'reclaiming memory',
	stopped: 'stopped', unknown: 'unknown', none: 'unknown',
};
/* How tall a state is drawn: who works, stands out; who wants to, less; who sleeps, least. */
const TALL = { running: 1, interrupted: 1, reclaim: 1, wakeup: .62, preempted: .62, throttled: .62, steal: .62 };
const kindName = (kind) => data.kinds[kind] || 'unknown';
const kindWords = (kind) => WORDS[kindName(kind)] || kindName(kind);

/* ---- numbers ---- */

function duration(ns) {
	const sign = ns < 0 ? '\u2212' : '';
	const abs = Math.abs(ns);
	for (const [unit, size] of [['s', 1e9], ['ms', 1e6], ['\u00b5s', 1e3]]) {
		if (abs >= size * .9995) {
			const value = abs / size;
			return sign + (value >= 99.95 ? value.toFixed(0) : value.toPrecision(3)) + '\u202f' + unit;
		}
	}
	return sign + Math.round(abs) + '\u202fns';
}

const since = (ns) => (ns < 0 ? '' : '+') + duration(ns);
const count = (n) => n.toLocaleString('en');
const percent = (part) => (part >= .995 ? 100 : part * 100).toFixed(part < .1 ? 1 : 0) + '\u202f%';
const plural = (n, word) => count(n) + ' ' + word + (n === 1 ? '' : 's');

/* ---- elements: names only ever become text ---- */

function el(tag, props, ...children) {
	const node = document.createElement(tag);
	for (const [key, value] of Object.entries(props || {})) {
		if (key === 'class')
			node.className = value;
		else if (key === 'color')
			node.style.background = value;
		else
			node.setAttribute(key, value);
	}
	for (const child of children)
		if (child !== null && child !== undefined && child !== '')
			node.append(child);
	return node;
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const kindColor = (kind) => `var(--${kindName(kind)}, var(--unknown))`;
const swatch = (color) => el('span', { class: 'swatch', color });

/* ---- the critical path as objects ---- */

const nodes = data.nodes.map(([parent, role, kind, flags, from, to, ns, task, cpu, call, who, n, text], index) =>
	({ parent, role, kind, flags, from, to, ns, task, cpu, call, who, n, text, index, children: [] }));
for (const node of nodes)
	if (node.parent >= 0)
		nodes[node.parent].children.push(node);
for (const node of nodes)
	node.children.sort((a, b) => (a.role === ROLE.FUNCTION) - (b.role === ROLE.FUNCTION) ||
		a.from - b.from || a.index - b.index);
const root = nodes[0] || { children: [], task: -1 };
const segments = root.children.filter((node) => node.role === ROLE.PATH);

const rootTask = data.tasks.findIndex((task) => task[0] === data.tid);
const whoText = (who) => who >= 0 ? data.whos[who][0] : '';
const callText = (call) => call >= 0 ? data.calls[call] : '';
const taskName = (task) => task >= 0 ? `${data.tasks[task][2]}/${data.tasks[task][0]}` : '';
const culprit = [data.cause.root, data.cause.who].find((who) => who >= 0) ?? -1;
const culpritTid = culprit >= 0 && data.whos[culprit][1] === CTX.TASK ? data.whos[culprit][2] : -1;
const isCulprit = (task) => task >= 0 && data.tasks[task][0] === culpritTid && culpritTid !== data.tid;
const isTarget = (task) => task >= 0 && data.tasks[task][0] === data.tid;

function nodeTitle(node) {
	const who = whoText(node.who) || taskName(node.task);
	switch (node.role) {
	case ROLE.HELD: return node.flags & FLAG.FOLDED ? `CPU held by ${who}, ${plural(node.n, 'time')}` :
		`CPU held by ${who || 'somebody unknown'}`;
	case ROLE.ON_TOP: return `${who || 'interrupt'} on top` + (node.n > 1 ? `, ${plural(node.n, 'time')}` : '');
	case ROLE.WAITED: return `waited for ${who || 'somebody unknown'}`;
	case ROLE.REQUEST: return node.text || 'block request';
	case ROLE.FUNCTION: return node.text || 'unknown function';
	default: return kindWords(node.kind);
	}
}

function nodeDetail(node) {
	const parts = [];
	if (node.role === ROLE.PATH) {
		const parent = nodes[node.parent];
		const context = node.who >= 0 && data.whos[node.who][1] !== CTX.TASK;
		const own = (!context && taskName(node.task)) || whoText(node.who);
		const before = parent && (parent.role === ROLE.ROOT ? rootTask : parent.task);
		if (own && (context || node.task < 0 || node.task !== before))
			parts.push(own);
		if (callText(node.call))
			parts.push('in ' + callText(node.call));
		parts.push('cpu' + node.cpu);
		if (node.flags & FLAG.FOLDED)
			parts.push(plural(node.n, 'stretch').replace('stretchs', 'stretches'));
	}
	if (node.role === ROLE.FUNCTION)
		parts.push((node.flags & FLAG.USER ? 'user space, ' : '') + plural(node.n, 'sample'));
	if (node.role === ROLE.REQUEST && node.flags & FLAG.OTHERS)
		parts.push(`behind ${plural(node.n, 'other request')}`);
	if (node.flags & FLAG.CUT)
		parts.push('not all of it was recorded');
	return parts.join(', ');
}

/* ---- verdict ---- */

/* The text, with the culprit's name in it marked. */
function marked(text, name) {
	const at = name ? text.indexOf(name) : -1;
	if (at < 0)
		return [text];
	return [text.slice(0, at), el('mark', {}, name), text.slice(at + name.length)];
}

function culpritName() {
	const full = whoText(culprit);
	return data.cause.text.includes(full) ? full : full.replace(/ \([^()]*\)$/, '');
}

function fillVerdict() {
	const reason = ['slow response', 'not finished', 'worst response so far'][data.reason] || 'slow response';
	$('who').append(el('b', {}, `${data.target}/${data.tid}`), `, ${reason} #${data.id}`);
	$('times').append(duration(data.response) + (data.reason === 1 ? ' so far' : ''));
	if (data.typical !== null)
		$('times').append(el('small', {}, `usually ${duration(data.typical)}` +
			(data.response >= 2 * data.typical && data.typical ?
				`, ${count(Math.floor(data.response / data.typical))} times as long` : '')));
	const text = data.cause.text;
	$('cause').append(...marked(sentence(text), culpritName()));
	$('advice').textContent = sentence(data.cause.advice || '');
	$('advice').hidden = !data.cause.advice;
	const sure = ['This is sure', 'This is likely', 'This is a guess'][data.cause.confidence] || 'Not rated';
	$('sure').append(el('span', { class: 'pill' }, data.cause.share >= .005 ?
		`${sure}; it explains ${percent(data.cause.share)} of the excess` : sure));
	if (data.cause.caveats.length)
		$('sure').append(el('ul', {}, ...data.cause.caveats.map((caveat) => el('li', {}, sentence(caveat)))));
	document.title = `${duration(data.response)}: ${data.target} - whylate`;
}

function fillFacts() {
	const fact = (name, value) => value && $('facts').append(el('dt', {}, name), el('dd', {}, value));
	fact('Began', `${data.stimulus}, cpu${data.stimulus_cpu}`);
	fact('Ended', `${data.end}${data.end_call ? ' in ' + data.end_call : ''}, cpu${data.end_cpu}`);
	fact('Work', data.work);
	fact('At', data.time && data.time.replace('T', ' ').replace(/(\.\d{3})\d*Z/, '$1 UTC'));
	fact('Threshold', data.threshold ? duration(data.threshold) : '');
	fact('Merged', data.merged ? `${plural(data.merged, 'more request')} answered in it` : '');
	fact('Control group', data.cgroup);
	fact('Home', data.idle_hint && `if it waits for work here: --idle ${data.idle_hint}`);
	fact('Lost', data.lost ? `${plural(data.lost, 'event')}: the path may be wrong` : '');
	fact('Capture', data.capture);
	$('footer').textContent = `Made by whylate ${data.version}. Times are since the stimulus; ` +
		`it came at ${data.start} ns on the machine's monotonic clock.`;
}

function budgetRow([kind, ns, usual], most, worst) {
	const graph = el('div', { class: 'track' });
	const bar = el('i', { color: kindColor(kind) });
	bar.style.width = `${100 * ns / most}%`;
	graph.append(bar);
	if (usual) {
		const mark = el('i', { class: 'usual' });
		mark.style.left = `min(${100 * usual / most}%, 100% - 2px)`;
		graph.append(mark);
	}
	const name = el('th', { scope: 'row' }, swatch(kindColor(kind)), kindWords(kind));
	return el('tr', { class: worst ? 'worst' : '' }, name, el('td', { class: 'graph', 'aria-hidden': 'true' }, graph),
		el('td', {}, duration(ns)), el('td', {}, usual === null ? '\u2013' : duration(usual)),
		el('td', { class: 'excess' }, usual === null ? '\u2013' : since(ns - usual)));
}

function fillBudget() {
	/* What it had none of, and usually next to none, says nothing. */
	const rows = data.budget.filter((row) => row[1] || row[2] > data.typical / 100).sort((a, b) => (b[1] - b[2]) - (a[1] - a[2]));
	const most = Math.max(1, ...rows.map((row) => Math.max(row[1], row[2] || 0)));
	const head = el('tr', {}, ...['State', '', 'Time', 'Typical', 'Excess'].map((text) =>
		text ? el('th', { scope: 'col' }, text) : el('td')));
	const body = el('tbody', {}, ...rows.map((row, i) => budgetRow(row, most, i === 0 && row[1] > row[2])));
	$('budget-table').append(el('table', {}, el('thead', {}, head), body));
	$('budget-table').append(el('p', { class: 'hint' }, data.typical === null ?
		'What is typical is known from 100 responses on.' :
		`Typical: mean of the middle half of ${plural(data.count, 'response')}, the dark mark on a bar.`));
}

/* ---- tree ---- */

const onWay = (node) => (node.flags & (FLAG.CAUSE | FLAG.ROOT)) !== 0;

function gantt(node) {
	const track = el('span', { class: 'track', 'aria-hidden': 'true' });
	if (node.role === ROLE.FUNCTION)
		return el('span');
	const span = data.response || 1;
	const from = Math.min(1, Math.max(0, node.from / span)), to = Math.min(1, Math.max(from, node.to / span));
	const bar = el('i', { color: node.flags & FLAG.ROOT ? 'var(--blame)' : kindColor(node.kind) });
	bar.style.left = `min(${100 * from}%, 100% - 2px)`;
	bar.style.width = `${100 * (to - from)}%`;
	track.append(bar);
	return track;
}

function treeItem(node) {
	const what = el('span', { class: 'what' }, el(onWay(node) ? 'b' : 'span', {}, nodeTitle(node)));
	const detail = nodeDetail(node);
	if (detail)
		what.append(' ', el('small', {}, detail));
	if (node.flags & FLAG.ROOT)
		what.append(el('span', { class: 'badge' }, 'root cause'));
	const row = el('button', { type: 'button', class: 'row' }, what, gantt(node),
		el('span', { class: 'ns' }, node.role === ROLE.FUNCTION ? '' : duration(node.ns)));
	row.addEventListener('click', () => zoomToNode(node));
	const line = el('div', { class: 'line' }, row);
	const item = el('li', { class: node.flags & FLAG.ROOT ? 'root' : '' }, line);
	if (!node.children.length) {
		line.prepend(el('span', { class: 'fold' }));
		return item;
	}
	const list = el('ul', {});
	const fold = el('button', { type: 'button', class: 'fold', 'aria-label': 'Details of: ' + nodeTitle(node) });
	const open = (yes) => {
		/* Made when it is first seen: a path can have thousands of nodes. */
		if (yes && !list.firstChild)
			list.append(...node.children.map(treeItem));
		list.hidden = !yes;
		fold.textContent = yes ? '\u25be' : '\u25b8';
		fold.setAttribute('aria-expanded', String(yes));
	};
	fold.addEventListener('click', () => open(list.hidden));
	open(onWay(node));
	line.prepend(fold);
	item.append(list);
	return item;
}

function fillTree() {
	$('tree').append(el('ul', {}, ...root.children.map(treeItem)));
	if (data.nodes_left_out)
		$('tree').append(el('p', { class: 'hint' }, `${plural(data.nodes_left_out, 'detail')} deeper down not shown.`));
	if (!root.children.length)
		$('tree').append(el('p', {}, 'The response is not in the recorded window.'));
}

/* ---- lanes ---- */

/* The arrays of html_lanes.c: from, to, key, count (1: a single stretch), share that was busy. */
function decode(numbers, tl, busy = () => true) {
	const lane = { from: [], to: [], key: [], n: [], share: [] };
	let at = tl.begin;
	for (let i = 0; i < numbers.length;) {
		const from = at + numbers[i++] * tl.unit;
		at = from + numbers[i++] * tl.unit;
		const key = numbers[i++];
		lane.from.push(from);
		lane.to.push(at);
		lane.key.push(key < 0 ? -1 - key : key);
		lane.n.push(key < 0 ? numbers[i++] : 1);
		lane.share.push(key < 0 ? numbers[i++] / 1000 : +busy(key));
	}
	return lane;
}

const AXIS = 24, STRIP = 28, GROUP = 22, LANE = 24, BODY = 17;

function layLanes() {
	const lanes = [];
	let y = AXIS + STRIP;
	const add = (lane, height) => { lanes.push({ ...lane, y, height }); y += height; };
	if (data.timeline) {
		const tl = data.timeline;
		if (tl.cpus.length)
			add({ type: 'group', name: 'CPUs' }, GROUP);
		for (const cpu of tl.cpus)
			add({ type: 'cpu', cpu: cpu.cpu, name: 'cpu' + cpu.cpu, begin: tl.begin + cpu.begin * tl.unit,
				pieces: decode(cpu.runs, tl), frames: cpu.frames.map((frames) => decode(frames, tl)) }, LANE + 4);
		if (tl.threads.length)
			add({ type: 'group', name: 'Threads' }, GROUP);
		for (const thread of tl.threads)
			add({ type: 'thread', task: thread.task, path: thread.path, name: taskName(thread.task),
				pieces: decode(thread.states, tl, (key) => kindName(data.looks[key][0]) === 'running') }, LANE);
	}
	return { lanes, height: y + 8 };
}

const { lanes, height } = layLanes();
const cpuLane = (cpu) => lanes.find((lane) => lane.type === 'cpu' && lane.cpu === cpu);
const threadLane = (task) => lanes.find((lane) => lane.type === 'thread' && lane.task === task);
const pathTasks = [];
for (const lane of lanes)
	if (lane.type === 'thread' && lane.path && !isTarget(lane.task) && !isCulprit(lane.task))
		pathTasks.push(lane.task);

function taskColor(task) {
	if (isTarget(task))
		return 'target';
	if (isCulprit(task))
		return 'blame';
	const near = pathTasks.indexOf(task);
	return near >= 0 ? 'near' + near % 5 : 'other' + data.tasks[task][0] % 6;
}

/* No thread does these. */
const OF_CPU = new Set(['irq', 'softirq', 'softirq_delay', 'timer_slack', 'timer_delay', 'work_delay']);

/* Which lanes the critical path goes through: [from, to, lane]. */
function pathLeaves(node, from, to, out) {
	const inside = (child) => [Math.max(from, child.from), Math.min(to, child.to)];
	let at = from;
	const waited = node.children.filter((child) => child.role === ROLE.WAITED)
		.flatMap((child) => child.children.filter((grandchild) => grandchild.role === ROLE.PATH));
	const held = node.children.some((child) => child.role === ROLE.HELD);
	const of = !held && !OF_CPU.has(kindName(node.kind)) && node.task >= 0 && threadLane(node.task);
	const lane = of || cpuLane(node.cpu) || threadLane(rootTask);
	for (const child of waited) {
		const [a, b] = inside(child);
		if (a < at || b <= a)
			continue;
		if (a > at)
			out.push([at, a, lane]);
		pathLeaves(child, a, b, out);
		at = b;
	}
	if (at < to)
		out.push([at, to, lane]);
}

const way = [];
for (const segment of segments)
	pathLeaves(segment, segment.from, segment.to, way);

/* ---- the visible range ---- */

const whole = data.timeline ? [data.timeline.begin, data.timeline.end] : [0, data.response || 1];
const pad = Math.max(500, data.response * .06);
const home = [-pad, data.response + pad];
const outer = [Math.min(whole[0], home[0]), Math.max(whole[1], home[1])];
const LEAST = 200; /* ns */
const view = { a: home[0], b: home[1], width: 1 };
const xOf = (ns) => (ns - view.a) / (view.b - view.a) * view.width;
const nsOf = (x) => view.a + x / view.width * (view.b - view.a);

function show(a, b) {
	const span = Math.min(outer[1] - outer[0], Math.max(LEAST, b - a));
	const middle = (a + b) / 2;
	view.a = Math.min(outer[1] - span, Math.max(outer[0], middle - span / 2));
	view.b = view.a + span;
	$('range').textContent = `${since(view.a)} to ${since(view.b)}, ${duration(span)} wide`;
	$('range').dataset.from = view.a;
	$('range').dataset.to = view.b;
	placeSegments();
	schedule();
}

function zoom(factor, at = (view.a + view.b) / 2) {
	const span = Math.min(outer[1] - outer[0], Math.max(LEAST, (view.b - view.a) * factor));
	const part = (at - view.a) / (view.b - view.a);
	show(at - part * span, at + (1 - part) * span);
}

const pan = (part) => show(view.a + part * (view.b - view.a), view.b + part * (view.b - view.a));

function zoomToNode(node) {
	if (node.role === ROLE.FUNCTION)
		node = nodes[node.parent];
	const margin = Math.max(LEAST / 2, (node.to - node.from) * .08);
	show(node.from - margin, node.to + margin);
	$('timeline').scrollIntoView({ block: 'nearest' });
}

/* ---- drawing ---- */

let colors = {};

function readColors() {
	const style = getComputedStyle(document.documentElement);
	colors = {};
	for (const name of ['ink', 'soft', 'line', 'bar', 'panel', 'blame', 'target', 'path',
		...Object.keys(WORDS), ...[0, 1, 2, 3, 4, 5].flatMap((i) => ['other' + i, 'near' + i])])
		colors[name] = style.getPropertyValue('--' + name).trim() || '#888888';
}

function luminance(color) {
	const [r, g, b] = [1, 3, 5].map((i) => (parseInt(color.slice(i, i + 2), 16) / 255) ** 2.2);
	return .2126 * r + .7152 * g + .0722 * b;
}

/* Black or white, whichever reads better: their contrasts are equal at this luminance. */
const inkOn = (color) => luminance(color) > .179 ? '#000000' : '#ffffff';

/* The first piece that ends after the time. */
function firstAfter(pieces, ns) {
	let low = 0, high = pieces.to.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (pieces.to[middle] > ns)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/*
 * What is narrower than a pixel is summed up per pixel, so that a busy lane looks as busy as it was
 * at every zoom. paint(x, width, key, share) is called for what is wide and for every such pixel.
 */
function drawPieces(pieces, paint) {
	let column = -1, sums = new Map(), total = 0;
	const flush = () => {
		let best = -1, most = 0, share = 0;
		for (const [key, [width, busy]] of sums) {
			share += busy;
			if (width > most)
				[best, most] = [key, width];
		}
		if (best >= 0)
			paint(column, 1, best, share / Math.max(total, 1e-9), Math.min(1, total));
		sums = new Map();
		total = 0;
	};
	for (let i = firstAfter(pieces, view.a); i < pieces.from.length && pieces.from[i] < view.b; i++) {
		const x = xOf(pieces.from[i]), width = xOf(pieces.to[i]) - x;
		if (width >= 1) {
			paint(Math.max(-2, x), Math.min(view.width + 2, x + width) - Math.max(-2, x), pieces.key[i],
				pieces.share[i], 1, i);
			continue;
		}
		if (Math.floor(x) !== column) {
			flush();
			column = Math.floor(x);
		}
		const sum = sums.get(pieces.key[i]) || [0, 0];
		sums.set(pieces.key[i], [sum[0] + width, sum[1] + width * pieces.share[i]]);
		total += width;
	}
	flush();
}

function label(g, text, color, x, width, y) {
	const from = Math.max(4, x + 5), room = x + width - from - 4;
	if (room < 18)
		return;
	if (g.measureText(text).width > room) {
		while (text && g.measureText(text + '\u2026').width > room)
			text = text.slice(0, -1);
		if (text.length < 3)
			return;
		text += '\u2026';
	}
	g.fillStyle = inkOn(color);
	g.fillText(text, from, y);
}

function drawCpu(g, lane) {
	const top = lane.y + lane.height - BODY - 3;
	if (lane.begin > view.a) {
		g.fillStyle = colors.bar;
		g.fillRect(0, top, Math.min(view.width, xOf(lane.begin)), BODY);
	}
	drawPieces(lane.pieces, (x, width, key, share, cover) => {
		const color = colors[taskColor(key)];
		const tall = Math.max(2, BODY * share * (width > 1 ? 1 : cover));
		g.fillStyle = color;
		g.fillRect(x, top + BODY - tall, Math.max(width - (width > 4 ? .6 : 0), .6), tall);
		if (width > 26 && share === 1)
			label(g, data.tasks[key][2], color, x, width, top + BODY / 2 + .5);
	});
	lane.frames.forEach((frames, depth) => drawPieces(frames, (x, width, key, share, cover) => {
		const ctx = data.whos[key][1];
		g.fillStyle = colors[ctx === CTX.IRQ ? 'irq' : ctx === CTX.SOFTIRQ ? 'softirq' : 'timer_delay'];
		g.globalAlpha = Math.max(.25, share * cover);
		g.fillRect(x, top - 4 + depth * 3, Math.max(width, .8), 6 - depth);
		g.globalAlpha = 1;
	}));
}

function drawThread(g, lane) {
	const middle = lane.y + lane.height / 2;
	const color = (kind) => colors[kindName(kind)] || colors.unknown;
	const body = (x, width, kind, part = 1) => {
		const tall = Math.max(2, BODY * (TALL[kindName(kind)] || .26) * part);
		g.fillStyle = color(kind);
		g.fillRect(x, middle - tall / 2, Math.max(width, .6), tall);
	};
	const running = data.kinds.indexOf('running');
	drawPieces(lane.pieces, (x, width, key, share, cover, i) => {
		const kind = data.looks[key][0], tall = TALL[kindName(kind)];
		const single = i !== undefined && lane.pieces.n[i] === 1;
		/* Who sleeps beside the path is not to be looked at. */
		g.globalAlpha = tall || lane.path ? 1 : .4;
		body(x, width, kind);
		g.globalAlpha = 1;
		if (!single && kind !== running && share > .01)
			body(x, width, running, Math.max(.3, share));
		if (single && width > 70 && tall)
			label(g, kindWords(kind), color(kind), x, width, middle + .5);
	});
}

function tickStep(span, width) {
	const least = span / Math.max(2, width / 110);
	const power = 10 ** Math.floor(Math.log10(least));
	return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least);
}

function tickText(ns, step) {
	const [unit, size] = step >= 1e9 ? ['s', 1e9] : step >= 1e6 ? ['ms', 1e6] : step >= 1e3 ? ['\u00b5s', 1e3] : ['ns', 1];
	const digits = Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9));
	return `${(ns / size).toFixed(digits).replace('-', '\u2212')}\u202f${unit}`;
}

function drawAxis(g) {
	const step = tickStep(view.b - view.a, view.width);
	g.font = '12px system-ui, sans-serif';
	for (let ns = Math.ceil(view.a / step) * step; ns <= view.b; ns += step) {
		const x = Math.round(xOf(ns)) + .5;
		g.strokeStyle = colors.line;
		g.beginPath();
		g.moveTo(x, AXIS - 6);
		g.lineTo(x, height);
		g.stroke();
		g.fillStyle = colors.soft;
		const text = tickText(Math.abs(ns) < step / 2 ? 0 : ns, step);
		if (x + 4 + g.measureText(text).width < view.width)
			g.fillText(text, x + 4, AXIS / 2);
	}
}

/* Outside of the response everything is veiled. */
function drawVeil(g) {
	const from = Math.max(0, xOf(0)), to = Math.min(view.width, xOf(data.response));
	g.fillStyle = colors.panel;
	g.globalAlpha = .45;
	if (from > 0)
		g.fillRect(0, AXIS, Math.min(from, view.width), height);
	if (to < view.width)
		g.fillRect(Math.max(to, 0), AXIS, view.width, height);
	g.globalAlpha = 1;
	g.strokeStyle = colors.target;
	g.setLineDash([3, 3]);
	for (const ns of [0, data.response]) {
		const x = Math.round(xOf(ns)) + .5;
		g.beginPath();
		g.moveTo(x, AXIS);
		g.lineTo(x, height);
		g.stroke();
	}
	g.setLineDash([]);
}

function tracePath(g) {
	g.beginPath();
	let last = null;
	for (const [from, to, lane] of way) {
		if (!lane)
			continue;
		const y = lane.y + lane.height - 1.5;
		const a = Math.min(view.width + 9, Math.max(-9, xOf(from))), b = Math.min(view.width + 9, Math.max(-9, xOf(to)));
		if (last === null)
			g.moveTo(a, y);
		else
			g.lineTo(a, y);
		g.lineTo(b, y);
		last = y;
	}
	g.stroke();
}

function drawPath(g) {
	g.lineJoin = 'round';
	g.strokeStyle = colors.panel;
	g.lineWidth = 5;
	tracePath(g);
	g.strokeStyle = colors.path;
	g.lineWidth = 2.2;
	tracePath(g);
	g.lineWidth = 1;
}

function draw() {
	const canvas = $('canvas'), scale = window.devicePixelRatio || 1;
	view.width = Math.max(50, $('view').clientWidth);
	canvas.width = Math.round(view.width * scale);
	canvas.height = Math.round(height * scale);
	canvas.style.height = height + 'px';
	const g = canvas.getContext('2d');
	g.setTransform(scale, 0, 0, scale, 0, 0);
	g.textBaseline = 'middle';
	drawAxis(g);
	g.font = '11px system-ui, sans-serif';
	for (const lane of lanes) {
		if (lane.type === 'cpu')
			drawCpu(g, lane);
		else if (lane.type === 'thread')
			drawThread(g, lane);
	}
	drawVeil(g);
	drawPath(g);
}

let scheduled = false;

function schedule() {
	if (scheduled)
		return;
	scheduled = true;
	requestAnimationFrame(() => {
		scheduled = false;
		draw();
	});
}

/* ---- the response's stretches, as buttons above the lanes ---- */

function placeSegments() {
	view.width = Math.max(50, $('view').clientWidth);
	for (const segment of segments) {
		const a = Math.max(0, xOf(segment.from)), b = Math.min(view.width, xOf(segment.to));
		const style = segment.button.style, width = Math.max(3, b - a);
		style.left = `${Math.min(view.width - 3, Math.max(0, a))}px`;
		style.width = `${width}px`;
		segment.button.classList.toggle('thin', width < 64);
	}
}

function segmentText(segment) {
	const below = segment.children.filter((child) => child.role === ROLE.HELD || child.role === ROLE.WAITED)
		.sort((a, b) => b.ns - a.ns)[0];
	return [`${kindWords(segment.kind)}, ${duration(segment.ns)}, ` +
		`${percent(segment.ns / (data.response || 1))} of the response`,
		`from ${since(segment.from)} to ${since(segment.to)}`, nodeDetail(segment),
		below ? nodeTitle(below) : ''].filter(Boolean).join('\n');
}

function fillStrip() {
	for (const segment of segments) {
		const color = colors[kindName(segment.kind)];
		const button = el('button', { type: 'button', color: kindColor(segment.kind), 'aria-label': segmentText(segment) },
			`${kindWords(segment.kind)} ${duration(segment.ns)}`);
		button.style.color = inkOn(color);
		button.addEventListener('click', () => zoomToNode(segment));
		button.addEventListener('focus', () => {
			if (segment.to < view.a || segment.from > view.b)
				show(...home);
			if (!button.matches(':focus-visible'))
				return;
			const box = button.getBoundingClientRect();
			showTip(segmentText(segment), box.left + Math.min(box.width, 40) / 2, box.bottom);
		});
		button.addEventListener('blur', hideTip);
		segment.button = button;
		$('strip').append(button);
	}
}

/* ---- details ---- */

function showTip(text, x, y) {
	const tip = $('tip');
	tip.textContent = text;
	tip.hidden = false;
	const box = tip.getBoundingClientRect();
	tip.style.left = `${Math.max(4, Math.min(window.innerWidth - box.width - 8, x + 12))}px`;
	tip.style.top = `${y + box.height + 24 > window.innerHeight ? y - box.height - 12 : y + 14}px`;
}

function hideTip() {
	$('tip').hidden = true;
}

function pieceAt(pieces, ns) {
	const slack = 2 * (view.b - view.a) / view.width;
	const i = firstAfter(pieces, ns - slack);
	return i < pieces.from.length && pieces.from[i] <= ns + slack ? i : -1;
}

const times = (pieces, i) => `${duration(pieces.to[i] - pieces.from[i])}, ` +
	`from ${since(pieces.from[i])} to ${since(pieces.to[i])}`;

function mergedText(pieces, i, most) {
	return `${plural(pieces.n[i], 'short stretch').replace('stretchs', 'stretches')}, most of it ${most}\n` +
		`${percent(pieces.share[i])} running in ${times(pieces, i)}`;
}

function cpuText(lane, ns, y) {
	if (y < lane.y + lane.height - BODY)
		for (const frames of [...lane.frames].reverse()) {
			const i = pieceAt(frames, ns);
			if (i >= 0)
				return frames.n[i] > 1 ? mergedText(frames, i, whoText(frames.key[i])) :
					`${whoText(frames.key[i])}\n${times(frames, i)}, cpu${lane.cpu}`;
		}
	const i = pieceAt(lane.pieces, ns);
	if (i < 0)
		return ns < lane.begin ? 'nothing is known of it yet' : `cpu${lane.cpu} idle`;
	const name = data.tasks[lane.pieces.key[i]][3];
	return lane.pieces.n[i] > 1 ? mergedText(lane.pieces, i, name) :
		`${name}\nran ${times(lane.pieces, i)}, cpu${lane.cpu}`;
}

function threadText(lane, ns) {
	const i = pieceAt(lane.pieces, ns);
	if (i < 0)
		return `${lane.name}: not known`;
	const [kind, cpu, call, who] = data.looks[lane.pieces.key[i]];
	if (lane.pieces.n[i] > 1)
		return `${lane.name}\n${mergedText(lane.pieces, i, kindWords(kind))}`;
	return [`${lane.name}: ${kindWords(kind)}${callText(call) ? ' in ' + callText(call) : ''}`,
		`${times(lane.pieces, i)}, cpu${cpu}`, who >= 0 ? `woken by ${whoText(who)}` : ''].filter(Boolean).join('\n');
}

function hover(event) {
	const box = $('view').getBoundingClientRect();
	const x = event.clientX - box.left, y = event.clientY - box.top;
	const button = event.target.closest('#strip button');
	if (button) {
		showTip(button.getAttribute('aria-label'), event.clientX, event.clientY);
		return;
	}
	const lane = lanes.find((one) => y >= one.y && y < one.y + one.height);
	if (!lane || lane.type === 'group')
		hideTip();
	else
		showTip(lane.type === 'cpu' ? cpuText(lane, nsOf(x), y) : threadText(lane, nsOf(x)), event.clientX, event.clientY);
}

/* ---- pointer and keys ---- */

function listenPointer() {
	let drag = null;
	const box = () => $('view').getBoundingClientRect();
	const end = () => {
		drag = null;
		$('selection').hidden = true;
		$('view').classList.remove('pan');
	};
	$('view').addEventListener('wheel', (event) => {
		event.preventDefault();
		if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
			pan((event.deltaX || event.deltaY) / view.width);
		else
			zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) / 400), nsOf(event.clientX - box().left));
	}, { passive: false });
	$('view').addEventListener('pointerdown', (event) => {
		if (event.button !== 0 || event.target.closest('button'))
			return;
		drag = { x: event.clientX - box().left, pan: event.shiftKey || event.pointerType === 'touch', a: view.a, b: view.b };
		$('view').setPointerCapture(event.pointerId);
		$('view').classList.toggle('pan', drag.pan);
	});
	$('view').addEventListener('pointermove', (event) => {
		if (!drag) {
			hover(event);
			return;
		}
		hideTip();
		const x = Math.max(0, Math.min(view.width, event.clientX - box().left));
		if (drag.pan) {
			const shift = (drag.x - x) / view.width * (drag.b - drag.a);
			show(drag.a + shift, drag.b + shift);
			return;
		}
		$('selection').hidden = Math.abs(x - drag.x) < 4;
		$('selection').style.left = `${Math.min(x, drag.x)}px`;
		$('selection').style.width = `${Math.abs(x - drag.x)}px`;
	});
	$('view').addEventListener('pointerup', (event) => {
		const x = Math.max(0, Math.min(view.width, event.clientX - box().left));
		if (drag && !drag.pan && Math.abs(x - drag.x) >= 4)
			show(nsOf(Math.min(x, drag.x)), nsOf(Math.max(x, drag.x)));
		end();
	});
	$('view').addEventListener('pointercancel', end);
	$('view').addEventListener('pointerleave', hideTip);
	document.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') {
			end();
			hideTip();
		}
	});
}

function listenKeys() {
	const keys = {
		'+': () => zoom(.6), '=': () => zoom(.6), '-': () => zoom(1 / .6), '_': () => zoom(1 / .6),
		'0': () => show(...home), 'a': () => show(...outer),
		'ArrowLeft': (event) => pan(event.shiftKey ? -.8 : -.15), 'ArrowRight': (event) => pan(event.shiftKey ? .8 : .15),
	};
	document.addEventListener('keydown', (event) => {
		const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
		if (!action || event.ctrlKey || event.metaKey || event.altKey)
			return;
		action(event);
		event.preventDefault();
	});
	$('zoom-in').addEventListener('click', () => zoom(.6));
	$('zoom-out').addEventListener('click', () => zoom(1 / .6));
	$('zoom-response').addEventListener('click', () => show(...home));
	$('zoom-all').addEventListener('click', () => show(...outer));
}

/* ---- around the lanes ---- */

function fillNames() {
	const add = (text, h, group, color) => {
		const name = el('div', { class: group }, color ? swatch(color) : '', el('span', { title: text }, text));
		name.style.height = `${h}px`;
		$('names').append(name);
	};
	add('', AXIS, '');
	add('Response', STRIP, 'target');
	for (const lane of lanes) {
		const task = lane.type === 'thread' ? lane.task : -1;
		const kind = lane.type === 'group' ? 'group' : isTarget(task) ? 'target' : isCulprit(task) ? 'blame' : '';
		add(lane.name, lane.height, kind, task >= 0 ? `var(--${taskColor(task)})` : '');
	}
}

function fillLegend() {
	const add = (color, text, extra = '') => {
		const mark = swatch(color);
		if (extra)
			mark.className += ' ' + extra;
		$('legend').append(el('span', {}, mark, text));
	};
	add('var(--path)', 'critical path', 'way');
	add('var(--target)', data.target);
	const blamed = data.tasks.findIndex((task, i) => isCulprit(i));
	if (blamed >= 0)
		add('var(--blame)', `${taskName(blamed)}, to blame`);
	const kinds = new Set(segments.map((segment) => kindName(segment.kind)));
	for (const lane of lanes)
		if (lane.type === 'thread')
			for (const key of lane.pieces.key)
				kinds.add(kindName(data.looks[key][0]));
	if (lanes.some((lane) => lane.frames && lane.frames.length))
		['irq', 'softirq'].forEach((kind) => kinds.add(kind));
	for (const name of Object.keys(WORDS))
		if (kinds.has(name) && name !== 'none')
			add(`var(--${name})`, WORDS[name]);
}

function fillLeftOut() {
	const tl = data.timeline, parts = [];
	if (!tl)
		return;
	if (tl.merged)
		parts.push(`${count(tl.merged)} short stretches were merged with their neighbours: below ${duration(tl.outside)}` +
			(tl.inside ? ` (in the response itself below ${duration(tl.inside)})` : ' outside of the response') + '.');
	if (tl.threads_left_out)
		parts.push(`${plural(tl.threads_left_out, 'thread')} that ran little ${tl.threads_left_out === 1 ? 'has' : 'have'} no lane.`);
	if (tl.cpus_left_out)
		parts.push(`${plural(tl.cpus_left_out, 'CPU')} that did less ${tl.cpus_left_out === 1 ? 'has' : 'have'} no lane.`);
	if (tl.lost)
		parts.push(`${plural(tl.lost, 'record')} of the window ${tl.lost === 1 ? 'was' : 'were'} lost.`);
	parts.push(`Lanes are exact to ${duration(tl.unit)}.`);
	$('left-out').textContent = parts.join(' ');
}

readColors();
fillVerdict();
fillFacts();
fillBudget();
fillTree();
fillNames();
fillLegend();
fillLeftOut();
fillStrip();
listenPointer();
listenKeys();
show(...home);
new ResizeObserver(() => show(view.a, view.b)).observe($('view'));
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
	readColors();
	for (const segment of segments)
		segment.button.style.color = inkOn(colors[kindName(segment.kind)]);
	schedule();
});
})();
