/* The example guest as a native program, so that sanitizers can watch it. It
 * reads "OP LENGTH\n" and so many bytes, again and again, and answers with
 * "FAILED LENGTH\n" and so many bytes. Op 100 writes what was read. Op 101 calls
 * the host, which says yes (first byte 0) or no (1) with the bytes that follow.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "../example/hello.c"

static plim_text host_says;
static bool host_refuses;
static plim_buf *host_asked;

static int64_t host(int32_t op, const char *at, size_t len, const char **answer) {
  plim_begin_object(host_asked);
  plim_name(host_asked, "op");
  plim_put_int(host_asked, op);
  plim_name(host_asked, "payload");
  plim_put_raw(host_asked, (plim_text){at, len});
  plim_end_object(host_asked);
  *answer = host_says.at;
  return (int64_t)((uint64_t)host_refuses << 31 | host_says.len);
}

/* call_host asks for everything and lists what was asked and what came of it. */
static bool call_host(plim *p, char *at, size_t len) {
  *p = (plim){0};
  p->out = plim_buf_new(p);
  host_refuses = len && at[0] == '1';
  host_says = (plim_text){at + 1, len - 1};
  host_asked = &p->out;
  plim_native_host = host;
  plim_begin_list(&p->out);

  plim_buf messages = plim_buf_new(p), value = plim_buf_new(p);
  plim_begin_list(&messages);
  plim_message(&messages, "user", PLIM_TEXT("q"));
  plim_end_list(&messages);
  plim_put_int(&value, INT64_MIN);
  plim_text completion = {"", 0};
  const plim_json *got = NULL;
  bool ok = plim_generate(p, "draft", &messages, &completion);
  plim_put_text(&p->out, completion);
  ok &= plim_kv_get(p, PLIM_TEXT("k"), &got);
  plim_put_json(&p->out, got);
  ok &= plim_kv_put(p, PLIM_TEXT("k"), &value);
  ok &= plim_kv_put(p, PLIM_TEXT("k"), NULL);
  ok &= plim_tool(p, PLIM_TEXT("t"), NULL, &got);
  plim_put_json(&p->out, got);
  plim_end_list(&p->out);
  if (ok && !p->bad) return true;
  p->out.len = 0;
  plim_addf(&p->out, "%.*s: %.*s (%s)", PLIM_ARG(p->host.code), PLIM_ARG(p->host.message), p->host.retryable ? "again" : "never");
  return false;
}

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
    } else if (op == 101) {
      failed = !call_host(&p, at, len);
      answer = plim_buf_text(&p.out);
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
