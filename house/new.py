"""Makes a chapter with its module and its test, in the form that the tests demand.

Called by `nox -s new -- part/name`. What it makes is green, and about nothing: replace
every sentence and every cell, one by one, and run `nox -s weave` and the tests again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PAGE = """\
# {title}

After this chapter, you can add up numbers in any order and say when the order matters.

**Prerequisites:** [{before}]({link}).

## Adding up

A sum of whole numbers is exact:

{total}
The program prints the sum of the three numbers above it.

## Common mistakes

### A list is asked for a name

A list knows its elements by number alone:

{mistake}
A dictionary knows its elements by name.

## Exercises

### Exercise 1: Two numbers

Add up the first two numbers.

{first}
### Exercise 2: Backward

Add up the numbers from the last to the first.

{second}
### Exercise 3: Somewhere else

A basket holds two apples and three pears.
How many pieces of fruit are in it?

{third}
## Recap

* The sum of whole numbers does not depend on their order. <!-- claim: any-order -->

## Further reading

* [`sum`](https://docs.python.org/3/library/functions.html#sum) in Python's manual.
"""
CELLS = {
    "total": "values = [3, 5, 7]\ntotal = sum(values)\nprint(total)",
    "mistake": "try:\n"
    '    values["first"]\n'
    "except TypeError as error:\n"
    '    said = f"TypeError: {error}"\n'
    "    print(said)",
    "first": "print(values[0] + values[1])",
    "second": "backward = sum(reversed(values))\nprint(backward == total)",
    "third": 'basket = {"apples": 2, "pears": 3}\nprint(sum(basket.values()))',
}
QUESTIONS = {
    "total": """\
<!-- predict: What does it print?
total
max(values)  # That is the largest number, and not yet a sum.
len(values)  # That is how many numbers there are.
-->

""",
    "mistake": """\
<!-- predict: What does it print?
said
values[0]  # A list does not know that its first element is called so.
None  # A missing name is no missing value; the program raises an error.
-->

""",
}
SLOT = """\
<!-- snippet: {name}.py#{cell} -->
```python
```

{question}<!--pytest-codeblocks:expected-output-->
```text
```
"""
SOLUTION = '<details markdown="1">\n<summary>Solution</summary>\n\n{slot}\n</details>\n'
TEST = '''\
"""The mathematics of the chapter "{title}"."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest


def test_the_total_is_the_one_by_hand(run_module: Callable[[str], Any]) -> None:
    assert run_module("{name}").namespace["total"] == 3 + 5 + 7


@pytest.mark.claim("{name}#any-order")
def test_the_sum_of_whole_numbers_does_not_depend_on_their_order() -> None:
    chance = random.Random(0)
    for _ in range(100):
        numbers = [chance.randint(-(10**9), 10**9) for _ in range(10)]
        total = sum(numbers)
        chance.shuffle(numbers)
        assert sum(numbers) == total
'''


def make(root: Path, chapter: str) -> list[Path]:
    """Write the files of a chapter named `part/name`; gives their paths."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*", chapter):
        sys.exit(f"{chapter!r} is no chapter; write part/name in small letters")
    part, name = chapter.split("/")
    title = name.replace("_", " ").capitalize()
    settings = root / "mkdocs.yml"
    nav = settings.read_text("utf-8").split("\n")
    entry = re.compile(r'( +)- (?:"(.+)"|(.+)): ([a-z_]+)/([a-z_0-9]+\.md)')
    listed = [(at, found) for at, x in enumerate(nav) if (found := entry.fullmatch(x))]
    siblings = [(at, found) for at, found in listed if found[4] == part]
    if not siblings:
        parts = ", ".join(dict.fromkeys(found[4] for _, found in listed))
        sys.exit(f"mkdocs.yml: nav has no part {part}; there are {parts}")
    files = {
        path: root / path.format(part=part, name=name)
        for path in (
            "snippets/{name}.py",
            "docs/{part}/{name}.md",
            "tests/snippets/test_{name}.py",
        )
    }
    for file in files.values():
        if file.exists():
            sys.exit(f"{file.relative_to(root)}: is there already; take another name")
    at, last = siblings[-1]
    nav.insert(at + 1, f"{last[1]}- {title}: {chapter}.md")
    slots = {
        cell: SLOT.format(name=name, cell=cell, question=QUESTIONS.get(cell, ""))
        for cell in CELLS
    }
    for cell in ("first", "second", "third"):
        slots[cell] = SOLUTION.format(slot=slots[cell])
    before = {"before": last[2] or last[3], "link": last[5]}
    cells = [f"\n# %% {cell}\n{code}\n" for cell, code in CELLS.items()]
    module, page, test = files.values()
    module.write_text(f'"""{title}."""\n{"".join(cells)}', encoding="utf-8")
    page.write_text(PAGE.format(title=title, **before, **slots), encoding="utf-8")
    test.write_text(TEST.format(title=title, name=name), encoding="utf-8")
    settings.write_text("\n".join(nav), encoding="utf-8")
    return [*files.values(), settings]


if __name__ == "__main__":
    for made in make(Path(__file__).parents[1], *sys.argv[1:2] or [""]):
        print(made)
