/*
 * Commands of the built-in shell.
 */
#ifndef KERNEL_COMMAND_H
#define KERNEL_COMMAND_H

#include <kernel/module_id.h>
#include <kernel/types.h>

/* One execution of a command: its arguments and where its output goes. */
struct command_call {
	int		argc;
	char		**argv;		/* argv[0] is the command's name */
	void		*io;		/* the shell's */
};

/* Runs in a kernel thread of its own; may sleep; returns 0 or -errno. */
typedef int (*command_fn)(struct command_call *call);

/* Prints to the command's output.  Process context. */
int command_printf(struct command_call *call, const char *fmt, ...)
	__printf(2, 3);

/*
 * A module's command; name and help are copied.  From module_register();
 * taken back in module_unregister().  0, -EEXIST, -EPERM, -ENOMEM.  May sleep.
 */
int register_command_owner(const char *name, command_fn fn, const char *help,
			   module_id_t owner);
#define register_command(name, fn, help) \
	register_command_owner(name, fn, help, THIS_MODULE)
void unregister_command_owner(const char *name, module_id_t owner);
#define unregister_command(name) unregister_command_owner(name, THIS_MODULE)

#endif
