"""How fast is it? Times histonb against the plain way to do the same work, on this machine, and prints the ratios.

    python tools/bench.py load      five 256 px crops with masks from a 1812 px picture: published order, tile store
    python tools/bench.py pix2pix   a training step of a 54.4 M generator: textbook loop, shared forward, translate_learner
    python tools/bench.py predict   predict_tiled and the bare network; peak memory at two picture sizes
    python tools/bench.py generate  a training step of the conditional GAN and of the VAE: as first written, and as they come
    python tools/bench.py mitosis   candidates of a 2000 px picture: scikit-image, ours; patches: by files, as windows
    python tools/bench.py spectral  a training step of a bright-field generator with and without the spectral loss
    python tools/bench.py field     a field of seven planes, eight turns: the bare network and predict_tiled; peak memory
    python tools/bench.py glimpse   a training step of a glimpse net, and of its backbones alone on the same pixels
    python tools/bench.py report    histonb evaluate on 500 generated tiles, stage by stage (not part of all)
    python tools/bench.py all       everything

The ways take turns within one run, so that a busy machine slows all of them; medians, bests and CPU times are
compared. On a machine that others use as well, --threads 1 and the CPU time say most. Sizes and repetitions are arguments.
Everything is drawn; files go to a temporary folder (--dir chooses where).
"""
import argparse, os, platform, subprocess, sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
import numpy as np
import torch

def take_turns(ways, reps, least=.2):
    "{name: function} -> {name: (reps, 2) wall and CPU seconds a call}: each runs at least `least` seconds in every round, after a warm-up."
    spent = {name: [] for name in ways}
    for r in range(reps + 1):
        for name, f in ways.items():
            wall, cpu, n = time.perf_counter(), time.process_time(), 0
            while n == 0 or (r and time.perf_counter() - wall < least): f(); n += 1
            if r: spent[name].append(((time.perf_counter() - wall)/n, (time.process_time() - cpu)/n))
    return {name: np.array(s) for name, s in spent.items()}

def begun(learn):
    "A Learner as it stands before its first batch, without a progress bar."
    from fastai.callback.progress import ProgressCallback
    learn.remove_cbs([c for c in learn.cbs if isinstance(c, ProgressCallback)]); learn.create_opt()
    learn.n_epoch, learn.epoch, learn.n_iter, learn.dl = 1, 0, 1, learn.dls.train
    for event in ('before_fit', 'before_epoch', 'before_train'): learn(event)

def three(s):
    "Median and best wall time and median CPU time."
    return np.array([np.median(s[:, 0]), s[:, 0].min(), np.median(s[:, 1])])

def table(title, spent, unit='ms'):
    "Print the times of every way, and their ratios to those of the last one."
    k, last = {'ms': 1e3, 's': 1}[unit], three(list(spent.values())[-1])
    print(f'\n{title}\n  {unit + " a call":34s}' + ''.join(f'{h:>10s}' for h in ('median', 'best', 'CPU')) + '   ratios: ' + ''.join(f'{h:>8s}' for h in ('median', 'best', 'CPU')))
    for name, s in spent.items():
        print(f'  {name:34s}' + ''.join(f'{v*k:10.1f}' for v in three(s)) + ' '*11 + ''.join(f'{v:8.2f}' for v in three(s)/last), flush=True)

# ---- load

def published(image_file, mask_file, palette, boxes, size):
    "Decode both PNGs, one-hot the whole mask by colour, and crop then."
    from PIL import Image
    image, mask = np.array(Image.open(image_file)), np.array(Image.open(mask_file))
    one_hot = np.stack([(mask == c).all(-1) for c in palette], -1).astype(np.float32)
    x, y = torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(one_hot).permute(2, 0, 1)
    return [(x[:, r:r+size, c:c+size].clone(), y[:, r:r+size, c:c+size].clone()) for r, c in boxes]

def from_store(store, n, boxes, size):
    "Read the windows, and one-hot what is left."
    from histonb.prep.masks import one_hot
    cut = [(np.array(store.window(0, r, c, size)), np.array(store.mask_window(0, r, c, size))) for r, c in boxes]
    return [(torch.from_numpy(x).permute(2, 0, 1), one_hot(torch.from_numpy(y), n).float()) for x, y in cut]

