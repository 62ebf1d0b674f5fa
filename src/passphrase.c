#include "passphrase.h"
#include "picoshare/base/check.h"
#include "picoshare/base/digest.h"
#include "picoshare/base/slice.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t stopped_by;

/* Ends the wait; what else is to be done has time until the terminal is as it was. */
static void note_signal(int signal)
{
    stopped_by = signal;
}

/* Asks, and reads one line without an echo: how many bytes, or 0. The signals are blocked but for
 * the wait itself, so that none comes unnoticed just before it. */
static size_t ask_hidden(int fd, const sigset_t *waiting, char *line, size_t size)
{
    static const char question[] = "Passphrase: ";
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    struct termios shown;
    if (tcgetattr(fd, &shown) != 0) {
        return 0;
    }
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ECHONL;
    bool asked = tcsetattr(fd, TCSAFLUSH, &hidden) == 0 &&
                 write(fd, question, sizeof question - 1) == sizeof question - 1;
    ssize_t len = asked && ppoll(&wait, 1, NULL, waiting) == 1 ? read(fd, line, size) : 0;
    (void)tcsetattr(fd, TCSAFLUSH, &shown);
    return len > 0 ? (size_t)len : 0;
}

/* As ask_hidden(); a signal does afterwards what it would have done. */
static size_t ask_noting_signals(int fd, char *line, size_t size)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    const struct sigaction action = {.sa_handler = note_signal};
    struct sigaction before[ARRAY_LEN(signals)];
    sigset_t waiting;
    sigset_t blocked;
    check(sigemptyset(&blocked) == 0);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        check(sigaddset(&blocked, signals[i]) == 0);
    }
    check(sigprocmask(SIG_BLOCK, &blocked, &waiting) == 0);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        check(sigaction(signals[i], &action, &before[i]) == 0);
    }
    size_t len = ask_hidden(fd, &waiting, line, size);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        check(sigaction(signals[i], &before[i], NULL) == 0);
    }
    if (stopped_by != 0) {
        check(raise(stopped_by) == 0);
    }
    check(sigprocmask(SIG_SETMASK, &waiting, NULL) == 0);
    return len;
}

err_t passphrase_ask(char *ret_passphrase, size_t size, struct err_info *ret_info)
{
    char line[1026]; /* the longest, its line end, and one byte to see that it is too long */
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_set(ret_info, ERR_NOTFOUND,
                       "no passphrase: set PS_SHARED_SECRET, or name its file with -secret-file");
    }
    size_t len = ask_noting_signals(fd, line, sizeof line);
    (void)close(fd);
    bool whole = len > 1 && line[len - 1] == '\n' &&
                 slice_copy(slice_of(line, len - 1), ret_passphrase, size);
    digest_wipe(line, sizeof line);
    return whole ? ERR_OK : err_set(ret_info, ERR_INVALID, "no passphrase was typed");
}
