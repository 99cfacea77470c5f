"""gdb commands for Icebox, and module symbols that follow load and unload.

The kernel calls gdb_module_loaded(struct module *) when a module's sections
have their addresses, and gdb_module_unloaded(struct module *) before they go;
breakpoints there add and remove BUILD/modules/NAME.ko. `icebox type TEXT`
types a line at the kernel's console.
"""

import glob
import os

import gdb

BUILD = os.environ.get("ICEBOX_BUILD", "build")

loaded = {}             # name of a module -> path of the file gdb has for it


def sections(module):
    """(name, address) of the module's sections, from its section table."""
    table = module["sections"]
    count = int(module["nr_sections"])
    for i in range(count):
        name = table[i]["name"]
        if int(table[i]["addr"]):
            yield name.string(), int(table[i]["addr"])


def object_file(name):
    found = [os.path.join(BUILD, "modules", name + ".ko")]
    found += glob.glob(os.path.join(os.environ.get("M", "."), name + ".ko"))
    return next((path for path in found if os.path.exists(path)), None)


class ModuleLoaded(gdb.Breakpoint):
    def stop(self):
        module = gdb.selected_frame().read_var("mod").dereference()
        name = module["name"].string()
        path = object_file(name)
        if path is None:
            print("icebox: no %s.ko in %s/modules" % (name, BUILD))
            return False
        where = ["-s %s 0x%x" % pair for pair in sections(module)]
        gdb.execute("add-symbol-file %s %s" % (path, " ".join(where)),
                    to_string=True)
        loaded[name] = path
        print("icebox: %s loaded" % name)
        return False


class ModuleUnloaded(gdb.Breakpoint):
    def stop(self):
        module = gdb.selected_frame().read_var("mod").dereference()
        name = module["name"].string()
        if loaded.pop(name, None):
            text = int(module["text"])
            gdb.execute("remove-symbol-file -a 0x%x" % text, to_string=True)
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


Icebox()
for function, kind in (("gdb_module_loaded", ModuleLoaded),
                       ("gdb_module_unloaded", ModuleUnloaded)):
    if gdb.lookup_global_symbol(function):
        kind(function, internal=True)
