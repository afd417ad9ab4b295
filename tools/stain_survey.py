"""Run every picture of a folder through stain separation and normalisation; print what became of each, write a contact sheet.

    python tools/stain_survey.py [FOLDER] [--out OUT]

FOLDER defaults to $HISTONB_DATA/stain. Nothing is written but OUT/stain_survey.png.
"""
import argparse, os, time
from pathlib import Path
import numpy as np
from PIL import Image
from histonb.core import HistonbError, list_images, read_image
from histonb.prep.stain import REFERENCE, colour_distance, fit_stain, normalise, separate
from histonb.show import mosaic

def thumb(a, side=220):
    "A picture that fits a square of `side`, on grey."
    im, page = Image.fromarray(a), np.full((side, side, 3), 128, np.uint8)
    im.thumbnail((side, side), Image.LANCZOS)
    page[:im.height, :im.width] = im
    return page

def stain_only(conc):
    "Concentrations as a grey picture, dark where there is much."
    return np.repeat((255 * np.exp(-conc))[..., None], 3, -1).astype(np.uint8)

def survey(path):
    "One line of facts and one row of pictures: as it came, Macenko, Reinhard, haematoxylin, eosin."
    image, start = read_image(path), time.perf_counter()
    (mac, status), (rei, r_status), (conc, _) = normalise(image), normalise(image, method='reinhard'), separate(image)
    own, after = fit_stain(image), fit_stain(mac)
    far = [f'{colour_distance(s, REFERENCE):5.1f}' if s.mean else '    -' for s in (own, after)]
    m = np.round(own.matrix, 2).tolist() if own.matrix else '-'
    changed = (mac != image).any(-1).mean()
    print(f'{path.name:52s} {image.shape[0]:5d}x{image.shape[1]:<5d} {status:10s} {r_status:10s} {far[0]} -> {far[1]}  {changed:5.0%}  {time.perf_counter() - start:5.1f} s  {m}')
    return [thumb(a) for a in (image, mac, rei, stain_only(conc[0]), stain_only(conc[1]))]

def main():
    home = os.environ.get('HISTONB_DATA')
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('folder', nargs='?', default=home and Path(home) / 'stain', type=Path)
    p.add_argument('--out', default='stain_survey', type=Path)
    p.add_argument('--every', default=1, type=int, help='take every n-th picture')
    a = p.parse_args()
    if a.folder is None: raise SystemExit('Give a folder of pictures, or set HISTONB_DATA.')
    try: paths = list_images(a.folder)[::a.every]
    except HistonbError as e: raise SystemExit(str(e))
    print(f'{"file":52s} {"size":11s} {"macenko":10s} {"reinhard":10s} distance to the reference, changed, time, stain vectors')
    rows = [survey(p) for p in paths]
    a.out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mosaic([t for r in rows for t in r], ncol=10)).save(a.out / 'stain_survey.png')
    print(a.out / 'stain_survey.png')

if __name__ == '__main__': main()
