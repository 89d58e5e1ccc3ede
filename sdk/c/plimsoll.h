/* plimsoll.h: write a skill's code in C. Version 1 of the ABI in ../ABI.md.
 *
 * For: guests that are small and fast. C99, one file, no libc needed and none
 * refused. It reads the host's JSON, calls your functions and writes the answer.
 * It must not keep anything from one call to the next, and there is no free: the
 * host gives every call the memory that the module began with.
 *
 *     #include "plimsoll.h"
 *     static bool finish(plim *p, const plim_finish *f, plim_buf *out) {
 *       plim_put_text(out, plim_lower(p, f->completion));
 *       return true;
 *     }
 *     PLIM_MANIFEST({"abi":1,"name":"quiet","ops":["finish"]})
 *     PLIM_SKILL(.finish = finish)
 *
 * Include it in one C file of the module: it defines the module's exports. Names
 * that end in an underscore are the header's own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PLIMSOLL_H
#define PLIMSOLL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A libc has a heap of its own, which begins where this header's would: then
 * memory comes from malloc. Define PLIM_LIBC if yours is not recognised here. */
#if !defined(PLIM_LIBC) && (!defined(__wasm__) || defined(__wasi__) || defined(__EMSCRIPTEN__))
#define PLIM_LIBC
#endif
#ifdef PLIM_LIBC
#include <stdlib.h>
#endif
#ifndef __wasm__
#include <stdio.h>
#endif

#define PLIM_FN static inline __attribute__((unused))
#define PLIM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* --- What you use ------------------------------------------------------- */

typedef struct plim plim; /* one call; what a function is given, it passes on */

/* Text in UTF-8. It does not end in a zero byte and may contain some. */
typedef struct {
  const char *at;
  size_t len;
} plim_text;

#define PLIM_TEXT(literal) ((plim_text){"" literal, sizeof(literal) - 1})
#define PLIM_ARG(text) (int)(text).len, (text).at /* for "%.*s" */

typedef enum { PLIM_NULL, PLIM_FALSE, PLIM_TRUE, PLIM_NUMBER, PLIM_STRING, PLIM_LIST, PLIM_OBJECT } plim_kind;

/* A value that was read. Members and elements hang on first, in their order, by
 * next. text is what a string says, or how a number was written: numbers are not
 * converted until somebody asks, so none is ever rounded on the way through. */
typedef struct plim_json plim_json;
struct plim_json {
  plim_kind kind;
  plim_text text;
  plim_text name; /* of a member */
  const plim_json *first, *next;
};

/* Text or JSON that is being written; it grows as needed. */
typedef struct {
  plim *p;
  char *at;
  size_t len, cap;
  bool comma; /* the next value has one before it */
} plim_buf;

/* The ops. A function answers and returns true, or returns what plim_fail or
 * plim_retry gave. input is never NULL. */
typedef struct {
  const plim_json *input;
  plim_text step;
  const plim_json *done; /* {step: completion} of the steps before; may be NULL */
} plim_prepare;

typedef struct {
  const plim_json *input;
  plim_text completion;         /* of the last step */
  const plim_json *completions; /* {step: completion}; may be NULL */
  const plim_json *state;       /* what prepare gave; may be NULL */
} plim_finish;

typedef struct { /* of check and render */
  const plim_json *input, *output;
} plim_result;

typedef struct { /* a gate's answer; see plim_pass, plim_deny */
  bool decided, passed;
  plim_text reason;
  plim_buf ids;
} plim_verdict;

typedef struct {
  const char *name;
  bool (*check)(plim *, const plim_result *, plim_verdict *);
} plim_gate;

typedef struct {
  const char *name;
  bool (*render)(plim *, const plim_result *, plim_buf *text); /* writes text, not JSON: plim_add, plim_addf */
} plim_format;

typedef struct {
  bool (*prepare)(plim *, const plim_prepare *, plim_buf *out); /* plim_message, then plim_state if needed */
  bool (*finish)(plim *, const plim_finish *, plim_buf *out);   /* writes one value: the output */
  bool (*run)(plim *, const plim_json *input, plim_buf *out);   /* writes one value: the output */
  const plim_gate *gates;                                       /* the last has no name */
  const plim_format *formats;                                   /* the last has no name */
} plim_skill;

/* Why a call, or a call to the host, has no answer. */
typedef struct {
  plim_text code, message, detail; /* code: lower case words with underscores */
  bool retryable;                  /* another completion may help */
} plim_failure;

struct plim {
  plim_buf out;
  plim_failure failure;
  bool failed;
  bool bad;          /* the input has another shape than the skill reads */
  bool state;        /* prepare has begun its state */
  plim_failure host; /* why the last call to the host has no answer */
};

extern const plim_skill plim_this_skill;
extern const char plim_this_manifest[];
extern const size_t plim_this_manifest_len;

/* PLIM_SKILL registers the skill's functions, PLIM_MANIFEST writes the custom
 * section that hosts read without running anything. The section is meant to be
 * canonical JSON (RFC 8785): names in order, no white space. */
#define PLIM_SKILL(...) const plim_skill plim_this_skill = {__VA_ARGS__};
#define PLIM_MANIFEST(...) PLIM_MANIFEST_(#__VA_ARGS__)

/* --- Memory -------------------------------------------------------------- */

#ifndef PLIM_LIBC
extern unsigned char __heap_base;
static char *plim_top_; /* the first free byte; NULL before the first use */

/* plim_room_ gives n bytes, or NULL when the host gives no more memory. */
PLIM_FN char *plim_room_(size_t n) {
  uintptr_t top = plim_top_ ? (uintptr_t)plim_top_ : (uintptr_t)&__heap_base;
  top = (top + 7) & ~(uintptr_t)7;
  size_t have = (size_t)__builtin_wasm_memory_size(0); /* in pages of 64 KiB */
  uint64_t end = (uint64_t)top + n;
  if (end > (uint64_t)have << 16) {
    uint64_t want = ((end + 0xffff) >> 16) - have;
    if (want > 0xffff || __builtin_wasm_memory_grow(0, (size_t)want) == (size_t)-1) return NULL;
  }
  plim_top_ = (char *)(uintptr_t)end;
  return (char *)top;
}

/* plim_stretch_ makes the last piece of memory longer where it lies. */
PLIM_FN bool plim_stretch_(char *at, size_t have, size_t more) {
  if (at + have != plim_top_) return false;
  char *top = plim_top_;
  plim_top_ = at + have; /* pieces begin at multiples of 8, and may end anywhere */
  if (((uintptr_t)plim_top_ & 7) != 0 || !plim_room_(more)) {
    plim_top_ = top;
    return false;
  }
  return true;
}

#elif defined(__wasm__) /* pieces of what malloc gives, which is slow for small ones */
static char *plim_top_, *plim_end_;

