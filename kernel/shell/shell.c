/*
 * The shell's threads: they read lines, or a script, and have each command run
 * as a job.  Whatever a job does, the thread itself only waits; it holds no
 * lock then, and nothing of a module.
 */
#include <kernel/errno.h>
#include <kernel/kthread.h>
#include <kernel/random.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <dev/console.h>
#include <lib/cmdline.h>
#include <lib/json.h>
#include <mm/mm.h>
#include <sched/sched.h>
#include <sched/signal.h>
#include <x86/machine.h>
#include "parse.h"
#include "shell.h"

#define PROMPT		"icebox> "
#define SCRIPT_MAX	(256u * 1024)
#define EVENT_MAX	2048u
#define EVENT_TEXT	300u		/* of a command, in an event */

static struct shell shells[2];

/* ---- the control channel ---- */

/* What does not fit into EVENT_MAX is not sent: half a line is no JSON. */
static void event_send(struct json_writer *w)
{
	ssize_t n;

	json_object_end(w);
	n = json_finish(w);
	if (n > 0)
		control_write(w->buf, (size_t)n);
	kfree(w->buf);
}

/* False: no memory. */
static bool event_begin(struct json_writer *w, const char *kind)
{
	char *buf = kmalloc(EVENT_MAX, GFP_KERNEL | GFP_DATA);

	if (!buf)
		return false;
	json_init(w, buf, EVENT_MAX);
	json_object_begin(w, NULL);
	json_string(w, "event", kind);
	return true;
}

static void event_boot(void)
{
	struct json_writer w;

	if (!event_begin(&w, "boot"))
		return;
	json_u64(&w, "cpus", nr_cpus);
	json_u64(&w, "seed", prandom_get_seed());
	json_string(&w, "version", ICEBOX_VERSION);
	event_send(&w);
}

/*
 * Without memory there is no event; that a command failed is in sh->failed all
 * the same.
 */
static void event_status(const struct shell *sh, const char *text, size_t n,
			 int status)
{
	char *command = kmalloc(EVENT_TEXT, GFP_KERNEL | GFP_DATA);
	struct json_writer w;

	if (!command)
		return;
	n = min(n, (size_t)EVENT_TEXT - 1);
	memcpy(command, text, n);
	command[n] = '\0';
	if (event_begin(&w, "status")) {
		json_u64(&w, "console", sh->number);
		json_string(&w, "command", command);
		json_i64(&w, "status", status);
		event_send(&w);
	}
	kfree(command);
}

static bool any_failed(void)
{
	return shells[0].failed || shells[1].failed;
}

void shell_announce_exit(void)
{
	struct json_writer w;

	if (!event_begin(&w, "exit"))
		return;
	json_u64(&w, "status", any_failed());
	event_send(&w);
}

/* ---- ^C ---- */

/* In interrupt context, while a line is being executed. */
static void shell_interrupt(void *arg)
{
	struct shell *sh = arg;
	uint32_t flags = spin_lock_irqsave(&sh->lock);

	sh->interrupted = true;
	if (sh->foreground)
		send_signal(sh->foreground, SIGINT);
	spin_unlock_irqrestore(&sh->lock, flags);
}

/* A ^C that came earlier in this line is this task's too. */
static void set_foreground(struct shell *sh, struct task *t)
{
	uint32_t flags = spin_lock_irqsave(&sh->lock);

	sh->foreground = t;
	if (t && sh->interrupted)
		send_signal(t, SIGINT);
	spin_unlock_irqrestore(&sh->lock, flags);
}

/* ---- one command ---- */

/*
 * Jobs that others wait for (repeat, time) get ^C from those.  The task's
 * record is pinned by the job, beyond set_foreground(NULL).
 */
static int run_foreground(struct job *job)
{
	struct shell *sh = job->shell;
	bool ours = current == sh->task;
	int status = job_start(job);

	if (status)
		return status;
	if (ours)
		set_foreground(sh, job->task);
	status = job_wait(job);
	if (ours)
		set_foreground(sh, NULL);
	return status;
}

