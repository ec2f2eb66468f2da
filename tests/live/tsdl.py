# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
A parser of TSDL, the metadata language of CTF 1.8: as much of it as whylate and LTTng write.

It knows nothing of whylate's sources: it is there to check what they write.
"""

import re


class Bad(Exception):
    """The text is not TSDL, or not what we know of it."""


# ---- types ------------------------------------------------------------------------------------------

class Int:
    def __init__(self, attrs):
        self.size = int(attrs['size'])
        self.align = int(attrs.get('align', 8 if self.size % 8 == 0 else 1))
        self.signed = attrs.get('signed', 'false') in ('true', '1', 'TRUE')
        self.base = {'hex': 16, 'hexadecimal': 16, 'x': 16, 'dec': 10, 'decimal': 10}.get(attrs.get('base')) \
            or int(attrs.get('base', '10'))
        self.text = attrs.get('encoding', 'none').lower() in ('utf8', 'ascii')
        self.clock = attrs.get('map')
        self.big = attrs.get('byte_order') in ('be', 'network')

    def __repr__(self):
        return '%s%d%s%s' % ('su'[not self.signed], self.size, 'x' if self.base == 16 else '',
                             'be' if self.big else '')


class Enum:
    def __init__(self, container, labels):
        self.container, self.labels = container, labels
        self.align, self.size = container.align, container.size


class String:
    align = 8


class Array:
    def __init__(self, element, length):
        self.element, self.length = element, length  # a number, or the name of a field before
        self.align = element.align


class Struct:
    def __init__(self, fields, align):
        self.fields = fields  # [(name, type)]
        self.align = max([align] + [t.align for _, t in fields])


class Variant:
    def __init__(self, tag, fields):
        self.tag, self.fields, self.align = tag, fields, 1


# ---- words ------------------------------------------------------------------------------------------

TOKEN = re.compile(r'''
    (?P<space>\s+|/\*.*?\*/|//[^\n]*) |
    (?P<string>"(?:[^"\\]|\\.)*") |
    (?P<number>-?(?:0[xX][0-9a-fA-F]+|\d+)) |
    (?P<word>[A-Za-z_]\w*) |
    (?P<sign>:=|\.\.\.|[{}()\[\]<>;:=,.])''', re.X | re.S)


def tokens(text):
    at, found = 0, []
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise Bad('at %d: %r' % (at, text[at:at + 40]))
        if m.lastgroup != 'space':
            found.append((m.lastgroup, m.group()))
        at = m.end()
    return found + [('end', '')]


def unquote(text):
    return re.sub(r'\\(.)', lambda m: {'n': '\n', 't': '\t'}.get(m[1], m[1]), text[1:-1])


class Words:
    def __init__(self, text):
        self.list, self.at = tokens(text), 0

    def peek(self, ahead=0):
        return self.list[min(self.at + ahead, len(self.list) - 1)][1]

    def kind(self):
        return self.list[self.at][0]

    def next(self):
        word = self.peek()
        self.at += 1
        return word

    def expect(self, *words):
        for word in words:
            got = self.next()
            if got != word:
                raise Bad('%r where %r must be, near %s' % (
                    got, word, ' '.join(w for _, w in self.list[max(0, self.at - 8):self.at + 4])))

    def take(self, word):
        if self.peek() == word:
            self.at += 1
            return True
        return False


# ---- grammar ----------------------------------------------------------------------------------------

class Metadata:
    """trace, env, clock: {name: value}; stream types; events by id: {'name', 'fields': Struct}."""

    def __init__(self, text):
        self.alias, self.structs, self.enums = {}, {}, {}
        self.trace, self.env, self.clock, self.streams, self.events = {}, {}, {}, {}, {}
        self.words = Words(text)
        while self.words.kind() != 'end':
            self.statement()

    def statement(self):
        w, word = self.words, self.words.peek()
        if word == 'typealias':
            w.next()
            target = self.type()
            w.expect(':=')
            self.alias[self.type_name()] = target
        elif word in ('trace', 'env', 'clock', 'stream', 'event', 'callsite'):
            w.next()
            getattr(self, 'on_' + word)(self.block())
        else:
            self.type()
        w.expect(';')

    def on_trace(self, block):
        self.trace = block

    def on_env(self, block):
        self.env = block

    def on_clock(self, block):
        if self.clock:
            raise Bad('two clocks')
        self.clock = block

    def on_callsite(self, block):
        pass

    def on_stream(self, block):
        number = block.get('id', 0)
        if number in self.streams:
            raise Bad('stream %d twice' % number)
        self.streams[number] = block

    def on_event(self, block):
        if block['id'] in self.events:
            raise Bad('event %d twice' % block['id'])
        self.events[block['id']] = block

    def type_name(self):
        words = []
        while self.words.kind() == 'word':
            words.append(self.words.next())
        return ' '.join(words)

    def block(self):
        """{ name = value; name := type; }, names may have dots."""
        w, found = self.words, {}
        w.expect('{')
        while not w.take('}'):
            name = unquote(w.next()) if w.kind() == 'string' else w.next()
            while w.take('.'):
                name += '.' + w.next()
            value = self.type() if w.take(':=') else (w.expect('='), self.value())[1]
            if name in found:
                raise Bad('%s twice' % name)
            found[name] = value
            w.expect(';')
        return found

    def value(self):
        w = self.words
        if w.kind() == 'string':
            return unquote(w.next())
        if w.kind() == 'number':
            return int(w.next(), 0)
        text = w.next()
        while w.take('.'):
            text += '.' + w.next()
        return text

    def type(self):
        w = self.words
        word = w.peek()
        if word in ('integer', 'string', 'struct', 'variant', 'enum'):
            w.next()
            return getattr(self, 'type_' + word)()
        return self.alias_type()

    def alias_type(self):
        """The longest run of words that is an alias: the name of the field comes after it."""
        w, words = self.words, []
        while w.list[w.at + len(words)][0] == 'word':
            words.append(w.peek(len(words)))
        for n in range(len(words), 0, -1):
            if ' '.join(words[:n]) in self.alias:
                w.at += n
                return self.alias[' '.join(words[:n])]
        raise Bad('%r is not a type' % ' '.join(words or [w.peek()]))

    def type_integer(self):
        return Int({k: str(v) for k, v in self.block().items()})

    def type_string(self):
        if self.words.peek() == '{':
            self.block()
        return String()

    def type_struct(self):
        w, name = self.words, None
        if w.kind() == 'word' and w.peek() != 'align':
            name = w.next()
        if w.peek() != '{':
            return self.structs[name]
        fields, align = self.members(), 1
        if w.take('align'):
            align = self.align()
        made = Struct(fields, align)
        if name:
            self.structs[name] = made
        return made

    def align(self):
        w = self.words
        if w.kind() == 'end':
            raise Bad('align without a number')
        w.expect('(')
        number = int(w.next())
        w.expect(')')
        return number

    def type_variant(self):
        w, tag = self.words, None
        if w.take('<'):
            tag = w.next()
            w.expect('>')
        return Variant(tag, self.members())

    def type_enum(self):
        w, name = self.words, None
        if w.kind() == 'word':
            name = w.next()
        if w.peek() not in (':', '{'):
            return self.enums[name]
        container = self.type() if w.take(':') else self.alias['int']
        made = Enum(container, self.labels())
        if name:
            self.enums[name] = made
        return made

    def labels(self):
        w, found, value = self.words, [], 0
        w.expect('{')
        while not w.take('}'):
            name = unquote(w.next()) if w.kind() == 'string' else w.next()
            low = high = int(w.next(), 0) if w.take('=') else value
            if w.take('...'):
                high = int(w.next(), 0)
            found.append((name, low, high))
            value = high + 1
            w.take(',')
        return found

    def members(self):
        w, fields = self.words, []
        w.expect('{')
        while not w.take('}'):
            kind = self.type()
            name = w.next()
            while w.take('['):
                length = w.next()
                kind = Array(kind, int(length) if length.isdigit() else length)
                w.expect(']')
            w.expect(';')
            if name in [n for n, _ in fields]:
                raise Bad('field %s twice' % name)
            fields.append((name, kind))
        return fields


def logical(name):
    """A field's name as readers show it: without the one underscore that keeps it from being a keyword."""
    return name[1:] if name.startswith('_') else name


def load(path):
    """Metadata of a file: plain text, or LTTng's packets of it."""
    with open(path, 'rb') as f:
        data = f.read()
    if data[:4] != b'\x57\x1d\xd1\x75':
        return Metadata(data.decode())
    text, at = b'', 0
    while at < len(data):
        content = int.from_bytes(data[at + 24:at + 28], 'little') // 8
        size = int.from_bytes(data[at + 28:at + 32], 'little') // 8
        if not 37 <= content <= size:
            raise Bad('metadata packet at %d: %d of %d bytes' % (at, content, size))
        text += data[at + 37:at + content]
        at += size
    return Metadata(text.decode())
