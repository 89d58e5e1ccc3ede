/* A skill that was not written with the SDK, in C on wasi-libc: it answers every
 * op with the length of its input, and fails where the input has a '!'. Tests
 * build it where clang and wasi-libc are installed. */
#include <stdio.h>
#include <string.h>

static int calls;

int main(int argc, char **argv) {
  int n = 0, c;
  calls++;
  while ((c = getchar()) != EOF) {
    if (c == '!') {
      fprintf(stderr, "%s does not shout\n", argc > 1 ? argv[1] : "nobody");
      return 7;
    }
    n++;
  }
  printf("{\"output\": {\"op\": \"%s\", \"bytes\": %d, \"calls\": %d}}\n", argv[1], n, calls);
  return 0;
}
