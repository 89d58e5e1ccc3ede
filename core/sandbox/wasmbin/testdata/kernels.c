// Kernels for the benchmarks of metering. Built with
//   clang --target=wasm32 -O2 -mbulk-memory -nostdlib -Wl,--no-entry
typedef unsigned int u32;
typedef unsigned char u8;
typedef unsigned long long u64;
#define EXPORT(name) __attribute__((export_name(#name)))

static u8 bytes[1 << 20];
static u32 words[1 << 16];
static double da[64 * 64], db[64 * 64], dc[64 * 64];

EXPORT(fib) u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static const u32 K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
#define ROT(x, n) ((x) >> (n) | (x) << (32 - (n)))
EXPORT(sha256) u32 sha256(u32 blocks) {
  u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (u32 n = 0; n < blocks; n++) {
    u32 w[64];
    u8 *p = bytes + (n * 64 & 0xfffff);
    for (int i = 0; i < 16; i++) w[i] = p[i * 4] << 24 | p[i * 4 + 1] << 16 | p[i * 4 + 2] << 8 | p[i * 4 + 3];
    for (int i = 16; i < 64; i++) {
      u32 s0 = ROT(w[i - 15], 7) ^ ROT(w[i - 15], 18) ^ w[i - 15] >> 3, s1 = ROT(w[i - 2], 17) ^ ROT(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
    for (int i = 0; i < 64; i++) {
      u32 t1 = k + (ROT(e, 6) ^ ROT(e, 11) ^ ROT(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
      u32 t2 = (ROT(a, 2) ^ ROT(a, 13) ^ ROT(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      k = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
  }
  return h[0];
}

EXPORT(crc) u32 crc(u32 n) {
  u32 c = ~0u;
  for (u32 i = 0; i < n; i++) {
    c ^= bytes[i & 0xfffff];
    for (int k = 0; k < 8; k++) c = c >> 1 ^ (0xedb88320 & -(c & 1));
  }
  return c;
}

EXPORT(sum) u32 sum(u32 n) {
  u32 s = 0;
  for (u32 i = 0; i < n; i++) s = s * 31 + words[i & 0xffff];
  return s;
}

static void quick(u32 *a, int lo, int hi) {
  while (lo < hi) {
    u32 p = a[(lo + hi) / 2];
    int i = lo, j = hi;
    while (i <= j) {
      while (a[i] < p) i++;
      while (a[j] > p) j--;
      if (i <= j) { u32 t = a[i]; a[i++] = a[j]; a[j--] = t; }
    }
    if (j - lo < hi - i) { quick(a, lo, j); lo = i; } else { quick(a, i, hi); hi = j; }
  }
}
EXPORT(sort) u32 sort(u32 rounds) {
  u32 x = 1;
  for (u32 r = 0; r < rounds; r++) {
    for (int i = 0; i < 4096; i++) { x ^= x << 13; x ^= x >> 17; x ^= x << 5; words[i] = x; }
    quick(words, 0, 4095);
  }
  return words[7];
}

// A scanner of JSON, byte by byte, with recursion for what is nested.
static u8 text[8192];
static u32 at, len, count;
static int value(void);
static void space(void) { while (at < len && (text[at] == ' ' || text[at] == '\n' || text[at] == ',' || text[at] == ':')) at++; }
static int string(void) {
  for (at++; at < len; at++) {
    if (text[at] == '"') { at++; count++; return 1; }
    if (text[at] == '\\') at++;
  }
  return 0;
}
static int many(u8 close) {
  for (at++; at < len;) {
    space();
    if (text[at] == close) { at++; return 1; }
    if (!value()) return 0;
  }
  return 0;
}
static int value(void) {
  space();
  switch (text[at]) {
  case '{': return many('}');
  case '[': return many(']');
  case '"': return string();
  case 't': at += 4; return 1;
  case 'f': at += 5; return 1;
  case 'n': at += 4; return 1;
  default:
    if (text[at] != '-' && (text[at] < '0' || text[at] > '9')) return 0;
    while (at < len && (text[at] >= '0' && text[at] <= '9' || text[at] == '.' || text[at] == '-')) at++;
    count++;
    return 1;
  }
}
EXPORT(json) u32 json(u32 rounds) {
  static const char part[] = "{\"name\": \"a ticket\", \"tags\": [\"one\", \"two\", true, null], \"price\": -12.75, \"who\": {\"id\": 1234}},\n";
  text[0] = '[';
  len = 1;
  while (len + sizeof part < sizeof text) for (u32 i = 0; i + 1 < sizeof part; i++) text[len++] = part[i];
  text[len++] = ']';
  count = 0;
  for (u32 r = 0; r < rounds; r++) { at = 0; if (!value()) return 0; }
  return count;
}

EXPORT(matrix) u32 matrix(u32 rounds) {
  for (u32 r = 0; r < rounds; r++)
    for (int i = 0; i < 64; i++)
      for (int j = 0; j < 64; j++) {
        double s = r;
        for (int k = 0; k < 64; k++) s += da[i * 64 + k] * db[k * 64 + j];
        dc[i * 64 + j] = s;
      }
  return (u32)dc[77];
}

// An interpreter of a small machine: one switch in a loop.
EXPORT(machine) u32 machine(u32 n) {
  static const u8 code[] = {0, 1, 4, 2, 5, 3, 6, 1, 2, 7, 0, 5, 4, 3, 8, 1};
  u32 r[4] = {1, 2, 3, 4};
  for (u32 pc = 0; n > 0; n--, pc = (pc + 1) & 15)
    switch (code[pc]) {
    case 0: r[0] += r[1]; break;
    case 1: r[1] ^= r[0] << 3; break;
    case 2: r[2] = r[2] * 5 + 1; break;
    case 3: r[3] -= r[2]; break;
    case 4: r[0] = words[r[3] & 0xffff] + r[0]; break;
    case 5: words[r[1] & 0xffff] = r[2]; break;
    case 6: r[2] ^= r[2] >> 7; break;
    case 7: if (r[0] & 1) r[1]++; break;
    default: r[3] = r[0] + r[1];
    }
  return r[0] ^ r[1] ^ r[2] ^ r[3];
}

// Many small functions through pointers, as in code with virtual calls.
static u32 f0(u32 x) { return x + 1; }
static u32 f1(u32 x) { return x ^ 0x55; }
static u32 f2(u32 x) { return x * 3; }
static u32 f3(u32 x) { return x >> 1; }
static u32 (*const table[])(u32) = {f0, f1, f2, f3};
EXPORT(virtual) u32 virtual_(u32 n) {
  u32 x = 12345;
  for (u32 i = 0; i < n; i++) x = table[(x >> 3) & 3](x);
  return x;
}
