/* The C guest of sdk/c as an Extism plugin: the same code, reached by Extism's
 * ABI. Input and output pass eight bytes at a time, as in Extism's own kits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "../../../../sdk/c/example/hello.c"

#define ENV(name) __attribute__((import_module("extism:host/env"), import_name(name))) extern
ENV("input_length") uint64_t env_input_length(void);
ENV("input_load_u8") uint8_t env_input_load_u8(uint64_t);
ENV("input_load_u64") uint64_t env_input_load_u64(uint64_t);
ENV("alloc") uint64_t env_alloc(uint64_t);
ENV("store_u8") void env_store_u8(uint64_t, uint8_t);
ENV("store_u64") void env_store_u64(uint64_t, uint64_t);
ENV("output_set") void env_output_set(uint64_t, uint64_t);

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

__attribute__((export_name("finish"))) int plugin_finish(void) {
  plim_top_ = NULL; /* nobody restores a pooled plugin: it begins with an empty heap by itself */
  uint64_t n = env_input_length(), i = 0;
  char *in = plim_alloc((size_t)n);
  if (!in) return 1;
  for (; i + 8 <= n; i += 8) *(word *)(in + i) = env_input_load_u64(i);
  for (; i < n; i++) in[i] = (char)env_input_load_u8(i);
  uint64_t answer = (uint64_t)plim_call(2, in, (size_t)n);
  const char *at = (const char *)(size_t)(answer >> 32);
  uint64_t len = answer & 0x7fffffff, out = env_alloc(len);
  for (i = 0; i + 8 <= len; i += 8) env_store_u64(out + i, *(const word *)(at + i));
  for (; i < len; i++) env_store_u8(out + i, (uint8_t)at[i]);
  env_output_set(out, len);
  return answer >> 31 & 1;
}
