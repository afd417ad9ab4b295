"""Check that the house keeps its order; prints one line a fault and exits 1 when there are any.

    python tools/layers.py [ROOT]

Imports run down the numbers of the notebooks (core 00 -> ... -> cli 90), and data, models and measure do not know of each
other. No star imports, no pickles, albumentations in data/paired alone, torch.load with weights_only=True. Library notebooks
stay under 200 KB with export cells of at most 40 lines.
"""
import ast, json, re, sys
from pathlib import Path

UNAWARE = {'data', 'models', 'measure'}
PICKLES = {'pickle', 'dill', 'cloudpickle', 'joblib'}
MAX_KB, MAX_LINES = 200, 40

def modules(root):
    "module name -> (number, room, path) for everything generated from a notebook"
    found = {}
    for path in sorted((root/'histonb').rglob('*.py')):
        m = re.search(r'File to edit: \S*?(\d\d)_\w+\.ipynb', path.read_text(encoding='utf-8'))
        if not m: continue
        parts = path.relative_to(root).with_suffix('').parts
        found['.'.join(parts)] = (int(m[1]), parts[1] if len(parts) > 2 else '', path)
    return found

def imports(tree, module):
    "(line, absolute module, names) of every import, those inside functions as well"
    package = module.split('.')[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import): yield from ((node.lineno, a.name, []) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            yield node.lineno, '.'.join([*base, node.module or '']).strip('.'), [a.name for a in node.names]

def order(module, target, found):
    "Why `module` may not import `target`, or None"
    (number, room, _), (other, other_room, _) = found[module], found[target]
    if other >= number: return f'{target} ({other:02}) does not come before {module} ({number:02})'
    if room != other_room and {room, other_room} <= UNAWARE: return f'{room} does not know of {other_room} ({target})'

def import_faults(module, tree, found):
    "Faults in the imports of one module"
    for line, name, names in imports(tree, module):
        top = name.split('.')[0]
        if '*' in names: yield line, f'star import from {name}'
        if top in PICKLES: yield line, f'imports {top}: nothing is pickled here'
        if top == 'albumentations' and module != 'histonb.data.paired': yield line, 'albumentations belongs to histonb.data.paired alone'
        for target in {name, *(f'{name}.{n}' for n in names)} & set(found) - {module}:
            if why := order(module, target, found): yield line, why

def call_faults(tree):
    "Loading that could run a stranger's code"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call): continue
        called, keys = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
        if called == 'torch.load' and keys.get('weights_only') != 'True': yield node.lineno, 'torch.load without weights_only=True'
        if called.split('.')[-1] == 'load_learner': yield node.lineno, 'load_learner unpickles'
        if keys.get('allow_pickle', 'False') != 'False': yield node.lineno, 'allow_pickle'

def notebook_faults(path):
    "Faults in the size of a library notebook"
    if path.stat().st_size > MAX_KB*1024: yield f'{path.stat().st_size//1024} KB, more than {MAX_KB}'
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        lines = [l for l in source.splitlines() if l.strip() and not l.startswith('#|')]
        if cell['cell_type'] == 'code' and re.match(r'#\|\s*export', source) and len(lines) > MAX_LINES:
            yield f'an export cell of {len(lines)} lines, more than {MAX_LINES}: begins "{lines[0][:60]}"'

def faults(root):
    "Every fault under `root`, one sentence each"
    found = modules(root)
    for module, (_, _, path) in found.items():
        tree = ast.parse(path.read_text(encoding='utf-8'))
        for line, why in [*import_faults(module, tree, found), *call_faults(tree)]: yield f'{path.relative_to(root)}:{line}: {why}'
    for path in sorted((root/'nbs').rglob('[0-9][0-9]_*.ipynb')):
        for why in notebook_faults(path): yield f'{path.relative_to(root)}: {why}'

def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    bad = list(faults(root))
    print(*bad, sep='\n', end='\n' if bad else '')
    print(f'{len(modules(root))} modules, {len(bad)} faults')
    sys.exit(bool(bad))

if __name__ == '__main__': main()