PLIM_FN char *plim_room_(size_t n) {
  plim_top_ += -(uintptr_t)plim_top_ & 7;
  if (!plim_top_ || plim_top_ > plim_end_ || (size_t)(plim_end_ - plim_top_) < n) {
    size_t chunk = n > 0x8000 ? n : 0x8000;
    char *at = chunk > 0x7fffffff ? NULL : (char *)malloc(chunk);
    if (!at) return NULL;
    plim_top_ = at, plim_end_ = at + chunk;
  }
  char *at = plim_top_;
  plim_top_ += n;
  return at;
}
PLIM_FN bool plim_stretch_(char *at, size_t have, size_t more) {
  if (at + have != plim_top_ || (size_t)(plim_end_ - plim_top_) < more) return false;
  plim_top_ += more;
  return true;
}

#else /* natively every piece is one of malloc's, so that sanitizers see its ends */
PLIM_FN char *plim_room_(size_t n) { return (char *)malloc(n ? n : 1); }
PLIM_FN bool plim_stretch_(char *at, size_t have, size_t more) {
  (void)at, (void)have, (void)more;
  return false;
}
#endif

/* plim_new gives n bytes, aligned to 8, with any content. It ends the call when
 * there is no more memory; the host reports that. */
PLIM_FN void *plim_new(plim *p, size_t n) {
  (void)p;
  char *at = plim_room_(n);
  if (!at) __builtin_trap();
  return at;
}

/* plim_zeros gives n elements of so many bytes, all zero. */
PLIM_FN void *plim_zeros(plim *p, size_t n, size_t size) {
  if (size && n > (size_t)0x7fffffff / size) __builtin_trap();
  char *at = (char *)plim_new(p, n * size);
  __builtin_memset(at, 0, n * size);
  return at;
}

#ifndef PLIM_LIBC
/* Compilers call these for copies of structs even without a libc. */
#define PLIM_LIBC_ __attribute__((weak, no_builtin))
PLIM_LIBC_ void *memcpy(void *to, const void *from, size_t n) {
  char *d = (char *)to;
  for (const char *s = (const char *)from, *end = s + n; s < end;) *d++ = *s++;
  return to;
}
PLIM_LIBC_ void *memmove(void *to, const void *from, size_t n) {
  char *d = (char *)to;
  const char *s = (const char *)from;
  if (d <= s) {
    for (size_t i = 0; i < n; i++) d[i] = s[i];
  } else {
    while (n--) d[n] = s[n];
  }
  return to;
}
PLIM_LIBC_ void *memset(void *to, int c, size_t n) {
  for (char *d = (char *)to, *end = d + n; d < end;) *d++ = (char)c;
  return to;
}
PLIM_LIBC_ int memcmp(const void *a, const void *b, size_t n) {
  const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
  for (size_t i = 0; i < n; i++)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}
#endif

/* Eight bytes at once, at any address. */
PLIM_FN uint64_t plim_load8_(const char *at) {
  uint64_t x;
  __builtin_memcpy(&x, at, 8);
  return x;
}
#define PLIM_EACH_(c) (0x0101010101010101ull * (c))
PLIM_FN void plim_store8_(char *at, uint64_t x) { __builtin_memcpy(at, &x, 8); }

PLIM_FN void plim_copy_(char *to, const char *from, size_t n) {
  for (; n >= 8; n -= 8, to += 8, from += 8) plim_store8_(to, plim_load8_(from));
  while (n--) *to++ = *from++;
}

/* --- Text ---------------------------------------------------------------- */

PLIM_FN plim_text plim_s(const char *zero_terminated) {
  plim_text t = {zero_terminated, 0};
  while (t.at[t.len]) t.len++;
  return t;
}

PLIM_FN bool plim_eq(plim_text a, plim_text b) {
  if (a.len != b.len) return false;
  size_t i = 0;
  for (; i + 8 <= a.len; i += 8)
    if (plim_load8_(a.at + i) != plim_load8_(b.at + i)) return false;
  for (; i < a.len; i++)
    if (a.at[i] != b.at[i]) return false;
  return true;
}

PLIM_FN bool plim_is(plim_text t, const char *zero_terminated) { return plim_eq(t, plim_s(zero_terminated)); }

/* plim_contains tells whether part stands in whole; an empty part always does. */
PLIM_FN bool plim_contains(plim_text whole, plim_text part) {
  for (size_t i = 0; i + part.len <= whole.len; i++)
    if (plim_eq((plim_text){whole.at + i, part.len}, part)) return true;
  return false;
}

/* plim_line takes the first line, without its line feed, off *rest; false when
 * nothing is left. */
PLIM_FN bool plim_line(plim_text *rest, plim_text *line) {
  if (rest->len == 0) return false;
  const char *s = rest->at, *end = s + rest->len;
  while (end - s >= 8) {
    uint64_t x = plim_load8_(s) ^ PLIM_EACH_('\n'), found = (x - PLIM_EACH_(1)) & ~x & PLIM_EACH_(0x80);
    if (found) {
      end = s + (__builtin_ctzll(found) >> 3);
      break;
    }
    s += 8;
  }
  while (s < end && *s != '\n') s++;
  *line = (plim_text){rest->at, (size_t)(s - rest->at)};
  size_t taken = line->len + (line->len < rest->len);
  rest->at += taken, rest->len -= taken;
  return true;
}

/* plim_chars counts code points. */
PLIM_FN size_t plim_chars(plim_text t) {
  size_t n = 0;
  for (size_t i = 0; i < t.len; i++) n += ((unsigned char)t.at[i] & 0xc0) != 0x80;
  return n;
}

/* plim_lower_of_ knows the letters that plim_lower names. */
PLIM_FN uint32_t plim_lower_of_(uint32_t c) {
  bool odd = c & 1;
  if (c < 0xc0) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c < 0x100) return c <= 0xde && c != 0xd7 ? c + 32 : c;
  if (c == 0x130) return 'i';
  if (c == 0x178) return 0xff;
  if (c < 0x138 || (c >= 0x14a && c < 0x178)) return odd ? c : c + 1;
  if (c < 0x14a || (c >= 0x179 && c < 0x17f)) return odd && c != 0x149 ? c + 1 : c;
  if (c < 0x386) return c;
  if (c < 0x3d0) {
    if (c == 0x386) return 0x3ac;
    if (c >= 0x388 && c <= 0x38a) return c + 37;
    if (c == 0x38c) return 0x3cc;
    if (c == 0x38e || c == 0x38f) return c + 63;
    return c >= 0x391 && c <= 0x3ab && c != 0x3a2 ? c + 32 : c;
  }
  if (c < 0x400) return c;
  if (c < 0x430) return c < 0x410 ? c + 80 : c + 32;
  if (c < 0x460) return c;
  if (c == 0x4c0) return 0x4cf;
  if (c > 0x4c0 && c < 0x4d0) return odd && c != 0x4cf ? c + 1 : c;
  if (c <= 0x480 || (c >= 0x48a && c < 0x530)) return odd ? c : c + 1;
  return c;
}

