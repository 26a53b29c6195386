#!/usr/bin/env python3
"""Checks the relative links of all Markdown files, their anchors, the docs that comments name, and the functions that docs name.

`src/file.rs:name` in a Markdown file must be a file with a function or type of that name.

Usage: tests/lint/links.py   (in the repository's top directory)
"""

import os
import re
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
DEFINED = re.compile(r"`((?:src|crates|tests)/[\w./-]+\.rs)(?::(\w+))?`")
NAMED = re.compile(r"\bdocs/[\w./-]+\.md(?:#[\w-]+)?")


def anchors(path):
    """The anchors that GitHub and mdBook make of a page's headings."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def problem(target, base):
    """What is wrong with a link to `target` from a file in `base`, or None."""
    path, _, anchor = target.partition("#")
    if re.match(r"[a-z]+:", path):
        return None
    full = os.path.normpath(os.path.join(base, path)) if path else None
    if full and not os.path.exists(full):
        return f"{target}: {full} does not exist"
    if anchor and full and full.endswith(".md") and anchor not in anchors(full):
        return f"{target}: {full} has no heading #{anchor}"
    return None


def undefined(text, base):
    """The functions and files that a page in `base` names and that do not exist, with their positions."""
    for found in DEFINED.finditer(text):
        path, name = found.groups()
        path = next((p for p in (path, os.path.join(base, path)) if os.path.exists(p)), path)
        if not os.path.exists(path):
            yield found.start(), f"{path} does not exist"
        elif name:
            with open(path, encoding="utf-8") as file:
                if not re.search(rf"\b(?:fn|struct|enum|trait|type|mod) {name}\b", file.read()):
                    yield found.start(), f"{path} defines no {name}"


def main():
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
    bad = 0
    for path in filter(os.path.isfile, tracked.stdout.splitlines()):
        if path.endswith(".md"):
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"^```.*?^```", lambda found: "\n" * found.group().count("\n"), file.read(), flags=re.M | re.S)
            found = [(m.start(), m.group(1) or m.group(2), os.path.dirname(path)) for m in LINK.finditer(text)]
            for position, why in undefined(text, os.path.dirname(path)):
                print(f"{path}:{text.count(chr(10), 0, position) + 1}: {why}")
                bad += 1
        elif path.endswith((".rs", ".toml", ".sh", ".py", ".yml", "Makefile")):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            found = [(m.start(), m.group(), "") for m in NAMED.finditer(text)]
        else:
            continue
        for position, target, base in found:
            if why := problem(target, base):
                print(f"{path}:{text.count(chr(10), 0, position) + 1}: {why}")
                bad += 1
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
