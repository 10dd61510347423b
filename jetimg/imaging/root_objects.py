"""Objects in ROOT files: keys, compressed blocks, and the streamed bytes of an object.

Of ROOT's format only what leads to a tree's branches (root.cern/doc/master/classTFile.html; io/io/doc/TFile; classes
TKey, TBufferFile). Whatever is not as expected is an `UnknownObject`: uproot knows more.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

import deflate

# Before each compressed block: "ZL", a method, compressed and uncompressed bytes in 3 bytes each, little-endian.
_BLOCK, _ZLIB = 9, b"ZL"

# A key: bytes, version, uncompressed bytes, date, bytes of the key itself, cycle; then places of 4 or 8 bytes.
KEY = struct.Struct(">ihiIhh")
_BIG = 1000

# Of a file: version, where its first record begins; then, shorter in files of less than 2 GB, up to the size of that
# record's names; then of its directory, version, dates, sizes, and where it, its mother and its list of keys are.
_FILE = struct.Struct(">ii")
_BIG_FILE, _SMALL_MIDDLE, _BIG_MIDDLE = 1_000_000, struct.Struct(">iiiii"), struct.Struct(">qqiii")
_DIRECTORY, _SMALL_PLACES, _BIG_PLACES = struct.Struct(">hIIii"), struct.Struct(">iii"), struct.Struct(">qqq")
_DIRECTORY_BYTES = 64

# In streamed objects: a count of bytes, a class that is named for the first time, one that was named before.
_COUNTED, _NEW_CLASS, _OLD_CLASS, _MAP_OFFSET = 0x40000000, 0xFFFFFFFF, 0x80000000, 2
_REFERENCED = 1 << 4

_U4, _VERSION, _OBJECT, _ARRAY = struct.Struct(">I"), struct.Struct(">IH"), struct.Struct(">HII"), struct.Struct(">ii")


class UnknownObject(Exception):
    """Something that only uproot reads."""


@dataclass(frozen=True)
class Key:
    """A record of a file.

    Attributes:
        kind: the class of its object.
        name: the object's.
        seek: where the record begins.
        size: its bytes in the file.
    """

    kind: str
    name: str
    seek: int
    size: int


class Streamed:
    """The bytes of an object, read from front to back.

    Attributes:
        at: position of the next byte.
    """

    def __init__(self, data: bytes | bytearray | memoryview, origin: int = 0) -> None:
        """Takes the bytes; `origin` is how many stand before them in the record: its key, from which ROOT counts."""
        self.data, self.at = memoryview(data), 0
        self._origin = origin
        self._classes: dict[int, str] = {}

    def take(self, fields: struct.Struct) -> tuple[int, ...]:
        """The next numbers."""
        found = fields.unpack_from(self.data, self.at)
        self.at += fields.size
        return found

    def text(self) -> str:
        """A TString: a length, in one byte or after 255 in four, and the text."""
        (length,) = self.data[self.at : self.at + 1]
        self.at += 1
        if length == 255:
            (length,) = self.take(_U4)
        self.at += length
        return bytes(self.data[self.at - length : self.at]).decode()

    def version(self) -> tuple[int, int]:
        """The version of the object that begins here, and where it ends."""
        start = self.at
        count, version = self.take(_VERSION)
        if not count & _COUNTED:
            raise UnknownObject("an object without a count of its bytes")
        return version, start + 4 + (count & ~_COUNTED)

    def skip(self) -> None:
        """Goes to the end of the object that begins here."""
        _, self.at = self.version()

    def root_object(self) -> None:
        """Goes over the members of TObject."""
        _, _, bits = self.take(_OBJECT)
        self.at += 2 if bits & _REFERENCED else 0

    def named(self) -> tuple[str, str]:
        """Name and title of a TNamed."""
        _, end = self.version()
        self.root_object()
        found = self.text(), self.text()
        self.at = end
        return found

    def array(self) -> int:
        """Goes to the first element of a TObjArray that begins here; how many there are."""
        self.version()
        self.root_object()
        self.text()
        number, _ = self.take(_ARRAY)
        return number

    def pointer(self) -> tuple[str, int] | None:
        """Class and end of the object that a pointer leads to; None for no object, or one that came before.

        If it is an object, what follows is its own bytes.
        """
        start = self.at
        (count,) = self.take(_U4)
        if count == _NEW_CLASS or not count & _COUNTED:
            if count & _OLD_CLASS:
                raise UnknownObject("an object without a count of its bytes")
            return None
        place = self.at
        (tag,) = self.take(_U4)
        if tag == _NEW_CLASS:
            end = bytes(self.data[self.at : self.at + 100]).index(b"\0")
            name = bytes(self.data[self.at : self.at + end]).decode()
            self.at += end + 1
            self._classes[place + self._origin + _MAP_OFFSET] = name
        elif tag & _OLD_CLASS and tag & ~_OLD_CLASS in self._classes:
            name = self._classes[tag & ~_OLD_CLASS]
        else:
            raise UnknownObject(f"an object of the class {tag:#x}, which has no name")
        return name, start + 4 + (count & ~_COUNTED)


def keys(stream: BinaryIO) -> list[Key]:
    """The records that a file's directory lists; of those in folders, none."""
    begin = _read(stream, 4, _FILE.size + _BIG_MIDDLE.size)
    version, first = _FILE.unpack_from(begin)
    middle = _BIG_MIDDLE if version >= _BIG_FILE else _SMALL_MIDDLE
    n_names = middle.unpack_from(begin, _FILE.size)[4]
    directory = _read(stream, first + n_names, _DIRECTORY_BYTES)
    version, _, _, n_keys, _ = _DIRECTORY.unpack_from(directory)
    places = _BIG_PLACES if version > _BIG else _SMALL_PLACES
    _, _, seek = places.unpack_from(directory, _DIRECTORY.size)
    found = Streamed(_read(stream, seek, n_keys))
    _key(found)
    (number,) = found.take(_U4)
    return [_key(found) for _ in range(number)]