/* plim_lower gives the text in lower case: Latin to U+017F, Greek from
 * U+0386 to U+03CE, Cyrillic from U+0400 to U+052F. Others stay as they are: a
 * table of all of Unicode would be larger than most guests. */
PLIM_FN plim_text plim_lower(plim *p, plim_text t) {
  char *to = (char *)plim_new(p, t.len);
  size_t n = 0;
  for (size_t i = 0; i < t.len; i++) {
    unsigned char c = (unsigned char)t.at[i];
    if (c >= 0xc3 && c < 0xd5 && i + 1 < t.len) {
      uint32_t low = plim_lower_of_((uint32_t)(c & 0x1f) << 6 | ((unsigned char)t.at[++i] & 0x3f));
      if (low >= 0x80) {
        to[n++] = (char)(0xc0 | low >> 6);
        low = 0x80 | (low & 0x3f);
      }
      to[n++] = (char)low;
    } else {
      to[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : (char)c;
    }
  }
  return (plim_text){to, n};
}

/* --- Writing ------------------------------------------------------------- */

PLIM_FN plim_buf plim_buf_new(plim *p) { return (plim_buf){p, NULL, 0, 0, false}; }
PLIM_FN plim_text plim_buf_text(const plim_buf *b) { return (plim_text){b->at ? b->at : "", b->len}; }

/* plim_reserve_ makes room for n more bytes. */
PLIM_FN void plim_reserve_(plim_buf *b, size_t n) {
  if (b->cap - b->len >= n) return;
  if (n > 0x7fffffff) __builtin_trap();
  size_t more = b->cap > n ? b->cap : n;
  more = (more + 255) & ~(size_t)255; /* so that the end stays a multiple of 8 */
  if (b->at && plim_stretch_(b->at, b->cap, more)) {
    b->cap += more;
    return;
  }
  char *at = (char *)plim_new(b->p, b->cap + more);
  plim_copy_(at, b->at, b->len);
  b->at = at, b->cap += more;
}

PLIM_FN void plim_add_char(plim_buf *b, char c) {
  plim_reserve_(b, 1);
  b->at[b->len++] = c;
}

/* plim_add appends text as it is. */
PLIM_FN void plim_add(plim_buf *b, plim_text t) {
  if (t.len == 0) return;
  plim_reserve_(b, t.len);
  plim_copy_(b->at + b->len, t.at, t.len);
  b->len += t.len;
}

PLIM_FN void plim_add_number_(plim_buf *b, uint64_t v, bool negative, unsigned base) {
  char digits[21];
  size_t at = sizeof digits;
  do digits[--at] = "0123456789abcdef"[v % base], v /= base;
  while (v);
  if (negative) digits[--at] = '-';
  plim_add(b, (plim_text){digits + at, sizeof digits - at});
}

PLIM_FN void plim_addv_(plim_buf *b, const char *format, va_list args) {
  for (; *format; format++) {
    const char *run = format;
    while (*format && *format != '%') format++;
    plim_add(b, (plim_text){run, (size_t)(format - run)});
    if (!*format) return;
    int precision = -1, size = 0;
    if (*++format == '.' && *++format == '*') precision = va_arg(args, int), format++;
    while (*format == 'l' || *format == 'z') size += *format++ == 'l' ? 1 : 3;
    switch (*format) {
    case 's': {
      const char *s = va_arg(args, const char *);
      plim_add(b, precision >= 0 ? (plim_text){s, (size_t)precision} : plim_s(s));
      break;
    }
    case 'd': {
      int64_t v = size == 0   ? va_arg(args, int)
                  : size == 1 ? va_arg(args, long)
                  : size == 2 ? va_arg(args, long long)
                              : va_arg(args, ptrdiff_t);
      plim_add_number_(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10);
      break;
    }
    case 'u':
    case 'x': {
      uint64_t v = size == 0   ? va_arg(args, unsigned)
                   : size == 1 ? va_arg(args, unsigned long)
                   : size == 2 ? va_arg(args, unsigned long long)
                               : va_arg(args, size_t);
      plim_add_number_(b, v, false, *format == 'x' ? 16 : 10);
      break;
    }
    case 'c': plim_add_char(b, (char)va_arg(args, int)); break;
    case '%': plim_add_char(b, '%'); break;
    default: __builtin_trap(); /* not one of the conversions named below */
    }
  }
}

/* plim_addf appends like printf, with %s %.*s %c %d %u %x %%, and l, ll, z. */
PLIM_FN PLIM_PRINTF(2, 3) void plim_addf(plim_buf *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  plim_addv_(b, format, args);
  va_end(args);
}

/* plim_fmt makes a text in the same way. */
PLIM_FN PLIM_PRINTF(2, 3) plim_text plim_fmt(plim *p, const char *format, ...) {
  plim_buf b = plim_buf_new(p);
  va_list args;
  va_start(args, format);
  plim_addv_(&b, format, args);
  va_end(args);
  return plim_buf_text(&b);
}

/* A byte of x that JSON strings cannot carry as it is, or that is no ASCII, sets
 * its high bit here; bytes behind the first one may set theirs without reason. */
PLIM_FN uint64_t plim_special_(uint64_t x) {
  return ((x - PLIM_EACH_(0x20)) | ((x ^ PLIM_EACH_('"')) - PLIM_EACH_(1)) | ((x ^ PLIM_EACH_('\\')) - PLIM_EACH_(1)) | x) &
         PLIM_EACH_(0x80);
}

PLIM_FN void plim_put_quoted_(plim_buf *b, plim_text t) {
  const char *s = t.at, *end = t.at + t.len;
  plim_reserve_(b, t.len + 16);
  char *to = b->at + b->len;
  *to++ = '"';
  while (s < end) {
    while (end - s >= 8) {
      uint64_t x = plim_load8_(s), special = plim_special_(x);
      plim_store8_(to, x);
      if (special) {
        int clean = __builtin_ctzll(special) >> 3;
        s += clean, to += clean;
        break;
      }
      s += 8, to += 8;
    }
    if (s == end) break;
    unsigned char c = (unsigned char)*s++;
    if (c >= 0x20 && c != '"' && c != '\\') {
      *to++ = (char)c;
      continue;
    }
    b->len = (size_t)(to - b->at);
    plim_reserve_(b, (size_t)(end - s) + 24);
    to = b->at + b->len;
    *to++ = '\\';
    switch (c) {
    case '"':
    case '\\': *to++ = (char)c; break;
    case '\b': *to++ = 'b'; break;
    case '\f': *to++ = 'f'; break;
    case '\n': *to++ = 'n'; break;
    case '\r': *to++ = 'r'; break;
    case '\t': *to++ = 't'; break;
    default:
      *to++ = 'u', *to++ = '0', *to++ = '0';
      *to++ = "0123456789abcdef"[c >> 4], *to++ = "0123456789abcdef"[c & 15];
    }
  }
  *to++ = '"';
  b->len = (size_t)(to - b->at);
}

PLIM_FN void plim_begin_value_(plim_buf *b) {
  if (b->comma) plim_add_char(b, ',');
  b->comma = true;
}
PLIM_FN void plim_open_(plim_buf *b, char bracket) {
  plim_begin_value_(b);
  plim_add_char(b, bracket);
  b->comma = false;
}
PLIM_FN void plim_close_(plim_buf *b, char bracket) {
  plim_add_char(b, bracket);
  b->comma = true;
}

/* JSON, value by value; commas come by themselves. What is begun must be ended,
 * and in an object a name stands before every value. The host checks it. */
PLIM_FN void plim_begin_object(plim_buf *b) { plim_open_(b, '{'); }
PLIM_FN void plim_end_object(plim_buf *b) { plim_close_(b, '}'); }
PLIM_FN void plim_begin_list(plim_buf *b) { plim_open_(b, '['); }
PLIM_FN void plim_end_list(plim_buf *b) { plim_close_(b, ']'); }

PLIM_FN void plim_put_name(plim_buf *b, plim_text name) {
  plim_begin_value_(b);
  plim_put_quoted_(b, name);
  plim_add_char(b, ':');
  b->comma = false;
}
PLIM_FN void plim_name(plim_buf *b, const char *zero_terminated) { plim_put_name(b, plim_s(zero_terminated)); }
PLIM_FN void plim_put_text(plim_buf *b, plim_text t) {
  plim_begin_value_(b);
  plim_put_quoted_(b, t);
}
/* plim_put_raw puts a value that is JSON already, for example a number's text. */
PLIM_FN void plim_put_raw(plim_buf *b, plim_text json) {
  plim_begin_value_(b);
  plim_add(b, json);
}
PLIM_FN void plim_put_int(plim_buf *b, int64_t v) {
  plim_begin_value_(b);
  plim_add_number_(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10);
}
PLIM_FN void plim_put_bool(plim_buf *b, bool v) { plim_put_raw(b, v ? PLIM_TEXT("true") : PLIM_TEXT("false")); }
PLIM_FN void plim_put_null(plim_buf *b) { plim_put_raw(b, PLIM_TEXT("null")); }

/* plim_put_member puts a name and a text, which most members are. */
PLIM_FN void plim_put_member(plim_buf *b, const char *name, plim_text t) {
  plim_name(b, name);
  plim_put_text(b, t);
}

/* plim_put_json puts a value that was read; NULL is null. Its depth is bounded by
 * the reader's limit. */
PLIM_FN void plim_put_json(plim_buf *b, const plim_json *v) {
  switch (v ? v->kind : PLIM_NULL) {
  case PLIM_NULL: plim_put_null(b); return;
  case PLIM_FALSE: plim_put_bool(b, false); return;
  case PLIM_TRUE: plim_put_bool(b, true); return;
  case PLIM_NUMBER: plim_put_raw(b, v->text); return;
  case PLIM_STRING: plim_put_text(b, v->text); return;
  case PLIM_LIST:
    plim_begin_list(b);
    for (const plim_json *e = v->first; e; e = e->next) plim_put_json(b, e);
    plim_end_list(b);
    return;
  case PLIM_OBJECT:
    plim_begin_object(b);
    for (const plim_json *e = v->first; e; e = e->next) plim_put_name(b, e->name), plim_put_json(b, e);
    plim_end_object(b);
  }
}

/* --- Failures ------------------------------------------------------------ */

PLIM_FN bool plim_failv_(plim *p, const char *code, bool retryable, const char *format, va_list args) {
  if (p->bad) return false; /* that failure is the cause of this one */
  plim_buf b = plim_buf_new(p);
  plim_addv_(&b, format, args);
  p->failure = (plim_failure){plim_s(code), plim_buf_text(&b), {"", 0}, retryable};
  p->failed = true;
  return false;
}

/* plim_fail ends the call with a code of your own: return plim_fail(...). */
PLIM_FN PLIM_PRINTF(3, 4) bool plim_fail(plim *p, const char *code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  plim_failv_(p, code, false, format, args);
  va_end(args);
  return false;
}

/* plim_retry says as well that another completion may help; a model may read the
 * message. */
PLIM_FN PLIM_PRINTF(3, 4) bool plim_retry(plim *p, const char *code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  plim_failv_(p, code, true, format, args);
  va_end(args);
  return false;
}

/* plim_bad says that the input has another shape than the skill reads. The call
 * fails with bad_input whatever the function returns; the first one counts. */
PLIM_FN PLIM_PRINTF(2, 3) bool plim_bad(plim *p, const char *format, ...) {
  if (p->bad) return false;
  p->bad = true;
  va_list args;
  va_start(args, format);
  plim_buf b = plim_buf_new(p);
  plim_addv_(&b, format, args);
  va_end(args);
  p->failure = (plim_failure){{"bad_input", 9}, plim_buf_text(&b), {"", 0}, false};
  return false;
}

/* --- Reading ------------------------------------------------------------- */

#ifndef PLIM_DEPTH
#define PLIM_DEPTH 256 /* lists and objects in one another that an input may have */
#endif

typedef struct {
  plim *p;
  char *start, *at, *end;
  const char *wrong; /* what is wrong at at; NULL while nothing is */
} plim_reader_;

PLIM_FN bool plim_wrong_(plim_reader_ *r, const char *what) {
  if (!r->wrong) r->wrong = what;
  return false;
}

PLIM_FN void plim_space_(plim_reader_ *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

/* plim_sequence_ is the length of the well-formed UTF-8 sequence at s, or 0
 * (Unicode, table 3-7). */
PLIM_FN int plim_sequence_(const char *s, const char *end) {
  const unsigned char *u = (const unsigned char *)s;
  ptrdiff_t left = end - s;
  unsigned c = u[0];
  if (c < 0xc2 || c > 0xf4) return 0;
  if (left < 2 || (u[1] & 0xc0) != 0x80) return 0;
  if (c < 0xe0) return 2;
  if (left < 3 || (u[2] & 0xc0) != 0x80) return 0;
  if (c < 0xf0) return (c == 0xe0 && u[1] < 0xa0) || (c == 0xed && u[1] > 0x9f) ? 0 : 3;
  if (left < 4 || (u[3] & 0xc0) != 0x80) return 0;
  return (c == 0xf0 && u[1] < 0x90) || (c == 0xf4 && u[1] > 0x8f) ? 0 : 4;
}

/* plim_unit_ reads the four digits of \uXXXX at s, or gives -1. */
PLIM_FN int32_t plim_unit_(const char *s, const char *end) {
  int32_t v = 0;
  if (end - s < 4) return -1;
  for (int i = 0; i < 4; i++) {
    unsigned char c = (unsigned char)s[i], low = c | 0x20;
    if (c >= '0' && c <= '9') v = v << 4 | (c - '0');
    else if (low >= 'a' && low <= 'f') v = v << 4 | (low - 'a' + 10);
    else return -1;
  }
  return v;
}

PLIM_FN char *plim_encode_(char *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (char)c;
    return to;
  }
  if (c < 0x800) {
    *to++ = (char)(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      *to++ = (char)(0xe0 | c >> 12);
    } else {
      *to++ = (char)(0xf0 | c >> 18);
      *to++ = (char)(0x80 | (c >> 12 & 0x3f));
    }
    *to++ = (char)(0x80 | (c >> 6 & 0x3f));
  }
  *to++ = (char)(0x80 | (c & 0x3f));
  return to;
}

/* plim_escape_ reads the escape at r->at. A half of a surrogate pair becomes
 * U+FFFD: it has no UTF-8 form, and hosts refuse it in answers. */
PLIM_FN char *plim_escape_(plim_reader_ *r, char *to) {
  char *s = r->at + 1;
  if (s >= r->end) return plim_wrong_(r, "the text does not end"), to;
  switch (*s) {
  case '"':
  case '\\':
  case '/': *to++ = *s; break;
  case 'b': *to++ = '\b'; break;
  case 'f': *to++ = '\f'; break;
  case 'n': *to++ = '\n'; break;
  case 'r': *to++ = '\r'; break;
  case 't': *to++ = '\t'; break;
  case 'u': {
    int32_t c = plim_unit_(s + 1, r->end);
    if (c < 0) return plim_wrong_(r, "\\u wants four digits of base 16"), to;
    s += 4;
    if (c >= 0xd800 && c < 0xe000) {
      int32_t low = c < 0xdc00 && r->end - s > 6 && s[1] == '\\' && s[2] == 'u' ? plim_unit_(s + 3, r->end) : -1;
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        s += 6;
      } else {
        c = 0xfffd;
      }
    }
    to = plim_encode_(to, (uint32_t)c);
    break;
  }
  default: return plim_wrong_(r, "JSON has no such escape"), to;
  }
  r->at = s + 1;
  return to;
}

