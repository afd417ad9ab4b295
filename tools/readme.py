"""Render README.md from nbs/index.ipynb: prose, shown code, text outputs and pictures.

    python tools/readme.py            write README.md and the pictures it refers to
    python tools/readme.py --check    change nothing; exit 1 when README.md is not what the notebook gives

Both name links that lead nowhere, and exit 1 for them.
"""
import argparse, base64, json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK, README, PICTURES = ROOT/'nbs/index.ipynb', ROOT/'README.md', ROOT/'nbs/images'
HEAD = '<!-- Rendered from nbs/index.ipynb by tools/readme.py: edit the notebook, not this file. -->\n\n'

def relink(text):
    "Links and pictures relative to nbs/ become relative to the root"
    def one(m):
        target = m[2]
        if re.match(r'[a-z]+:|#|/', target): return m[0]
        return f'{m[1]}({target[3:] if target.startswith("../") else "nbs/" + target})'
    return re.sub(r'(!?\[[^\]]*\])\(([^)\s]+)\)', one, text)

def code(source):
    "Shown code without nbdev's directives; empty when the cell is hidden"
    if re.search(r'^#\|\s*(hide|include:\s*false)', source, re.M): return ''
    shown = '' if re.search(r'^#\|\s*(hide_input|echo:\s*false)', source, re.M) else re.sub(r'^#\|.*\n?', '', source, flags=re.M).strip()
    return f'```python\n{shown}\n```\n' if shown else ''

def outputs(cell, pictures):
    "Markdown for the outputs of a cell; its pictures are added to `pictures` as name -> bytes"
    if re.search(r'^#\|\s*(hide\s*$|include:\s*false|hide_output|output:\s*false)', ''.join(cell['source']), re.M): return
    for k, o in enumerate(cell['outputs']):
        data = o.get('data', {})
        if 'image/png' in data:
            name = f'index_{cell["id"]}_{k}.png'
            pictures[name] = base64.b64decode(''.join(data['image/png']))
            yield f'![](nbs/images/{name})\n'
        elif 'text/markdown' in data: yield relink(''.join(data['text/markdown'])) + '\n'
        else:
            text = ''.join(o.get('text') or data.get('text/plain', '')).rstrip()
            if text: yield f'```\n{text}\n```\n'

def render(path):
    "README text and its pictures"
    parts, pictures = [], {}
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'markdown': parts.append(relink(source).strip() + '\n')
        elif cell['cell_type'] == 'code': parts += [p for p in (code(source), *outputs(cell, pictures)) if p]
    return HEAD + '\n'.join(parts), pictures

def stale(text, pictures):
    "What on disk differs from `text` and `pictures`"
    wanted = {README: text.encode()} | {PICTURES/n: b for n, b in pictures.items()}
    bad = [p for p, b in wanted.items() if not p.exists() or p.read_bytes() != b]
    return bad + [p for p in PICTURES.glob('index_*.png') if p not in wanted]

def broken(text):
    "Links of the README that lead to nothing in the tree"
    targets = re.findall(r'!?\[[^\]]*\]\(([^)\s]+)\)', text)
    return [t for t in targets if not re.match(r'[a-z]+:|#', t) and not (ROOT/t.split('#')[0]).exists()]

def write(text, pictures):
    "Write README and pictures, and remove pictures that no cell makes any more"
    PICTURES.mkdir(exist_ok=True)
    for p in PICTURES.glob('index_*.png'): p.unlink()
    for n, b in pictures.items(): (PICTURES/n).write_bytes(b)
    README.write_text(text, encoding='utf-8')

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='change nothing, exit 1 when stale')
    args = parser.parse_args()
    text, pictures = render(NOTEBOOK)
    if not args.check: write(text, pictures)
    for t in (dead := broken(text)): print(f'nbs/index.ipynb links to {t}, which is not there')
    for p in (bad := stale(text, pictures)): print(f'{p.relative_to(ROOT)} is not what nbs/index.ipynb gives: run python tools/readme.py')
    sys.exit(bool(bad or dead))

if __name__ == '__main__': main()
