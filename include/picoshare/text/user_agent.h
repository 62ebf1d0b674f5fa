/* user_agent.h — the names of browser and platform that a User-Agent header stands for, as the
 * download history shows them.
 *
 * Pure and thread-safe; nothing is allocated. The work grows with the length of the text only.
 * Source: web-ui.md 11. What nobody knows is named by the first word of it that means anything, or
 * by the whole text. A name may so hold any bytes of the header: escape it. */
#ifndef PICOSHARE_TEXT_USER_AGENT_H
#define PICOSHARE_TEXT_USER_AGENT_H

#include "picoshare/base/slice.h"

enum {
    USER_AGENT_BROWSER_SIZE = 512, /* as much of a User-Agent as is stored, should none be known */
    USER_AGENT_PLATFORM_SIZE = 16  /* "Windows Phone" is the longest */
};

/* A name that does not fit is cut between two characters. Either may be "". */
void user_agent_names(struct slice text, char ret_browser[USER_AGENT_BROWSER_SIZE],
                      char ret_platform[USER_AGENT_PLATFORM_SIZE]);

#endif
