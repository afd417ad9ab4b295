"""Does the memory grow with the slide? Predicts drawn slides of two sizes and prints the peak anonymous memory of each.

    python tools/slide_memory.py [--sides 5000 20000] [--model FOLDER] [--threads 1] [--dir DIR]

Each slide is a pyramidal OME-TIFF of one drawn field, repeated; a process of its own predicts it from file to files, and its anonymous
memory (RssAnon) is read while it does. Without --model a network is used that costs nothing: what is dark in red light is a nucleus.
A share of --tissue of the slide's rows is tissue, the rest is glass. Exits 1 when the largest needs more than 110 % of the smallest.
"""
import argparse, os, subprocess, sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
import numpy as np
import torch

class Dark(torch.nn.Module):
    "Nucleus where the red light is low"
    def __init__(self): super().__init__(); self.level = torch.nn.Parameter(torch.tensor(.66))
    def forward(self, x):
        red, mean = x[:, :1].contiguous(), torch.nn.functional.avg_pool2d
        red = mean(mean(red, (11, 1), 1, (5, 0), count_include_pad=False), (1, 11), 1, (0, 5), count_include_pad=False)
        return torch.cat([red*0, (self.level - red)*20], 1)

def drawn_slide(folder, side, tissue):
    "A drawn slide, written by rows to an array on disk and from there to a pyramid"
    from histonb.phantom.tissue import draw_tissue
    from histonb.run.slide import write_pyramid
    raw, field = folder/'raw.npy', draw_tissue(512, seed=0).image
    out = np.lib.format.open_memmap(raw, 'w+', np.uint8, (side, side, 3))
    row = np.concatenate([field]*(-(-side//512)), 1)[:, :side]
    for y in range(0, side, 512): out[y:y + 512] = row[:len(out[y:y + 512])] if y < tissue*side else 245
    write_pyramid(folder/f'slide_{side}.ome.tif', out, .25)
    raw.unlink()

def model_of(a):
    "The model that --model names, or the hand-made one"
    from histonb.core import BINARY
    from histonb.run.store import load_model, save_model
    if a.model: return load_model(a.model, 'cpu')
    return load_model(save_model(Dark(), Path(a.dir)/'dark', arch=dict(builder='dark'), task='segment', table=BINARY, mpp=.25), 'cpu', build=Dark)

def one(a):
    "What the watched process does"
    from histonb.run.slide import predict_slide
    torch.set_num_threads(a.threads)
    n, _ = predict_slide(model_of(a), Path(a.dir)/f'slide_{a.one}.ome.tif', Path(a.dir)/f'out_{a.one}', mpp=.25, workers=a.workers, progress=False)
    print(n)

def anonymous(pid):
    "Anonymous memory of a process, MB"
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next((int(l.split()[1])/1024 for l in lines if l.startswith('RssAnon')), 0)

def peak(a, side):
    "Peak anonymous memory of the process that predicts one slide, MB, its seconds and the nuclei it found"
    words = ['--one', side, '--dir', a.dir, '--threads', a.threads, '--workers', a.workers, *(['--model', a.model] if a.model else [])]
    child, top, start = subprocess.Popen([sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, text=True), 0, time.perf_counter()
    while child.poll() is None:
        try: top = max(top, anonymous(child.pid))
        except FileNotFoundError: break
        time.sleep(.05)
    if child.wait(): sys.exit(f'predicting {side} px failed')
    return top, time.perf_counter() - start, int(child.stdout.read())

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--sides', type=int, nargs='+', default=[5000, 20000]); p.add_argument('--tissue', type=float, default=1.)
    p.add_argument('--model'); p.add_argument('--threads', type=int, default=os.cpu_count()); p.add_argument('--workers', type=int, default=2)
    p.add_argument('--dir', help='where the temporary folder is made'); p.add_argument('--one', type=int, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.one: return one(a)
    with TemporaryDirectory(dir=a.dir) as d:
        a.dir, tops = d, []
        for side in a.sides:
            subprocess.run([sys.executable, '-c', f'import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from pathlib import Path; from slide_memory import drawn_slide; drawn_slide(Path({d!r}), {side}, {a.tissue})'], check=True)
            top, seconds, n = peak(a, side); tops.append(top)
            print(f'{side:6d} px {top:9.0f} MB   {seconds:8.1f} s   {n:8d} nuclei   x {top/tops[0]:.3f}', flush=True)
    sys.exit(tops[-1] > 1.1*tops[0])

if __name__ == '__main__': main()
