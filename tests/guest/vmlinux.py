# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
vmlinux.py VMLINUZ OUT: the ELF file inside of a bzImage, which the emulator starts directly (PVH):
firmware and decompression would take 3.5 s of emulated time a boot.
"""

import lzma
import struct
import subprocess
import sys
import zlib

SECTOR = 512
# Of the boot protocol (Documentation/arch/x86/boot.rst): header, its place in the file, set-up sectors.
MAGIC, MAGIC_AT, SECTORS_AT, PAYLOAD_AT = b'HdrS', 0x202, 0x1f1, 0x248


def zstd(data):
    # The last word is the length, not part of the stream.
    return subprocess.run(['zstd', '-dc'], input=data[:-4], stdout=subprocess.PIPE, check=True).stdout


UNPACK = {
    b'\xfd7zXZ\0': lambda data: lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(data),
    b'\x1f\x8b': lambda data: zlib.decompressobj(31).decompress(data),
    b'\x28\xb5\x2f\xfd': zstd,
}


def extract(image):
    if image[MAGIC_AT:MAGIC_AT + 4] != MAGIC:
        sys.exit('vmlinux: not a bzImage')
    offset, length = struct.unpack_from('<II', image, PAYLOAD_AT)
    start = ((image[SECTORS_AT] or 4) + 1) * SECTOR + offset
    payload = image[start:start + length]
    for magic, unpack in UNPACK.items():
        if payload.startswith(magic):
            return unpack(payload)
    sys.exit('vmlinux: packed in an unknown way: %r' % payload[:6])


def main():
    with open(sys.argv[1], 'rb') as f:
        kernel = extract(f.read())
    if not kernel.startswith(b'\x7fELF'):
        sys.exit('vmlinux: %r is not an ELF file' % kernel[:8])
    with open(sys.argv[2], 'wb') as f:
        f.write(kernel)


main()
