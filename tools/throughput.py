"""How much of the network's speed is left when slides are read and results written, and what a second process brings.

    python tools/throughput.py [--side 2048] [--slides 2] [--encoder resnet34] [--threads 1] [--rounds 1] [--dir DIR]

Drawn slides are predicted from file to files by a U-Net with random weights, whose cost is real, and whose answer is replaced by a rule that finds
the drawn nuclei, so that as many are cut out and written as on tissue. Printed are

    tiles a second of the bare network and of predict_slide, by wall clock and by CPU time, and their ratio (at least 0.85 is wanted);
    seconds of one process for all slides, and of two that share them, one thread each and none that works ahead, and the ratio (at least 1.6 is wanted on two free cores).

On a machine that others use as well the CPU times say most, and the second ratio says nothing; the number of cores is printed.
"""
import argparse, os, platform, subprocess, sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE') # as `histonb predict` does; the bare network is no slower for it
import torch
from slide_memory import Dark, drawn_slide

class Costly(torch.nn.Module):
    "A U-Net whose answer is not used"
    def __init__(self, encoder):
        super().__init__()
        from histonb.models.unet import build_unet
        torch.manual_seed(0); self.unet, self.dark = build_unet('unet', encoder, 3, 2), Dark()
    def forward(self, x): return self.dark(x) + 0*self.unet(x)

def model_of(a):
    from histonb.core import BINARY
    from histonb.run.store import load_model, save_model
    folder, build = Path(a.dir)/'model', lambda **kw: Costly(a.encoder)
    if not folder.exists(): save_model(build(), folder, arch=dict(builder='costly'), task='segment', table=BINARY, mpp=.25)
    return load_model(folder, 'cpu', build=build)

def both(work):
    "Wall and CPU seconds of a piece of work"
    wall, cpu = time.perf_counter(), time.process_time(); work(); return time.perf_counter() - wall, time.process_time() - cpu

def share(a):
    "Bare network and predict_slide on one slide"
    from histonb.run import slide as room
    model, path = model_of(a), Path(a.dir)/'slides'/f'slide_{a.side}_0.ome.tif'
    view = room._at_model_size(model, room.Slide(path)); n = int(room._wanted(view, room.tissue_mask(view.slide), a.tile, 64).sum())
    x = torch.rand(a.batch, 3, a.tile, a.tile).contiguous(memory_format=torch.channels_last)
    def bare():
        with torch.inference_mode():
            for _ in range(-(-n//a.batch)): model.net(x)
    def whole(k): return lambda: room.predict_slide(model, path, Path(a.dir)/f'whole_{k}', tile=a.tile, batch=a.batch, progress=False)
    with torch.inference_mode(): model.net(x)
    turns = [(both(bare), both(whole(k))) for k in range(a.rounds)]; did = -(-n//a.batch)*a.batch
    for i, how in enumerate(('wall clock', 'CPU time')):
        alone, slide = (min(t[j][i] for t in turns) for j in (0, 1))
        print(f'{how:10s}: bare network {did/alone:6.2f} tiles/s, slide to files {n/slide:6.2f} tiles/s: {n/slide/(did/alone):.0%}', flush=True)

def part(a):
    "What one process of the second measurement does"
    from histonb.run.slide import predict_slides
    predict_slides(model_of(a), Path(a.dir)/'slides', Path(a.dir)/a.part, progress=False, tile=a.tile, batch=a.batch, workers=0)

def together(a, n):
    "Wall seconds of `n` processes for all slides"
    words = [sys.executable, __file__, '--part', f'out_{n}', '--dir', a.dir, '--side', a.side, '--encoder', a.encoder, '--tile', a.tile, '--batch', a.batch, '--threads', 1]
    start = time.perf_counter()
    children = [subprocess.Popen([*map(str, words)], env=os.environ | dict(RANK=str(r), WORLD_SIZE=str(n), OMP_NUM_THREADS='1')) for r in range(n)]
    if any([c.wait() for c in children]): sys.exit('a process failed')
    return time.perf_counter() - start

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for k, v in dict(side=2048, slides=2, tile=512, batch=4, threads=1, rounds=1).items(): p.add_argument(f'--{k}', type=int, default=v)
    p.add_argument('--encoder', default='resnet34'); p.add_argument('--dir', help='where the temporary folder is made'); p.add_argument('--part', help=argparse.SUPPRESS)
    a = p.parse_args(); torch.set_num_threads(a.threads)
    if a.part: return part(a)
    print(f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {len(os.sched_getaffinity(0))} for us, load {os.getloadavg()[0]:.1f}, {a.threads} threads, torch {torch.__version__}')
    print(f'{a.slides} slides of {a.side} px, tiles of {a.tile} px, U-Net {a.encoder}, batch {a.batch}', flush=True)
    with TemporaryDirectory(dir=a.dir) as d:
        a.dir, slides = d, Path(d)/'slides'; slides.mkdir()
        drawn_slide(slides, a.side, 1.); first = slides/f'slide_{a.side}.ome.tif'
        for k in range(a.slides): (slides/f'slide_{a.side}_{k}.ome.tif').write_bytes(first.read_bytes())
        first.unlink(); model_of(a); share(a)
        if a.slides < 2: return
        one, two = together(a, 1), together(a, 2)
        print(f'one process {one:.1f} s, two {two:.1f} s, one thread each: {one/two:.2f} times as fast')

if __name__ == '__main__': main()
