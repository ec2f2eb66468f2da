# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
An independent reader of the traces that whylate writes: CTF 1.8, by the trace's own metadata alone.

It believes nothing: every packet and record is checked, and what is wrong raises Broken. Of the
format it knows what the documents say and the metadata can't: that a record's header word {id, size,
check} lies at +8, that a record begins at a multiple of 8 bytes, and that check counts these from
the ring's start. It shares no code and no table with the program.

    trace = ctf.Trace('capture/kernel')
    for ts, cpu, kind, values in trace.events(): kind.name, kind.dict(values)
"""

import collections
import heapq
import os
import re
import struct

import tsdl

UNIT = 8            # bytes: records begin at multiples of it
MAGIC = 0xC1FC1FC1
STATEDUMP = 'lttng_statedump_'
FILLER = 'whylate_filler'
CHECK = struct.Struct('=QHHI')  # time stamp, id, size, check
FORMAT = {(8, False): 'B', (8, True): 'b', (16, False): 'H', (16, True): 'h',
          (32, False): 'I', (32, True): 'i', (64, False): 'Q', (64, True): 'q'}


class Broken(Exception):
    """The trace is not what it must be."""


def check(condition, text, *values):
    if not condition:
        raise Broken(text % values if values else text)


# ---- from types to bytes ----------------------------------------------------------------------------

def align_up(at, align):
    return at + -at % align


class Fixed:
    """Members whose places don't depend on the data, from `start` on; places are relative to the record."""

    def __init__(self, start, order):
        self.format, self.at, self.start, self.order = order, start, start, order
        self.names, self.types = [], []

    def add(self, name, kind):
        """False: it is of a kind that has no fixed size."""
        code, size = self.code(kind)
        if not code:
            return False
        pad = align_up(self.at, kind.align // 8) - self.at
        self.format += '%dx%s' % (pad, code) if pad else code
        self.at += pad + size
        self.names.append(name)
        self.types.append(kind)
        return True

    @staticmethod
    def code(kind):
        if isinstance(kind, tsdl.Enum):
            kind = kind.container
        if isinstance(kind, tsdl.Int) and kind.align % 8 == 0 and not kind.big:
            return FORMAT.get((kind.size, kind.signed)), kind.size // 8
        if isinstance(kind, tsdl.Array) and isinstance(kind.length, int) and isinstance(kind.element, tsdl.Int) \
                and kind.element.size == 8 and kind.element.align == 8:
            return '%ds' % kind.length, kind.length
        return None, 0

    def done(self):
        self.struct = struct.Struct(self.format)
        return self


class Layout:
    """How a list of structures that follow each other is read: (values, end of the last one)."""

    def __init__(self, structs, order='<'):
        self.order = order
        self.parts, self.names, self.kinds = [], [], []
        at = 0
        for s in structs:
            at = self.place(s, at, '')
        self.size = at  # None: depends on the data
        self.index = {n: i for i, n in enumerate(self.names)}
        fixed = [p for p in self.parts if isinstance(p, Fixed)]
        for p in fixed:
            p.done()
        # The usual case: one part, one unpack.
        self.fast = fixed[0].struct.unpack_from if self.size is not None and fixed else None

    def place(self, s, at, prefix):
        """Lays a structure out behind `at`; after a sequence places are not known: None."""
        if at is not None:
            at = align_up(at, s.align // 8)
        else:
            self.parts.append(('align', s.align // 8))
        for name, kind in s.fields:
            at = self.member(prefix + tsdl.logical(name), kind, at)
        return at

    def member(self, name, kind, at):
        if isinstance(kind, tsdl.Struct):
            return self.place(kind, at, name + '.')
        if isinstance(kind, tsdl.Variant) and not any(k.fields for _, k in kind.fields):
            return at  # nothing to choose from: it takes no space
        self.names.append(name)
        self.kinds.append(kind)
        if at is None:
            self.parts.append((name, kind))
            return None
        part = self.parts[-1] if self.parts and isinstance(self.parts[-1], Fixed) else None
        if part is None:
            part = Fixed(at, self.order)
            self.parts.append(part)
        part.format, part.at = part.format + '%dx' % (at - part.at) if at > part.at else part.format, max(at, part.at)
        if part.add(name, kind):
            return part.at
        self.parts.append((name, kind))
        return None

    def read(self, data, at):
        """Values and the end, relative to `at`. `at` is a multiple of UNIT."""
        if self.fast:
            return self.fast(data, at + self.parts[0].start), self.size
        if self.size is not None:
            return (), self.size
        values, end = [], at
        for part in self.parts:
            if isinstance(part, Fixed):
                values += part.struct.unpack_from(data, at + part.start)
                end = at + part.at
            elif part[0] == 'align':
                end = align_up(end, part[1])
            else:
                value, end = self.one(part[1], data, end, values)
                values.append(value)
        return tuple(values), end - at

    def one(self, kind, data, at, values):
        at = align_up(at, kind.align // 8)
        if isinstance(kind, tsdl.String):
            end = data.index(b'\0', at)
            return bytes(data[at:end]), end + 1
        code, size = Fixed.code(kind)
        if code:
            return struct.unpack_from(self.order + code, data, at)[0], at + size
        check(isinstance(kind, tsdl.Array), 'a type that this reader does not know: %r', kind)
        n = kind.length if isinstance(kind.length, int) else values[self.index[tsdl.logical(kind.length)]]
        code, size = Fixed.code(kind.element)
        check(code, 'elements that this reader does not know: %r', kind.element)
        check(n * size <= len(data) - at, 'a sequence of %d', n)
        found = struct.unpack_from('%s%d%s' % (self.order, n, code), data, at)
        return found, at + n * size


class EventType:
    def __init__(self, number, name, layout, skip):
        self.id, self.name = number, name
        self.layout, self.skip = layout, skip  # the header's values come first
        self.names = layout.names[skip:]
        self.index = {n: i for i, n in enumerate(self.names)}
        self.texts = [i for i, k in enumerate(layout.kinds[skip:])
                      if isinstance(k, tsdl.String) or isinstance(k, tsdl.Array) and isinstance(k.element, tsdl.Int)
                      and k.element.text]

    def dict(self, values):
        """Fields by name; texts up to their end, as str."""
        found = dict(zip(self.names, values))
        for i in self.texts:
            found[self.names[i]] = text(values[i])
        return found


def text(data):
    return bytes(data).split(b'\0')[0].decode('utf-8', 'backslashreplace')


Packet = collections.namedtuple('Packet', 'at size content header records first lost')


# ---- a stream file ----------------------------------------------------------------------------------

class Stream:
    """
    One file. packets() and records() check as they go. A torn tail (a recording that was killed) is
    what is left after the last whole packet.
    """

    def __init__(self, trace, path, torn_tail=False):
        self.trace, self.path = trace, path
        with open(path, 'rb') as f:
            self.data = f.read()
        self.cpu = None
        self.torn = 0
        self.torn_tail = torn_tail
        self.counts = collections.Counter()
        self.synthetic = collections.Counter()
        self.fillers = 0
        self.discarded = 0
        self.begin = self.end = None
        self.base = None  # position of the last packet in the ring, in units

    def fail(self, condition, message, *values):
        if not condition:
            raise Broken('%s: %s' % (os.path.basename(self.path), message % values if values else message))

    def header(self, at):
        layout = self.trace.packet
        if at + layout.size > len(self.data):
            return None
        values, end = layout.read(self.data, at)
        return dict(zip(layout.names, values)), end

    def packets(self):
        at, before = 0, None
        while at < len(self.data):
            found = self.header(at)
            size = found[0]['packet_size'] // 8 if found and found[0]['magic'] == MAGIC else 0
            if not found or not size or at + size > len(self.data):
                self.fail(self.torn_tail, 'a packet at %d that is not whole (of %d bytes)', at, len(self.data))
                self.torn = len(self.data) - at
                return
            packet = self.check_packet(at, size, found[0], found[1], before)
            yield packet
            before = packet
            at += size

    def check_packet(self, at, size, h, end, before):
        t, fail = self.trace, self.fail
        where = 'packet at %d: ' % at
        fail(h['magic'] == MAGIC, where + 'magic %x', h['magic'])
        fail(h['uuid'] == t.uuid, where + 'uuid %s, the metadata says %s', h['uuid'].hex(), t.uuid.hex())
        fail(h['stream_id'] in t.meta.streams, where + 'stream %d', h['stream_id'])
        fail(h['stream_instance_id'] == h['cpu_id'], where + 'instance %d of cpu %d', h['stream_instance_id'],
             h['cpu_id'])
        self.cpu = h['cpu_id'] if self.cpu is None else self.cpu
        fail(h['cpu_id'] == self.cpu, where + 'cpu %d in a stream of cpu %d', h['cpu_id'], self.cpu)
        fail(h['packet_size'] % 64 == 0 and h['content_size'] % 8 == 0, where + 'sizes %r', h)
        content = h['content_size'] // 8
        fail(end <= content <= size, where + 'content %d of %d bytes', content, size)
        fail(h['timestamp_begin'] <= h['timestamp_end'], where + 'it ends before it begins')
        if before is None:
            fail(h['events_discarded'] == 0, where + '%d discarded before the first packet', h['events_discarded'])
            self.begin, self.seq = h['timestamp_begin'], h['packet_seq_num']
        else:
            self.follows(h, before.header, where)
        lost = h['events_discarded'] - self.discarded
        self.discarded, self.end = h['events_discarded'], h['timestamp_end']
        return Packet(at, size, content, h, align_up(end, UNIT), before is None, lost)

    def follows(self, h, b, where):
        self.fail(h['packet_seq_num'] == b['packet_seq_num'] + 1, where + 'number %d after %d',
                  h['packet_seq_num'], b['packet_seq_num'])
        self.fail(h['events_discarded'] >= b['events_discarded'], where + 'discarded falls from %d to %d',
                  b['events_discarded'], h['events_discarded'])
        self.fail(h['timestamp_begin'] >= b['timestamp_end'], where + 'it begins %d ns before the one before ends',
                  b['timestamp_end'] - h['timestamp_begin'])

    def records(self, packet):
        """[(ts, event type, values)] of a packet; its records are counted."""
        data, types = self.data, self.trace.types
        at, end, stop = packet.at + packet.records, packet.at + packet.content, packet.at + self.trace.packet.size
        last, base, found = packet.header['timestamp_begin'], None, []
        while at < end:
            if at + CHECK.size > end:
                raise self.broken(packet, at, 'a header that crosses the end')
            ts, number, size, position = CHECK.unpack_from(data, at)
            kind = types.get(number)
            if not kind:
                raise self.broken(packet, at, 'no event has the number %d' % number)
            try:
                values, length = kind.layout.read(data, at)
            except (struct.error, ValueError, Broken) as e:
                raise self.broken(packet, at, '%s can not be read: %s' % (kind.name, e))
            this = (position - (at - packet.at) // UNIT) & 0xffffffff
            base = this if base is None else base
            stop = at + size
            if values[0] != ts or values[1] != number or size != length or ts < last or stop > end or this != base:
                raise self.broken(packet, at, self.wrong(kind, values, ts, size, length, last, stop - end, this, base))
            found.append((ts, kind, values[kind.skip:]))
            last, at = ts, align_up(stop, UNIT)
        self.fail(stop == end, 'packet at %d: content ends at %d, its last record at %d', packet.at,
                  packet.content, stop - packet.at)
        self.fail(last <= packet.header['timestamp_end'], 'packet at %d: ends %d ns before its last record', packet.at,
                  last - packet.header['timestamp_end'])
        self.account(packet, found, base)
        return found

    def broken(self, packet, at, message):
        return Broken('%s: packet at %d, record at %d: %s' % (
            os.path.basename(self.path), packet.at, at - packet.at, message))

    @staticmethod
    def wrong(kind, values, ts, size, length, last, over, this, base):
        if ts < last:
            return '%s is %d ns before what was before it' % (kind.name, last - ts)
        if size != length:
            return '%s of %d bytes, the metadata says %d' % (kind.name, size, length)
        if over > 0:
            return '%s goes %d bytes over the end' % (kind.name, over)
        if this != base:
            return '%s has the check of a packet at %d, this one is at %d' % (kind.name, this, base)
        return 'the metadata puts the header elsewhere: %r' % (values[:2],)

    def account(self, packet, found, base):
        """Counts; and packets of the ring lie in it one after the other."""
        synthetic = any(kind.name.startswith(STATEDUMP) for _, kind, _ in found)
        self.fail(packet.first or not synthetic, 'packet at %d: synthetic records behind others', packet.at)
        counts = self.synthetic if synthetic else self.counts
        for _, kind, _ in found:
            counts[kind.name] += 1
        self.fillers += counts.pop(FILLER, 0)
        if not found or synthetic:
            return
        units = packet.size // UNIT
        self.fail(base % units == 0, 'packet at %d: its position %d is not the start of a packet', packet.at, base)
        step = units if self.base is None else (base - self.base) % (1 << 32)
        self.fail(step and step % units == 0, 'packet at %d: position %d after %s', packet.at, base, self.base)
        self.fail(step == units or packet.lost, 'packet at %d: %d packets are missing and nothing was lost', packet.at,
                  step // units - 1)
        self.base = base

    def events(self):
        for packet in self.packets():
            for ts, kind, values in self.records(packet):
                if kind.name != FILLER:
                    yield ts, self.cpu, kind, values


# ---- a trace ----------------------------------------------------------------------------------------

class Trace:
    """A directory with `metadata` and stream files; nothing else may lie there."""

    def __init__(self, path, torn_tail=False, same_end=True):
        self.path = path
        with open(os.path.join(path, 'metadata'), 'rb') as f:
            start = f.read(11)
        check(start == b'/* CTF 1.8 ', 'metadata begins with %r', start)
        self.meta = tsdl.load(os.path.join(path, 'metadata'))
        self.same_end = same_end and not torn_tail
        self.check_metadata()
        names = sorted(os.listdir(path), key=lambda n: (len(n), n))
        self.streams = [Stream(self, os.path.join(path, n), torn_tail) for n in names
                        if n != 'metadata' and not n.startswith('.')]

    def check_metadata(self):
        t, order = self.meta.trace, {'le': '<', 'be': '>'}
        check((t.get('major'), t.get('minor')) == (1, 8), 'CTF %r.%r', t.get('major'), t.get('minor'))
        check(t.get('byte_order') in order, 'byte order %r', t.get('byte_order'))
        self.order = order[t['byte_order']]
        check(self.order == '<', 'this reader knows little endian only')
        check(re.fullmatch(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', t['uuid']), 'uuid %r', t['uuid'])
        self.uuid = bytes.fromhex(t['uuid'].replace('-', ''))
        check(list(self.meta.streams) == [0], 'streams %r', list(self.meta.streams))
        stream = self.meta.streams[0]
        self.env, self.clock = self.meta.env, self.meta.clock
        self.packet = Layout([t['packet.header'], stream['packet.context']], self.order)
        check(self.packet.size is not None, 'packet headers of no fixed size')
        header = stream['event.header']
        check(header.align == 64, 'event headers are aligned to %d bits', header.align)
        contexts = [stream['event.context']] if 'event.context' in stream else []
        skip = len(Layout([header], self.order).names)
        self.types, names = {}, set()
        for number, event in self.meta.events.items():
            check(event.get('stream_id', 0) == 0, 'event %s of stream %r', event['name'], event.get('stream_id'))
            check(event['name'] not in names or event['name'] == FILLER, 'event %s twice', event['name'])
            names.add(event['name'])
            fields = event.get('fields', tsdl.Struct([], 64))
            structs = [header, *contexts, *([event['context']] if 'context' in event else []), fields]
            self.types[number] = EventType(number, event['name'], Layout(structs, self.order), skip)

    def events(self):
        """(ts, cpu, event type, values) of all streams in order of time. At the end all was checked."""
        yield from heapq.merge(*(s.events() for s in self.streams), key=lambda e: e[0])
        self.check_streams()

    def walk(self):
        """Reads and checks everything, in any order: (counts by name, synthetic ones, lost)."""
        for s in self.streams:
            for packet in s.packets():
                s.records(packet)
        self.check_streams()
        return self.totals()

    def check_streams(self):
        cpus = [s.cpu for s in self.streams if s.cpu is not None]
        check(len(cpus) == len(set(cpus)), 'two streams of one CPU: %r', cpus)
        ends = {s.end for s in self.streams}
        check(not self.same_end or len(ends) == 1, 'streams end at different times: %r', sorted(map(str, ends)))

    def totals(self):
        """(events by name, synthetic ones by name, events discarded); fillers are nobody's events."""
        counts, synthetic = collections.Counter(), collections.Counter()
        for s in self.streams:
            counts += s.counts
            synthetic += s.synthetic
        return counts, synthetic, sum(s.discarded for s in self.streams)
