/* liblinphone tells a sender that a message was read when its program says so; no program of Debian's linphone-cli does.
   Loaded before the daemon (LD_PRELOAD) this says it of each message whose text the daemon prints. */
#define _GNU_SOURCE
#include <dlfcn.h>

void *linphone_chat_message_get_chat_room(void *message);
int linphone_chat_message_is_outgoing(void *message);
void linphone_chat_room_mark_as_read(void *room);

const char *linphone_chat_message_get_text(void *message) {
	static const char *(*text)(void *);
	if (!text) text = (const char *(*)(void *))dlsym(RTLD_NEXT, "linphone_chat_message_get_text");
	if (!linphone_chat_message_is_outgoing(message)) linphone_chat_room_mark_as_read(linphone_chat_message_get_chat_room(message));
	return text(message);
}
