#!/usr/bin/env python3
"""Prints benchmarks' figures beside their targets and their peers': table.py TARGETS FOLDER."""
import json
import pathlib
import sys

COMPARE = {">=": lambda value, limit: value >= limit, "<=": lambda value, limit: value <= limit}


def figures(path):
    return json.loads(path.read_text())["figures"] if path.exists() else {}


def verdict(value, target, peer):
    """A target is `>= 20`, or `>= 20 x peer`."""
    if target is None:
        return ""
    sign, limit, *of_peer = target.split()
    if of_peer and not peer:
        return "no peer"
    return "met" if COMPARE[sign](value / peer if of_peer else value, float(limit)) else "MISSED"


def main(targets_path, folder):
    targets = json.loads(pathlib.Path(targets_path).read_text())
    rows = [("benchmark", "figure", "value", "target", "", "peer", "ratio")]
    for name in targets:
        peer = figures(pathlib.Path(folder, f"{name}.peer.json"))
        for figure, value in figures(pathlib.Path(folder, f"{name}.json")).items():
            target = targets[name].get(figure)
            peers = f"{peer[figure]:,.6g}" if figure in peer else ""
            ratio = f"{value / peer[figure]:.2f}" if peer.get(figure) else ""
            rows.append((name, figure, f"{value:,.6g}", target or "", verdict(value, target, peer.get(figure)), peers, ratio))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


main(*sys.argv[1:])