def load(a, folder):
    from PIL import Image
    from histonb.core import PANNUKE
    from histonb.phantom.tissue import draw_tissue
    from histonb.prep.tiles import TileStore, five_crops
    torch.set_num_threads(1) # as in the worker of a loader
    t, files = draw_tissue(a.side, seed=0, mpp=.4415), [folder/'image.png', folder/'mask.png']
    for f, p in zip(files, (t.image, PANNUKE.palette[t.classes])): Image.fromarray(p).save(f)
    store = TileStore.build(folder/'store', [t.image], [t.classes], progress=False)
    boxes = five_crops(a.side, a.side, a.crop)
    old = lambda: published(*files, PANNUKE.palette, boxes, a.crop)
    new = lambda: from_store(store, PANNUKE.n, boxes, a.crop)
    for (x, y), (u, v) in zip(old(), new()): assert torch.equal(x, u) and torch.equal(y, v), 'both ways must give the same crops'
    table(f'load: five {a.crop} px crops with one-hot masks from {a.side} px, {a.reps} rounds', take_turns({'published order': old, 'tile store': new}, a.reps))

# ---- pix2pix

def plain_nets(a, n):
    "Generator, critic and their default Adams."
    from histonb.models.pix2pix import build_critic, build_pix2pix
    nets = build_pix2pix('pix2pix', n, width=a.width), build_critic('pix2pix', n + 3, width=a.width)
    return [*nets, *(torch.optim.Adam(m.parameters(), 2e-4, betas=(.5, .999)) for m in nets)]

def plain_step(nets, mask, real, shared):
    "A step as tutorials write it; `shared` keeps the generator's forward pass for both halves."
    from torch.nn.functional import binary_cross_entropy_with_logits as bce, l1_loss
    G, D, opt_g, opt_d = nets
    fake = G(mask)
    on_real, on_fake = D(mask, real), D(mask, fake.detach())
    loss_d = (bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake)))/2
    opt_d.zero_grad(); loss_d.backward(); opt_d.step()
    if not shared: fake = G(mask)
    on_fake = D(mask, fake)
    loss_g = bce(on_fake, torch.ones_like(on_fake)) + 100*l1_loss(fake, real)
    opt_g.zero_grad(); loss_g.backward(); opt_g.step()

def learner_step(a, mask, real, table, half):
    "One batch through `translate_learner`, callbacks included."
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from histonb.train.translate import translate_learner
    dls = DataLoaders(*(DataLoader(list(zip(mask, real)), bs=len(mask)) for _ in range(2)), device=torch.device('cpu'))
    dls.table, dls.task = table, 'translate'
    learn = translate_learner(dls, 'pix2pix', 'pix2pix', width=a.width, half=half)
    begun(learn)
    return lambda: learn.one_batch(0, (mask, real))

def pix2pix(a, folder):
    from histonb.core import PANNUKE, amp_dtype
    from histonb.models.unet import n_params
    from histonb.phantom.tissue import draw_tissue
    from histonb.prep.masks import one_hot
    drawn = [draw_tissue(a.size, seed=s) for s in range(a.batch)]
    mask = one_hot(torch.from_numpy(np.stack([t.classes for t in drawn])).long(), PANNUKE.n).float()
    real = torch.from_numpy(np.stack([t.image for t in drawn])).permute(0, 3, 1, 2).float()/127.5 - 1
    two, one = plain_nets(a, PANNUKE.n), plain_nets(a, PANNUKE.n)
    ways = {'textbook, two generator forwards': lambda: plain_step(two, mask, real, False), 'shared forward': lambda: plain_step(one, mask, real, True)}
    ways['translate_learner, float32'] = learner_step(a, mask, real, PANNUKE, False)
    if amp_dtype(torch.device('cpu')): ways['translate_learner as it comes'] = learner_step(a, mask, real, PANNUKE, True)
    spent = take_turns(ways, a.reps)
    table(f'pix2pix: one step, {n_params(two[0])/1e6:.1f} M generator, batch {a.batch} of {a.size} px, {a.reps} rounds', spent)
    (textbook, _, cpu), (shared, _, cpu_shared) = [three(s) for s in spent.values()][:2]
    for name, s in list(spent.items())[2:]:
        t, _, c = three(s)
        print(f'  {name}: {textbook/t:.2f} times as fast as the textbook, {shared/t:.2f} as a shared forward (CPU time {cpu/c:.2f}, {cpu_shared/c:.2f})')

