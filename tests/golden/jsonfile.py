# SPDX-License-Identifier: Apache-2.0
"""Writes JSON whose innermost arrays and objects stand on one line each: small files, readable differences.

Imported by the scripts of this folder. With a width, an entry of a list that fits it stands on one line, whatever it holds.
"""
import json


def _flat(value):
    items = value.values() if isinstance(value, dict) else value
    return not any(isinstance(v, (dict, list)) for v in items)


def dumps(value, indent="", width=0, entry=False):
    if not isinstance(value, (dict, list)) or _flat(value):
        return json.dumps(value, separators=(",", ": "), allow_nan=False)
    if entry and width:
        line = json.dumps(value, separators=(",", ": "), allow_nan=False)
        if len(line) <= width:
            return line
    deeper = indent + " "
    if isinstance(value, dict):
        items, ends = [f"{json.dumps(k)}: {dumps(v, deeper, width)}" for k, v in value.items()], "{}"
    else:
        items, ends = [dumps(v, deeper, width, True) for v in value], "[]"
    return ends[0] + "\n" + ",\n".join(deeper + item for item in items) + "\n" + indent + ends[1]


def write(path, value, width=0):
    path.write_text(dumps(value, width=width) + "\n", encoding="utf-8")


def digits(value, n):
    """Every float rounded to n significant digits."""
    if isinstance(value, dict):
        return {k: digits(v, n) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [digits(v, n) for v in value]
    return float(f"{value:.{n}g}") if isinstance(value, float) else value