/* plim_plain_ passes over the character at s, which is not a quote or a backslash. */
PLIM_FN int plim_plain_(plim_reader_ *r, const char *s) {
  unsigned char c = (unsigned char)*s;
  int n = c < 0x20 ? 0 : c < 0x80 ? 1 : plim_sequence_(s, r->end);
  if (n == 0) plim_wrong_(r, c < 0x20 ? "a control character stands in a text unescaped" : "the text is not UTF-8");
  return n;
}

/* plim_decode_ reads the rest of a string from its first escape on. It decodes in
 * place: no escape is shorter than what it stands for, and the input is the
 * guest's own. */
PLIM_FN bool plim_decode_(plim_reader_ *r, char *s, plim_text *text) {
  char *to = s;
  for (;;) {
    while (r->end - s >= 8) {
      uint64_t x = plim_load8_(s), special = plim_special_(x);
      if (special) {
        for (int clean = __builtin_ctzll(special) >> 3; clean; clean--) *to++ = *s++;
        break;
      }
      plim_store8_(to, x);
      s += 8, to += 8;
    }
    r->at = s;
    if (s >= r->end) return plim_wrong_(r, "the text does not end");
    if (*s == '"') {
      text->len = (size_t)(to - text->at);
      r->at = s + 1;
      return true;
    }
    if (*s == '\\') {
      to = plim_escape_(r, to);
      if (r->wrong) return false;
      s = r->at;
    } else {
      int n = plim_plain_(r, s);
      if (n == 0) return false;
      while (n--) *to++ = *s++;
    }
  }
}