# ---- generate

def class_step(a, kind, half, last):
    "One batch through `cgan_learner` or `vae_learner`; `last`: channels last in memory, as the learners have it."
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from histonb.data.pcam import PCAM
    from histonb.train.generate import cgan_learner, vae_learner
    torch.manual_seed(0)
    x, y = torch.rand(a.batch, 3, a.size, a.size)*2 - 1, torch.arange(a.batch) % 2
    batch = (y, x) if kind == 'cgan' else (x, y, x)
    dls = DataLoaders(*(DataLoader(list(zip(*batch)), bs=a.batch) for _ in range(2)), device=torch.device('cpu'))
    for d in (dls, *dls.loaders): d.n_inp = len(batch) - 1
    dls.table, dls.task, dls.side = PCAM, kind, a.size
    learn = cgan_learner(dls, width=a.width, half=half) if kind == 'cgan' else vae_learner(dls, arch=dict(channels=a.width, latent=256), half=half)
    if not last:
        for m in (learn.model, *([learn.cgan_step.critic] if kind == 'cgan' else [])): m.to(memory_format=torch.contiguous_format)
    begun(learn)
    return lambda: learn.one_batch(0, batch)

def generate(a, folder):
    from histonb.core import amp_dtype
    for kind in ('cgan', 'vae'):
        ways = {'float32, channels first': class_step(a, kind, False, False), 'float32, channels last': class_step(a, kind, False, True)}
        if amp_dtype(torch.device('cpu')): ways['as it comes: bfloat16, channels last'] = class_step(a, kind, True, True)
        table(f'generate: one step of the {kind}, width {a.width}, batch {a.batch} of {a.size} px, {a.reps} rounds', take_turns(ways, a.reps))

# ---- mitosis

def plain_candidates(image):
    "Blue ratio, Otsu's threshold, label, centroids, with scikit-image on the whole picture."
    from skimage.filters import threshold_otsu
    from skimage.measure import label, regionprops
    r, g, b = (image[..., k].astype(np.float64) for k in range(3))
    ratio = 100*b/(1 + r + g)*256/(1 + r + g + b)
    return np.array([p.centroid for p in regionprops(label(ratio > threshold_otsu(ratio)))])

def by_files(patches, folder):
    "Cut and turn, write as PNG, read again: the published way to the same pixels."
    from PIL import Image
    for i in range(len(patches)): Image.fromarray(patches.image(i)).save(folder/f'{i}.png')
    return np.stack([np.array(Image.open(folder/f'{i}.png')) for i in range(len(patches))])

def mitosis(a, folder):
    from histonb.data.mitosis import open_fields, patch_places, windows
    from histonb.phantom.mitosis import make_mitosis
    from histonb.prep.candidates import candidates
    torch.set_num_threads(1) # as in the worker of a loader
    data = make_mitosis(folder/'drawn', 1, size=a.side)
    image = open_fields(data).image(0)
    ways = {'scikit-image, threshold and label': lambda: plain_candidates(image), 'blue ratio and its peaks': lambda: candidates(image, .25), 'the same, parts of its mask': lambda: candidates(image, .25, 'mask')}
    spent = take_turns(ways, a.reps); table(f'mitosis: candidates of a picture of {a.side} px, {a.reps} rounds', spent)
    plain = three(spent['scikit-image, threshold and label'])
    print('  blue ratio and its peaks: ' + ', '.join(f'{x:.1f} times as fast by {h}' for x, h in zip(plain/three(spent['blue ratio and its peaks']), ('medians', 'bests', 'CPU time'))))
    half = open_fields(data).prepared(.5); places, _ = patch_places(half, [candidates(half.image(0), .5)], 64); patches = windows(half, places[:a.patches], 64)
    out = folder/'patches'; out.mkdir()
    deliver = lambda: np.stack([patches.image(i) for i in range(len(patches))])
    assert (by_files(patches, out) == deliver()).all(), 'both ways must give the same patches'
    table(f'mitosis: {len(patches)} patches of 64 px, turned by 0, 45 and 90 degrees, {a.reps} rounds', take_turns({'written and read as PNG': lambda: by_files(patches, out), 'windows': deliver}, a.reps))

