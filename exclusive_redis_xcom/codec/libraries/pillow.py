"""Images of Pillow. Pixels travel as PNG where that is exact, and otherwise as they are in memory.

Anyone may have written the PNG. So only the three chunks that hold pixels are let through to Pillow's reader. Before
that, the announced size is compared with Pillow's own limit (`Image.MAX_IMAGE_PIXELS`), and with the size of the PNG.
An image whose PNG would be far smaller than its pixels travels as pixels. Those count for `max_value_bytes`, and zstd
makes them small, too.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.plugs import register

#: Modes that a PNG holds exactly. The numbers of a palette image are written as an image of mode L.
_IN_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_RAW = frozenset({"CMYK", "F", "HSV", "I", "I;16B", "I;16L", "LAB", "La", "PA", "RGBX", "RGBa", "YCbCr"})
_PALETTES = frozenset({"RGB", "RGBA"})
_FASTEST = 1  # of zlib's levels
#: How many pixels one byte of a PNG may hold. zlib alone would allow thousands.
_MOST_PIXELS_OF_A_BYTE = 32
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")
_CHECKSUM = 4  # bytes
_SIZE = struct.Struct(">II")


def _image() -> Any:
    return package("PIL.Image")


def _encode(image: Any) -> dict[str, Any]:
    if not type(image).__module__.startswith("PIL."):
        raise NotCarriedError("It is an object of a subclass.", "Push image.copy(), if Image has all that you need.")
    if getattr(image, "n_frames", 1) > 1:
        raise NotCarriedError(
            "It has several frames.", "Push a list of them: [frame.copy() for frame in ImageSequence.Iterator(image)]."
        )
    if not _is_bearable(image.size):
        raise NotCarriedError(
            "It has more pixels than Pillow reads (Image.MAX_IMAGE_PIXELS).", "Push a smaller image, or its path."
        )
    if image.mode not in _IN_PNG | _RAW:
        raise NotCarriedError(f"Images of mode {image.mode} are not carried.", "Push image.convert(...).")
    image.load()
    return {
        "mode": image.mode,
        "size": list(image.size),
        "palette": None if image.palette is None else _palette(image),
        "info": _info(image),
        "format": image.format,
        **_pixels(image),
    }


def _is_bearable(size: tuple[int, int]) -> bool:
    limit = _image().MAX_IMAGE_PIXELS
    return limit is None or size[0] * size[1] <= limit


def _palette(image: Any) -> list[Any]:
    mode = image.palette.mode
    if mode not in _PALETTES:
        raise NotCarriedError(f"It has a palette of mode {mode}.", "Push image.convert('RGBA').")
    return [mode, bytes(image.getpalette(mode))]


def _info(image: Any) -> dict[Any, Any]:
    """Return what Pillow knows of the image. Exif data that a task has changed is in it, too."""
    info = dict(image.info)
    exif = image.getexif()
    if exif and not ("exif" in info and _is_the_same(exif, info["exif"])):
        info["exif"] = exif.tobytes()
    return info


def _is_the_same(exif: Any, written: bytes) -> bool:
    read = _image().Exif()
    read.load(written)
    return bool(dict(read) == dict(exif))


def _pixels(image: Any) -> dict[str, bytes]:
    if image.mode not in _IN_PNG or 0 in image.size:
        return {"raw": image.tobytes()}
    plain = _image().frombytes("L", image.size, image.tobytes()) if image.mode == "P" else image.copy()
    plain.info = {}
    file = BytesIO()
    plain.save(file, "PNG", compress_level=_FASTEST)
    png = file.getvalue()
    return {"png": png} if _may_hold(png, image.size) else {"raw": image.tobytes()}


def _may_hold(png: bytes, size: tuple[int, ...]) -> bool:
    return size[0] * size[1] <= len(png) * _MOST_PIXELS_OF_A_BYTE


def _decode(parts: dict[str, Any], _version: int) -> Any:
    mode, size = parts["mode"], tuple(parts["size"])
    if len(size) != 2 or not all(type(length) is int and length >= 0 for length in size) or not _is_bearable(size):
        raise ValueError("not the size of an image")
    image = _from_png(parts["png"], mode, size) if "png" in parts else _from_memory(parts["raw"], mode, size)
    if parts["palette"] is not None:
        palette_mode, colors = parts["palette"]
        if palette_mode not in _PALETTES:
            raise ValueError("not a palette")
        image.putpalette(colors, palette_mode)
    image.info = dict(parts["info"])
    image.format = None if parts["format"] is None else str(parts["format"])
    return image


def _from_memory(pixels: bytes, mode: str, size: tuple[int, ...]) -> Any:
    if mode not in _IN_PNG | _RAW:
        raise ValueError("not a mode")
    # Pillow makes the whole image before it counts the bytes.
    if len(pixels) < ((size[0] + 7) // 8 if mode == "1" else size[0]) * size[1]:
        raise ValueError("pixels and size differ")
    return _image().frombytes(mode, size, pixels)


def _from_png(png: bytes, mode: str, size: tuple[int, ...]) -> Any:
    _require_only_pixels(png, size)
    stored = "L" if mode == "P" else mode
    with _image().open(BytesIO(png), formats=("PNG",)) as file:
        if file.mode != stored or stored not in _IN_PNG:
            raise ValueError("not an image of this mode")
        image = file.copy()
    return _image().frombytes("P", size, image.tobytes()) if mode == "P" else image


def _require_only_pixels(png: bytes, size: tuple[int, ...]) -> None:
    if png[: len(_SIGNATURE)] != _SIGNATURE:
        raise ValueError("not a PNG")
    if not _may_hold(png, size):
        raise ValueError("a PNG that is too small for its pixels")
    names = []
    position = len(_SIGNATURE)
    while position < len(png):
        length, name = _CHUNK.unpack_from(png, position)
        names.append(name)
        position += _CHUNK.size + length + _CHECKSUM
    if position != len(png) or len(names) < 3 or [names[0], names[-1]] != [b"IHDR", b"IEND"]:
        raise ValueError("not a whole PNG")
    if set(names[1:-1]) != {b"IDAT"}:
        raise ValueError("a PNG with more than pixels")
    if _SIZE.unpack_from(png, len(_SIGNATURE) + _CHUNK.size) != size:
        raise ValueError("a PNG of another size")


def _encode_rational(number: Any) -> list[Any]:
    return [number.numerator, number.denominator]


def _decode_rational(parts: list[Any], _version: int) -> Any:
    numerator, denominator = parts
    return package("PIL.TiffImagePlugin").IFDRational(numerator, denominator)


register("PIL.rational", "PIL.TiffImagePlugin.IFDRational", encode=_encode_rational, decode=_decode_rational)
register("PIL.image", "PIL.Image.Image", encode=_encode, decode=_decode, subclasses=True)