/* plim_string_ reads a string, r->at behind its opening quote. */
PLIM_FN bool plim_string_(plim_reader_ *r, plim_text *text) {
  char *s = r->at;
  text->at = s;
  for (;;) {
    while (r->end - s >= 8) {
      uint64_t special = plim_special_(plim_load8_(s));
      if (special) {
        s += __builtin_ctzll(special) >> 3;
        break;
      }
      s += 8;
    }
    r->at = s;
    if (s >= r->end) return plim_wrong_(r, "the text does not end");
    if (*s == '\\') return plim_decode_(r, s, text);
    if (*s == '"') {
      text->len = (size_t)(s - text->at);
      r->at = s + 1;
      return true;
    }
    int n = plim_plain_(r, s);
    if (n == 0) return false;
    s += n;
  }
}

PLIM_FN bool plim_digits_(plim_reader_ *r) {
  char *start = r->at;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
  return r->at > start || plim_wrong_(r, "a digit is due");
}

PLIM_FN bool plim_number_(plim_reader_ *r, plim_text *text) {
  text->at = r->at;
  if (*r->at == '-') r->at++;
  if (r->at < r->end && *r->at == '0') r->at++;
  else if (!plim_digits_(r)) return false;
  if (r->at < r->end && *r->at == '.') {
    r->at++;
    if (!plim_digits_(r)) return false;
  }
  if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
    r->at++;
    if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
    if (!plim_digits_(r)) return false;
  }
  text->len = (size_t)(r->at - text->at);
  return true;
}

PLIM_FN bool plim_word_(plim_reader_ *r, const char *word) {
  char *s = r->at;
  for (; *word; word++, s++)
    if (s >= r->end || *s != *word) return plim_wrong_(r, "a value is due");
  r->at = s;
  return true;
}

PLIM_FN bool plim_scalar_(plim_reader_ *r, plim_json *v) {
  switch (*r->at) {
  case '"':
    r->at++;
    v->kind = PLIM_STRING;
    return plim_string_(r, &v->text);
  case 't': v->kind = PLIM_TRUE; return plim_word_(r, "true");
  case 'f': v->kind = PLIM_FALSE; return plim_word_(r, "false");
  case 'n': v->kind = PLIM_NULL; return plim_word_(r, "null");
  case '-':
  case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
    v->kind = PLIM_NUMBER;
    return plim_number_(r, &v->text);
  }
  return plim_wrong_(r, "a value is due");
}

PLIM_FN bool plim_member_name_(plim_reader_ *r, plim_text *name) {
  if (r->at >= r->end || *r->at != '"') return plim_wrong_(r, "a member's name is due");
  r->at++;
  if (!plim_string_(r, name)) return false;
  plim_space_(r);
  if (r->at >= r->end || *r->at != ':') return plim_wrong_(r, "a colon is due");
  r->at++;
  return true;
}

/* plim_read_ reads one document. It keeps the open lists and objects on a stack
 * of its own: the guest's is small, and its end would be a trap. */
