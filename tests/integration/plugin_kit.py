#!/usr/bin/env python3
"""From an idea to an installed plugin with nothing but what `cmake --install` puts under a prefix, which was moved since.

    plugin_kit.py BUILD_DIR
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
failures = 0


def check(condition, what, said=""):
    global failures
    failures += not condition
    print(f"{'pass' if condition else 'FAIL'}  {what}" + ("" if condition else f"\n{said}"), flush=True)


class Kit:
    def __init__(self, folder):
        self.folder, self.prefix = folder, folder / "moved" / "prefix"
        subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(folder / "first")], check=True, stdout=subprocess.DEVNULL)
        self.prefix.parent.mkdir()
        (folder / "first").rename(self.prefix)
        self.plugins = next(self.prefix.glob("lib*/**/shoplane/plugins"))
        pkg_config = next(self.prefix.glob("lib*/**/pkgconfig"))
        self.environment = {"PATH": f"{self.prefix}/bin:/usr/bin:/bin", "HOME": str(folder), "PKG_CONFIG_PATH": str(pkg_config)}

    def run(self, command, where=None, **environment):
        done = subprocess.run(["bash", "-c", command], cwd=where or self.folder, env={**self.environment, **environment},
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def good(self, command, what, where=None, **environment):
        status, output = self.run(command, where, **environment)
        check(status == 0, what, output)
        return output

    def bad(self, command, status, words, what, where=None):
        got, output = self.run(command, where)
        check(got == status and all(word in output for word in words), what, f"status {got}\n{output}")


def a_lane(kit):
    kit.good("shoplane plugin new lane basket", "a lane is begun")
    basket = kit.folder / "basket"
    check(sorted(path.name for path in basket.iterdir()) ==
          [".gitignore", "CMakeLists.txt", "README.md", "basket.c", "basket.case", "basket.conf", "basket_views.c"], "with these files")
    check("@NAME@" not in "".join(path.read_text() for path in basket.iterdir()), "no mark of the template is left")
    output = kit.good("shoplane plugin build", "it builds", basket)
    check("warning" not in output and "built ./build/plugins/lanes/basket.so" in output, "without a warning", output)
    output = kit.good("shoplane plugin test", "its case holds", basket)
    check("1 case, 3 moments: all as expected" in output, "of three moments", output)
    (basket / "basket.c").write_text((basket / "basket.c").read_text().replace("a->all++;", "a->all += 2;"))
    kit.good("shoplane plugin build", "it builds again", basket)
    kit.bad("shoplane plugin test", 1, ["expected  4", "found     8", "basket.case:7:"], "and the case sees what was broken", basket)
    (basket / "basket.c").write_text((basket / "basket.c").read_text().replace("a->all += 2;", "a->all++;"))
    kit.good("shoplane plugin build && shoplane plugin test", "mended", basket)
    output = kit.good("shoplane plugin install --dry-run", "what would be installed", basket)
    check("would install lane \"basket\" 0.1.0 to" in output and not (kit.plugins / "lanes" / "basket.so").exists(), "is not", output)
    kit.good("umask 002; shoplane plugin install", "it is installed", basket)
    mode = (kit.plugins / "lanes" / "basket.so").stat().st_mode & 0o777
    check(mode == 0o644, "writable for its owner alone", oct(mode))


def it_runs(kit):
    snippet = (kit.folder / "basket" / "basket.conf").read_text()
    (kit.folder / "host.conf").write_text(f'lanes = ( {snippet} );\nsink: {{ kind = "null"; }};\n')
    output = kit.good("shoplane check --config host.conf", "the host knows it")
    check("writes user:{id}:basket_views_5m" in output, "and what it writes", output)
    (kit.folder / "keep").mkdir()
    kit.good("shoplane plugin test --keep ../keep", "its events are kept", kit.folder / "basket")
    output = kit.good("shoplane replay --config host.conf --final=all --quiet --until 2025-03-26T12:03:00Z keep/basket.case.tsv",
                      "and replayed")
    check('{"key":"user:ann:basket_views_1h","value":"4"' in output and
          '{"key":"user:ann:basket_cheap_share_1h","value":"0.5"' in output, "the features are there", output)


def a_parser(kit):
    kit.good("shoplane plugin new metric browsing --folder .", "a parser is begun")
    browsing = kit.folder / "browsing"
    kit.good("cmake -S . -B build && cmake --build build", "it builds by CMake alone", browsing,
             CMAKE_PREFIX_PATH=str(kit.prefix))
    kit.good("shoplane plugin test", "its case holds, on the installed lane", browsing)
    target = kit.plugins / "metrics" / "browsing.so"
    kit.good("shoplane plugin install", "it is installed", browsing)
    before = target.open("rb")
    bytes_before = target.read_bytes()
    (browsing / "browsing.c").write_text((browsing / "browsing.c").read_text().replace('"0.1.0"', '"0.2.0"'))
    output = kit.good("shoplane plugin build && shoplane plugin install", "and again, changed", browsing)
    check('"browsing" 0.2.0 to' in output and "in place of the one there" in output, "in place of the first", output)
    check(before.read() == bytes_before != target.read_bytes(), "who has the old file open keeps it whole")
    check([path.name for path in target.parent.iterdir() if path.name.startswith(".")] == [], "nothing else is left there")


def like_another(kit):
    """What comes with Shoplane, and recipes, under other names: all of it builds, its cases hold, and it stands beside the first."""
    made = (("lane cheap --metric cheap_price --like product/viewed_price", "cheap", ["cheap.c", "cheap_price.c", "price_text.case"]),
            ("lane visit --like session", "visit", ["visit.c", "visit_features.c", "campaign.case"]),
            ("lane mood --metric mood_score --like interest", "mood", ["mood.c", "mood_score.c", "interest.case"]),
            ("lane list --like wishlist", "list", ["list.c", "wishlist.case"]),
            ("metric sums --like orders", "sums", ["sums.c", "average.case", "transactions.case"]))
    for words, name, files in made:
        kit.good(f"shoplane plugin new {words}", f"plugin new {words}")
        folder = kit.folder / name
        check(set(files) <= {path.name for path in folder.iterdir()}, f"has {files}", sorted(path.name for path in folder.iterdir()))
        output = kit.good("shoplane plugin build && shoplane plugin test --quiet", f"{name} is built, and its cases hold", folder)
        check("warning" not in output and "all as expected" in output, f"{name}: without a warning", output)
    (kit.folder / "both.conf").write_text(
        'sink: { kind = "null"; };\nlanes = ( ' + (kit.folder / "cheap" / "cheap.conf").read_text() + ',\n{ lane = "product"; windows = ( '
        '{ name = "5m"; length = "5m"; } ); metrics = ( "viewed_price" ); } );\n')
    output = kit.good(f"SHOPLANE_PLUGINS={kit.folder}/cheap/build/plugins:{kit.plugins} shoplane check --config both.conf",
                      "beside what it was made from")
    check("writes user:{id}:cheap_price_avg_viewed_price_5m" in output and "writes user:{id}:avg_viewed_price_5m" in output,
          "no feature is written twice", output)
    kit.bad("shoplane plugin new lane x --like nothing", 1, ["there are no sources of a lane \"nothing\"", "product, purchase, session"],
            "not like what is not there")
    for words, said in (("lane x --like audience", "there is a metric parser of this name: shoplane plugin new metric NAME --like audience"),
                        ("lane x --like propensity", "there is a metric parser of this name: shoplane plugin new metric NAME --like propensity"),
                        ("metric x --like product", "there is a lane of this name: shoplane plugin new lane NAME --like product"),
                        ("lane x --like help_pages", 'the recipe "help_pages" is not in C: copy it'),
                        ("metric x --like own_brands", 'the recipe "own_brands" is not in C: copy it'),
                        ("lane x --like produkt", "nearest: product; there are: "),
                        ("metric x --like intrest_score", "nearest: interest_score; there are: ")):
        kit.bad(f"shoplane plugin new {words}", 1, [said], f"what {words} could be")
    for name, kind in (("audience", "metric"), ("propensity", "metric"), ("product_audience/audience", "lane")):
        kit.good(f"shoplane plugin new {kind} made_{kind} --like {name} && cd made_{kind} && shoplane plugin build && rm -r ../made_{kind}",
                 f"but there is a {kind} like {name}")
    kit.bad("shoplane plugin new metric x --like wishlist", 1, ["in one file with its lane"], "both or none of one file")
    kit.bad("shoplane plugin new metric x --metric y", 2, ["--metric is for a new lane"], "a parser has no parser")
    kit.bad("shoplane plugin new lane x --metric x", 2, ["different names"], "two files")
    check(not (kit.folder / "x").exists() and not list(kit.folder.glob(".x*")), "nothing is left of what failed")
    kit.good("shoplane plugin new lane other --metric other_count", "the template takes a parser's name too")
    check((kit.folder / "other" / "other_count.c").exists() and "other_views_5m" in (kit.folder / "other" / "other.case").read_text(),
          "its features are the lane's")


def own_lane_first(kit):
    """A parser that any lane like `product` could carry is tried on that of its own folder, also if that is broken; and what is built is
    installed as a whole or not at all."""
    kit.good("shoplane plugin new lane zz --metric zy --like product/viewed_price", "a lane and a parser like the product's")
    folder, installed = kit.folder / "zz", kit.plugins / "lanes" / "zz.so"
    lane, parser = (folder / "zz.c").read_text(), (folder / "zy.c").read_text()
    kit.good("shoplane plugin build", "they are built", folder)
    output = kit.good("shoplane plugin validate --rounds 1 --quiet build/plugins/metrics/zy.so", "the parser is valid", folder)
    check('on lane "zz"' in output, "on the lane of its folder, not the first that fits", output)

    def built(lane_text, parser_text):
        (folder / "zz.c").write_text(lane_text)
        (folder / "zy.c").write_text(parser_text)
        kit.good("shoplane plugin build 2>&1 | grep -v refused", "changed", folder)

    built(re.sub(r"(\nstatic bool extract\(.*\n\{)", r"\1\n    __builtin_trap();", lane), parser)
    kit.bad("shoplane plugin validate --rounds 1 build/plugins/metrics/zy.so", 1, ['on lane "zz"', "it ends the process"], "its lane crashes", folder)
    built(lane.replace("SL_LANE_PLUGIN(", "__attribute__((constructor)) static void early(void) { __asm__ volatile(\"\"); }\nSL_LANE_PLUGIN("), parser)
    kit.bad("shoplane plugin validate --rounds 1 build/plugins/metrics/zy.so", 2,
            ["that of its folder can't be loaded", 'lane "zz" not loaded: 1 of its functions would run by itself'], "its lane is not loaded", folder)
    need = re.search(r"SL_NEED\(struct \w+, (\w+), SL_MONEY\)|SL_NEED\(struct \w+, (\w+), SL_I64\)", parser)
    name = need[1] or need[2]
    other, has = ("i64", "money") if need[1] else ("money", "i64")
    wrong = parser.replace(need[0], need[0].replace("SL_MONEY" if need[1] else "SL_I64", "SL_I64" if need[1] else "SL_MONEY"))
    built(lane, wrong)
    said = f'needs a value "{name}: {other}" that lane "zz" publishes as {has}'
    kit.bad("shoplane plugin validate --rounds 1 build/plugins/metrics/zy.so", 2, ["finds no lane to stand on", said], "a type that is wrong", folder)
    kit.bad("shoplane plugin install", 1, [said, "nothing was installed"], "parser and lane don't fit", folder)
    built(lane.replace('"product[0].price"', '"prodct.price"'), parser)
    kit.bad("shoplane plugin install", 1, ["which is no place in an event", "nothing was installed"], "an input that is no place", folder)
    built(lane, parser.replace("SL_METRIC_PLUGIN(", "__attribute__((constructor)) static void early(void) { __asm__ volatile(\"\"); }\nSL_METRIC_PLUGIN("))
    kit.bad("shoplane plugin install", 1, ['"zy" not loaded: 1 of its functions', "nothing was installed"], "the parser is refused", folder)
    check(not installed.exists() and not list(kit.plugins.glob("*/.*.new")), "and nothing is there")
    built(lane, parser)
    kit.good("shoplane plugin install", "mended, it is installed", folder)
    for kind, file in (("lanes", "zz.so"), ("metrics", "zy.so")):
        (kit.plugins / kind / file).unlink()


def by_hand(kit):
    basket = kit.folder / "basket"
    for compiler in ("gcc", "clang"):
        if shutil.which(compiler) is None:
            continue
        kit.good(f"{compiler} -Wall -Wextra -Werror basket.c -o basket.so $(pkg-config --cflags --libs shoplane-sdk)",
                 f"one line of {compiler}", basket)
        kit.good("shoplane plugin check basket.so", "makes a good file", basket)
        shutil.rmtree(basket / "build")
        kit.good(f"CC={compiler} shoplane plugin build && shoplane plugin test", f"CMake with {compiler}", basket)
    (basket / "basket.so").unlink()
    output = kit.good("pkg-config --modversion shoplane-sdk", "pkg-config knows the version")
    check(output == "1.3\n", "of the SDK", output)
    output = kit.good("pkg-config --variable=plugindir shoplane-sdk", "and where plugins go")
    check(os.path.realpath(output.strip()) == str(kit.plugins.resolve()), "which is there", output)


def refusals(kit):
    basket = kit.folder / "basket"
    rule = "lower-case letters, digits and _, the first a letter, at most 40 of them"
    for name in ("Basket", "1st", "a-b", "../x", "x" * 41, "''"):
        kit.bad(f"shoplane plugin new lane {name}", 1, ["a plugin can't be called", rule], f"no plugin is called {name}")
    kit.bad("shoplane plugin new lane basket", 1, ["there is something of this name already", "./basket"], "not twice")
    kit.bad("shoplane plugin new lane x --folder nowhere", 1, ["no folder can be made", "No such file"], "not where there is nothing")
    kit.bad("shoplane plugin new trigger x", 2, ["\"trigger\" is no kind of plugin: lane or metric"], "only lanes and parsers")
    kit.bad("shoplane plugin new lane", 2, ["it takes two words"], "a name is needed")
    check("is installed: `shoplane plugin install` would take its place" in
          kit.good("shoplane plugin new lane product", "a name that is installed"), "is noted")
    kit.bad("shoplane plugin build", 2, ["this is no plugin's folder", "shoplane plugin new lane NAME"], "nothing to build")
    kit.bad("shoplane plugin check", 2, ["there is no plugin in build/plugins"], "nothing to check")
    kit.bad("shoplane plugin install", 2, ["there is nothing to install", "shoplane plugin build"], "nothing to install")
    kit.bad("PATH=$(dirname $(command -v shoplane)); shoplane plugin build", 1, ["cmake can't be started: No such file",
                                                                                "apt-get install cmake"], "no CMake", basket)
    text = (basket / "basket.c").read_text()
    (basket / "basket.c").write_text(text.replace("a->all++;", "a->none++;"))
    kit.bad("shoplane plugin build", 1, ["basket.c", "no member named", "none"], "the compiler's words are seen", basket)
    (basket / "basket.c").write_text(text)
    lists = (basket / "CMakeLists.txt").read_text()
    (basket / "CMakeLists.txt").write_text(lists + "target_link_options(plugin_lanes_basket PRIVATE -Wl,-rpath,/opt/shop/lib)\n")
    kit.bad("shoplane plugin build", 1, ["refused search_path: ", "/opt/shop/lib"], "what is built is looked at", basket)
    kit.bad("shoplane plugin install", 1, ["lane \"basket\" not loaded: "], "and not installed", basket)
    (basket / "CMakeLists.txt").write_text(lists)
    kit.good("shoplane plugin build", "all is well again", basket)
    lanes = kit.plugins / "lanes"
    lanes.chmod(0o777)
    kit.bad("shoplane plugin install", 1, ["others than you can write its folder", "chmod go-w"], "not where others can write", basket)
    lanes.chmod(0o755)
    check([path.name for path in lanes.iterdir() if path.name.startswith(".")] == [], "nothing half-made is left there")
    for command in ("new", "build", "test", "validate", "check", "install", "list"):
        kit.good(f"shoplane plugin {command} --help | grep -q 'shoplane plugin'" if command != "list" else "shoplane plugin list --help",
                 f"help of {command}")


def two_more(kit):
    """Plugins that are not in the guide (tests/plugins/trial), by the guide's steps: until their features are there, and beside
    another version of themselves."""
    events = kit.folder / "events.tsv"
    kit.good(f"shoplane-demo generate --events 20000 --output {events}", "the simulated shop has events")
    for name, window, key in (("discount", "1h", ":mean_discount_1h"), ("popular", "24h", ":cart_share_24h")):
        kit.good(f"shoplane plugin new lane {name}", f"{name} is begun")
        folder = kit.folder / name
        for source in (ROOT / "tests/plugins/trial" / name).iterdir():
            shutil.copy(source, folder)
        kit.good("shoplane plugin build", f"{name} builds", folder)
        kit.good("shoplane plugin test", f"the case of {name} holds", folder)
        output = kit.good("shoplane plugin validate --rounds 4", f"{name} is valid", folder)
        check(output.count(": VALID") == 2 and "BAD" not in output, "both plugins of it", output)
        output = kit.good("shoplane plugin check", f"nothing refuses {name}", folder)
        check(output.count(": SDK 1.") == 2, "both files of it", output)
        (folder / "try.conf").write_text(
            'plugins = "build/plugins"; source: { kind = "files"; files = [ "events.tsv" ]; }; sink: { kind = "null"; };\n'
            f'lanes = ( {{ lane = "{name}"; windows = ( {{ name = "{window}"; length = "{window}"; }} ); metrics = ( "{name}_views" ); }},\n'
            f'  {{ lane = "{name}"; as = "beside"; shadow_of = "{name}"; windows = ( {{ name = "{window}"; length = "{window}"; }} );'
            f' metrics = ( "{name}_views" ); }} );\n')
        output = kit.good(f"shoplane replay --config try.conf --final --quiet --diff {events}", f"{name} has features", folder)
        check(output.count(f'{key}","value":') > 5 and f"lane {name}, and its shadow beside" in output, "of several keys", output[:2000])


with tempfile.TemporaryDirectory() as name:
    the_kit = Kit(pathlib.Path(name))
    for scenario in (a_lane, it_runs, a_parser, like_another, own_lane_first, by_hand, refusals, two_more):
        scenario(the_kit)
sys.exit(failures > 0)
