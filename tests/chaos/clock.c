/* A host whose clock is off: adds the seconds that a file names to the time of day.

   Loaded with LD_PRELOAD. The monotonic clock stays true, as on a host whose clock is set. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long seconds_off(void)
{
    static volatile long off;
    static volatile long read_at = -1;
    struct timespec now;
    char text[32];

    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    if (now.tv_sec == read_at)
        return off;
    read_at = now.tv_sec;
    const char *path = getenv("CLOCK_OFF");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file >= 0) {
        ssize_t length = read(file, text, sizeof text - 1);
        close(file);
        if (length > 0) {
            text[length] = 0;
            off = atol(text);
        }
    }
    return off;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME)
        now->tv_sec += seconds_off();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec found;
    (void)zone;
    int failed = clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *kept)
{
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (kept)
        *kept = found.tv_sec;
    return found.tv_sec;
}
