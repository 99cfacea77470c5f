// sources: kernel/shell/parse.c
/*
 * A line of the shell: its words lie in the buffer that was asked for, and what
 * was checked as a whole is in order piece by piece.
 */
#include "fuzz.h"
#include <shell/parse.h>

static void check_word(const struct simple_command *cmd, const char *word,
		       size_t room)
{
	assert(word >= cmd->text && word < cmd->text + room);
	assert(memchr(word, 0, room - (size_t)(word - cmd->text)));
}

static void check_command(const struct simple_command *cmd, size_t room,
			  size_t length)
{
	assert(cmd->argc >= 1 && cmd->argc <= PARSE_MAX_ARGS);
	for (int i = 0; i < cmd->argc; i++)
		check_word(cmd, cmd->argv[i], room);
	assert(!cmd->argv[cmd->argc]);
	if (cmd->input)
		check_word(cmd, cmd->input, room);
	if (cmd->output)
		check_word(cmd, cmd->output, room);
	assert(cmd->start <= cmd->end && cmd->end <= length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parse_error err = { size + 1, NULL };
	char *line = exact_string(data, size);
	size_t length = strlen(line), room = parse_text_size(line);
	size_t pos = 0, last;
	struct simple_command cmd;
	bool good;
	int rc;

	cmd.text = malloc(room);
	good = !parse_check(line, &cmd, &err);
	assert(good || (err.what && err.column <= length));
	do {
		last = pos;
		rc = parse_command(line, &pos, &cmd, &err);
		assert(pos <= length && pos >= last);
		if (rc == 1) {
			assert(pos > last);
			check_command(&cmd, room, length);
		}
	} while (rc == 1);
	assert(rc == (good ? 0 : -EINVAL));
	free(cmd.text);
	free(line);
	return 0;
}
