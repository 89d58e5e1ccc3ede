/* The example guest as a native program, so that sanitizers can watch it. It
 * reads "OP LENGTH\n" and so many bytes, again and again, and answers with
 * "FAILED LENGTH\n" and so many bytes. Op 100 writes what was read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "../example/hello.c"

int main(void) {
  int op;
  size_t len;
  while (scanf("%d %zu", &op, &len) == 2 && getchar() == '\n') {
    char *at = malloc(len ? len : 1); /* of this size, so that reading past it is seen */
    if (!at || fread(at, 1, len, stdin) != len) return 1;
    plim p;
    bool failed;
    plim_text answer, why;
    if (op == 100) {
      p = (plim){0};
      p.out = plim_buf_new(&p);
      const plim_json *v = plim_parse(&p, at, len, &why);
      failed = v == NULL;
      if (v) plim_put_json(&p.out, v);
      answer = failed ? why : plim_buf_text(&p.out);
    } else {
      failed = !plim_serve(&p, op, at, len);
      answer = plim_buf_text(&p.out);
    }
    printf("%d %zu\n", failed, answer.len);
    fwrite(answer.at, 1, answer.len, stdout);
    fflush(stdout);
  }
  return 0;
}
