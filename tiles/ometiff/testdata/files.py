"""Writes OME-TIFF files in many variants with tifffile, each with what tifffile
reads back of every level, for TestOracle; further files may be named:

    python3 -m venv v && v/bin/pip install tifffile imagecodecs
    v/bin/python testdata/files.py /tmp/ome [FILE.ome.tif ...]
    COVERSLIP_OME_FILES=/tmp/ome go test ./tiles/ometiff -run Oracle -v
"""
import json, os, shutil, sys
import numpy as np, tifffile

out = sys.argv[1]
shutil.rmtree(out, ignore_errors=True)
os.makedirs(out)


def data(shape, dtype, seed):
    r = np.random.default_rng(seed)
    y, x = np.mgrid[0:shape[-2], 0:shape[-1]]
    a = r.integers(0, 40, shape) + x + 2 * y + 100 * np.arange(int(np.prod(shape[:-2]))).reshape(shape[:-2] + (1, 1))
    return (a % 250).astype(dtype) if np.dtype(dtype).itemsize == 1 else (a * 1.5).astype(dtype)


def half(a, rgb):
    return a[..., ::2, ::2, :] if rgb else a[..., ::2, ::2]


def write(name, a, axes, rgb=False, **how):
    meta = {'axes': axes, 'PhysicalSizeX': 0.5, 'PhysicalSizeXUnit': 'µm', 'PhysicalSizeY': 500, 'PhysicalSizeYUnit': 'nm'}
    meta |= how.pop('metadata', {})
    levels = how.pop('levels', 3)
    options = dict(tile=(64, 64), photometric='rgb' if rgb else 'minisblack') | how
    if options['tile'] is None:
        del options['tile']
    with tifffile.TiffWriter(f'{out}/{name}.ome.tif', bigtiff=how.get('byteorder') != '>', byteorder=options.pop('byteorder', None)) as w:
        w.write(a, subifds=levels - 1, metadata=meta, **options)
        for _ in range(levels - 1):
            a = half(a, rgb)
            w.write(a, subfiletype=1, **options)


def dump(path, name):
    """All levels, as C, Z, T, Y, X, whatever the file's order; samples are channels."""
    with tifffile.TiffFile(path) as t:
        s = t.series[0]
        sizes = []
        with open(f'{out}/{name}.f8', 'wb') as f:
            for l in s.levels:
                a, axes = l.asarray(), l.axes
                for x in 'CSZTYX':
                    if x not in axes:
                        a, axes = a[..., None], axes + x
                a = a.transpose([axes.index(x) for x in 'CSZTYX'])
                a = a.reshape((-1,) + a.shape[2:])
                sizes.append(a.shape)
                f.write(a.astype('<f8').tobytes())
    json.dump({'path': os.path.abspath(path), 'levels': sizes}, open(f'{out}/{name}.json', 'w'))


for dtype in 'uint8 int8 uint16 int16 uint32 int32 float32 float64'.split():
    write(dtype, data((3, 230, 301), dtype, 1), 'CYX', compression='zlib', predictor=dtype != 'float64' and True or None)
write('lzw', data((3, 230, 301), 'uint16', 2), 'CYX', compression='lzw', predictor=True)
write('zstd', data((2, 230, 301), 'uint16', 3), 'CYX', compression='zstd')
write('j2k', data((2, 230, 301), 'uint16', 4), 'CYX', compression='jpeg2000')
write('jpeg', data((2, 230, 301), 'uint8', 5), 'CYX', compression='jpeg')
write('big', data((3, 230, 301), 'uint16', 6), 'CYX', byteorder='>')
write('zct', data((2, 3, 4, 130, 170), 'uint16', 7), 'TZCYX', metadata={'Channel': {'Name': ['DAPI', 'FITC', 'Cy5', 'AF']}})
write('ctz', data((4, 3, 2, 130, 170), 'uint8', 8), 'ZTCYX')
write('tzc', data((2, 2, 3, 130, 170), 'uint16', 9), 'CZTYX')
write('strips', data((2, 3, 230, 301), 'uint16', 10), 'CZYX', tile=None, rowsperstrip=3, levels=1)
write('whole', data((2, 230, 301), 'float32', 11), 'CYX', tile=None, levels=1)
write('rgb', data((230, 301, 3), 'uint8', 12).swapaxes(0, 0), 'YXS', rgb=True)
write('rgb16', data((230, 301, 3), 'uint16', 13), 'YXS', rgb=True)
write('rgbz', data((3, 230, 301, 3), 'uint8', 14), 'ZYXS', rgb=True)
write('planar', data((3, 230, 301), 'uint8', 15), 'SYX', photometric='rgb', planarconfig='separate', levels=1)
write('samples', data((230, 301, 6), 'uint16', 16), 'YXS', planarconfig='contig', levels=1, metadata={})
for i, path in enumerate(sorted(os.path.join(out, f) for f in os.listdir(out)) + sys.argv[2:]):
    dump(path, f'{i:02d}-' + os.path.basename(path).split('.')[0])