def _key(found: Streamed) -> Key:
    start = found.at
    size, version, _, _, n_key, _ = found.take(KEY)
    seek, _ = found.take(struct.Struct(">qq" if version > _BIG else ">ii"))
    kind, name, _ = found.text(), found.text(), found.text()
    found.at = start + n_key
    return Key(kind, name, seek, size)


def streamed(stream: BinaryIO, key: Key) -> Streamed:
    """The object of a record.

    Raises:
        UnknownObject: compressed by anything but zlib.
        ValueError, struct.error, deflate.DeflateError: damaged.
    """
    raw = _read(stream, key.seek, key.size)
    size, _, n_data, _, n_key, _ = KEY.unpack_from(raw)
    if size != key.size:
        raise ValueError(f"a record of {size} bytes; the directory says {key.size}")
    return Streamed(decompressed(raw, n_key, n_data), n_key)


def _read(stream: BinaryIO, seek: int, size: int) -> bytes:
    stream.seek(seek)
    return stream.read(size)


def decompressed(raw: bytes, start: int, n_data: int) -> bytes | bytearray | memoryview:
    """The content of a record from `start` on, n_data bytes.

    Raises:
        UnknownObject, ValueError, deflate.DeflateError: as for `streamed`.
    """
    view, blocks = memoryview(raw), []
    if len(raw) - start == n_data:
        return view[start:]
    while start < len(raw):
        head = raw[start : start + _BLOCK]
        if len(head) < _BLOCK or head[:2] != _ZLIB:
            raise UnknownObject(f"compression {head[:2]!r}")
        n_compressed, n_plain = int.from_bytes(head[3:6], "little"), int.from_bytes(head[6:9], "little")
        start += _BLOCK
        blocks.append(deflate.zlib_decompress(view[start : start + n_compressed], n_plain))
        start += n_compressed
    data = blocks[0] if len(blocks) == 1 else b"".join(blocks)
    if len(data) != n_data:
        raise ValueError(f"a record of {len(data)} bytes; its key says {n_data}")
    return data
