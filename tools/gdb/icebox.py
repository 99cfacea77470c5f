"""gdb commands for Icebox, and module symbols that follow load and unload.

The kernel calls gdb_module_loaded(mod) when a module's sections have their
addresses, before its code runs, and again when its init sections are gone;
gdb_module_unloaded(mod) before its memory goes. Breakpoints there add and
remove the module's file, BUILD/modules/NAME.ko or M/NAME.ko. A breakpoint may
be set before the module is there. `icebox type TEXT` types a line at the
kernel's console.
"""

import glob
import os

import gdb

BUILD = os.environ.get("ICEBOX_BUILD", "build")

loaded = {}             # name of a module -> path of the file gdb has for it


def sections(module):
    """(name, address) of the sections that are in memory."""
    table = module["symbols"]
    for i in range(int(table["section_count"])):
        section = table["section"][i]
        if int(section["size"]):
            name = (table["strings"] + int(section["name"])).string()
            yield name, int(section["addr"])


def object_file(name):
    """The file of that module; "-" in a file's name is "_" in the module's."""
    for folder in (os.path.join(BUILD, "modules"), os.environ.get("M")):
        for path in glob.glob(os.path.join(folder or "", "*.ko")):
            if os.path.basename(path)[:-3].replace("-", "_") == name:
                return path
    return None


def forget(name):
    path = loaded.pop(name, None)
    if path:
        gdb.execute('remove-symbol-file "%s"' % path, to_string=True)
    return path


class ModuleLoaded(gdb.Breakpoint):
    def stop(self):
        module = gdb.selected_frame().read_var("mod").dereference()
        name = module["name"].string()
        again = forget(name)
        path = object_file(name)
        if path is None:
            print("icebox: no file of the module %s" % name)
            return False
        where = ["-s %s 0x%x" % pair for pair in sections(module)]
        gdb.execute('add-symbol-file "%s" %s' % (path, " ".join(where)),
                    to_string=True)
        loaded[name] = path
        if not again:
            print("icebox: %s loaded" % name)
        return False


class ModuleUnloaded(gdb.Breakpoint):
    def stop(self):
        module = gdb.selected_frame().read_var("mod").dereference()
        name = module["name"].string()
        if forget(name):
            print("icebox: %s unloaded" % name)
        return False


class Icebox(gdb.Command):
    """icebox type TEXT: types a line at the kernel's console."""

    def __init__(self):
        super().__init__("icebox", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        verb, _, text = argument.partition(" ")
        if verb != "type":
            raise gdb.GdbError("icebox type TEXT")
        with open(os.environ["ICEBOX_INPUT"], "w") as f:
            f.write(text + "\r")


gdb.execute("set breakpoint pending on")
Icebox()
ModuleLoaded("gdb_module_loaded", internal=True)
ModuleUnloaded("gdb_module_unloaded", internal=True)
