"""Images of Pillow come back exactly, and only pixels reach Pillow's reader."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import ormsgpack
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import CorruptValue, XComNotRebuilt, XComNotSerializable
from exclusive_redis_xcom.memory import size_of
from tests.unit.codec.support import LIMIT, raw, round_trip

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")

MODES = [
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBX",
    "RGBa",
    "La",
    "CMYK",
    "YCbCr",
    "HSV",
    "LAB",
    "I",
    "F",
    "I;16",
    "I;16B",
    "I;16L",
]


def image(mode, size=(7, 5)):
    """An image with other bytes in each pixel."""
    length = len(Image.new(mode, size).tobytes())
    content = bytes(n * 37 % 251 for n in range(length))
    return Image.frombytes(mode, size, content)


def exact(found, value):
    assert type(found) is Image.Image
    assert (found.mode, found.size, found.format) == (value.mode, value.size, value.format)
    assert found.tobytes() == value.tobytes()
    assert found.info == value.info
    assert (found.palette is None) == (value.palette is None)
    if value.palette is not None:
        assert found.palette.mode == value.palette.mode
        assert found.getpalette(found.palette.mode) == value.getpalette(value.palette.mode)
    assert dict(found.getexif()) == dict(value.getexif())


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_comes_back(mode):
    value = image(mode)

    exact(round_trip(value), value)
    exact(round_trip({"a": [value]})["a"][0], value)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_an_image_without_pixels_comes_back(mode):
    value = Image.new(mode, (0, 3))

    exact(round_trip(value), value)


@pytest.mark.parametrize("colors", [2, 5, 16, 100, 256])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_palette_comes_back(colors, mode):
    value = Image.new("P", (9, 9))
    value.putdata([n % colors for n in range(81)])
    value.putpalette([n * 7 % 256 for n in range(colors * len(mode))], mode)
    value.info["transparency"] = 1

    exact(round_trip(value), value)
    assert round_trip(value).convert("RGBA").tobytes() == value.convert("RGBA").tobytes()


def file(value, form, **options):
    written = BytesIO()
    value.save(written, form, **options)
    written.seek(0)
    return Image.open(written)


def exif():
    found = Image.Exif()
    found[0x010E] = "a description"
    found[0x0112] = 6
    return found


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_an_opened_file_comes_back_with_what_pillow_knows_of_it(form):
    value = file(image("RGB"), form, exif=exif(), dpi=(300, 300))

    found = round_trip(value)

    value.load()
    assert found.getexif()[0x010E] == "a description"
    assert (found.format, found.size, found.tobytes()) == (form, value.size, value.tobytes())
    assert {name: content for name, content in found.info.items() if name != "exif"} == {
        name: content for name, content in value.info.items() if name != "exif"
    }


def test_changed_exif_data_comes_back():
    value = file(image("RGB"), "JPEG", exif=exif())
    value.getexif()[0x0112] = 1

    assert round_trip(value).getexif()[0x0112] == 1


@pytest.mark.parametrize("numbers", [(300, 1), (1, 3), (0, 1), (5, 0)])
def test_a_rational_of_exif_data_comes_back(numbers):
    rational = pytest.importorskip("PIL.TiffImagePlugin").IFDRational(*numbers)

    found = round_trip([rational])[0]

    assert (type(found), found.numerator, found.denominator) == (type(rational), *numbers)


def test_text_of_a_png_comes_back():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("Title", "ü", lang="de")
    value = file(image("L"), "PNG", pnginfo=info)

    assert round_trip(value).info["Title"] == "ü"


def test_several_frames_are_refused_with_the_remedy():
    first, second = image("L"), Image.new("L", (7, 5))
    value = file(first, "GIF", save_all=True, append_images=[second])

    with pytest.raises(XComNotSerializable) as caught:
        encode({"film": value}, max_bytes=LIMIT)

    assert str(caught.value).splitlines() == [
        "['film'] of type GifImageFile cannot be carried.",
        "Its type is PIL.GifImagePlugin.GifImageFile. It has several frames.",
        "Push a list of them: [frame.copy() for frame in ImageSequence.Iterator(image)].",
    ]


def test_pillows_own_limit_holds_at_the_push_and_at_the_pull(monkeypatch):
    encoded = forged(size=[100, 100], png=png((100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_999)

    with pytest.raises(XComNotSerializable, match="more pixels than Pillow reads"):
        encode(Image.new("L", (100, 100)), max_bytes=LIMIT)
    with pytest.raises(XComNotRebuilt):
        raw(encoded)


def test_info_that_is_not_carried_is_named():
    value = image("L")
    value.info["bad"] = object()

    with pytest.raises(XComNotSerializable) as caught:
        encode([value], max_bytes=LIMIT)

    assert str(caught.value).startswith("[0].info['bad'] of type object cannot be carried.\n")


def test_a_subclass_of_ones_own_is_refused():
    class Mine(Image.Image):
        pass

    with pytest.raises(XComNotSerializable, match="It is an object of a subclass"):
        encode(Mine(), max_bytes=LIMIT)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(size, *chunks, pixels=None):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    rows = bytes(size[1] * (size[0] + 1)) if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def forged(**changes):
    parts = {"mode": "L", "size": [3, 3], "palette": None, "info": {}, "format": None, "png": png((3, 3)), **changes}
    return ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb(["PIL.image", 1, parts])))


def test_a_png_of_nothing_but_pixels_is_read():
    assert raw(forged()).tobytes() == bytes(9)


FORGED = {
    "text": {"png": png((3, 3), chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 99)))},
    "profile": {"png": png((3, 3), chunk(b"iCCP", b"a\0\0" + zlib.compress(b"x" * 99)))},
    "another size": {"png": png((4, 3))},
    "no file": {"png": b"GIF89a"},
    "half a file": {"png": png((3, 3))[:-5]},
    "too few pixels": {"png": png((3, 3), pixels=b"\0\0")},
    "another mode": {"mode": "RGB"},
    "mode": {"mode": "os"},
    "size": {"size": [-1, 3]},
    "sizes": {"size": [3]},
    "palette": {"palette": ["XYZ", b"\0" * 3]},
    "raw": {"png": None, "raw": b"\0"},
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_parts_are_refused(name):
    with pytest.raises((XComNotRebuilt, CorruptValue)):
        raw(forged(**FORGED[name]))


def test_a_small_png_of_a_large_image_is_refused():
    size = (4000, 4000)  # 16 million pixels in 16 kB

    with pytest.raises(XComNotRebuilt):
        raw(forged(size=list(size), png=png(size)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA"])
def test_an_image_of_one_color_travels_as_pixels_that_count_for_the_limit(mode):
    image = Image.new(mode, (1001, 1000))

    encoded = encode(image, max_bytes=LIMIT)

    assert encoded.decoded_size >= len(image.tobytes())
    assert size_of(encoded.payload) < 2000
    assert round_trip(image).tobytes() == image.tobytes()


def test_no_image_is_made_for_pixels_that_are_not_there(monkeypatch):
    made = []
    monkeypatch.setattr(Image, "new", lambda *given: made.append(given))
    parts = {"mode": "L", "size": [1, 50_000_000], "palette": None, "info": {}, "format": None, "raw": b"\0"}

    with pytest.raises(XComNotRebuilt):
        raw(ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb(["PIL.image", 1, parts]))))

    assert made == []


@pytest.mark.parametrize("mode", ["os", "BGR;15", "RGB;16"])
def test_a_forged_mode_of_raw_pixels_is_refused(mode):
    parts = {"mode": mode, "size": [1, 1], "palette": None, "info": {}, "format": None, "raw": b"\0\0\0"}

    with pytest.raises((XComNotRebuilt, CorruptValue)):
        raw(ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb(["PIL.image", 1, parts]))))
