"""Find the files of a trace: a folder, a single file, or a prefix of rank files."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import TraceError

_RANK_FILE = re.compile(r"(?P<prefix>.*)\.(?P<rank>\d+)\.et")


def locate(path: str | Path) -> tuple[list[Path], Path | None]:
    """Files of a trace in order of ranks, and the JSON file of its groups, if there is one.

    `path` is a file `x.et`; or a prefix `p` of rank files `p.0.et`, `p.1.et`, ...; or a folder
    with such files of one prefix, or with one other `.et` file. Groups are in `p.json` or
    `groups.json` beside them.

    Raises
    ------
    TraceError
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*.et"))
        if not files:
            raise TraceError(f"trace {path}: no .et file in this folder")
    elif path.is_file():
        return [path], _sidecar(path)
    else:
        files = [each for each in sorted(path.parent.glob("*.et"))
                 if (match := _RANK_FILE.fullmatch(each.name)) and match["prefix"] == path.name]
        if not files:
            raise TraceError(f"trace {path}: no such file or folder, "
                             f"nor any rank file {path.name}.<rank>.et")
    return _rank_files(path, files), _sidecar(files[0])


def _rank_files(path, files) -> list[Path]:
    matches = [_RANK_FILE.fullmatch(each.name) for each in files]
    if len(files) == 1 and not matches[0]:
        return files
    names = {match["prefix"] if match else None for match in matches}
    if len(names) > 1 or None in names:
        raise TraceError(f"trace {path}: more than one trace in this folder "
                         f"({files[0].name}, {files[-1].name}, ...): name a file or a prefix")
    ranks = {int(match["rank"]): file for match, file in zip(matches, files, strict=True)}
    missing = sorted(set(range(max(ranks) + 1)) - set(ranks))
    if missing:
        prefix = matches[0]["prefix"]
        raise TraceError(f"trace {path}: {len(ranks)} rank files up to rank {max(ranks)}, but "
                         f"{prefix}.{missing[0]}.et is missing ({len(missing)} missing in all)")
    return [ranks[rank] for rank in sorted(ranks)]


def _sidecar(file: Path) -> Path | None:
    match = _RANK_FILE.fullmatch(file.name)
    prefix = match["prefix"] if match else file.stem
    for name in (f"{prefix}.json", "groups.json"):
        if (file.parent / name).is_file():
            return file.parent / name
    return None
