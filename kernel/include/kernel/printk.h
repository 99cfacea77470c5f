/*
 * The kernel log.  A line goes to a ring (dmesg) and, from the console's level
 * up, to the console.  Any context, interrupt handlers and a panic included.
 * The text is copied: the log keeps no pointer of the caller's (H31).
 */
#ifndef KERNEL_PRINTK_H
#define KERNEL_PRINTK_H

#include <kernel/types.h>

#define KERN_EMERG	"\001" "0"
#define KERN_ALERT	"\001" "1"
#define KERN_CRIT	"\001" "2"
#define KERN_ERR	"\001" "3"
#define KERN_WARNING	"\001" "4"
#define KERN_NOTICE	"\001" "5"
#define KERN_INFO	"\001" "6"
#define KERN_DEBUG	"\001" "7"

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

/*
 * One line or several; a newline at the end is added where it is missing.
 * Returns the length.  Formats: those of C without floating point, and %pS (an
 * address as symbol+0xoffset [module]).
 */
int printk(const char *fmt, ...) __printf(1, 2);
int vprintk(const char *fmt, va_list ap);

#define pr_emerg(fmt, ...)	printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...)	printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...)	printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...)	printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)

#endif
