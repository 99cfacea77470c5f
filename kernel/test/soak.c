/*
 * soak: what people and programs do with modules, all of it at once and as
 * chance will have it, for as long as one likes.
 *
 * Several actors, each a job of the shell with commands of a kind of its own,
 * take turns at nothing: they load, unload in every way, defer, spawn, kill,
 * interrupt, freeze by hand.  An actor's commands follow from the seed, the
 * round and its number alone, never from what came of the ones before, so the
 * same words give the same sequences; how they interleave is up to the machine.
 *
 * A round ends with everybody let go: all programs end and none of them has
 * seen an error, every module unloads, and a census finds what it found before.
 * What is said of each command goes to the control channel (docs/testing.md),
 * where tests/soak/run judges the refusals.
 */
#include <kernel/errno.h>
#include <kernel/ktime.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <dev/console.h>
#include <fs/file.h>
#include <lib/json.h>
#include <module/module.h>
#include <sched/freezer.h>
#include <sched/sched.h>
#include <shell/shell.h>
#include <test/census.h>

#define ROUND_MS	10000u
#define PATIENCE_MS	60000
#define LINE		120u
#define EVENT		400u

/* ---- what is done ---- */

/*
 * A scene is a few commands in this order.  By chance, and for each anew: %m
 * milliseconds, %n a small number, %s a seed, %p perhaps a pid, %M a module
 * with which nothing is wrong.
 *
 * Nobody is ever inside hello: where it is forced it has to be gone, no tomb.
 */
static const char *const movers[] = {
	"load %M", "load %M", "load %M", "load %M",
	"load counter; load tally; tally %n",
	"load fifo", "load rtc",
	"unload %M", "unload %M",
	"unload -w %m %M", "unload -w %m %M", "unload -w %m -t %m %M",
	"unload -d %M", "unload -d fifo", "unload -n %M", "unload -vn fifo",
	"unload -w %m tally counter", "unload counter tally",
	"unload -w %m fifo ticker hello", "unload twins restless",
	"unload -f -t 20000 hello",
	"load hello; unload -t 20000 hello",
	"ticker %n", "tally %n", "twins", "rtc",
	"echo %s > /dev/fifo0",
	"lsmod", "ps", "modinfo %M", "ls /dev", "census",
	NULL
};

static const char *const users[] = {
	"spawn %n soaker %s /dev/fifo0", "spawn %n soaker %s /dev/fifo0",
	"spawn %n soaker %s /dev/rtc",
	"spawn 1 opener -k /dev/fifo0; sleep %m; killall opener",
	"spawn 1 exercise -k /dev/fifo0; sleep %m; killall -9 exercise",
	"spawn %n sleeper; killall sleeper",
	"spawn 1 spinner; sleep %m; killall -9 spinner",
	"spawn %n forker 20",
	"load fifo; spawn %n soaker %s /dev/fifo0; killall -9 soaker",
	"killall soaker", "killall -9 soaker", "killall soaker",
	"killall -9 soaker", "sleep 200", "sleep 200", "sleep %m",
	NULL
};

static const char *const meddlers[] = {
	"interrupt unload", "interrupt load", "bt %p", "ps", "mem",
	"killall soaker", "sleep %m", "sleep 200", "sleep 200", "sleep 500",
	NULL
};

/* Apart, as to freeze by hand waits until nobody loads or unloads. */
static const char *const chillers[] = { "chill %m", "sleep 200", NULL };

/*
 * `!`: it has to be refused, as whoever is in the way stays.  `*`: again until
 * it succeeds, as the next scene begins with what this one has left: somebody
 * may have interrupted it, or frozen the world.
 */
static const char *const wrong[] = {
	"load keeper; load sleeps_uncounted; keeper call &; nap ready; "
	"! unload -w %m -t 300 sleeps_uncounted keeper; "
	"! unload -w %m -t 300 sleeps_uncounted; nap wake; "
	"* unload -w 20000 -t 20000 sleeps_uncounted keeper",
	"load keeper; load leaks_pointer; ! unload -t %m leaks_pointer; "
	"keeper drop; * unload -t 20000 leaks_pointer keeper",
	"load overcounts; overcount; ! unload -w %m overcounts; "
	"! unload -n overcounts; overcount put; "
	"* unload -t 20000 overcounts",
	"load forgets_device; ! unload -t 20000 forgets_device; remember; "
	"* unload -t 20000 forgets_device",
	"load thread_never_stops; ! unload -t %m thread_never_stops; relent; "
	"* unload -t 20000 thread_never_stops",
	"load leaks; * unload -t 20000 leaks",
	"load cleanup_resurrects; * unload -t 20000 cleanup_resurrects",
	"! load init_fails; ! load register_fails",
	NULL
};

