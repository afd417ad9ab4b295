"""Is interrupted work the same as unbroken work? Kills trainings and predictions (SIGKILL) at random moments and lets them go on.

    python tools/soak.py [--what both] [--kills 20] [--minutes 0] [--side 1024] [--epochs 12] [--seed 0] [--dir DIR]

The slide is drawn and predicted; the training is a small pix2pix with BatchNorm, dropout, an average of the weights and panels. Each is done once
without interruption. Then processes do it into another folder, and each is killed after a random share of the time that the first one took, until
one comes to the end; every file must be the same to the byte. This is repeated until there were as many kills as asked for (or until the minutes are
over, where they are given). At the first difference it names the files and exits 1.
"""
import argparse, multiprocessing, signal, sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
import torch

def predicted(out, model, slide):
    "A slide, predicted"
    import histonb.run.slide as room
    room.predict_slide(model, slide, out, tile=128, overlap=32, block=256, progress=False)

def slide_job(a, folder):
    import histonb.run.slide # here, so that no killed process spends its time on imports
    from slide_memory import drawn_slide, model_of
    drawn_slide(folder, a.side, .6)
    return predicted, (model_of(argparse.Namespace(model=None, dir=folder)), folder/f'slide_{a.side}.ome.tif')

def trained(out, source, epochs):
    "A small pix2pix; leaves nets, table and panels, and no state"
    from safetensors.torch import save_file
    from histonb.core import seed_all, write_json
    from histonb.data.paired import paired_dls
    from histonb.train.callbacks import SamplePanels, fit_resumable, history, linear_decay
    from histonb.train.translate import draw_triples, translate_learner
    seed_all(0); dls = paired_dls(source, source, task='translate', size=32, bs=4, device='cpu')
    learn = translate_learner(dls, width=8, depth=5, lr=2e-3, ema=.9, half=False, cbs=SamplePanels(out/'panels', draw_triples))
    fit_resumable(learn, epochs, out/'state.pt', linear_decay(2e-3))
    for name, net in (('generator', learn.model), ('critic', learn.critic_step.critic)): save_file({k: v.contiguous() for k, v in net.state_dict().items()}, out/f'{name}.safetensors')
    write_json(out/'table.json', history(learn)); (out/'state.pt').unlink()

def training_job(a, folder):
    import histonb.train.translate, histonb.data.paired
    from histonb.data.pannuke import open_pannuke
    from histonb.phantom.tissue import make_plain
    return trained, (open_pannuke(make_plain(folder/'tissue', n=16, size=64), 'train'), a.epochs)

JOBS = dict(slide=slide_job, training=training_job)

def in_process(work, out, args, after=None):
    "Whether the work had to be killed after so many seconds"
    def quietly(): torch.set_num_threads(1); work(out, *args)
    process = multiprocessing.get_context('fork').Process(target=quietly); process.start(); process.join(after)
    if process.exitcode is None: process.kill(); process.join()
    if process.exitcode not in (0, -signal.SIGKILL): sys.exit('the work failed')
    return process.exitcode != 0

def soak(name, a, folder, ends):
    "Kills, and whether all rounds ended alike"
    from histonb.core import hash_folder, rng
    (work, args), r, kills, rounds = JOBS[name](a, folder), rng(a.seed, 'soak', name), 0, 0
    start = time.perf_counter(); in_process(work, folder/'unbroken', args); seconds = time.perf_counter() - start
    print(f'{name}: {seconds:.1f} s without interruption', flush=True); want = hash_folder(folder/'unbroken')
    while kills < a.kills and time.perf_counter() < ends:
        rounds += 1
        while in_process(work, out := folder/f'again_{rounds}', args, r.uniform(.05, .6)*seconds): kills += 1
        same = hash_folder(out) == want
        print(f'{name}, round {rounds}: {kills} kills so far, files {"the same" if same else "DIFFER"}', flush=True)
        if not same: sys.exit('\n'.join(str(p.relative_to(out)) for p in sorted(out.rglob('*')) if p.is_file() and (not (twin := folder/'unbroken'/p.relative_to(out)).exists() or p.read_bytes() != twin.read_bytes())))
    return kills

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--what', choices=['both', *JOBS], default='both'); p.add_argument('--kills', type=int, default=20, help='of each')
    p.add_argument('--minutes', type=float, default=0, help='of each at most; 0: until there were enough kills'); p.add_argument('--side', type=int, default=1024)
    p.add_argument('--epochs', type=int, default=12); p.add_argument('--seed', type=int, default=0); p.add_argument('--dir', help='where the temporary folder is made')
    a = p.parse_args(); torch.set_num_threads(1)
    for name in (JOBS if a.what == 'both' else [a.what]):
        ends = time.perf_counter() + (60*a.minutes or float('inf'))
        with TemporaryDirectory(dir=a.dir) as d: print(f'{name}: {soak(name, a, Path(d), ends)} kills, and every round ended with the same files', flush=True)

if __name__ == '__main__': main()
