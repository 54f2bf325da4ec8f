"""Writes OME-Zarr stores in many variants with zarr-python, each with what its
first level holds, for TestOracle:

    python3 -m venv v && v/bin/pip install zarr numcodecs
    v/bin/python testdata/stores.py /tmp/stores
    COVERSLIP_ZARR_STORES=/tmp/stores go test ./tiles/zarr -run Oracle -v
"""
import itertools, json, os, shutil, sys
import numcodecs, numpy as np, zarr

out = sys.argv[1]
shutil.rmtree(out, ignore_errors=True)
os.makedirs(out)
rng = np.random.default_rng(5)
N = 0


def data(shape, dtype):
    a = rng.integers(0, 250, shape)
    a = np.cumsum(a, axis=-1) % 3001
    if np.dtype(dtype).kind == 'i':
        a = a - 1500
    if np.dtype(dtype).itemsize == 1:
        a = a % 120
    if np.dtype(dtype).kind == 'f':
        a = a / 7
    return a.astype(dtype)


def attrs(axes, version, a, extra=None):
    units = {'x': 'micrometer', 'y': 'micrometer', 'z': 'micrometer', 't': 'second'}
    types = {'x': 'space', 'y': 'space', 'z': 'space', 't': 'time', 'c': 'channel'}
    ax = [dict(name=n, type=types[n], **({'unit': units[n]} if n in units else {})) for n in axes]
    scale = [{'x': 0.25, 'y': 0.26, 'z': 0.5}.get(n, 1.0) for n in axes]
    m = {'multiscales': [{'version': version, 'name': 'a', 'axes': ax,
                          'datasets': [{'path': '0', 'coordinateTransformations': [{'type': 'scale', 'scale': scale}]}]}],
         'omero': {'channels': [{'label': f'c{i}', 'color': '00FF80', 'window': {'start': 0, 'end': 3000}}
                                for i in range(a.shape[axes.index('c')] if 'c' in axes else 1)]}}
    return m


def save(where, a, axes):
    full = np.transpose(a, [axes.index(n) for n in 'tczyx' if n in axes]).astype('<f8')
    for i, n in enumerate('tczyx'):
        if n not in axes:
            full = np.expand_dims(full, i)
    full.tofile(where + '/expect.f8')
    json.dump(list(full.shape), open(where + '/expect.json', 'w'))


def v2(label, a, axes, chunks, **kw):
    global N
    where = f'{out}/{N:03d}-{label}'
    N += 1
    os.makedirs(where)
    g = zarr.open_group(where, mode='w', zarr_format=2)
    g.attrs.update(attrs(axes, '0.4', a))
    z = g.create_array('0', shape=a.shape, chunks=chunks, dtype=a.dtype, **kw)
    z[...] = a
    save(where, a, axes)


def v3(label, a, axes, chunks, **kw):
    global N
    where = f'{out}/{N:03d}-{label}'
    N += 1
    os.makedirs(where)
    g = zarr.open_group(where, mode='w', zarr_format=3)
    g.attrs['ome'] = dict(attrs(axes, '0.5', a), version='0.5')
    z = g.create_array('0', shape=a.shape, chunks=chunks, dtype=a.dtype, **kw)
    z[...] = a
    save(where, a, axes)


packers = {'raw': None, 'zlib': numcodecs.Zlib(3), 'gzip': numcodecs.GZip(3), 'zstd': numcodecs.Zstd(3), 'lz4': numcodecs.LZ4(),
           'bz2': numcodecs.BZ2(5)}
for c in ('blosclz', 'lz4', 'lz4hc', 'zlib', 'zstd'):
    for s in (0, 1, 2):
        packers[f'blosc-{c}-{s}'] = numcodecs.Blosc(c, 5, s)
for p in packers:
    v2('v2-' + p, data((2, 150, 211), '<u2'), 'cyx', (1, 64, 64), compressors=packers[p], fill_value=0)
for d in ('|u1', '|i1', '<u2', '>u2', '<i2', '>i2', '<u4', '>u4', '<i4', '<f4', '>f4', '<f8', '<u8'):
    for order in 'CF':
        v2(f'v2-{d[1:]}{"big" if d[0] == ">" else ""}-{order}', data((150, 130), d), 'yx', (70, 33), compressors=numcodecs.Blosc('lz4'), order=order, fill_value=0)
for axes, shape, chunks in (('yx', (300, 700), (300, 700)), ('yx', (3000, 1500), (2000, 1500)), ('zyx', (5, 100, 120), (2, 64, 64)),
                            ('tczyx', (2, 3, 4, 90, 80), (1, 1, 1, 64, 64)), ('tczyx', (2, 3, 4, 90, 80), (2, 2, 3, 50, 31)),
                            ('czyx', (4, 3, 64, 64), (4, 3, 32, 64)), ('tyx', (3, 64, 65), (1, 64, 1)), ('yxc', (60, 70, 4), (30, 70, 4)),
                            ('cyx', (2, 1200, 1300), (1, 1024, 1024))):
    for sep in './':
        v2(f'v2-{axes}-{sep == "/"}', data(shape, '<u2'), axes, chunks, chunk_key_encoding={'name': 'v2', 'separator': sep}, compressors=numcodecs.Zlib(1), order='F' if sep == '/' else 'C')
v2('v2-fill7', np.where(data((2, 200, 200), '<u2') > 2990, 9, 7).astype('<u2') * np.array([1, 1])[:, None, None].astype('<u2'), 'cyx', (1, 50, 50), fill_value=7)

from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, ZstdCodec, Crc32cCodec, TransposeCodec
for label, kw in {'raw': dict(compressors=None), 'zstd': dict(compressors=[ZstdCodec(level=3)]), 'gzip': dict(compressors=[GzipCodec(level=3)]),
                  'blosc': dict(compressors=[BloscCodec(cname='lz4', shuffle='bitshuffle', typesize=2)]),
                  'crc': dict(compressors=[ZstdCodec(), Crc32cCodec()]), 'crc-inside': dict(compressors=[Crc32cCodec(), ZstdCodec()]),
                  'transpose': dict(filters=[TransposeCodec(order=(2, 0, 1))]), 'dot': dict(chunk_key_encoding={'name': 'default', 'separator': '.'}),
                  'v2keys': dict(chunk_key_encoding={'name': 'v2', 'separator': '.'}), 'big': dict(serializer=BytesCodec(endian='big')),
                  'shards': dict(shards=(1, 128, 96)), 'shards-c': dict(shards=(2, 64, 64), compressors=[BloscCodec(cname='zstd', typesize=2)]),
                  'numcodecs': dict(compressors=[zarr.codecs.numcodecs.Zlib(level=2)]) if hasattr(zarr.codecs, 'numcodecs') else {}}.items():
    v3('v3-' + label, data((2, 150, 211), 'u2'), 'cyx', (1, 64, 32), **kw)
for d in ('u1', 'i2', 'u4', 'f4', 'f8', 'i8'):
    v3('v3-' + d, data((3, 100, 90), d), 'zyx', (2, 32, 32), shards=(4, 64, 64))
print(N, 'stores')