static const char *const *const roles[] = {
	movers, movers, movers, users, meddlers, chillers, wrong,
};
#define ACTORS ARRAY_SIZE(roles)

static const char *const good_modules[] = {
	"hello", "fifo", "ticker", "rtc", "restless", "twins", "tally",
	"counter",
};

/* What the scenes of wrong ones leave if they are interrupted; users first. */
static const char *const all_modules[] = {
	"hello", "fifo", "ticker", "rtc", "restless", "twins", "tally",
	"counter", "sleeps_uncounted", "leaks_pointer", "keeper", "overcounts",
	"forgets_device", "thread_never_stops", "leaks", "cleanup_resurrects",
	"init_fails", "register_fails",
};

/* ---- chance ---- */

/*
 * On the heap, and data: a state may be any number, and look like an address.
 * For the same reason numbers by chance stay out of frames that sleep (H09).
 */
struct actor {
	struct command_call	*call;
	uint32_t		seed, round, number;
	uint32_t		state;
	uint32_t		steps;
	struct stamp		end;
	struct census		before, after;	/* of actor 0, who settles */
	char			line[LINE], scene[3 * LINE], event[EVENT];
};

/* Neighbours differ in all bits: splitmix32's last steps. */
static uint32_t scatter(uint32_t z)
{
	z = (z ^ z >> 16) * 0x21f0aaadu;
	z = (z ^ z >> 15) * 0x735a2d97u;
	return z ^ z >> 15;
}

static noinline uint32_t chance(struct actor *a, uint32_t n)
{
	a->state += 0x9e3779b9u;
	return scatter(a->state) % n;
}

static noinline void begin_sequence(struct actor *a)
{
	a->state = scatter(scatter(scatter(a->seed) + a->round) + a->number);
	a->steps = 0;
}

static noinline size_t expand(struct actor *a, char what, char *buf, size_t n)
{
	static const uint32_t ms[] = { 1, 2, 5, 10, 20, 50, 100, 200 };
	uint32_t number = 0;

	switch (what) {
	case 'M':
		return (size_t)scnprintf(buf, n, "%s", good_modules[
			chance(a, ARRAY_SIZE(good_modules))]);
	case 'm':
		number = ms[chance(a, ARRAY_SIZE(ms))];
		break;
	case 'n':
		number = 1 + chance(a, 3);
		break;
	case 's':
		number = chance(a, 1000000);
		break;
	case 'p':
		number = 1 + chance(a, 200);
		break;
	}
	return (size_t)scnprintf(buf, n, "%u", number);
}

static noinline void draw_scene(struct actor *a)
{
	const char *const *role = roles[a->number - 1];
	uint32_t n = 0, at = 0;
	const char *s;

	while (role[n])
		n++;
	for (s = role[chance(a, n)]; *s && at < sizeof(a->scene) - 1; s++) {
		if (*s != '%')
			a->scene[at++] = *s;
		else
			at += expand(a, *++s, a->scene + at,
				     sizeof(a->scene) - at);
	}
	a->scene[at] = '\0';
}

/* ---- what is told of it ---- */

/* Before a command, so that the last ones before a death are known; after. */
static noinline void tell(struct actor *a, const int *status)
{
	struct json_writer w;
	ssize_t n;

	json_init(&w, a->event, sizeof(a->event));
	json_object_begin(&w, NULL);
	json_string(&w, "event", "soak");
	json_u64(&w, "round", a->round);
	json_u64(&w, "actor", a->number);
	json_u64(&w, "step", a->steps);
	json_string(&w, "line", a->line);
	if (status)
		json_i64(&w, "status", *status);
	json_object_end(&w);
	n = json_finish(&w);
	if (n > 0)
		control_write(a->event, (size_t)n);
}

