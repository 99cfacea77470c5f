"""What a play must come to.

Judged by harm alone, so that it holds whatever guard is off: nobody dies or
hangs, nobody sees an error that is none of his (G2), nobody who may go is kept
(G14), nobody who is in use goes, and nothing is left behind.
"""

from player import UNLOADER, USER

ENOENT, EFAULT, EBUSY, ENODEV, ETIMEDOUT = -2, -14, -16, -19, -110
TURNED_AWAY = (ENOENT, ENODEV)

# What the user's way gives where the module is there; kernel/test/explore.c.
RESULTS = {"fault": EFAULT}
# Scenes in which somebody holds on to the module, come what may.
NEVER_GONE = ("door", "pointer", "taken", "lent")
# Those in which the user does, where he has got in.
KEPT = ("counted",)


def stood_counted(schedule, result):
    """He was stopped with a count, and stood there until the unloader had come
    to his end: it had to be refused."""
    for stop in result.stops:
        after = schedule[stop.segment + 1:stop.segment + 2]
        if stop.actor == USER and stop.count and not result.lent and \
                after == [(UNLOADER, 0)]:
            return True
    return False


def was_counted(result):
    """Seen with a count at some stop, or he may have had one unseen."""
    return any(s.count for s in result.stops) or result.lent


def outcome_class(result):
    """What is compared between two stops that should be the same."""
    if result.ended:
        return result.ended
    return "%s %d, user %d, %s" % (result.outcome, result.result[UNLOADER],
                                   result.result[USER], result.state)


def complaint(scene, schedule, result):
    """None, or what is wrong with it."""
    if result.ended == "crash":
        return "crash: " + result.text
    if result.ended:
        return result.ended
    expected = RESULTS.get(scene, 0)
    user, error = result.result[USER], result.result[UNLOADER]
    if result.outcome in ("entombed", "unfinished"):
        return "%s, though cleanup left nothing behind" % result.outcome
    if result.left_behind:
        return "something is left behind"
    if result.second_error:
        return "it does not go when all have left it"
    if result.outcome == "refused":
        if user != expected:
            return "refused, and the user saw error %d (G2)" % user
        if error not in (EBUSY, ETIMEDOUT):
            return "refused with error %d" % error
        if scene not in NEVER_GONE + KEPT and not was_counted(result):
            return "refused, though nobody stayed (G14)"
        return None
    if scene in NEVER_GONE:
        return "gone, though it is held on to"
    if scene in KEPT and user == expected:
        return "gone, though it is held on to"
    if result.outcome == "gone" and stood_counted(schedule, result):
        return "gone, though it was in use"
    if user != expected and (result.called or user not in TURNED_AWAY):
        return "the user saw error %d" % user
    return None