PLIM_FN const plim_json *plim_read_(plim_reader_ *r) {
  plim_json *open[PLIM_DEPTH];
  const plim_json **slots[PLIM_DEPTH]; /* where the next element of each goes */
  int depth = 0;
  const plim_json *root = NULL, **slot = &root;
  plim_text name = {"", 0};
  for (;;) {
    plim_space_(r);
    if (r->at >= r->end) return plim_wrong_(r, "the document ends early"), root;
    plim_json *v = (plim_json *)plim_new(r->p, sizeof *v);
    *v = (plim_json){PLIM_NULL, {"", 0}, name, NULL, NULL};
    *slot = v;
    slot = &v->next;
    char c = *r->at;
    if (c == '{' || c == '[') {
      if (depth == PLIM_DEPTH) return plim_wrong_(r, "lists and objects are nested too deep"), root;
      r->at++;
      v->kind = c == '{' ? PLIM_OBJECT : PLIM_LIST;
      open[depth] = v, slots[depth++] = slot;
      slot = &v->first;
      plim_space_(r);
      if (r->at >= r->end || *r->at != (c == '{' ? '}' : ']')) {
        name = (plim_text){"", 0};
        if (c == '{' && !plim_member_name_(r, &name)) return root;
        continue;
      }
    } else if (!plim_scalar_(r, v)) {
      return root;
    }
    for (;;) { /* behind a value, or at the end of what is open */
      plim_space_(r);
      if (depth == 0) {
        if (r->at < r->end) plim_wrong_(r, "there is text behind the document");
        return root;
      }
      if (r->at >= r->end) return plim_wrong_(r, "the document ends early"), root;
      bool object = open[depth - 1]->kind == PLIM_OBJECT;
      c = *r->at;
      if (c == (object ? '}' : ']')) {
        r->at++;
        slot = slots[--depth];
        continue;
      }
      if (c != ',') return plim_wrong_(r, object ? "a comma or } is due" : "a comma or ] is due"), root;
      r->at++;
      name = (plim_text){"", 0};
      if (object) {
        plim_space_(r);
        if (!plim_member_name_(r, &name)) return root;
      }
      break;
    }
  }
}

/* plim_parse reads JSON out of len bytes, which it changes. NULL, and the reason
 * in *why, when they are none. */
PLIM_FN const plim_json *plim_parse(plim *p, char *at, size_t len, plim_text *why) {
  plim_reader_ r = {p, at, at, at + len, NULL};
  const plim_json *v = plim_read_(&r);
  if (!r.wrong) return v;
  *why = plim_fmt(p, "%s, at byte %zu of %zu", r.wrong, (size_t)(r.at - r.start), len);
  return NULL;
}

PLIM_FN const char *plim_kind_name(const plim_json *v) {
  static const char *const names[] = {"null", "a boolean", "a boolean", "a number", "text", "a list", "an object"};
  return names[v->kind];
}

/* plim_get finds a member; of two with the same name the last counts. NULL when
 * it is absent or null, which mean the same. */
PLIM_FN const plim_json *plim_get(plim *p, const plim_json *object, const char *name) {
  const plim_json *found = NULL;
  if (!object || object->kind == PLIM_NULL) return NULL;
  if (object->kind != PLIM_OBJECT) {
    plim_bad(p, "%s stands where an object with %s is due", plim_kind_name(object), name);
    return NULL;
  }
  plim_text want = plim_s(name);
  for (const plim_json *m = object->first; m; m = m->next)
    if (plim_eq(m->name, want)) found = m;
  return found && found->kind != PLIM_NULL ? found : NULL;
}

PLIM_FN const plim_json *plim_get_(plim *p, const plim_json *object, const char *name, plim_kind kind, const char *what) {
  const plim_json *v = plim_get(p, object, name);
  if (!v || v->kind == kind) return v;
  plim_bad(p, "%s is %s; it must be %s", name, plim_kind_name(v), what);
  return NULL;
}

/* These take a member of one type. Absent and null are empty, 0, false; another
 * type makes the call fail with bad_input, so they need no check. */
PLIM_FN plim_text plim_get_text(plim *p, const plim_json *object, const char *name) {
  const plim_json *v = plim_get_(p, object, name, PLIM_STRING, "text");
  return v ? v->text : (plim_text){"", 0};
}
PLIM_FN const plim_json *plim_get_object(plim *p, const plim_json *object, const char *name) {
  return plim_get_(p, object, name, PLIM_OBJECT, "an object");
}
/* plim_get_list gives the first element; go on by next. */
PLIM_FN const plim_json *plim_get_list(plim *p, const plim_json *object, const char *name) {
  const plim_json *v = plim_get_(p, object, name, PLIM_LIST, "a list");
  return v ? v->first : NULL;
}
PLIM_FN bool plim_get_bool(plim *p, const plim_json *object, const char *name) {
  const plim_json *v = plim_get(p, object, name);
  if (v && v->kind != PLIM_TRUE && v->kind != PLIM_FALSE) plim_bad(p, "%s is %s; it must be true or false", name, plim_kind_name(v));
  return v && v->kind == PLIM_TRUE;
}

/* plim_whole reads an integer; false when t is none or does not fit. */
PLIM_FN bool plim_whole(plim_text t, int64_t *value) {
  bool negative = t.len > 0 && t.at[0] == '-';
  uint64_t v = 0, limit = (uint64_t)INT64_MAX + negative;
  if (t.len == negative) return false;
  for (size_t i = negative; i < t.len; i++) {
    unsigned d = (unsigned char)t.at[i] - '0';
    if (d > 9 || v > (limit - d) / 10) return false;
    v = v * 10 + d;
  }
  *value = negative ? (int64_t)(0 - v) : (int64_t)v;
  return true;
}
PLIM_FN int64_t plim_get_int(plim *p, const plim_json *object, const char *name) {
  int64_t value = 0;
  const plim_json *v = plim_get_(p, object, name, PLIM_NUMBER, "a number");
  if (v && !plim_whole(v->text, &value)) plim_bad(p, "%s is %.*s; it must be an integer of 64 bits", name, (int)(v->text.len > 40 ? 40 : v->text.len), v->text.at);
  return value;
}

/* --- Answering ----------------------------------------------------------- */

/* plim_message adds a message to the prompt; role is system, user or assistant. */
PLIM_FN void plim_message(plim_buf *out, const char *role, plim_text content) {
  plim_begin_object(out);
  plim_put_member(out, "role", plim_s(role));
  plim_put_member(out, "content", content);
  plim_end_object(out);
}

/* plim_state ends the messages; then write one value, which finish gets back. */
PLIM_FN void plim_state(plim *p, plim_buf *out) {
  if (p->state) return;
  p->state = true;
  plim_end_list(out);
  plim_name(out, "state");
}

/* plim_pass and plim_deny decide a gate. The reason is shown to people, and to
 * the model when it may try again, so write it as advice. A gate that cannot
 * decide returns plim_fail. */