static int until_it_succeeds(struct actor *a, const char *line)
{
	struct stamp end = stamp_in_ms(PATIENCE_MS);
	struct command_io *io = io_of(a->call);
	int status;

	for (;;) {
		status = shell_eval(io->shell, io, line, false);
		if (!status || status == -ENOENT || signal_pending(current) ||
		    stamp_passed(end))
			return status;
		msleep(10);
	}
}

static noinline int perform(struct actor *a)
{
	struct command_io *io = io_of(a->call);
	int status;

	a->steps++;
	tell(a, NULL);
	stack_wipe_dead();
	if (a->line[0] == '*')
		status = until_it_succeeds(a, a->line + 2);
	else
		status = shell_eval(io->shell, io, a->line, false);
	tell(a, &status);
	return status;
}

/* ---- an actor ---- */

/* All of a scene, whatever comes of its parts: its last ones tidy up. */
static void play_scene(struct actor *a)
{
	const char *s = a->scene;

	while (*s) {
		const char *end = strchr(s, ';');
		size_t n = end ? (size_t)(end - s) : strlen(s);

		strscpy(a->line, s, min(n + 1, sizeof(a->line)));
		perform(a);
		s += n;
		while (*s == ';' || *s == ' ')
			s++;
	}
}

static bool time_is_over(const struct actor *a)
{
	return stamp_passed(a->end);
}

/*
 * One scene at least.  What the commands print is of no interest; what programs
 * complain is.
 */
static int act(struct actor *a)
{
	int err = io_redirect(io_of(a->call), "/dev/null", O_WRONLY);

	if (err)
		return err;
	begin_sequence(a);
	do {
		draw_scene(a);
		play_scene(a);
	} while (!time_is_over(a) && !signal_pending(current));
	return 0;
}

/* ---- a round ---- */

/* As a job of its own, by the words that a person could type as well. */
static struct job *start_actor(struct actor *a, uint32_t number, uint32_t ms)
{
	struct command_io *io = io_of(a->call);
	char words[4][12];
	char *argv[5] = { (char *)"soak", words[0], words[1], words[2],
			  words[3] };
	struct job *job;

	snprintf(words[0], sizeof(words[0]), "%u", a->seed);
	snprintf(words[1], sizeof(words[1]), "%u", ms);
	snprintf(words[2], sizeof(words[2]), "%u", a->round);
	snprintf(words[3], sizeof(words[3]), "%u", number);
	job = job_create(io->shell, io, 5, argv);
	if (job && job_start(job)) {
		job_put(job);
		job = NULL;
	}
	return job;
}

static int run_actors(struct actor *a, uint32_t ms)
{
	struct job *jobs[ACTORS];
	int err = 0;

	for (uint32_t i = 0; i < ACTORS; i++)
		jobs[i] = start_actor(a, i + 1, ms);
	for (uint32_t i = 0; i < ACTORS; i++) {
		int status = jobs[i] ? job_wait(jobs[i]) : -ENOMEM;

		if (status)
			err = status;
		if (jobs[i])
			job_put(jobs[i]);
	}
	return err;
}

static int settle_line(struct actor *a, const char *fmt, const char *word)
{
	snprintf(a->line, sizeof(a->line), fmt, word);
	return perform(a);
}

/* Of a name, with their children, who are born while they are being killed. */
static void end_programs(struct actor *a)
{
	static const char *const names[] = {
		"soaker", "opener", "exercise", "sleeper", "spinner",
		"forker",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		settle_line(a, "killall -9 %s", names[i]);
}

static bool is_loaded(const char *name)
{
	struct module_info *info = kzalloc(sizeof(*info),
					   GFP_KERNEL | GFP_DATA);
	bool loaded = info && module_find(name, info);

	kfree(info);
	return loaded;
}

/*
 * With nobody there any more, each has to go.  One that goes by itself may be
 * quicker than the command: it was deferred, or a machine that was too busy for
 * its verdict is asked again later.
 */
static int unload_one(struct actor *a, const char *name)
{
	struct stamp end = stamp_in_ms(PATIENCE_MS);

	while (is_loaded(name)) {
		if (settle_line(a, "unload -w 20000 -t 20000 %s", name) == 0)
			continue;
		if (signal_pending(current))
			return -EINTR;
		if (stamp_passed(end)) {
			command_printf(a->call, "soak: %s does not go, and "
				       "nobody is there\n", name);
			return -EBUSY;
		}
		msleep(100);
	}
	return 0;
}

static int unload_all(struct actor *a)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all_modules) && !err; i++)
		err = unload_one(a, all_modules[i]);
	return err;
}