/*
 * On the list only once it has a task: who walks that uses job->task->pid.  The
 * job may have ended by then, and is reaped like any other.
 */
static int run_background(struct job *job, struct command_io *io)
{
	struct shell *sh = job->shell;
	int err;

	mutex_lock(&sh->jobs_lock);
	job->number = ++sh->next_job;
	mutex_unlock(&sh->jobs_lock);
	err = job_start(job);
	if (err)
		return err;
	io_printf(io, "[%u] %d\n", job->number, job->task->pid);
	job_get(job);
	mutex_lock(&sh->jobs_lock);
	list_add_tail(&job->link, &sh->jobs);
	mutex_unlock(&sh->jobs_lock);
	return 0;
}

/*
 * The caller's reference goes here; a job in the background lives by the list's
 * and its thread's.
 */
static int run_command(struct shell *sh, struct command_io *from,
		       const struct simple_command *cmd)
{
	struct job *job = job_create(sh, from, cmd->argc, cmd->argv);
	int status;

	if (!job) {
		io_printf(from, "%s: no memory\n", cmd->argv[0]);
		return -ENOMEM;
	}
	status = job_redirect(job, cmd);
	if (!status && cmd->background)
		status = run_background(job, from);
	else if (!status)
		status = run_foreground(job);
	job_put(job);
	if (cmd->invert)
		status = !status;
	return status;
}

/* ---- a line ---- */

/* The place is shown under the line; a long one is shown from there on. */
static void print_syntax_error(struct command_io *io, const char *line,
			       const struct parse_error *err)
{
	if (err->column < 70)
		io_printf(io, "  %.76s\n  %*s^ %s\n", line, (int)err->column,
			  "", err->what);
	else
		io_printf(io, "  ...%.70s\n     ^ %s\n", line + err->column,
			  err->what);
}

/*
 * A job that evaluates a line (repeat) gets a signal; the shell's own thread,
 * to which ^C sends none, has the mark.
 */
static bool interrupted(const struct shell *sh)
{
	if (current == sh->task)
		return READ_ONCE(sh->interrupted);
	return signal_pending(current);
}

static int eval_commands(struct shell *sh, struct command_io *from,
			 const char *line, struct simple_command *cmd,
			 bool events)
{
	struct parse_error err = { 0, NULL };
	size_t pos = 0;
	int status = 0;

	while (parse_command(line, &pos, cmd, &err) > 0) {
		/* We sleep while it runs, in no traces of what was before. */
		stack_wipe_dead();
		status = run_command(sh, from, cmd);
		if (events)
			event_status(sh, line + cmd->start,
				     cmd->end - cmd->start, status);
		if (status && events)
			sh->failed = true;
		spawned_reap();
		if (interrupted(sh))
			return -EINTR;
	}
	return status;
}

static int eval_checked(struct shell *sh, struct command_io *from,
			const char *line, struct simple_command *cmd,
			bool events)
{
	struct parse_error err = { 0, NULL };

	if (parse_check(line, cmd, &err) == 0)
		return eval_commands(sh, from, line, cmd, events);
	print_syntax_error(from, line, &err);
	if (events) {
		event_status(sh, line, strlen(line), -EINVAL);
		sh->failed = true;
	}
	return -EINVAL;
}

/* @events is for lines of a script, whose failures make that of the run. */
int shell_eval(struct shell *sh, struct command_io *from, const char *line,
	       bool events)
{
	struct simple_command *cmd = kmalloc(sizeof(*cmd), GFP_KERNEL);
	int status = -ENOMEM;

	if (!cmd)
		return -ENOMEM;
	cmd->text = kmalloc(parse_text_size(line), GFP_KERNEL | GFP_DATA);
	if (cmd->text)
		status = eval_checked(sh, from, line, cmd, events);
	kfree(cmd->text);
	kfree(cmd);
	return status;
}

