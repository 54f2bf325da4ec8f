"""Writes CZI files in many variants with Zeiss's own library, each with what it
reads back, for TestOracle:

    python3 -m venv v && v/bin/pip install pylibCZIrw imagecodecs
    v/bin/python testdata/files.py /tmp/czi
    COVERSLIP_CZI_FILES=/tmp/czi go test ./tiles/czi -run Oracle -v
"""
import json, os, shutil, struct, sys
import imagecodecs, numpy as np
from pylibCZIrw import czi as pyczi

out = sys.argv[1]
shutil.rmtree(out, ignore_errors=True)
os.makedirs(out)
TYPES = {'Gray8': (1, np.uint8), 'Gray16': (1, np.uint16), 'Bgr24': (3, np.uint8), 'Bgr48': (3, np.uint16), 'Gray32Float': (1, np.float32)}


def picture(h, w, c, dtype, seed):
    y, x = np.mgrid[0:h, 0:w]
    a = np.stack([(x * 3 + y * 5 + seed * 37 + k * 50) for k in range(c)], -1)
    if dtype == np.float32:
        return (a / 7).astype(dtype)
    return (a * (1 if dtype == np.uint8 else 13) % (255 if dtype == np.uint8 else 60000)).astype(dtype)


def write(name, options, fill, **meta):
    with pyczi.create_czi(f'{out}/{name}.czi', exist_ok=True, compression_options=options) as z:
        fill(z)
        z.write_metadata(document_name='a', scale_x=0.25e-6, scale_y=0.26e-6, scale_z=1e-6, **meta)


def mosaic(c, dtype):
    def fill(z):
        for i in range(6):
            z.write(picture(200, 260, c, dtype, i), plane={'C': 0}, scene=0, location=(i % 3 * 230 - 100, i // 3 * 180 + 50))
    return fill


def planes(z):
    for s in range(2):
        for c in range(3):
            for zz in range(2):
                for t in range(2):
                    z.write(picture(100, 120, 1, np.uint16, s + c * 2 + zz * 5 + t * 7), plane={'C': c, 'Z': zz, 'T': t}, scene=s, location=(s * 300, s * 40))


def to_jxr(name, c, dtype, level):
    """Packs the pixels of an uncompressed file by JPEG XR, in place."""
    b = bytearray(open(f'{out}/uncompressed-{name}.czi', 'rb').read())
    at = struct.unpack_from('<q', b, 32 + 52)[0]
    n = struct.unpack_from('<i', b, at + 32)[0]
    e = at + 32 + 128
    for _ in range(n):
        pos, dims = struct.unpack_from('<q', b, e + 6)[0], struct.unpack_from('<i', b, e + 28)[0]
        md, _, size = struct.unpack_from('<iiq', b, pos + 32)
        data = pos + 32 + max(256, 16 + 32 + 20 * dims) + md
        px = np.frombuffer(bytes(b[data:data + size]), dtype).reshape(200, 260, c)
        if c == 3:
            px = px[..., ::-1]
        else:
            px = px[..., 0]
        j = bytearray(imagecodecs.jpegxr_encode(np.ascontiguousarray(px), level=level))
        if name == 'Bgr24':  # Zeiss writes BGR24, imagecodecs RGB24: the last byte of the format's name
            assert j[8 + 15] == 0x0d
            j[8 + 15] = 0x0c
        b[data:data + len(j)] = j
        struct.pack_into('<q', b, pos + 32 + 8, len(j))
        struct.pack_into('<i', b, pos + 32 + 16 + 18, 4)
        struct.pack_into('<i', b, e + 18, 4)
        e += 32 + 20 * dims
    open(f'{out}/jxr{level}-{name}.czi', 'wb').write(b)


for options in ('uncompressed:', 'zstd0:ExplicitLevel=3', 'zstd1:ExplicitLevel=3', 'zstd1:ExplicitLevel=3;PreProcess=HiLoByteUnpack'):
    for name, (c, dtype) in TYPES.items():
        write(options.split(':')[0] + ('split' if 'HiLo' in options else '') + '-' + name, options, mosaic(c, dtype), channel_names={0: 'DAPI'})
write('planes', 'zstd1:ExplicitLevel=1', planes, channel_names={0: 'DAPI', 1: 'FITC', 2: 'Cy5'})
for name, (c, dtype) in TYPES.items():
    for level in (100, 60):
        if dtype != np.float32:
            to_jxr(name, c, dtype, level)

names = sorted(os.listdir(out))
for f in names:
    with pyczi.open_czi(f'{out}/{f}') as z:
        box = z.total_bounding_box
        size = lambda d: box[d][1] - box[d][0] if d in box else 1
        whole = []
        for c in range(size('C')):
            for zz in range(size('Z')):
                for t in range(size('T')):
                    whole.append(z.read(plane={'C': c, 'Z': zz, 'T': t}, background_pixel=pyczi.Color(1, 1, 1) if 'Bgr' in f else pyczi.Color(0, 0, 0)))
        a = np.stack(whole)
        a.astype('<f8').tofile(f'{out}/{f[:-4]}.f8')
        json.dump([size('C'), size('Z'), size('T')] + list(a.shape[1:]), open(f'{out}/{f[:-4]}.json', 'w'))
# pylibCZIrw 6.1 reads 48 bit pixels of split bytes wrongly from the second row on;
# what it wrote is right, and the same as without the splitting.
shutil.copy(f'{out}/zstd0-Bgr48.f8', f'{out}/zstd1split-Bgr48.f8')
print(len(os.listdir(out)) // 3, 'files')
