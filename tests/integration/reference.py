#!/usr/bin/env python3
"""The SDK's reference against its headers: every public name is in sdk/REFERENCE.md, declared there as the header declares it.

    reference.py

Headers and the page's `c` blocks are read by one parser and compared declaration by declaration: functions, types with their
members, constants, macros with their parameters. What the parser took for nothing can't be missed: each sl_... or SL_... in a
header that it does not know is a failure. On the page every name in backquotes must be one, and a table that begins with a
struct's or an enum's name has each of its members. A compiler then reads the page's functions beside the headers.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

SDK = Path(__file__).resolve().parents[2] / "sdk"
PAGE = SDK / "REFERENCE.md"
NAME = r"\b(?:sl|SL)_\w+"


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def private(name):
    return name.endswith("_") or re.fullmatch(r"SHOPLANE_\w+_H|SHOPLANE_H", name)


def tidy(text):
    """One way to write a declaration: no blanks but where two words meet."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r" ?([^\w ]) ?", r"\1", text)


def without_bodies(text):
    """Bodies of functions become ';': a brace after a closing parenthesis."""
    out, at = [], 0
    for match in re.finditer(r"\)\s*\{", text):
        if match.start() < at:
            continue
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        out.append(text[at:match.start() + 1] + ";")
        at = end
    return "".join(out) + text[at:]


def statements(text):
    """Up to each ';' outside of braces."""
    depth, begin = 0, 0
    for at, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == ";" and depth == 0:
            yield text[begin:at].strip()
            begin = at + 1
    if text[begin:].strip():
        yield text[begin:].strip()


def members_of(body):
    names = []
    for member in statements(re.sub(r"\{.*?\}", "", body, flags=re.S)):  # a union counts as its name
        pointer = re.match(r".*?\(\*(\w+)\)", member, flags=re.S)
        names += [pointer[1]] if pointer else [re.sub(r"\[.*", "", part).split()[-1].lstrip("*") for part in member.split(",")]
    return names


class Declarations:
    """name -> declaration, and of structs and enums the names of their members."""

    def __init__(self, where):
        self.where, self.all, self.members, self.functions, self.twice = where, {}, {}, {}, []

    def put(self, kind, name, text):
        key = kind, name
        if key in self.all:
            self.twice.append(name)
        self.all[key] = tidy(text)

    def read(self, text):
        text = without_comments(text).replace("\\\n", " ")
        text = re.sub(r'#ifdef __cplusplus\n.*?#endif\n?', "", text, flags=re.S)
        for match in re.finditer(r"^#define (\w+)(\([^)]*\))?(.*)$", text, flags=re.M):
            name, parameters, value = match.groups()
            if not private(name):
                self.put("macro", name, parameters if parameters else value)
        text = without_bodies(re.sub(r"^#.*$", "", text, flags=re.M))
        for statement in statements(text):
            self.statement(re.sub(r"^static inline\s+", "", statement))

    def statement(self, text):
        if match := re.fullmatch(r"typedef struct (\w+) (\w+)", text):
            self.put("type", match[2], text)
        elif match := re.fullmatch(r"(?:typedef )?(struct|enum) (\w+)\s*\{(.*)\}\s*(\w*)", text, flags=re.S):
            kind, name, body, _ = match.groups()
            self.put(kind, name, text.rstrip(",} ") + text[text.rindex("}"):])
            if kind == "enum":
                self.members[name] = [re.split(r"[\s=]", part.strip())[0] for part in body.split(",") if part.strip()]
            else:
                self.members[name] = members_of(body)
        elif match := re.fullmatch(r"[\w\s*]*?(\w+)\(([^()]*)\)", text):
            self.put("function", match[1], text)
            self.functions[match[1]] = text
        else:
            sys.exit(f"{self.where}: this is nothing that reference.py knows: {text[:100]!r}")

    def names(self):
        names = {name for _, name in self.all}
        return names.union(*(members for name, members in self.members.items() if name in ("sl_type", "sl_key")))


