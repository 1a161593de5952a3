#!/usr/bin/env python3
"""A plugin in Rust: the guide's recipe is built, looked into, tested and validated; and sdk/rust/shoplane.rs has the headers' layout.

    rust_plugin.py BUILD_DIR
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
SDK = pathlib.Path(__file__).resolve().parents[2] / "sdk"
RECIPE = SDK / "examples" / "help_pages"
HEADERS = SDK / "include" / "shoplane"
# of shoplane.rs: its name in C, and members that are called otherwise there
STRUCTS = {"View": "sl_view", "Text": "sl_text", "Stamp": "sl_stamp", "Field": "sl_field", "Param": "sl_param", "Input": "sl_input",
           "EventTable": "sl_event_table", "Event": "sl_event", "ScratchTable": "sl_scratch_table", "Scratch": "sl_scratch",
           "Window": "sl_window", "Refusal": "sl_refusal", "Records": "sl_records", "Lane": "sl_lane", "Feature": "sl_feature",
           "Cell": "sl_cell", "Metric": "sl_metric", "Plugin": "sl_plugin"}
RENAMED = {"kind": "type", "value": "as"}
# tables that may be longer in C: the host fills in, or never looks behind, what a plugin does not know
PREFIXES = {"EventTable", "ScratchTable", "Metric"}


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **more)


def must(condition, what, said=""):
    if not condition:
        sys.exit(f"FAILED  {what}\n{said}")
    print(f"pass  {what}", flush=True)


def members():
    """{struct: [member, ...]} as shoplane.rs declares them."""
    found = {}
    for name, body in re.findall(r"#\[repr\(C\)\](?:\n#\[derive[^\n]*)?\npub struct (\w+) \{\n(.*?)\n\}", (SDK / "rust/shoplane.rs").read_text(), re.S):
        found[name] = [member for member in re.findall(r"^    (?:pub )?(\w+):", body, re.M) if not member.startswith("_")]
    return {name: found[name] for name in STRUCTS}


def layout(folder):
    """Every offset and size, printed by a program in each language."""
    structs = members()
    in_c = ["#include <shoplane/shoplane.h>", "#include <stdio.h>", "int main(void) {"]
    in_rust = [f'#[path = "{SDK}/rust/shoplane.rs"]', "mod shoplane;", "use shoplane::*;", "fn main() {"]
    for name, list_ in structs.items():
        for member in list_:
            of_c = RENAMED.get(member, member)
            if (name, member) in (("Event", "kind"), ("Note", "kind")):
                of_c = member
            in_c.append(f'printf("{name}.{member} %zu %zu\\n", offsetof({STRUCTS[name]}, {of_c}), sizeof((({STRUCTS[name]} *)0)->{of_c}));')
            in_rust.append(f'{{ let at = std::mem::MaybeUninit::<{name}>::uninit(); let at = at.as_ptr(); '
                           f'println!("{name}.{member} {{}} {{}}", std::mem::offset_of!({name}, {member}), '
                           f'size_of_val(unsafe {{ &(*at).{member} }})); }}')
        if name not in PREFIXES:
            in_c.append(f'printf("{name} %zu\\n", sizeof({STRUCTS[name]}));')
            in_rust.append(f'println!("{name} {{}}", std::mem::size_of::<{name}>());')
    (folder / "layout.c").write_text("\n".join(in_c + ["return 0; }"]))
    (folder / "layout.rs").write_text("\n".join(in_rust + ["}"]))
    made = run("cc", "-std=c11", f"-I{HEADERS.parent}", "-o", folder / "layout_c", folder / "layout.c")
    must(made.returncode == 0, "the layout in C is compiled", made.stderr)
    made = run("rustc", "--edition", "2021", "-o", folder / "layout_rust", folder / "layout.rs")
    must(made.returncode == 0, "the layout in Rust is compiled", made.stderr)
    c, rust = run(folder / "layout_c").stdout.splitlines(), run(folder / "layout_rust").stdout.splitlines()
    differ = [f"{a}   in Rust {b}" for a, b in zip(c, rust) if a != b]
    must(len(c) == len(rust) > 100 and not differ, f"{len(c)} offsets and sizes are those of the headers", "\n".join(differ))
    numbers = dict(re.findall(r"#define SL_SDK_(MAJOR|MINOR) (\d+)", (HEADERS / "plugin.h").read_text()))
    ours = dict(re.findall(r"SDK_(MAJOR|MINOR): u32 = (\d+)", (SDK / "rust/shoplane.rs").read_text()))
    must(ours == numbers, "SDK_MAJOR and SDK_MINOR are the headers'", str(ours))
    words = re.findall(r"^    SL_([A-Z0-9]+)[, =]", re.search(r"typedef enum sl_type \{(.*?)\} sl_type;", (HEADERS / "types.h").read_text(), re.S)[1]
                       .replace("SL_CHOICE  ", "SL_CHOICE, "), re.M)
    ours = re.findall(r"^    (\w+)(?: = 0)?,", re.search(r"pub enum Type \{(.*?)\}", (SDK / "rust/shoplane.rs").read_text(), re.S)[1], re.M)
    must([word.lower() for word in words] == [word.lower() for word in ours], "types are the headers', in their order", f"{words}\n{ours}")


def recipe(folder):
    file = folder / "plugins" / "lanes" / "help_pages.so"
    file.parent.mkdir(parents=True)
    guide = (SDK / "GUIDE.md").read_text()
    command = re.search(r"^rustc .*help_pages\.rs$", guide, re.M)
    must(command is not None, "the guide says how it is built")
    words = [str(file) if word.endswith("help_pages.so") else str(RECIPE / "help_pages.rs") if word.endswith(".rs") else word
             for word in command[0].split()]
    made = run(*words, "-D", "warnings")
    must(made.returncode == 0, "the guide's command builds it", made.stderr)
    looked = run(BUILD / "shoplane", "plugin", "check", file)
    must(looked.returncode == 0 and looked.stdout.endswith(" bytes, good\n"), "nothing in its file refuses or warns", looked.stdout)
    tested = run(BUILD / "shoplane", "plugin", "test", "--plugins", folder / "plugins", RECIPE)
    must(tested.returncode == 0 and "all as expected" in tested.stdout, "its cases", tested.stdout + tested.stderr)
    valid = run(BUILD / "shoplane", "plugin", "validate", "--plugins", folder / "plugins", "--rounds", "4", file)
    must(valid.returncode == 0 and valid.stdout.count(": VALID\n") == 2, "lane and parser are valid", valid.stdout + valid.stderr)
    bare = folder / "bare.so"
    subprocess.run(["strip", "-o", str(bare), str(file)], check=True)
    looked = run(BUILD / "shoplane", "plugin", "check", bare)
    must("refused constructor:" in looked.stdout, "without its symbols nobody knows what its constructor does", looked.stdout)


version = re.match(r"rustc 1\.(\d+)\.", run("rustc", "--version").stdout) if shutil.which("rustc") else None
if version is None or int(version[1]) < 77:
    print("no rustc of 1.77 or later here: install Rust to build plugins in it")
    sys.exit(77)
with tempfile.TemporaryDirectory() as name:
    layout(pathlib.Path(name))
    recipe(pathlib.Path(name))
