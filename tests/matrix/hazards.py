"""The hazards, staged: for each a script that brings it about, and how it has
to end.

Only when a preemption, an interrupt or a wake-up happens is arranged; the
modules are those that users load. Scenes run under -icount, so that a cell of
the matrix is the same each time.

want: "gone"    nobody stays: whatever else is a wrong refusal
      "kept"    somebody stays, or the module is wrong: a refusal, with nothing
                changed
      "ktest"   a suite inside the kernel judges (kernel/test/)

A script goes on after the unload to where the harm shows: sleepers wake, the
device is read, the census taken.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Scene:
    name: str           # the hazard, and a word where it has several
    title: str
    script: str
    want: str
    module: str = ""    # whose reports count, as `unload` was given them
    smp: int = 1
    icount: int = 0
    add: tuple = ()

    @property
    def hazard(self):
        return self.name[:3]


def exact(name, title, test):
    return Scene(name, title, "ktest exact." + test, "ktest")


KEEPER = "load keeper; load sleeps_uncounted; keeper call &; nap ready; "

SCENES = [
    exact("H01", "entered, not yet counted",
          "h01_entered_not_counted_is_found"),
    exact("H02", "pointer loaded, not yet called",
          "h02_opening_not_counted_is_found"),
    exact("H03", "uncounted, not yet left", "h03_uncounted_not_left_is_found"),
    exact("H04", "EIP outside, return address inside",
          "h04_return_address_is_found"),
    exact("H05", "called, no frame yet", "h05_no_frame_yet_is_found"),
    exact("H07", "tail jump", "h07_tail_jump_is_found"),
    exact("H08", "nested trap frames", "h08_interrupted_fault_is_found"),
    Scene("H10", "interrupt handler in flight",
          "load rtc hz=8192; sleep 5; unload rtc; sleep 20; load hello",
          "gone", "rtc", smp=2, icount=3),
    Scene("H11", "a timer that arms itself",
          "load ticker period_ms=1; ticker 3; unload ticker; sleep 20",
          "gone", "ticker"),
    Scene("H12", "work that queues itself",
          "load restless; unload restless; sleep 20", "gone", "restless",
          smp=2),
    Scene("H17", "a module that unloads itself",
          "load unloads_itself; ! itself command; ! itself thread; "
          "unload unloads_itself", "gone", "unloads_itself"),
    Scene("H18", "the caller has the device open",
          "load fifo; ! unload -w 3000 fifo < /dev/fifo0; unload fifo",
          "kept", "fifo"),
    Scene("H24", "asleep inside, counted",
          "load fifo; spawn 1 reader /dev/fifo0; ! unload fifo; "
          "killall reader; wait; unload fifo", "kept", "fifo"),
    Scene("H25", "asleep inside, not counted",
          KEEPER + "! unload sleeps_uncounted; nap wake; wait; "
          "unload sleeps_uncounted", "kept", "sleeps_uncounted"),
    Scene("H27", "another module is linked to it",
          "load counter; load tally; ! unload counter; tally 5; "
          "unload tally counter", "kept", "counter"),
    Scene("H36", "a registration is left",
          "load forgets_device; ! unload forgets_device; ls /dev; remember; "
          "unload forgets_device", "kept", "forgets_device"),
    Scene("H37", "a pointer is left in another module",
          "load keeper; load leaks_pointer; ! unload leaks_pointer; "
          "keeper call; unleak; unload leaks_pointer", "kept",
          "leaks_pointer"),
    Scene("H38", "memory is left",
          "load leaks; unload leaks; census; load leaks; unload leaks; "
          "census check", "gone", "leaks"),
    Scene("H48", "cleanup leaves a pointer",
          "load keeper; load cleanup_resurrects leave=1; "
          "! unload cleanup_resurrects; keeper call", "kept",
          "cleanup_resurrects"),
]
