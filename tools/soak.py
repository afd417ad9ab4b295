"""Is an interrupted slide the same as an unbroken one? Kills a prediction (SIGKILL) at random moments and lets it go on.

    python tools/soak.py [--kills 20] [--side 1024] [--seed 0] [--dir DIR]

A drawn slide is predicted once without interruption. Then processes predict it into another folder, and each is killed after a random share of the time
that the first one took, until one comes to the end; every file must be the same to the byte. This is repeated until there were as many kills as
asked for. Exits 1 at the first difference.
"""
import argparse, multiprocessing, signal, sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
import torch

def predicted(model, slide, out):
    from histonb.run.slide import predict_slide
    torch.set_num_threads(1)
    predict_slide(model, slide, out, tile=128, overlap=32, block=256, progress=False)

def killed(process, after):
    "Whether the process had to be killed after so many seconds"
    process.start(); process.join(after)
    if process.exitcode is None: process.kill(); process.join()
    if process.exitcode not in (0, -signal.SIGKILL): sys.exit('the prediction failed')
    return process.exitcode != 0

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--kills', type=int, default=20); p.add_argument('--side', type=int, default=1024)
    p.add_argument('--seed', type=int, default=0); p.add_argument('--dir', help='where the temporary folder is made')
    a = p.parse_args()
    from histonb.core import hash_folder, rng
    from slide_memory import drawn_slide, model_of
    torch.set_num_threads(1)
    with TemporaryDirectory(dir=a.dir) as d:
        folder, r, kills, rounds = Path(d), rng(a.seed, 'soak'), 0, 0
        drawn_slide(folder, a.side, .6)
        job = (model_of(argparse.Namespace(model=None, dir=d)), folder/f'slide_{a.side}.ome.tif')
        start = time.perf_counter(); predicted(*job, folder/'unbroken'); seconds = time.perf_counter() - start
        print(f'{seconds:.1f} s without interruption', flush=True)
        while kills < a.kills:
            rounds += 1
            while killed(multiprocessing.get_context('fork').Process(target=predicted, args=(*job, folder/f'again_{rounds}')), r.uniform(.05, .6)*seconds): kills += 1
            same = hash_folder(folder/f'again_{rounds}') == hash_folder(folder/'unbroken')
            print(f'round {rounds}: {kills} kills so far, files {"the same" if same else "DIFFER"}', flush=True)
            if not same: sys.exit(1)

if __name__ == '__main__': main()