# ---- predict

def saved_model(a, folder):
    "A segmenter with random weights, saved and loaded."
    from histonb.core import PANNUKE
    from histonb.models.unet import build_unet
    from histonb.run.store import load_model, save_model
    if not (folder/'model').exists():
        torch.manual_seed(0)
        save_model(build_unet('unet', a.encoder, 3, PANNUKE.n), folder/'model', task='segment', table=PANNUKE, mpp=.25, stats=([.5]*3, [.25]*3))
    return load_model(folder/'model', 'cpu', half=a.half)

def big_picture(folder, side):
    "A drawn picture of any size on disk, one field repeated; written by rows."
    from histonb.phantom.tissue import draw_tissue
    path = folder/f'picture_{side}.npy'
    if not path.exists():
        field = draw_tissue(512, seed=0).image
        field = np.concatenate([field]*(-(-side//512)), 1)[:, :side]
        out = np.lib.format.open_memmap(path, 'w+', np.uint8, (side, side, 3))
        for y in range(0, side, 512): out[y:y + 512] = field[:len(out[y:y + 512])]
    return path

def run_tiles(a, folder, model, side):
    "Disk to disk, labels reduced per tile."
    from histonb.run.predict import predict_tiled
    return predict_tiled(model, big_picture(folder, side), tile=a.tile, overlap=a.overlap, batch=a.batch, out=folder/'labels.npy', reduce='labels', progress=False)

def speed(a, folder):
    "Tiles a second of the bare network and of predict_tiled."
    from histonb.core import amp_dtype
    from histonb.prep.tiles import tile_grid
    model, n = saved_model(a, folder), len(tile_grid(a.side, a.side, a.tile, a.overlap))
    x = torch.randn(a.batch, 3, a.tile, a.tile).contiguous(memory_format=torch.channels_last)
    kind = amp_dtype(torch.device('cpu')) if a.half else None
    def bare():
        with torch.inference_mode(), torch.autocast('cpu', kind, enabled=kind is not None):
            for i in range(0, n, a.batch): model.net(x[:min(a.batch, n - i)])
    big_picture(folder, a.side)
    title = f'predict: {a.side} px as {n} tiles of {a.tile} px, overlap {a.overlap}, unet {a.encoder}, batch {a.batch}, {a.reps} rounds'
    spent = take_turns({'predict_tiled, disk to disk': lambda: run_tiles(a, folder, model, a.side), 'bare network': bare}, a.reps)
    table(title, spent, 's')
    tiled, net = map(three, spent.values())
    print(f'  tiles/s: predict_tiled {n/tiled[0]:.2f}, bare network {n/net[0]:.2f}: ' + ', '.join(f'{r:.0%} by {h}' for r, h in zip(net/tiled, ('medians', 'bests', 'CPU time'))))

def anonymous(pid):
    "Anonymous memory of a process, MB."
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next((int(l.split()[1])/1024 for l in lines if l.startswith('RssAnon')), 0)

def peak(a, folder, side):
    "Peak anonymous memory of a process of its own that predicts one picture, MB, and its seconds."
    big_picture(folder, side)
    own = ['--encoder', a.encoder, '--tile', a.tile, '--overlap', a.overlap, '--batch', a.batch, '--threads', a.threads, '--dir', folder] + ['--half']*a.half
    child, top, start = subprocess.Popen([sys.executable, __file__, 'one', '--side', str(side), *map(str, own)]), 0, time.perf_counter()
    while child.poll() is None:
        try: top = max(top, anonymous(child.pid))
        except FileNotFoundError: break
        time.sleep(.02)
    if child.wait(): sys.exit(f'predicting {side} px failed')
    return top, time.perf_counter() - start

def one(a, folder): run_tiles(a, Path(a.dir), saved_model(a, Path(a.dir)), a.side)

def predict(a, folder):
    speed(a, folder)
    print('\npredict: peak anonymous memory (RssAnon) of a process that predicts from disk to disk')
    tops = []
    for side in a.memory:
        top, s = peak(a, folder, side)
        tops.append(top)
        print(f'  {side:6d} px {top:9.0f} MB   {s:7.1f} s   x {top/tops[0]:.3f}', flush=True)

# ---- glimpse

def plain_eyes(a, n):
    "The two backbones of a glimpse net with one linear layer, and a training step of theirs on pixels that are cut out already."
    from torch.nn.functional import adaptive_avg_pool2d, cross_entropy
    from histonb.models.glimpse import build_backbone, out_channels, pooled
    torch.manual_seed(0)
    kw = dict(channels=1, width=a.width)
    scout, eye = build_backbone('small', strides=(1, 2, 1, 1), **kw), build_backbone('small', strides=(1, 2, 2, 2), **kw)
    head = torch.nn.Linear(2 * (out_channels(scout, 1) + out_channels(eye, 1)), 2)
    opt = torch.optim.AdamW([p for m in (scout, eye, head) for p in m.parameters()], 1e-3, fused=True)
    def step(x, y, cut):
        near = pooled(eye(cut)).unflatten(0, (n, -1)).amax(0)
        loss = cross_entropy(head(torch.cat([pooled(scout(adaptive_avg_pool2d(x, a.glimpse))), near], 1)), y)
        opt.zero_grad(); loss.backward(); opt.step()
    return step

def glimpse(a, folder):
    "One step of `glimpse_learner`, losses of places, callbacks and all, over a step of its backbones alone on the same pixels."
    from histonb.data.glimpse import glimpse_dls
    from histonb.phantom.patterns import make_glimpse
    from histonb.train.attend import glimpse_learner
    n = 3
    make_glimpse(folder/'drawn', 'pattern2', dict(train=2*a.batch, valid=8, test=8), a.size, 0)
    dls = glimpse_dls(folder/'drawn', bs=a.batch, channels=1, glimpse=a.glimpse, device='cpu'); batch = dls.train.one_batch()
    learn = glimpse_learner(dls, glimpse=a.glimpse, low=a.glimpse, width=a.width)
    begun(learn)
    learn.model.train(); step = plain_eyes(a, n)
    x, y = (t.as_subclass(torch.Tensor) for t in batch[:2]); cut = torch.rand(n*a.batch, 1, a.glimpse, a.glimpse)
    spent = take_turns({'glimpse_learner': lambda: learn.one_batch(0, batch), 'backbones alone': lambda: step(x, y.long(), cut)}, a.reps)
    table(f'glimpse: one step, {n} glimpses of {a.glimpse} px in {a.size} px, batch {a.batch}, {a.reps} rounds', spent)
    (t, _, c), (t0, _, c0) = map(three, spent.values())
    print(f'  a step takes {t/t0:.2f} times as long as its backbones alone on the same pixels (CPU time {c/c0:.2f})')

# ---- bright field

def stain_step(a, x, y, spectral):
    "One batch through `translate_learner` of a bright-field generator and its critic."
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from histonb.models.unet import build_unet
    from histonb.train.translate import translate_learner
    torch.manual_seed(0)
    dls = DataLoaders(*(DataLoader(list(zip(x, y)), bs=len(x)) for _ in range(2)), device=torch.device('cpu'))
    dls.table, dls.task, dls.n_in, dls.n_out = None, 'translate', 7, 1
    learn = translate_learner(dls, build_unet('unet', a.encoder, 7, 1), 'plain', width=16, kind='lsgan', spectral=spectral, half=a.half)
    begun(learn)
    return lambda: learn.one_batch(0, (x, y))

def spectral(a, folder):
    "The share of a step that the spectral loss takes: the loss alone, forward and backward, over the step without it."
    from histonb.train.losses import spectral_loss
    torch.manual_seed(0); x, y = torch.randn(a.batch, 7, a.size, a.size), torch.randn(a.batch, 1, a.size, a.size)
    fake = torch.randn_like(y).requires_grad_()
    def alone(): fake.grad = None; spectral_loss(fake, y).backward()
    spent = take_turns({'step with it': stain_step(a, x, y, .5), 'spectral loss alone': alone, 'step without it': stain_step(a, x, y, 0.)}, a.reps)
    table(f'spectral: one step, unet {a.encoder} and plain critic, batch {a.batch} of {a.size} px, {a.reps} rounds', spent)
    cpu, whole = (three(spent[k])[2] for k in ('spectral loss alone', 'step without it'))
    print(f'  the loss takes {cpu/whole:.1%} of a step by CPU time')

def stain_net(a):
    "A bright-field generator with random weights as a function of counts."
    from histonb.models.unet import build_unet
    from histonb.run.store import Model
    torch.manual_seed(0)
    stats = {'20': dict(mean=[2594.]*7, sd=[966.]*7, out=[800., 400.], quantiles=[0., 1.])}
    net = torch.nn.Conv2d(7, 1, 1) if a.encoder == 'none' else build_unet('unet', a.encoder, 7, 1) # 'none': nearly no network, to see what lies around it
    return Model(net.to(memory_format=torch.channels_last).eval(), dict(task='stain', fields=dict(target='lipid', masked=False, stats=stats)), torch.device('cpu'), a.half)

def planes_of(h, w):
    "Seven drawn planes, one field repeated."
    from histonb.phantom.cells import draw_field
    one = np.clip(draw_field(256, 20).planes.transpose(1, 2, 0)*2594, 0, 65535).astype(np.uint16)
    return np.tile(one, (-(-h//256), -(-w//256), 1))[:h, :w]

def run_field(a, model, planes):
    from histonb.run.predict import predict_tiled
    return predict_tiled(model.at(20), planes, tile=a.tile, overlap=a.overlap, batch=a.batch, tta=True, reduce='counts', progress=False)

def field_one(a, folder): run_field(a, stain_net(a), planes_of(a.height, a.width))

def field(a, folder):
    "Tiles a second of the bare network and of the eight-fold prediction; what its process holds beside the planes and the net."
    from histonb.prep.tiles import tile_grid
    model, n = stain_net(a), len(tile_grid(a.height, a.width, a.tile, a.overlap))
    x, k, passes = torch.randn(a.batch, 7, a.tile, a.tile).contiguous(memory_format=torch.channels_last), torch.bfloat16, 4
    def bare():
        with torch.inference_mode(), torch.autocast('cpu', k, enabled=a.half): model.net(x)
    bare(); cpu = time.process_time(); [bare() for _ in range(passes)]; bare_tile = (time.process_time() - cpu)/passes/a.batch
    planes = planes_of(a.height, a.width)
    cpu, wall = time.process_time(), time.perf_counter(); run_field(a, model, planes); cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f'\nfield: {a.height} x {a.width} x 7, {n} tiles of {a.tile} px, overlap {a.overlap}, eight turns, unet {a.encoder}, batch {a.batch}')
    print(f'  bare network {1/bare_tile:.2f} tiles/s, eight-fold prediction {8*n/cpu:.2f} (CPU time; {wall:.0f} s wall): {8*n*bare_tile/cpu:.0%}')
    tops = [field_peak(a, folder, h, w) for h, w in ((a.height//2, a.width//2), (a.height, a.width))]
    print(f'  peak anonymous memory {tops[0]:.0f} MB for a quarter of the field ({a.height//2*(a.width//2)*14/2**20:.0f} MB of planes), {tops[1]:.0f} MB for all of it ({a.height*a.width*14/2**20:.0f} MB)')

def field_peak(a, folder, h, w):
    "Peak anonymous memory of a process of its own, MB."
    own = ['--encoder', a.encoder, '--tile', a.tile, '--overlap', a.overlap, '--batch', a.batch, '--threads', a.threads, '--height', h, '--width', w] + ['--half']*a.half
    child, top = subprocess.Popen([sys.executable, __file__, 'field_one', *map(str, own)]), 0
    while child.poll() is None:
        try: top = max(top, anonymous(child.pid))
        except FileNotFoundError: break
        time.sleep(.02)
    if child.wait(): sys.exit(f'predicting {h} x {w} px failed')
    return top

# ---- report

def disks(g, side):
    "A class map of round nuclei, and a picture of it: quickly drawn, no model of tissue."
    from scipy.ndimage import gaussian_filter
    from histonb.prep.stain import compose
    y, x = np.mgrid[:side, :side]; mask = np.zeros((side, side), np.uint8); rough = lambda s: gaussian_filter(g.normal(0, s, mask.shape), s)
    for cy, cx, r, c in zip(*g.uniform(0, side, (2, side//6)), g.uniform(5, 10, side//6), g.integers(1, 6, side//6)): mask[(y - cy)**2 + (x - cx)**2 < r*r] = c
    h = gaussian_filter(np.array([.15, 1.2, 1.5, 1., 1.6, 1.1])[mask], .6) + .5*rough(1.5)
    return compose(np.stack([np.clip(h, 0, 2.5), np.clip(.55 + 2*rough(4), 0, 2)]).astype(np.float32)), mask

def report(a, folder):
    "All of `evaluate`, and where its time goes."
    from functools import wraps
    from histonb.core import PANNUKE, write_image, write_json, write_mask
    from histonb.run import evidence
    for k, (part, n) in enumerate((('real/train', a.real), ('real/test', a.real//4), ('fake', a.tiles))):
        write_json(folder/part.split('/')[0]/'classes.json', PANNUKE.to_dict())
        for i in range(n):
            im, mask = disks(np.random.default_rng([k, i]), a.size); name = f'{"test" if part == "fake" and i < a.real//4 else part[-4:]}{i//10}_{i:04d}.png'          # the first generated ones count as twins of test tiles
            write_image(folder/part/'images'/name, im); write_mask(folder/part/'classes'/name, mask)
    def timed(f, name):
        @wraps(f)
        def g(*args, **kw):
            wall, cpu = time.perf_counter(), time.process_time(); out = f(*args, **kw); print(f'  {name:10s}{time.perf_counter() - wall:9.1f} s wall {time.process_time() - cpu:9.1f} s CPU', flush=True); return out
        return g
    for k in ('follow', 'teach', 'fool', 'twins', 'look', 'page'): setattr(evidence.Evidence, k, timed(getattr(evidence.Evidence, k), k))
    evidence.read_tissue = timed(evidence.read_tissue, 'read'); print(f'\nthe report on {a.tiles} generated and {a.real} + {a.real//4} real tiles of {a.size} px, {a.steps} steps an arm')
    timed(evidence.evaluate, 'all of it')(folder/'real', folder/'fake', folder/'out', steps=a.steps, device='cpu')

# ---- command line

def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest='what', required=True)
    def add(name, f, **numbers):
        s = sub.add_parser(name, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        s.set_defaults(run=f)
        s.add_argument('--threads', type=int, default=os.cpu_count(), help='CPU threads of torch')
        s.add_argument('--dir', help='where the temporary folder is made')
        for k, v in numbers.items(): s.add_argument(f'--{k}', type=type(v[0] if isinstance(v, list) else v), default=v, nargs='+' if isinstance(v, list) else None)
        return s
    add('load', load, side=1812, crop=256, reps=15)
    add('pix2pix', pix2pix, size=256, batch=4, width=64, reps=7)
    add('generate', generate, size=96, batch=32, width=32, reps=7)
    add('mitosis', mitosis, side=2000, patches=400, reps=7)
    net = dict(encoder='resnet34', tile=256, overlap=64, batch=8)
    for name, f in (('predict', predict), ('one', one)):
        add(name, f, side=1600, reps=5, memory=[4096, 16384], **net).add_argument('--half', action='store_true', help='half precision where it pays')
    add('spectral', spectral, size=256, batch=8, reps=5, encoder='resnet34').add_argument('--half', action='store_true', help='half precision where it pays')
    for name, f in (('field', field), ('field_one', field_one)): add(name, f, height=2154, width=2554, **net).add_argument('--half', action='store_true', help='half precision where it pays')
    add('glimpse', glimpse, size=128, glimpse=32, width=16, batch=32, reps=15)
    add('all', None)
    add('report', report, tiles=500, real=400, size=256, steps=150)
    return p

def main():
    args = sys.argv[1:]
    a = parser().parse_args(args)
    if a.what == 'all': jobs = [parser().parse_args([w, *args[1:]]) for w in ('load', 'pix2pix', 'generate', 'mitosis', 'predict', 'spectral', 'field', 'glimpse')]
    else: jobs = [a]
    torch.set_num_threads(a.threads)
    if a.what not in ('one', 'field_one'): print(f'{platform.processor() or platform.machine()}, {a.threads} threads, torch {torch.__version__}')
    for job in jobs:
        with TemporaryDirectory(dir=None if job.what in ('one', 'field_one') else job.dir) as d: job.run(job, Path(d))

if __name__ == '__main__': main()