PLIM_FN bool plim_pass(plim_verdict *v) {
  v->decided = v->passed = true;
  return true;
}
PLIM_FN bool plim_deny(plim_verdict *v, plim_text reason) {
  v->decided = true, v->passed = false, v->reason = reason;
  return true;
}
/* plim_failed_id names an element that failed. */
PLIM_FN void plim_failed_id(plim_verdict *v, plim_text id) { plim_put_text(&v->ids, id); }

PLIM_FN bool plim_check_(plim *p, const plim_json *call, const plim_result *result) {
  plim_text name = plim_get_text(p, call, "gate");
  const plim_gate *g = plim_this_skill.gates;
  while (g && g->name && !plim_is(name, g->name)) g++;
  if (!g || !g->name) return plim_fail(p, "unsupported_op", "this skill's code has no gate %.*s", PLIM_ARG(name));
  plim_verdict v = {false, false, {"", 0}, plim_buf_new(p)};
  if (!g->check(p, result, &v)) return false;
  if (!v.decided) return plim_fail(p, "failed", "gate %s decided nothing", g->name);
  plim_begin_object(&p->out);
  plim_name(&p->out, "passed");
  plim_put_bool(&p->out, v.passed);
  if (v.reason.len) plim_put_member(&p->out, "reason", v.reason);
  if (v.ids.len) {
    plim_name(&p->out, "failed_ids");
    plim_begin_list(&p->out);
    plim_put_raw(&p->out, plim_buf_text(&v.ids));
    plim_end_list(&p->out);
  }
  plim_end_object(&p->out);
  return true;
}

PLIM_FN bool plim_render_(plim *p, const plim_json *call, const plim_result *result) {
  plim_text name = plim_get_text(p, call, "format");
  const plim_format *f = plim_this_skill.formats;
  while (f && f->name && !plim_is(name, f->name)) f++;
  if (!f || !f->name) return plim_fail(p, "unsupported_op", "this skill's code has no format %.*s", PLIM_ARG(name));
  plim_buf text = plim_buf_new(p);
  if (!f->render(p, result, &text)) return false;
  plim_begin_object(&p->out);
  plim_put_member(&p->out, "text", plim_buf_text(&text));
  plim_end_object(&p->out);
  return true;
}

PLIM_FN bool plim_prepare_(plim *p, const plim_json *call, const plim_json *input) {
  plim_prepare in = {input, plim_get_text(p, call, "step"), plim_get_object(p, call, "done")};
  plim_begin_object(&p->out);
  plim_name(&p->out, "messages");
  plim_begin_list(&p->out);
  if (!plim_this_skill.prepare(p, &in, &p->out)) return false;
  if (!p->state) plim_end_list(&p->out);
  plim_end_object(&p->out);
  return true;
}

PLIM_FN bool plim_output_(plim *p, const plim_json *call, const plim_json *input, bool run) {
  plim_finish in = {input, {"", 0}, NULL, NULL};
  plim_begin_object(&p->out);
  plim_name(&p->out, "output");
  if (run) {
    if (!plim_this_skill.run(p, input, &p->out)) return false;
  } else {
    in.completion = plim_get_text(p, call, "completion");
    in.completions = plim_get_object(p, call, "completions");
    in.state = plim_get(p, call, "state");
    if (!plim_this_skill.finish(p, &in, &p->out)) return false;
  }
  plim_end_object(&p->out);
  return true;
}

enum { PLIM_DESCRIBE_, PLIM_PREPARE_, PLIM_FINISH_, PLIM_CHECK_, PLIM_RENDER_, PLIM_RUN_ };

PLIM_FN bool plim_dispatch_(plim *p, int op, char *at, size_t len) {
  const plim_skill *s = &plim_this_skill;
  if (op == PLIM_DESCRIBE_) {
    plim_add(&p->out, (plim_text){plim_this_manifest, plim_this_manifest_len});
    return true;
  }
  bool have = op == PLIM_PREPARE_  ? s->prepare != NULL
              : op == PLIM_FINISH_ ? s->finish != NULL
              : op == PLIM_CHECK_  ? s->gates != NULL
              : op == PLIM_RENDER_ ? s->formats != NULL
                                   : op == PLIM_RUN_ && s->run != NULL;
  if (!have) return plim_fail(p, "unsupported_op", "this skill has no code for op %d", op);
  plim_text why;
  const plim_json *call = plim_parse(p, at, len, &why);
  if (!call) return plim_bad(p, "the payload is not JSON: %.*s", PLIM_ARG(why));
  if (call->kind != PLIM_OBJECT) return plim_bad(p, "the payload is %s; it must be an object", plim_kind_name(call));
  /* null is a value here, other than for optional members */
  plim_result result = {NULL, NULL};
  for (const plim_json *m = call->first; m; m = m->next) {
    if (plim_is(m->name, "input")) result.input = m;
    else if (plim_is(m->name, "output")) result.output = m;
  }
  if (!result.input) return plim_bad(p, "the payload has no input");
  if (op == PLIM_PREPARE_) return plim_prepare_(p, call, result.input);
  if (op == PLIM_FINISH_ || op == PLIM_RUN_) return plim_output_(p, call, result.input, op == PLIM_RUN_);
  if (!result.output) return plim_bad(p, "the payload has no output");
  return op == PLIM_CHECK_ ? plim_check_(p, call, &result) : plim_render_(p, call, &result);
}

/* plim_serve answers one op as the module does; the answer is in p->out. It is
 * what native tests call. True: an answer; false: a failure. */
PLIM_FN bool plim_serve(plim *p, int op, char *at, size_t len) {
  *p = (plim){{p, NULL, 0, 0, false}, {{"", 0}, {"", 0}, {"", 0}, false}, false, false, false, {{"", 0}, {"", 0}, {"", 0}, false}};
  if (plim_dispatch_(p, op, at, len) && !p->bad) return true;
  if (!p->bad && !p->failed) plim_fail(p, "failed", "the code of op %d gave no answer and no reason", op);
  plim_failure *f = &p->failure;
  plim_buf *b = &p->out;
  b->len = 0, b->comma = false;
  plim_begin_object(b);
  plim_put_member(b, "code", f->code);
  plim_put_member(b, "message", f->message);
  if (f->retryable) plim_name(b, "retryable"), plim_put_bool(b, true);
  if (f->detail.len) plim_put_member(b, "detail", f->detail);
  plim_end_object(b);
  return false;
}

/* --- The module ---------------------------------------------------------- */

#ifdef __wasm__
#define PLIM_EXPORT_(name) __attribute__((export_name(name)))
#define PLIM_IMPORT_(name) __attribute__((import_module("plim"), import_name(name)))
/* The section is written by the assembler, because compilers put variables into
 * data whatever their section is called. */
