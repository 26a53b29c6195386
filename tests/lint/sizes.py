#!/usr/bin/env python3
"""Holds the sizes of files and functions of src and crates to their budgets.

A file has at most 400 lines, the median file at most 100, and nine of ten functions at most 40. A line of a raw string that
looks like the end of a function would end it here too; rustfmt's indentation makes that unlikely.
"""

import pathlib
import re
import statistics
import sys

LONGEST_FILE = 400
MEDIAN_FILE = 100
NINE_OF_TEN_FUNCTIONS = 40

FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([^)]*\))? )?(?:default )?(?:const )?(?:async )?(?:unsafe )?fn (\w+)")


def functions(lines):
    """Yields (name, line, length): from `fn` to the brace of the same indentation, as rustfmt writes it."""
    for start, line in enumerate(lines):
        match = FUNCTION.match(line)
        if not match:
            continue
        indent, name = match.groups()
        for end in range(start, len(lines)):
            ends_here = lines[end].rstrip() in (indent + "}", indent + "};")
            if ends_here or (end == start and line.rstrip().endswith("}")):
                yield name, start + 1, end - start + 1
                break
            # A declaration without a body, in a trait.
            if lines[end].rstrip().endswith(";") and lines[end].startswith(indent) and "{" not in "".join(lines[start : end + 1]):
                break


def main(roots):
    files, lengths = {}, []
    for root in roots:
        for path in sorted(pathlib.Path(root).rglob("*.rs")):
            lines = path.read_text().splitlines()
            files[path] = len(lines)
            lengths += [(length, f"{path}:{line} {name}") for name, line, length in functions(lines)]
    lengths.sort(reverse=True)
    median = statistics.median(files.values())
    nine_of_ten = lengths[len(lengths) // 10][0]
    faults = [f"{path} has {count} lines; at most {LONGEST_FILE}" for path, count in files.items() if count > LONGEST_FILE]
    if median > MEDIAN_FILE:
        faults.append(f"the median file has {median:g} lines; at most {MEDIAN_FILE}. Split the largest: " + ", ".join(
            f"{path} ({count})" for path, count in sorted(files.items(), key=lambda file: -file[1])[:5]))
    if nine_of_ten > NINE_OF_TEN_FUNCTIONS:
        faults.append(f"a tenth of the functions has {nine_of_ten} lines or more; at most {NINE_OF_TEN_FUNCTIONS}. "
                      "Split the longest: " + ", ".join(f"{where} ({length})" for length, where in lengths[:5]))
    for fault in faults:
        print(fault, file=sys.stderr)
    longest = max(files.values())
    print(f"{len(files)} files (median {median:g} lines, longest {longest}), {len(lengths)} functions "
          f"(p90 {nine_of_ten} lines, longest {lengths[0][0]}: {lengths[0][1]})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["src", "crates"]))