/* From the shell's own thread: ^C goes to what runs. */
static void execute(struct shell *sh, const char *line, bool events)
{
	sh->interrupted = false;
	console_set_interrupt(sh->console, shell_interrupt, sh);
	stack_wipe_dead();	/* as below */
	shell_eval(sh, &sh->io, line, events);
	console_set_interrupt(sh->console, NULL, NULL);
	clear_signals(current);
	shell_reap_jobs(sh);
}

/* ---- background jobs ---- */

static struct job *take_finished_job(struct shell *sh)
{
	struct job *job, *found = NULL;

	mutex_lock(&sh->jobs_lock);
	list_for_each_entry(job, &sh->jobs, link) {
		if (!smp_load_acquire(&job->finished))
			continue;
		list_del_init(&job->link);
		found = job;
		break;
	}
	if (list_empty(&sh->jobs))
		sh->next_job = 0;
	mutex_unlock(&sh->jobs_lock);
	return found;
}

/* Printed with no lock held; the list's reference is ours by now. */
void shell_reap_jobs(struct shell *sh)
{
	struct job *job;

	while ((job = take_finished_job(sh)) != NULL) {
		if (job->status)
			io_printf(&sh->io, "[%u] ended with %d: %s\n",
				  job->number, job->status, job->line);
		else
			io_printf(&sh->io, "[%u] done: %s\n", job->number,
				  job->line);
		job_reap(job);
		job_put(job);
	}
}

static bool signal_background(struct shell *sh, pid_t pid, int sig)
{
	struct job *job;
	bool found = false;

	mutex_lock(&sh->jobs_lock);
	list_for_each_entry(job, &sh->jobs, link) {
		if (job->task->pid != pid)
			continue;
		send_signal(job->task, sig);
		found = true;
	}
	mutex_unlock(&sh->jobs_lock);
	return found;
}

/*
 * Under the lock, so that the task is still the foreground's: its job pins it
 * for at least so long.
 */
static bool signal_foreground(struct shell *sh, pid_t pid, int sig)
{
	uint32_t flags = spin_lock_irqsave(&sh->lock);
	bool found = sh->foreground && sh->foreground->pid == pid;

	if (found)
		send_signal(sh->foreground, sig);
	spin_unlock_irqrestore(&sh->lock, flags);
	return found;
}

bool shell_signal_job(pid_t pid, int sig)
{
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		struct shell *sh = &shells[i];

		if (sh->console && (signal_foreground(sh, pid, sig) ||
				    signal_background(sh, pid, sig)))
			return true;
	}
	return false;
}

static bool unspare_task(struct task *t, void *arg)
{
	(void)arg;
	if (t->spared & SPARE_CONSOLE)
		task_unspare(t, SPARE_CONSOLE);
	return true;
}

/* What a shell starts inherits it, and has to lose it again. */
void shell_spare(bool spared)
{
	if (!spared) {
		task_for_each(unspare_task, NULL);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		struct task *t = READ_ONCE(shells[i].task);

		if (t)
			task_spare(t, SPARE_CONSOLE);
	}
}

/* ---- lines from the console ---- */

static void editor_write(void *arg, const char *s, size_t n)
{
	struct shell *sh = arg;

	console_write(sh->console, s, n);
}

static const struct line_ops editor_ops = {
	.write		= editor_write,
	.complete	= shell_complete,
};

/* True: sh->edit->line holds it. */
static bool read_line(struct shell *sh)
{
	enum line_event event = LINE_MORE;

	line_start(sh->edit, PROMPT, &editor_ops, sh);
	while (event == LINE_MORE) {
		int c = console_getc(sh->console, NO_DEADLINE);

		/* A signal for the shell itself, which does not end. */
		if (c < 0)
			clear_signals(current);
		else
			event = line_feed(sh->edit, (uint8_t)c, &editor_ops,
					  sh);
	}
	return event == LINE_DONE;
}

