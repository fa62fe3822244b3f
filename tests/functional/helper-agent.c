/*
 * helper-agent.c - a version of the agent that does not work, in the manner that the last four
 * bytes of its own file name: "exit", "hang", "mute" (it says nothing and lives), "lost" (it goes
 * round and never reaches the service). It says of itself to be whatever version a test writes in
 * place of 99.99.99.
 */
#include "package/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct program_note note
    __attribute__((used, aligned(4), section(PROGRAM_NOTE_SECTION))) = PROGRAM_NOTE("99.99.99");

static int say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) < 0;
}

int main(void)
{
    const char *number = getenv("BOOTWARDEN_SUPERVISED");
    int line = number == NULL ? -1 : (int)strtol(number, NULL, 10);
    FILE *self = fopen("/proc/self/exe", "rb");
    char manner[5] = "";

    if (self == NULL || fseek(self, -4, SEEK_END) != 0 || fread(manner, 1, 4, self) != 4) {
        return 9;
    }
    fclose(self);
    if (strcmp(manner, "exit") == 0) {
        return 7;
    }
    if (strcmp(manner, "lost") == 0) {
        while (say(line, "status unreachable: no way to anywhere") == 0 &&
               say(line, "round 0") == 0) {
            sleep(1);
        }
        return 8;
    }
    if (strcmp(manner, "mute") == 0) {
        close(line);
    }
    for (;;) {
        pause();
    }
}