#define PLIM_MANIFEST_(json)                                          \
  __asm__(".section .custom_section.plim.manifest,\"\",@\n\t.ascii " #json "\n\t.text\n"); \
  const char plim_this_manifest[] = json;                             \
  const size_t plim_this_manifest_len = sizeof json - 1;

PLIM_EXPORT_("plim_abi_1") void plim_abi_1(void) {}

PLIM_EXPORT_("plim_alloc") char *plim_alloc(size_t n) { return plim_room_(n ? n : 1); }

PLIM_EXPORT_("plim_call") int64_t plim_call(int32_t op, char *at, size_t len) {
  static plim call;
  uint64_t memory = (uint64_t)__builtin_wasm_memory_size(0) << 16;
  if (!at || (uint64_t)(uintptr_t)at + len > memory) return 0;
  uint64_t failed = !plim_serve(&call, op, at, len);
  return (int64_t)((uint64_t)(uintptr_t)call.out.at << 32 | failed << 31 | call.out.len);
}

PLIM_IMPORT_("log") void plim_import_log_(int32_t level, const char *at, size_t len);
PLIM_IMPORT_("host") int64_t plim_import_host_(int32_t op, const char *at, size_t len);
PLIM_IMPORT_("host_read") int32_t plim_import_host_read_(char *at, size_t cap);

#else
#define PLIM_MANIFEST_(json)              \
  const char plim_this_manifest[] = json; \
  const size_t plim_this_manifest_len = sizeof json - 1;

/* Natively the log goes to stderr, and the host is a function that tests set. It
 * gives the answer's length with bit 31 set for a failure, and its bytes. */
static int64_t (*plim_native_host)(int32_t op, const char *at, size_t len, const char **answer);
static const char *plim_native_answer_;
PLIM_FN void plim_import_log_(int32_t level, const char *at, size_t len) { fprintf(stderr, "skill: %d %.*s\n", (int)level, (int)len, at); }
PLIM_FN int64_t plim_import_host_(int32_t op, const char *at, size_t len) {
  static const char none[] = "{\"code\":\"capability\",\"message\":\"natively there is no host: set plim_native_host\"}";
  plim_native_answer_ = none;
  if (!plim_native_host) return (int64_t)(1ull << 31 | (sizeof none - 1));
  return plim_native_host(op, at, len, &plim_native_answer_);
}
PLIM_FN int32_t plim_import_host_read_(char *at, size_t cap) {
  plim_copy_(at, plim_native_answer_, cap);
  return (int32_t)cap;
}
#endif

/* plim_log writes a line for whoever develops the skill. Nothing decides by it. */
enum { PLIM_DEBUG, PLIM_INFO, PLIM_WARN, PLIM_ERROR };
PLIM_FN PLIM_PRINTF(3, 4) void plim_log(plim *p, int level, const char *format, ...) {
  plim_buf b = plim_buf_new(p);
  va_list args;
  va_start(args, format);
  plim_addv_(&b, format, args);
  va_end(args);
  plim_text t = plim_buf_text(&b);
  plim_import_log_(level, t.at, t.len);
}

/* --- The host, in op run ------------------------------------------------- */

typedef enum { PLIM_HOST_LIST, PLIM_MODEL_GENERATE, PLIM_KV_GET, PLIM_KV_PUT, PLIM_TOOL_CALL } plim_host_op;

/* plim_ask hands a payload to the host and gives its answer, an object; NULL, and
 * the reason in p->host, when it failed. Every op but PLIM_HOST_LIST is a
 * capability that the manifest asks for and the project grants. */
PLIM_FN const plim_json *plim_ask(plim *p, plim_host_op op, const plim_buf *payload) {
  plim_text in = plim_buf_text(payload), why;
  uint64_t packed = (uint64_t)plim_import_host_(op, in.at, in.len);
  size_t len = packed & 0x7fffffff;
  char *at = (char *)plim_new(p, len);
  p->host = (plim_failure){PLIM_TEXT("failed"), PLIM_TEXT("the host's answer cannot be read"), {"", 0}, false};
  if (plim_import_host_read_(at, len) != (int32_t)len) return NULL;
  const plim_json *answer = plim_parse(p, at, len, &why);
  if (!answer || answer->kind != PLIM_OBJECT) return NULL;
  if (!(packed >> 31 & 1)) return answer;
  plim_text code = plim_get_text(p, answer, "code");
  p->host = (plim_failure){code, plim_get_text(p, answer, "message"), plim_get_text(p, answer, "detail"), plim_get_bool(p, answer, "retryable")};
  return NULL;
}

/* plim_pass_on ends the call with the host's failure: return plim_pass_on(p). */
PLIM_FN bool plim_pass_on(plim *p) {
  if (p->bad) return false;
  p->failure = p->host;
  p->failed = true;
  return false;
}

/* plim_generate asks the model of a step; NULL or "" is the main one. messages is
 * a list: begin it, plim_message, end it. */
PLIM_FN bool plim_generate(plim *p, const char *step, const plim_buf *messages, plim_text *completion) {
  plim_buf b = plim_buf_new(p);
  plim_begin_object(&b);
  if (step && *step) plim_put_member(&b, "step", plim_s(step));
  plim_name(&b, "messages");
  plim_put_raw(&b, plim_buf_text(messages));
  plim_end_object(&b);
  const plim_json *answer = plim_ask(p, PLIM_MODEL_GENERATE, &b);
  if (!answer) return false;
  *completion = plim_get_text(p, answer, "completion");
  return true;
}

/* plim_kv_get gives what is kept under key; *value is NULL when nothing is. */
PLIM_FN bool plim_kv_get(plim *p, plim_text key, const plim_json **value) {
  plim_buf b = plim_buf_new(p);
  plim_begin_object(&b);
  plim_put_member(&b, "key", key);
  plim_end_object(&b);
  const plim_json *answer = plim_ask(p, PLIM_KV_GET, &b);
  if (!answer) return false;
  *value = plim_get(p, answer, "value");
  return true;
}

/* plim_kv_put keeps a value, JSON, under key; NULL deletes. */
PLIM_FN bool plim_kv_put(plim *p, plim_text key, const plim_buf *value) {
  plim_buf b = plim_buf_new(p);
  plim_begin_object(&b);
  plim_put_member(&b, "key", key);
  plim_name(&b, "value");
  plim_put_raw(&b, value ? plim_buf_text(value) : PLIM_TEXT("null"));
  plim_end_object(&b);
  return plim_ask(p, PLIM_KV_PUT, &b) != NULL;
}

/* plim_tool calls a tool; arguments is an object, JSON. *result is NULL when the
 * tool gave null. */
PLIM_FN bool plim_tool(plim *p, plim_text tool, const plim_buf *arguments, const plim_json **result) {
  plim_buf b = plim_buf_new(p);
  plim_begin_object(&b);
  plim_put_member(&b, "tool", tool);
  plim_name(&b, "arguments");
  plim_put_raw(&b, arguments ? plim_buf_text(arguments) : PLIM_TEXT("{}"));
  plim_end_object(&b);
  const plim_json *answer = plim_ask(p, PLIM_TOOL_CALL, &b);
  if (!answer) return false;
  *result = plim_get(p, answer, "result");
  return true;
}

#endif