/* ---- a script ---- */

/* Echoed as if typed, so that what a script printed reads like a session. */
static void run_script_lines(struct shell *sh, char *text)
{
	while (*text) {
		char *end = strchr(text, '\n');

		if (end)
			*end = '\0';
		io_printf(&sh->io, PROMPT);
		io_write(&sh->io, text, strlen(text));
		io_printf(&sh->io, "\n");
		execute(sh, text, true);
		if (!end)
			return;
		text = end + 1;
	}
}

static void run_script(struct shell *sh)
{
	int err;
	char *text = io_read_file(sh->script, SCRIPT_MAX, &err);

	if (text) {
		run_script_lines(sh, text);
	} else {
		io_printf(&sh->io, "%s: cannot read the script (%s)\n",
			  sh->script, errno_name(err));
		sh->failed = true;
	}
	kfree(text);
	/* Also where it could not be read: end_of_run() waits for that. */
	complete_all(&sh->script_done);
}

/*
 * The first console's script is the run; it waits for the other one's.  The
 * code is what isa-debug-exit makes QEMU's status of: 2 * code + 1.
 */
static void end_of_run(void)
{
	if (shells[1].script[0])
		wait_for_completion(&shells[1].script_done);
	shell_announce_exit();
	machine_exit(any_failed() ? 0x11 : 0x10);
}

/* ---- the threads ---- */

/*
 * Not in the frame of a thread that never ends: any number may look like an
 * address (H09).
 */
static noinline void welcome(struct shell *sh)
{
	struct mm_stats s;

	mm_get_stats(&s);
	io_printf(&sh->io, "\nIcebox %s: %u CPU%s, %u MiB, seed %u\n",
		  ICEBOX_VERSION, nr_cpus, nr_cpus == 1 ? "" : "s",
		  s.pages_total / 256, prandom_get_seed());
	if (sh->script[0])
		return;
	io_printf(&sh->io, "\n"
		"  help            what there is to type; help CMD tells more\n"
		"  load hello      puts a module into the running kernel\n"
		"  unload hello    takes it out again if nobody is inside\n\n");
}

static int shell_thread(void *arg)
{
	struct shell *sh = arg;

	/* From here on shell_spare() finds it. */
	sh->task = current;
	welcome(sh);
	if (sh->script[0]) {
		run_script(sh);
		if (sh->number == 1)
			end_of_run();
	}
	for (;;) {
		if (read_line(sh))
			execute(sh, sh->edit->line, false);
		shell_reap_jobs(sh);
	}
	return 0;
}

static int shell_init(struct shell *sh, unsigned int number,
		      struct console *console)
{
	static const char *const key[] = { "script", "script2" };

	spin_lock_init(&sh->lock, "shell");
	mutex_init(&sh->jobs_lock, "shell_jobs");
	INIT_LIST_HEAD(&sh->jobs);
	init_completion(&sh->script_done);
	sh->number = number;
	sh->console = console;
	cmdline_get(boot_info.cmdline, key[number - 1], sh->script,
		    sizeof(sh->script));
	sh->edit = kmalloc(sizeof(*sh->edit), GFP_KERNEL | GFP_DATA);
	if (!sh->edit || io_init(&sh->io, sh, NULL) < 0)
		return -ENOMEM;
	line_init(sh->edit);
	return 0;
}

void shell_start(void)
{
	event_boot();
	for (unsigned int n = 1; n <= ARRAY_SIZE(shells); n++) {
		struct console *console = console_get(n);

		if (console && shell_init(&shells[n - 1], n, console) < 0)
			panic("no memory for the shell of console %u", n);
	}
	/* Only now: the first one looks whether the second has a script. */
	for (unsigned int n = 0; n < ARRAY_SIZE(shells); n++) {
		if (shells[n].console &&
		    !kthread_run(shell_thread, &shells[n], "shell%u", n + 1))
			panic("no memory for the shell of console %u", n + 1);
	}
}