static int settle(struct actor *a, unsigned int failures)
{
	char text[120];
	int err;

	end_programs(a);
	settle_line(a, "%s", "nap wake");
	settle_line(a, "%s", "relent");
	settle_line(a, "%s", "overcount put");
	settle_line(a, "%s", "keeper drop");
	settle_line(a, "%s", "remember");
	if (spawned_wait_all() == -EINTR)
		return -EINTR;
	shell_reap_jobs(io_of(a->call)->shell);
	if (spawned_failures() != failures) {
		command_printf(a->call, "soak: %u programs saw an error\n",
			       spawned_failures() - failures);
		return -EIO;
	}
	err = unload_all(a);
	if (err || census_settle(&a->before, &a->after))
		return err;
	census_describe(&a->before, &a->after, text, sizeof(text));
	command_printf(a->call, "soak: %s\n", text);
	return -EBUSY;
}

static int run_round(struct actor *a, uint32_t ms)
{
	unsigned int failures = spawned_failures();
	int err;

	command_printf(a->call, "soak: seed %u, round %u\n", a->seed,
		       a->round);
	err = run_actors(a, ms);
	a->steps = 0;
	if (!err)
		err = settle(a, failures);
	strscpy(a->line, "round", sizeof(a->line));
	tell(a, &err);
	return err;
}

static uint32_t ms_left(const struct actor *a)
{
	uint64_t now = ktime_get_ns(), end = stamp_ns(a->end);

	return now >= end ? 0 : (uint32_t)((end - now) / NSEC_PER_MSEC);
}

static int run_rounds(struct actor *a)
{
	int err;

	census_take(&a->before);
	do {
		err = run_round(a, min(ms_left(a), ROUND_MS));
		a->round++;
	} while (!err && ms_left(a));
	return err;
}

static int soak(struct command_call *call, const unsigned int *words)
{
	struct actor *a = kzalloc(sizeof(*a), GFP_KERNEL | GFP_DATA);
	int err;

	if (!a)
		return -ENOMEM;
	a->call = call;
	a->seed = words[0];
	a->end = stamp_in_ms(words[1]);
	a->round = words[2];
	a->number = words[3];
	err = a->number ? act(a) : run_rounds(a);
	kfree(a);
	return err;
}

static int cmd_soak(struct command_call *call)
{
	static const char *const what[] = {
		"a seed", "a number of milliseconds", "a round", "an actor",
	};
	unsigned int words[ARRAY_SIZE(what)] = { 0 };

	if (call->argc < 3 || call->argc > 5)
		return command_usage(call, "which seed, and for how long?");
	for (int i = 1; i < call->argc; i++)
		if (command_number(call, call->argv[i], what[i - 1],
				   &words[i - 1]))
			return -EINVAL;
	if (words[3] > ACTORS)
		return command_usage(call, "there are %u actors",
				     (unsigned int)ACTORS);
	return soak(call, words);
}
TEST_COMMAND(soak, "SEED MS [ROUND [ACTOR]]",
	"do at once what one can do with modules",
	"Load, unload, defer, wait, kill, fork, open and freeze by chance, in\n"
	"rounds of ten seconds, from ROUND up; after each nobody is left and\n"
	"nothing must be. With ACTOR only the part of that one.\n", cmd_soak);

/* ---- frozen for a while ---- */

/*
 * Spared before the gate closes: nobody could open it else.  Where somebody was
 * quicker, we stand with the others from here on.
 */
static int cmd_chill(struct command_call *call)
{
	unsigned int ms;
	int err;

	if (call->argc != 2)
		return command_usage(call, "for how long?");
	if (command_number(call, call->argv[1], "a number of milliseconds",
			   &ms))
		return -EINVAL;
	task_spare(current, SPARE_CONSOLE);
	err = freezer_manual_freeze();
	if (!err) {
		msleep_interruptible(ms);
		freezer_manual_thaw();
	}
	task_unspare(current, SPARE_CONSOLE);
	return err;
}
TEST_COMMAND(chill, "MS", "freeze all by hand for some milliseconds",
	"As `freeze`, `sleep MS` and `thaw`, where the consoles stand, too.\n",
	cmd_chill);
