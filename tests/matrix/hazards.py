"""The hazards, staged: for each a script that brings it about, and how it has
to end.

Only when a preemption, an interrupt or a wake-up happens is arranged; the
modules are those that users load. Scenes run under -icount, so that a cell of
the matrix is the same each time.

want: "gone"    nobody stays: whatever else is a wrong refusal
      "autopsy" the last command touches what has gone, and dies of it
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
    names: str = ""     # what the refusal has to be for
    smp: int = 1
    icount: int = 0
    seed: int = 1
    mem: int = 128
    qemu: str = ""

    @property
    def hazard(self):
        return self.name[:3]


def exact(name, title, test):
    return Scene(name, title, "ktest exact." + test, "ktest")


KEEPER = "load keeper; load sleeps_uncounted; keeper call &; nap ready; "

SCENES = [
    exact("H01", "entered, not yet counted",
          "h01_entered_not_counted_is_found"),
    Scene("H01-late", "counted on the way out, and only the count tells",
          "load keeper; load sleeps_uncounted count=1; "
          "ghost keep sleeps_uncounted end_nap; keeper call &; nap ready; "
          "unload -w 500 sleeps_uncounted &; await sleeps_uncounted held; "
          "ghost call; ! wait; ghost call", "kept", "sleeps_uncounted"),
    exact("H02", "pointer loaded, not yet called",
          "h02_opening_not_counted_is_found"),
    exact("H03", "uncounted, not yet left", "h03_uncounted_not_left_is_found"),
    Scene("H03-busy", "on his way, and the machine is crowded",
          "load keeper; load sleeps_uncounted sums=10000; keeper call &; "
          "nap ready; spawn 20 spinner; nap wake; "
          "unload -t 300 sleeps_uncounted; killall spinner; wait", "gone",
          "sleeps_uncounted"),
    exact("H04", "EIP outside, return address inside",
          "h04_return_address_is_found"),
    exact("H05", "called, no frame yet", "h05_no_frame_yet_is_found"),
    exact("H07", "tail jump", "h07_tail_jump_is_found"),
    exact("H08", "nested trap frames", "h08_interrupted_fault_is_found"),
    Scene("H09", "a program that aims at the module",
          "load hello; where hello > /tmp/at; "
          "spawn 3 aimer /tmp/at spin; unload hello", "gone", "hello", smp=2),
    Scene("H09-args", "arguments that look like the module",
          "load hello; where hello > /tmp/at; "
          "spawn 3 aimer /tmp/at wait; unload hello", "gone", "hello"),
    Scene("H10", "interrupt handler in flight",
          "load rtc hz=8192; sleep 5; unload rtc; sleep 20; load hello",
          "gone", "rtc", smp=2, icount=3),
    Scene("H11", "a timer that arms itself",
          "load ticker period_ms=1; ticker 3; unload ticker; sleep 20",
          "gone", "ticker"),
    Scene("H12", "work that queues itself",
          "load restless; sleep 2; unload restless; sleep 20", "gone",
          "restless", smp=2),
    Scene("H13", "a thread's last instructions",
          "load ticker period_ms=1; unload ticker; load hello; unload hello; "
          "sleep 20", "gone", "ticker", smp=2),
    Scene("H14", "the record of a thread that has ended",
          "load ticker; unload ticker; ps; load hello", "gone", "ticker"),
    Scene("H15", "a thread that is to stop, with the world frozen",
          "load ticker; spawn 4 spinner; unload ticker; killall spinner; wait",
          "gone", "ticker"),
    Scene("H16", "the caller is frozen, too",
          "load hello; load fifo; unload hello &; unload fifo; wait", "gone",
          "hello"),
    Scene("H17", "a module that unloads itself",
          "load unloads_itself; ! itself command; ! itself thread; "
          "unload unloads_itself", "gone", "unloads_itself"),
    Scene("H18", "the caller has the device open",
          "load fifo; ! unload -w 3000 fifo < /dev/fifo0; unload fifo",
          "kept", "fifo"),
    Scene("H19", "births beside it",
          "forker 400 &; asleep forker process_wait; "
          "repeat 10 'load hello; unload hello'; wait", "gone", "hello",
          smp=2, icount=3),
    Scene("H20", "deaths beside it",
          "load fifo; spawn 8 opener /dev/fifo0; unload -w 20000 fifo &; "
          "killall opener; wait; load hello; unload hello", "gone", "fifo",
          smp=2, icount=3),
    Scene("H21", "who is killed while frozen",
          "ktest sched.frozen_tasks_die_after_the_thaw", "ktest"),
    Scene("H22", "a lock that a frozen task has",
          "ktest sched.lock_holders_are_thawed", "ktest"),
    Scene("H23", "an engine that never rests",
          "load thread_never_stops; ! unload -t 200 thread_never_stops; "
          "relent; unload thread_never_stops", "kept", "thread_never_stops"),
    Scene("H24", "asleep inside, counted",
          "load fifo; spawn 1 reader /dev/fifo0; ! unload fifo; "
          "killall reader; wait; unload fifo", "kept", "fifo"),
    Scene("H25", "asleep inside, not counted",
          KEEPER + "! unload sleeps_uncounted; nap wake; wait; "
          "unload sleeps_uncounted", "kept", "sleeps_uncounted"),
    Scene("H25-wait", "the same, and he is waited for",
          KEEPER + "! unload -w 100 sleeps_uncounted; nap wake; wait; "
          "unload sleeps_uncounted", "kept", "sleeps_uncounted"),
    Scene("H26", "counted, with a pointer that nobody can see",
          "load overcounts; overcount; "
          "ghost keep overcounts overcount_command; ! unload overcounts; "
          "ghost read", "kept", "overcounts"),
    Scene("H27", "another module is linked to it",
          "load counter; load tally; ! unload counter; tally 5; "
          "unload tally counter", "kept", "counter"),
    Scene("H28", "two who unload it at once",
          "load fifo; spawn 1 reader /dev/fifo0; unload -w 20000 fifo &; "
          "unload -w 20000 fifo &; killall reader; ! wait; load fifo; "
          "unload fifo", "gone", "fifo", smp=2, icount=3),
    Scene("H29", "a load that fails with engines started",
          "! load register_fails; sleep 20; load hello; unload hello", "gone",
          "hello", smp=2),
    Scene("H30", "a newcomer at the closed door",
          "load fifo; spawn 1 reader /dev/fifo0; unload -w 50 fifo &; "
          "await fifo closed; echo x > /dev/fifo0; await fifo live; "
          "killall reader; ! wait; unload fifo", "kept", "fifo"),
    Scene("H31", "its name, in the log and in records",
          "load hello; unload hello; dmesg; lsmod; ps", "gone", "hello"),
    Scene("H32", "an address that a TLB still knows",
          "load fifo; "
          "ghost keep fifo fifo_read; ghost read; unload fifo; ghost read",
          "autopsy", smp=1),
    Scene("H32-other", "another CPU reads on through it",
          "load fifo; ghost keep fifo fifo_read; ghost spin &; unload fifo; "
          "sleep 20", "autopsy", smp=2),
    Scene("H33", "an address that is used again",
          "load fifo; ghost keep fifo fifo_read; unload fifo; "
          "load hello; ghost read",
          "autopsy"),
    Scene("H34", "its tables, read while they go",
          "ktest unload.names_are_asked_for_while_the_module_goes", "ktest",
          smp=2, icount=3),
    Scene("H35", "a count that is put and was never got",
          "load overcounts; overcount put; overcount; "
          "ghost keep overcounts overcount_command; ! unload overcounts; "
          "ghost read", "kept", "overcounts"),
    Scene("H36", "a registration is left",
          "load forgets_device; ! unload forgets_device; ls /dev; remember; "
          "unload forgets_device", "kept", "forgets_device",
          names="registered still"),
    Scene("H37", "a pointer is left in another module",
          "load keeper; load leaks_pointer; ! unload leaks_pointer; "
          "keeper call; unleak; unload leaks_pointer", "kept",
          "leaks_pointer"),
    Scene("H38", "memory is left",
          "load leaks; unload leaks; census; load leaks; unload leaks; "
          "census check", "gone", "leaks"),
    Scene("H39", "who is preempted, and never sleeps",
          "load hello; load ticker; spawn 2 spinner; "
          "juggle hello hello_cleanup; unload ticker; killall spinner; wait; "
          "juggle stop", "gone", "ticker"),
    Scene("H40", "forced, with somebody inside",
          "load fifo; spawn 1 reader /dev/fifo0; unload -f fifo; "
          "killall reader; wait", "kept", "fifo"),
    Scene("H41", "a device that writes on",
          "load edu; echo stray > /dev/edublock; cat /dev/edublock; "
          "edu fetch; unload edu; hoard; sleep 150; hoard check", "gone",
          "edu", mem=32, qemu="-device edu"),
    Scene("H42", "sleepers that others write to",
          "load fifo; spawn 3 exercise -k /dev/fifo0; "
          "repeat 5 'load hello; unload hello'; killall exercise; wait; "
          "unload fifo", "gone", "hello", smp=2, icount=3),
    Scene("H43", "between the test of a door and the load",
          "ktest exact.h43_coming_to_a_door_is_safe", "ktest"),
    Scene("H44", "a routine that never returns",
          "load unregister_hangs; ! unload -t 200 unregister_hangs; "
          "load hello; unload hello", "kept", "unregister_hangs"),
    Scene("H45", "a pointer beside what it means",
          "load fifo; plant heap fifo fifo_read 4096; ! unload fifo; "
          "plant clear; unload fifo", "kept", "fifo"),
    Scene("H46", "the same page under another name",
          "load fifo; plant alias fifo fifo_read; ! unload fifo; "
          "plant clear; unload fifo", "kept", "fifo"),
    Scene("H47", "a pointer behind the search's back",
          "load hello; juggle hello hello_cleanup; ! unload hello; "
          "juggle stop",
          "kept", "hello"),
    Scene("H48", "cleanup leaves a pointer",
          "load keeper; ghost keep keeper keeper_keep; "
          "load cleanup_resurrects leave=1; "
          "ghost keep cleanup_resurrects rise; "
          "! unload cleanup_resurrects; ghost read", "kept",
          "cleanup_resurrects"),
    Scene("H49", "the last user of one that goes with him",
          "load fifo; spawn 2 reader /dev/fifo0; unload -d fifo; "
          "killall reader; wait; await fifo gone; load fifo; unload fifo",
          "gone", "fifo", smp=2, icount=3),
    Scene("H50", "who ran since he was examined",
          "load fifo; spawn 6 exercise -k /dev/fifo0; "
          "repeat 8 'unload -w 20000 fifo; load fifo'; killall exercise; "
          "wait", "gone", "fifo", smp=2),
    Scene("H50-lent", "who runs between his examination and the verdict",
          "ktest unload.who_is_let_through_is_judged_at_the_verdict", "ktest",
          smp=2, icount=3),
    Scene("H50-taken", "who takes the pointer out of memory to use it",
          "load hello; carry hello hello_cleanup; " + 8 * "! unload hello; " +
          "carry stop; unload hello", "kept", "hello"),
    Scene("H51", "a write that no dirty bit tells of",
          "load hello; juggle hello hello_cleanup; ! unload hello; "
          "juggle stop",
          "kept", "hello", smp=2),
]

# Guards that stand for each other: a hazard that each of them keeps away comes
# back only where all of them are off. {column: (guards, what is not done)}
SETS = {
    # H24: a sleeper is counted, stands on his stack, and has files and timers.
    "no evidence": (("USE_COUNT", "TASK_EVIDENCE", "MEMORY_SEARCH",
                     "VERDICT_MEMORY"), "look for users in any way"),
}

# Hazards that are ruled out by construction: there is no switch that brings
# them back, and no strategy that has them. Each with what rules it out; their
# scenes may be safe in every column, or go wrong for another reason.
RULED_OUT = {
    "H06": "no frame pointer is believed; as H05",
    "H13": "a thread's last instructions are the kernel's (sched/kthread.c)",
    "H14": "a task's record has nothing of the module: the name is a copy",
    "H15": "engines are held before anybody is frozen",
    "H16": "the undertaker is spared for ever, and the caller sleeps until he "
           "has answered (module/undertaker.c)",
    "H19": "a task is listed before it can run (sched/task.c)",
    "H20": "stacks are scanned until the reaper has them (sched/task.c)",
    "H21": "freezing wakes nobody, so a kill is a wake-up like any other",
    "H28": "one undertaker; one state, changed under one lock",
    "H31": "the log and the reports hold text, not pointers",
    "H42": "no function writes to another task's stack; make DEBUG=1 checks",
    "H49": "the last user only wakes the undertaker",
}
