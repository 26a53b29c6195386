#!/usr/bin/env python3
"""Holds the map in a crate's lib.rs to the imports of its files.

The map is the list of modules in lib.rs, in the lines `//! - [`name`]: …`; one that only some builds have is no link. This fails if
- a top-level module is missing from the map, or the map names one that does not exist;
- a file imports from a module below its own in the map;
- files import each other in a circle. Imports from a file's own parents do not count: `foo/bar.rs` may use what `foo.rs` defines.

A crate without a map is checked for circles alone.

Usage: tests/lint/imports.py SRC...
"""

import collections
import os
import re
import sys

USE = re.compile(r"^[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?use[ \t]+([^;]+);", re.M)
PATH = re.compile(r"(?<![\w:])(?:\$?crate|super|self)(?:::\w+)+")
INLINE_MODULE = re.compile(r"^([ \t]*)(?:pub(?:\([^)]*\))?[ \t]+)?mod[ \t]+(\w+)[ \t]*\{", re.M)


def leaves(tree, prefix=()):
    """The paths of a use tree, as tuples of segments."""
    depth, part, parts = 0, "", []
    for char in tree:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += char
    parts.append(part)
    for part in filter(None, (part.strip() for part in parts)):
        head, brace, rest = part.partition("{")
        segments = tuple(s.strip() for s in head.split(" as ")[0].split("::") if s.strip())
        if brace:
            yield from leaves(rest[: rest.rindex("}")], prefix + segments)
        else:
            yield prefix + segments


def module_at(text, position, base):
    """The module at a position of a file, inside blocks like `mod tests { … }` too."""
    path = list(base)
    for found in INLINE_MODULE.finditer(text, 0, position):
        end = re.compile(rf"^{found.group(1)}\}}", re.M).search(text, found.end())
        if end and end.start() > position:
            path.append(found.group(2))
    return tuple(path)


def absolute(segments, here, children):
    """A path from the crate's root, or None for another crate's."""
    first, *rest = segments
    if first in ("crate", "$crate"):
        return tuple(rest)
    if first == "self":
        return here + tuple(rest)
    if first == "super":
        while segments and segments[0] == "super":
            here, segments = here[:-1], segments[1:]
        return here + tuple(segments)
    return here + tuple(segments) if first in children[here] else None


def imports(source):
    """For each file's module, the modules it imports from, with the line of the first import."""
    files = {}
    for directory, _, names in os.walk(source):
        for name in names:
            if name.endswith(".rs") and name != "main.rs":
                path = os.path.join(directory, name)
                inner = os.path.relpath(path, source)[:-3]
                files[() if inner == "lib" else tuple(inner.split(os.sep))] = path
    children = collections.defaultdict(set)
    for module in files:
        if module:
            children[module[:-1]].add(module[-1])
    arrows = collections.defaultdict(dict)
    for module, path in files.items():
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"//[^\n]*", lambda found: " " * len(found.group()), file.read())
        found = [(use.start(), leaf) for use in USE.finditer(text) for leaf in leaves(use.group(1))]
        found += [(use.start(), tuple(use.group().split("::"))) for use in PATH.finditer(text)]
        for position, leaf in found:
            target = absolute(leaf, module_at(text, position, module), children)
            while target and target not in files:
                target = target[:-1]
            if target and target != module:
                arrows[module].setdefault(target, text.count("\n", 0, position) + 1)
    return files, arrows


def circles(arrows):
    """The groups of files that import each other (Tarjan's strongly connected components)."""
    graph = {a: [b for b in targets if a[: len(b)] != b] for a, targets in arrows.items()}
    index, low, stack, groups = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                groups.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in list(graph):
        if node not in index:
            visit(node)
    return groups


def check(source):
    """Prints what is wrong below one source directory, and counts it."""
    files, arrows = imports(source)
    with open(os.path.join(source, "lib.rs"), encoding="utf-8") as file:
        entries = re.findall(r"^//! - ((?:\[?`\w+`\]?(?:, )?)+):", file.read(), re.M)
    order = [name for entry in entries for name in re.findall(r"`(\w+)`", entry)]
    top = {module[0] for module in files if module}
    problems = [f"{source}/lib.rs: the map does not list {name}" for name in sorted(top - set(order)) if order]
    problems += [f"{source}/lib.rs: the map lists {name}, which does not exist" for name in order if name not in top]
    # One line of the map may name several modules: none of them imports from another.
    rank = {name: line for line, entry in enumerate(entries) for name in re.findall(r"`(\w+)`", entry)}
    for module, targets in sorted(arrows.items()):
        for target, line in targets.items():
            if rank and module and module[0] != target[0] and rank.get(target[0], 0) >= rank.get(module[0], 0):
                problems.append(f"{files[module]}:{line}: {module[0]} imports from {target[0]}, which is not above it in the map")
    for group in circles(arrows):
        problems.append(f"{source}: files import each other: " + ", ".join("::".join(module) for module in group))
    print("\n".join(problems), end="\n" if problems else "")
    return len(problems)


if __name__ == "__main__":
    sys.exit(min(1, sum(check(source) for source in sys.argv[1:])))
