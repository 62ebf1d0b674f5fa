#include "passphrase.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/slice.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t stopped_by;

/* Ends the read; what else is to be done waits until the terminal is as it was. */
static void note_signal(int signal)
{
    stopped_by = signal;
}

/* How many bytes of one line; 0: nothing, or a signal. */
static size_t read_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    ssize_t n = 1;
    while (len < size && n > 0 && (len == 0 || line[len - 1] != '\n')) {
        n = read(fd, line + len, size - len);
        len += n > 0 ? (size_t)n : 0;
    }
    return n > 0 ? len : 0;
}

/* As read_line(), without an echo. */
static size_t read_hidden(int fd, char *line, size_t size)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct sigaction before[ARRAY_LEN(signals)];
    struct sigaction action = {.sa_handler = note_signal};
    struct termios shown;
    if (tcgetattr(fd, &shown) != 0) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        check(sigaction(signals[i], &action, &before[i]) == 0);
    }
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ECHONL;
    size_t len = tcsetattr(fd, TCSAFLUSH, &hidden) == 0 ? read_line(fd, line, size) : 0;
    (void)tcsetattr(fd, TCSAFLUSH, &shown);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        check(sigaction(signals[i], &before[i], NULL) == 0);
    }
    if (stopped_by != 0) {
        check(raise(stopped_by) == 0);
    }
    return len;
}

err_t passphrase_ask(char *ret_passphrase, size_t size, struct err_info *ret_info)
{
    static const char question[] = "Passphrase: ";
    char line[1026]; /* the longest, its line end, and one byte to see that it is too long */
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_set(ret_info, ERR_NOTFOUND,
                       "no passphrase: set PS_SHARED_SECRET, or name its file with -secret-file");
    }
    bool asked = write(fd, question, sizeof question - 1) > 0;
    size_t len = asked ? read_hidden(fd, line, sizeof line) : 0;
    (void)close(fd);
    bool whole = len > 1 && line[len - 1] == '\n' &&
                 slice_copy(slice_of(line, len - 1), ret_passphrase, size);
    digest_wipe(line, sizeof line);
    return whole ? ERR_OK : err_set(ret_info, ERR_INVALID, "no passphrase was typed");
}