def unknown_in_headers(headers, names):
    for path in headers:
        text = without_comments(path.read_text())
        text = re.sub(r'"[^"\n]*"', "", re.sub(r"^#define \w+_ .*?[^\\]\n", "", text, flags=re.M | re.S))
        for name in sorted(set(re.findall(NAME, text))):
            if not private(name) and name not in names:
                yield f"{path.name} has {name}, which reference.py does not see declared"


def table_differences(page, declared):
    """A table whose first cell is the name of a struct or an enum has all its members."""
    lines = page.splitlines()
    for number, line in enumerate(lines):
        head = re.match(r"\| (sl_\w+) \|", line)
        if not head:
            continue
        if head[1] not in declared.members:
            yield f"line {number + 1}: a table about {head[1]}, which has no members"
            continue
        listed = []
        for row in lines[number + 2:]:
            if not row.startswith("|"):
                break
            listed += re.findall(r"`(\w+)`", row.split("|")[1])
        members = declared.members[head[1]]
        for name in sorted(set(members) ^ set(listed)):
            yield f"line {number + 1}: the table about {head[1]} " + (f"lacks {name}" if name in members else f"has {name}, it has not")


def prose_differences(page, declared, names):
    """Every name outside of blocks is one: sl_lane, sl_event.at, SL_LANE()."""
    block = False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("```"):
            block = not block
        for code in [] if block else re.findall(r"`([^`]*)`", line):
            for name, member in re.findall(rf"({NAME})(?:\.(\w+))?", code):
                if name not in names:
                    yield f"line {number}: there is no {name}"
                elif member and member not in declared.members.get(name, []):
                    yield f"line {number}: {name} has no member {member}"
                elif (code == name + "()") != (("function", name) in declared.all or declared.all.get(("macro", name), "").startswith("(")) \
                        and code in (name, name + "()"):
                    yield f"line {number}: `{code}`: what can be called has (), and nothing else"


def compiler_says(functions):
    """The page's functions are declared again behind the headers: a compiler knows whether they are the same."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "reference.c")
        source.write_text("#include <shoplane/shoplane.h>\n" + "".join(f"static inline {f};\n" for f in functions.values()))
        for compiler in ("gcc", "clang"):
            run = subprocess.run([compiler, "-std=c11", "-fsyntax-only", "-Werror", "-I", SDK / "include", source], text=True,
                                 capture_output=True, timeout=60)
            if run.returncode:
                yield f"{compiler} on the page's functions:\n{run.stderr}"


def main():
    headers = sorted((SDK / "include" / "shoplane").glob("*.h"))
    declared, documented = Declarations("headers"), Declarations("REFERENCE.md")
    for path in headers:
        declared.read(path.read_text())
    page = PAGE.read_text()
    documented.read("\n".join(re.findall(r"^```c\n(.*?)^```$", page, flags=re.M | re.S)))

    wrong = [f"the page declares {name} twice" for name in documented.twice]
    for (kind, name), text in declared.all.items():
        found = documented.all.get((kind, name))
        if found is None:
            wrong.append(f"{name} ({kind}) is missing")
        elif found != text:
            wrong.append(f"{name} differs\n    header  {text}\n    page    {found}")
    wrong += [f"the page has {name} ({kind}), the headers have not" for kind, name in documented.all if (kind, name) not in declared.all]
    names = declared.names()
    wrong += unknown_in_headers(headers, names)
    wrong += table_differences(page, declared)
    wrong += prose_differences(page, declared, names)
    wrong += compiler_says(documented.functions)
    numbers = {("macro", "SL_SDK_MAJOR"), ("macro", "SL_SDK_MINOR")}
    version = ".".join(declared.all[number] for number in sorted(numbers))
    if f"SDK {version}." not in page:
        wrong.append(f"the page's first lines do not say SDK {version}")
    for line in wrong:
        print(f"REFERENCE.md: {line}")
    print(f"{len(declared.all)} declarations, {sum(map(len, declared.members.values()))} members: "
          + (f"{len(wrong)} differences" if wrong else "all in the reference"))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
